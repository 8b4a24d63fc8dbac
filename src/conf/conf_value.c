/* SPDX-License-Identifier: ISC */
/*
 * From a written value to its typed place, by the key's entry in
 * conf_keys.c, and the defaults in the same way.  Knows no libconfuse, no
 * file and no line.
 *
 * Invariant: a place is changed only by a value that is in its range and
 * passed its check.
 */
#include "conf/conf_keys.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "conf/conf.h"
#include "conf/conf_read.h"

static void
words_free(struct words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->v[i]);
	free(w->v);
}

/* The reason why not, in why; 0 when v was good and is in *at. */
static int
set_time(const struct key *k, const char *v, int64_t *at, char why[KEY_WHY])
{
	char lo[32], hi[32];
	int64_t ms;
	if (conf_duration(v, &ms) == 0 && (uint64_t)ms >= k->min &&
	    (uint64_t)ms <= k->max) {
		*at = ms;
		return 0;
	}
	conf_format_duration(k->min, lo);
	conf_format_duration(k->max, hi);
	(void)snprintf(why, KEY_WHY, "is no duration from %s to %s", lo, hi);
	return -1;
}

static int
set_size(const struct key *k, const char *v, uint64_t *at, char why[KEY_WHY])
{
	char lo[32], hi[32];
	uint64_t n;
	if (conf_size(v, &n) == 0 && n >= k->min && n <= k->max) {
		*at = n;
		return 0;
	}
	conf_format_size(k->min, lo);
	conf_format_size(k->max, hi);
	(void)snprintf(why, KEY_WHY, "is no size from %s to %s", lo, hi);
	return -1;
}

static int
set_number(const struct key *k, const char *v, unsigned *at, char why[KEY_WHY])
{
	uint64_t n;
	if (conf_number(v, &n) == 0 && n >= k->min && n <= k->max) {
		*at = (unsigned)n;
		return 0;
	}
	(void)snprintf(why, KEY_WHY, "is no number from %llu to %llu",
	    (unsigned long long)k->min, (unsigned long long)k->max);
	return -1;
}

/* The index of v among the choices, or -1 and the reason. */
static int
choose(const char *const *choices, const char *v, char why[KEY_WHY])
{
	size_t len = 0;
	for (int i = 0; choices[i] != NULL; i++)
		if (strcasecmp(choices[i], v) == 0)
			return i;
	(void)snprintf(why, KEY_WHY, "is none of");
	for (int i = 0; choices[i] != NULL; i++) {
		len = strlen(why);
		(void)snprintf(why + len, KEY_WHY - len, "%s %s", i ? "," : "",
		    choices[i]);
	}
	return -1;
}

/* As in libconfuse. */
static int
truth(const char *v)
{
	static const char *const words[] = {
	    "false", "true", "no", "yes", "off", "on"};
	for (int i = 0; i < 6; i++)
		if (strcasecmp(words[i], v) == 0)
			return i & 1;
	return -1;
}

static int
set_bool(const struct key *k, const char *v, bool *at, char why[KEY_WHY])
{
	int n = k->choices != NULL ? choose(k->choices, v, why) : truth(v);
	if (n < 0 && k->choices == NULL)
		(void)snprintf(why, KEY_WHY, "is neither true nor false");
	if (n >= 0)
		*at = n == 1;
	return n < 0 ? -1 : 0;
}

/* Texts are free of control characters: they go to logs and to peers. */
static int
check_text(const struct key *k, const char **v, char why[KEY_WHY])
{
	for (const char *p = *v; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f) {
			(void)snprintf(why, KEY_WHY, "has a control character");
			return -1;
		}
	if (k->choices != NULL) {
		int n = choose(k->choices, *v, why);
		if (n >= 0)
			*v = k->choices[n];
		return n < 0 ? -1 : 0;
	}
	const char *reason = k->check != NULL ? k->check(*v) : NULL;
	if (reason != NULL)
		(void)snprintf(why, KEY_WHY, "%s", reason);
	return reason != NULL ? -1 : 0;
}

/* An empty text stands for the default, which is there already. */
static int
set_text(const struct key *k, const char *v, char **at, char why[KEY_WHY])
{
	if (*v == '\0')
		return 0;
	if (check_text(k, &v, why) != 0)
		return -1;
	free(*at);
	*at = alloc_string(v, strlen(v));
	return 0;
}

int
key_set(const struct key *k, const char *v, void *at, char why[KEY_WHY])
{
	int choice;
	switch (k->type) {
	case KEY_TEXT:
		return set_text(k, v, at, why);
	case KEY_BOOL:
		return set_bool(k, v, at, why);
	case KEY_NUMBER:
		return set_number(k, v, at, why);
	case KEY_SIZE:
		return set_size(k, v, at, why);
	case KEY_TIME:
		return set_time(k, v, at, why);
	case KEY_CHOICE:
		choice = choose(k->choices, v, why);
		if (choice >= 0)
			memcpy(at, &choice, sizeof(choice));
		return choice < 0 ? -1 : 0;
	default:
		die("key %s is a list", k->name);
	}
}

void
key_list_start(const struct key *k, void *at, size_t n)
{
	if (k->type == KEY_TIMES) {
		int64_t **times = at;
		free(*times);
		*times = alloc_zero(n, sizeof(**times));
		*(size_t *)(times + 1) = 0;
		return;
	}
	struct words *w = at;
	words_free(w);
	w->v = alloc_zero(n, sizeof(*w->v));
	w->n = 0;
}

int
key_list_add(const struct key *k, void *at, const char *v, char why[KEY_WHY])
{
	if (k->type == KEY_TIMES) {
		int64_t **times = at;
		size_t *n = (size_t *)(times + 1);
		if (set_time(k, v, &(*times)[*n], why) != 0)
			return -1;
		(*n)++;
		return 0;
	}
	struct words *w = at;
	if (check_text(k, &v, why) != 0)
		return -1;
	w->v[w->n++] = alloc_string(v, strlen(v));
	return 0;
}

void
key_default(const struct key *k, void *at)
{
	char why[KEY_WHY], word[64];
	const char *v = k->fallback != NULL ? k->fallback : "";
	if (k->type != KEY_WORDS && k->type != KEY_TIMES) {
		if (*v != '\0' && key_set(k, v, at, why) != 0)
			die("bad default of key %s", k->name);
		return;
	}
	key_list_start(k, at, strlen(v));
	while (*v != '\0') {
		size_t len = strcspn(v, " ");
		(void)snprintf(word, sizeof(word), "%.*s", (int)len, v);
		if (key_list_add(k, at, word, why) != 0)
			die("bad default of key %s", k->name);
		v += len + strspn(v + len, " ");
	}
}

void
keys_default(const struct key_section *s, void *base)
{
	for (size_t i = 0; i < s->nkeys; i++)
		key_default(&s->keys[i], (char *)base + s->keys[i].offset);
}

/* Every owned value is a key, so the table of keys says what to free. */
void
keys_free(const struct key_section *s, void *base)
{
	for (size_t i = 0; i < s->nkeys; i++) {
		void *at = (char *)base + s->keys[i].offset;
		switch (s->keys[i].type) {
		case KEY_TEXT:
		case KEY_TIMES:
			free(*(void **)at);
			break;
		case KEY_WORDS:
			words_free(at);
			break;
		default:
			break;
		}
	}
}

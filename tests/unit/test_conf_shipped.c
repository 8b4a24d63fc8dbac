/* SPDX-License-Identifier: ISC */
/* The shipped files are good and closed, and the manual knows each key.
 * Runs in the project's root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf_keys.h"
#include "conf/conf_read.h"

/* What the page must say of a key's type, behind its name. */
static void
type_words(const struct key *k, char *want, size_t size)
{
	static const char *const words[] = {[KEY_NUMBER] = "Ar number ",
	    [KEY_SIZE] = "Ar size ",
	    [KEY_TIME] = "Ar time ",
	    [KEY_TEXT] = "Ar ",
	    [KEY_BOOL] = "Ar bool ",
	    [KEY_WORDS] = "Ar { ",
	    [KEY_TIMES] = "Ar { "};
	if (k->type != KEY_CHOICE && (k->type != KEY_BOOL || !k->choices)) {
		(void)snprintf(want, size, "%s", words[k->type]);
		return;
	}
	size_t at = (size_t)snprintf(want, size, "Ar");
	for (size_t i = 0; k->choices[i] != NULL; i++)
		at += (size_t)snprintf(want + at, size - at, "%s %s",
		    i > 0 ? " |" : "", k->choices[i]);
}

/* The text of a section's item, up to the next one; the caller frees it. */
static char *
item(const char *section, const char *name)
{
	char head[80];
	(void)snprintf(head, sizeof(head), "\n.It Ic %s ", name);
	const char *end = strstr(section, "\n.Ss ");
	const char *at = strstr(section, head);
	if (at == NULL || (end != NULL && at > end))
		return NULL;
	at += strlen(head);
	const char *stop = strstr(at, "\n.It ");
	const char *list = strstr(at, "\n.El");
	if (stop == NULL || (list != NULL && list < stop))
		stop = list;
	assert_non_null(stop);
	return strndup(at, (size_t)(stop - at));
}

/* Its range as the page has it, or "" when there is none. */
static void
range_words(const struct key *k, char *want, size_t size)
{
	char low[32], high[32];
	want[0] = '\0';
	switch (k->type) {
	case KEY_NUMBER:
		(void)snprintf(want, size, "%llu to %llu",
		    (unsigned long long)k->min, (unsigned long long)k->max);
		return;
	case KEY_SIZE:
		conf_format_size(k->min, low);
		conf_format_size(k->max, high);
		break;
	case KEY_TIME:
	case KEY_TIMES:
		conf_format_duration(k->min, low);
		conf_format_duration(k->max, high);
		break;
	case KEY_WORDS:
		(void)snprintf(want, size, "%llu", (unsigned long long)k->max);
		return;
	default:
		return;
	}
	(void)snprintf(want, size, "%s to %s", low, high);
}

/* Is each value that it may have named? */
static bool
names_choices(const struct key *k, const char *text)
{
	for (size_t i = 0; k->choices != NULL && k->choices[i] != NULL; i++)
		if (strstr(text, k->choices[i]) == NULL)
			return false;
	return true;
}

/* A list's default stands there in its own words, except of times. */
static void
default_words(const struct key *k, char *want, size_t size)
{
	size_t at = (size_t)snprintf(want, size, " Bq ");
	if (k->fallback == NULL || k->type == KEY_WORDS)
		return;
	for (const char *p = k->fallback; *p != '\0' && at + 2 < size; p++) {
		if (*p == ' ')
			want[at++] = ',';
		want[at++] = *p;
	}
	(void)snprintf(want + at, size - at, "\n");
}

static size_t
items(const char *section)
{
	size_t n = 0;
	const char *end = strstr(section, "\n.Ss ");
	if (end == NULL)
		end = strstr(section, "\n.Sh ");
	assert_non_null(end);
	while ((section = strstr(section, "\n.It Ic ")) && section < end) {
		section++;
		n++;
	}
	return n;
}

static void
assert_keys(const struct key_section *s, const char *section)
{
	for (size_t i = 0; i < s->nkeys; i++) {
		const struct key *k = &s->keys[i];
		char type[120], range[80], fallback[80];
		char *text = item(section, k->name);
		type_words(k, type, sizeof(type));
		range_words(k, range, sizeof(range));
		default_words(k, fallback, sizeof(fallback));
		if (text == NULL || strncmp(text, type, strlen(type)) != 0 ||
		    strstr(text, fallback) == NULL ||
		    strstr(text, range) == NULL || !names_choices(k, text))
			fail_msg("of %s.%s the page should say: %s%s... %s",
			    s->name ? s->name : "", k->name, type, fallback,
			    range);
		free(text);
	}
	if (items(section) != s->nkeys)
		fail_msg("the page has a key that %s has not",
		    s->name ? s->name : "the file");
}

/* The manual page tells each key: its type, its default and its range. */
static void
test_manual_has_every_key(void **state)
{
	size_t len;
	struct faults f;
	(void)state;
	faults_init(&f);
	if (access("conf/waypost.conf.5", R_OK) != 0)
		skip();
	char *page =
	    conf_slurp("conf/waypost.conf.5", 1 << 20, false, &len, &f);
	assert_non_null(page);
	for (size_t i = 0; i < keys_nsections; i++) {
		const struct key_section *s = &keys_sections[i];
		char head[80];
		(void)snprintf(head, sizeof(head), "\n.Ss %s%s",
		    s->name ? s->name : "Keys outside of sections",
		    s->shape == SECTION_NAMED ? " \\(dq" : "\n");
		const char *section = strstr(page, head);
		if (section == NULL)
			fail_msg("the page lacks the section %s", s->name);
		else
			assert_keys(s, section + 1);
	}
	free(page);
	faults_free(&f);
}

static void
test_shipped_file(void **state)
{
	struct faults f;
	size_t len;
	(void)state;
	faults_init(&f);
	if (access("conf/waypost.conf", R_OK) != 0)
		skip();
	char *text = conf_slurp("conf/waypost.conf", 1 << 20, false, &len, &f);
	struct conf *c = conf_read("w", text, len, CONF_LENIENT, &f);
	assert_non_null(c);
	/* All but what is for the system that it comes to. */
	if (f.count > 0)
		assert_non_null(
		    strstr(buf_str(&f.text), "hostname is not set"));
	assert_true(f.count <= 1);
	assert_false(c->relay.allow);
	assert_int_equal(c->relay.except.n, 0);
	for (size_t i = 0; i < c->nlisteners; i++)
		assert_true(strncmp(c->listeners[i].address, "127.", 4) == 0 ||
			    strncmp(c->listeners[i].address, "[::1]", 5) == 0);
	conf_unref(c);
	/* make install SYSCONF= SPOOL= moves the paths that stand in it. */
	for (size_t k = 0; k < keys_sections[0].nkeys; k++) {
		const struct key *key = &keys_sections[0].keys[k];
		char line[160];
		if (key->fallback == NULL || key->fallback[0] != '/')
			continue;
		(void)snprintf(line, sizeof(line), "\n%s = \"%s\"\n", key->name,
		    key->fallback);
		if (strstr(text, line) == NULL)
			fail_msg("the shipped file does not set %s", key->name);
	}
	free(text);
	text = conf_slurp("conf/domains", 1 << 20, false, &len, &f);
	assert_non_null(text);
	faults_free(&f);
	struct table *t = table_read("d", text, len, 0, &f);
	assert_non_null(t);
	table_free(t);
	faults_free(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_manual_has_every_key),
	    cmocka_unit_test(test_shipped_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/*
 * Settings of another mailer as pairs of words.  A pair that a reader asked
 * for counts as carried over; what is left at the end is noted, so that no
 * setting is dropped in silence.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "import.h"

void
pairs_add(struct pairs *p, const char *key, size_t key_len, const char *value,
    size_t value_len, unsigned line)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 32;
		p->v = alloc_grow(p->v, p->cap, sizeof(*p->v));
	}
	p->v[p->n++] = (struct pair){
	    .key = alloc_string(key, key_len),
	    .value = alloc_string(value, value_len),
	    .line = line,
	};
}

/* The last one holds.  The others are used as well: it overrode them. */
static struct pair *
find(const struct pairs *p, const char *key, bool use)
{
	struct pair *found = NULL;
	for (size_t i = p->n; i-- > 0;) {
		if (strcasecmp(p->v[i].key, key) != 0)
			continue;
		p->v[i].used = p->v[i].used || use;
		if (found == NULL)
			found = &p->v[i];
	}
	return found;
}

const char *
pairs_get(struct pairs *p, const char *key)
{
	const struct pair *found = find(p, key, true);
	return found != NULL ? found->value : NULL;
}

bool
pairs_yes(struct pairs *p, const char *key, bool otherwise)
{
	static const char *const yes[] = {"yes", "on", "true", "1", ""};
	const char *value = pairs_get(p, key);
	if (value == NULL)
		return otherwise;
	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		if (strcasecmp(value, yes[i]) == 0)
			return true;
	return false;
}

unsigned
pairs_line(const struct pairs *p, const char *key)
{
	const struct pair *found = find(p, key, false);
	return found != NULL ? found->line : 0;
}

void
pairs_rest(const struct pairs *p, struct import *im, const char *const quiet[])
{
	for (size_t i = 0; i < p->n; i++) {
		bool known = p->v[i].used;
		for (size_t k = 0; !known && quiet[k] != NULL; k++)
			known = strcasecmp(p->v[i].key, quiet[k]) == 0;
		if (!known)
			import_note(im, p->path, p->v[i].line, "%.80s = %.200s",
			    p->v[i].key, p->v[i].value);
	}
}

void
pairs_free(struct pairs *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].key);
		explicit_bzero(p->v[i].value, strlen(p->v[i].value));
		free(p->v[i].value);
	}
	free(p->v);
}

/* SPDX-License-Identifier: ISC */
/* Shared names and findings.  An entry lives as long as it has references. */
#include "deliver/intern.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static bool
same_name(const struct hash_link *l, const void *key)
{
	return strcmp(((const struct name *)l)->text, key) == 0;
}

struct name *
intern_name(struct interns *in, const char *text)
{
	size_t len = strlen(text);
	uint64_t hash = hash_bytes(text, len);
	struct name *n =
	    (struct name *)hash_find(&in->names, hash, same_name, text);
	if (n == NULL) {
		n = alloc_zero(1, sizeof(*n) + len + 1);
		memcpy(n->text, text, len);
		hash_add(&in->names, &n->link, hash);
	}
	n->refs++;
	return n;
}

void
intern_drop_name(struct interns *in, struct name *n)
{
	if (n == NULL || --n->refs > 0)
		return;
	hash_remove(&in->names, &n->link);
	free(n);
}

struct said {
	const struct status *st;
	const char *remote;
};

static bool
same_reason(const struct hash_link *l, const void *key)
{
	const struct reason *r = (const struct reason *)l;
	const struct said *said = key;
	const struct status *st = said->st;
	return r->verdict == st->verdict && r->code == st->code &&
	       strcmp(r->enhanced, st->enhanced) == 0 &&
	       strcmp(r->text, st->text) == 0 &&
	       strcmp(r->remote, said->remote) == 0;
}

struct reason *
intern_reason(struct interns *in, const struct status *st, const char *remote)
{
	const struct said said = {st, remote};
	size_t len = strlen(st->text), more = strlen(remote);
	uint64_t hash = hash_bytes(st->text, len);
	struct reason *r =
	    (struct reason *)hash_find(&in->reasons, hash, same_reason, &said);
	if (r == NULL) {
		r = alloc_zero(1, sizeof(*r) + len + 1 + more + 1);
		r->verdict = st->verdict;
		r->code = st->code;
		memcpy(r->enhanced, st->enhanced, sizeof(r->enhanced));
		memcpy(r->text, st->text, len);
		memcpy(r->text + len + 1, remote, more);
		r->remote = r->text + len + 1;
		hash_add(&in->reasons, &r->link, hash);
	}
	r->refs++;
	return r;
}

void
intern_drop_reason(struct interns *in, struct reason *r)
{
	if (r == NULL || --r->refs > 0)
		return;
	hash_remove(&in->reasons, &r->link);
	free(r);
}

void
reason_status(const struct reason *r, struct status *st)
{
	if (r == NULL)
		status_set(st, LATER, 0, NULL, "not tried yet");
	else
		status_set(st, r->verdict, r->code, r->enhanced, "%s", r->text);
}

void
interns_free(struct interns *in)
{
	hash_free(&in->names);
	hash_free(&in->reasons);
}

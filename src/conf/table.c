/* SPDX-License-Identifier: ISC */
/*
 * The domain table: one read of the file, one array of entries, one hash
 * index.  Exact names are indexed as they are and wildcards from their dot
 * on (".corp.test"), so that both share the index and cannot be taken for
 * each other.  Linear in the file, whatever stands in it.
 *
 * Invariant: an entry is found by its own name and no two have the same.
 */
#include "conf/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"
#include "conf/conf_read.h"
#include "conf/table_line.h"
#include "mail/domain_key.h"

struct entry {
	struct hash_link link;
	struct domain d;
	unsigned line;
};

struct table {
	char *text; /* names and hosts point into it */
	struct entry *v;
	size_t n, cap;
	struct hash index;
	const struct domain *preset; /* the default domain */
	bool wildcards;
	unsigned local_line, smarthost_line; /* the first; 0: none */
};

struct name {
	const char *s;
	size_t len;
};

static const char *
key_of(const struct domain *d)
{
	return *d->name == '*' ? d->name + 1 : d->name;
}

static const struct entry *
entry_of(const struct hash_link *link)
{
	return (const struct entry *)((const char *)link -
				      offsetof(struct entry, link));
}

static bool
same(const struct hash_link *link, const void *key)
{
	const struct name *name = key;
	const char *have = key_of(&entry_of(link)->d);
	return strncmp(have, name->s, name->len) == 0 &&
	       have[name->len] == '\0';
}

static const struct entry *
find(const struct table *t, uint64_t hash, const char *s, size_t len)
{
	struct name name = {s, len};
	struct hash_link *l = hash_find(&t->index, hash, same, &name);
	return l != NULL ? entry_of(l) : NULL;
}

static void
index_entry(struct table *t, struct entry *e, const struct table_place *at)
{
	struct domain *d = &e->d;
	const char *key = key_of(d);
	size_t len = strlen(key);
	uint64_t hash = hash_bytes(key, len);
	const struct entry *before = find(t, hash, key, len);
	if (before != NULL) {
		faults_add(at->f, at->path, e->line,
		    "%.80s is given twice, first on line %u", d->name,
		    before->line);
		return;
	}
	hash_add(&t->index, &e->link, hash);
	t->wildcards = t->wildcards || *d->name == '*';
	if (domain_is_local(d) && t->local_line == 0)
		t->local_line = e->line;
	if (d->kind == DOMAIN_REMOTE && d->route == ROUTE_SMARTHOST &&
	    t->smarthost_line == 0)
		t->smarthost_line = e->line;
	if (d->is_default && t->preset != NULL)
		faults_add(at->f, at->path, e->line,
		    "%.80s: %.80s is the default domain already", d->name,
		    t->preset->name);
	else if (d->is_default)
		t->preset = d;
}

static void
add_line(struct table *t, char *s, size_t len, const struct table_place *at)
{
	if (memchr(s, '\0', len) != NULL) {
		faults_add(at->f, at->path, at->line, "a NUL in the line");
		return;
	}
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 16;
		t->v = alloc_grow(t->v, t->cap, sizeof(*t->v));
	}
	struct entry *e = &t->v[t->n];
	e->line = at->line;
	if (table_line(&e->d, s, len, at) == 1)
		t->n++;
}

static void
add_lines(struct table *t, char *text, size_t len, struct table_place *at)
{
	char *end = text + len;
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	while (text < end) {
		char *stop = memchr(text, '\n', (size_t)(end - text));
		if (stop == NULL)
			stop = end;
		*stop = '\0';
		at->line++;
		add_line(t, text, (size_t)(stop - text), at);
		text = stop + 1;
	}
}

struct table *
table_read(
    const char *path, char *text, size_t len, unsigned flags, struct faults *f)
{
	struct table *t = alloc_zero(1, sizeof(*t));
	struct table_place at = {
	    .path = path, .only_local = (flags & TABLE_LOCAL) != 0, .f = f};
	unsigned before = f->count;
	t->text = text;
	add_lines(t, text, len, &at);
	/* Only now does the array stay where it is. */
	for (size_t i = 0; i < t->n; i++)
		index_entry(t, &t->v[i], &at);
	if (t->local_line > 0 && t->preset == NULL)
		faults_add(f, path, t->local_line,
		    "no local domain is the default: put default behind one");
	if (f->count == before || (flags & TABLE_LENIENT))
		return t;
	table_free(t);
	return NULL;
}

struct table *
table_load(const char *path, bool only_local, struct faults *f)
{
	size_t len;
	char *text = conf_slurp(path, TABLE_FILE_MAX, true, &len, f);
	if (text == NULL)
		return NULL;
	return table_read(path, text, len, only_local ? TABLE_LOCAL : 0, f);
}

void
table_free(struct table *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n; i++)
		table_line_free(&t->v[i].d);
	hash_free(&t->index);
	free(t->v);
	free(t->text);
	free(t);
}

const struct domain *
table_find(const struct table *t, const char *name, size_t len)
{
	char key[DOMAIN_MAX + 1];
	if (t == NULL || len == 0 || *name == '.')
		return NULL;
	len = domain_key(name, len, key);
	if (len == 0)
		return NULL;
	const struct entry *e = find(t, hash_bytes(key, len), key, len);
	for (size_t i = 1; e == NULL && t->wildcards && i < len; i++)
		if (key[i] == '.')
			e = find(
			    t, hash_bytes(key + i, len - i), key + i, len - i);
	return e != NULL ? &e->d : NULL;
}

const struct domain *
table_default(const struct table *t)
{
	return t != NULL ? t->preset : NULL;
}

size_t
table_size(const struct table *t)
{
	return t != NULL ? t->n : 0;
}

void
table_each(const struct table *t, table_fn fn, void *arg)
{
	for (size_t i = 0; t != NULL && i < t->n; i++)
		fn(arg, &t->v[i].d, t->v[i].line);
}

unsigned
table_smarthost_line(const struct table *t)
{
	return t != NULL ? t->smarthost_line : 0;
}

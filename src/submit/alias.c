/* SPDX-License-Identifier: ISC */
/*
 * The alias file: read whole, cut into names and targets, looked up by
 * hash.  Not a database and not a delivery agent: no target is ever opened
 * or run, so pipes, files and includes are faults (A13).
 *
 * Targets are kept as slices of the file's text and parsed again when they
 * are used, because 16 MiB of short targets would be gigabytes as struct
 * address.  Every slice was parsed once while loading.
 *
 * Invariant: a name that the file mentions has an entry, with its fault if
 * the line is not good, so that it never resolves to itself by mistake.
 */
#include "submit/alias.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/reach.h"
#include "submit/entry.h"
#include "submit/target.h"

struct key {
	const char *name;
	size_t len;
};

static bool
same_name(const struct hash_link *link, const void *arg)
{
	const struct entry *e = (const struct entry *)link;
	const struct key *k = arg;
	return e->name_len == k->len && memcmp(e->name, k->name, k->len) == 0;
}

const struct entry *
entry_find(const struct alias *a, const char *name, size_t len)
{
	struct key key = {name, len};
	return (const struct entry *)hash_find(
	    &a->index, hash_bytes(name, len), same_name, &key);
}

/* --- reading --- */

/* The end of the name at p: behind a quoted string, or at a colon. */
static size_t
name_end(const char *p, size_t len)
{
	size_t i = 0;
	if (len > 0 && p[0] == '"') {
		for (i = 1; i < len && p[i] != '"'; i++)
			if (p[i] == '\\')
				i++;
		return i < len ? i + 1 : len;
	}
	while (i < len && p[i] != ':' && p[i] != ' ')
		i++;
	return i;
}

/* Write the name in its looked-up form over its place in the text.  NULL,
 * or what is wrong with it. */
static const char *
read_name(struct entry *e, char *p, size_t len)
{
	struct address name;
	const char *why;
	char local[LOCAL_PART_MAX + 1];
	if (len == 0)
		return "a name is missing before the colon";
	if (address_parse(&name, p, len, ADDRESS_BARE | ADDRESS_UTF8, &why) !=
	    0)
		return why;
	if (!address_is_bare(&name))
		return "only local names can be aliases, without a domain";
	size_t n = address_local(&name, local);
	for (size_t i = 0; i < n; i++)
		p[i] = entry_lower(local[i]);
	e->name = p;
	e->name_len = n;
	return NULL;
}

static void
add_target(struct alias *a, const char *text, size_t len)
{
	if (a->ntargets == a->targets_cap) {
		a->targets_cap = a->targets_cap ? 2 * a->targets_cap : 32;
		a->targets =
		    alloc_grow(a->targets, a->targets_cap, sizeof(*a->targets));
	}
	a->targets[a->ntargets++] = (struct slice){text, len};
}

static const char *
read_targets(struct alias *a, struct entry *e, const char *p, size_t len)
{
	size_t at = 0, n;
	const char *item, *why = NULL;
	e->first = a->ntargets;
	while (target_next(p, len, &at, &item, &n)) {
		const char *fault = target_check(item, n);
		if (fault != NULL && why == NULL)
			why = fault;
		add_target(a, item, n);
	}
	e->count = a->ntargets - e->first;
	if (why == NULL && e->count == 0)
		why = "a target is missing behind the colon";
	return why;
}

static void
add_entry(struct alias *a, const struct entry *e)
{
	if (a->n == a->cap) {
		a->cap = a->cap ? 2 * a->cap : 32;
		a->entries = alloc_grow(a->entries, a->cap, sizeof(*e));
	}
	a->entries[a->n++] = *e;
}

/* One logical line, blanks already made of its line ends. */
static void
read_line(struct alias *a, char *p, size_t len, unsigned line, const char *path,
    struct faults *f)
{
	struct entry e = {.line = line};
	const char *why = NULL;
	for (size_t i = 0; i < len && why == NULL; i++)
		if ((unsigned char)p[i] < ' ' || p[i] == 0x7f)
			why = "a control octet";
	size_t end = name_end(p, len), colon = end;
	while (colon < len && p[colon] == ' ')
		colon++;
	if (why == NULL && (colon == len || p[colon] != ':'))
		why = "no colon behind the name";
	const char *bad_name = read_name(&e, p, end);
	if (why == NULL)
		why = bad_name;
	if (why == NULL)
		why = read_targets(a, &e, p + colon + 1, len - colon - 1);
	e.fault = why;
	if (bad_name == NULL)
		add_entry(a, &e);
	if (why != NULL)
		faults_add(f, path, line, "%s", why);
}

/* Make blanks of line ends, tabs and comments; the length of the physical
 * line at p, with its line end. */
static size_t
clean_line(char *p, size_t len)
{
	bool quoted = false, comment = false;
	size_t i = 0;
	for (; i < len && p[i] != '\n'; i++) {
		if (p[i] == '\t' || p[i] == '\r')
			p[i] = ' ';
		if (p[i] == '"' && (i == 0 || p[i - 1] != '\\'))
			quoted = !quoted;
		if (p[i] == '#' && !quoted && (i == 0 || p[i - 1] == ' '))
			comment = true;
		if (comment)
			p[i] = ' ';
	}
	if (i < len)
		p[i++] = ' ';
	return i;
}

static void
read_text(struct alias *a, const char *path, struct faults *f)
{
	char *p = a->text.data;
	size_t len = a->text.len, at = 0, start = 0;
	unsigned line = 0, start_line = 0;
	while (at < len) {
		size_t n = clean_line(p + at, len - at);
		line++;
		if (p[at] != ' ') {
			if (start_line > 0)
				read_line(a, p + start, at - start, start_line,
				    path, f);
			start = at;
			start_line = line;
		} else if (start_line == 0 && strspn(p + at, " ") < n) {
			faults_add(f, path, line,
			    "a continuation line, but of nothing");
		}
		at += n;
	}
	if (start_line > 0)
		read_line(a, p + start, len - start, start_line, path, f);
}

static void
make_index(struct alias *a, const char *path, struct faults *f)
{
	for (size_t i = 0; i < a->n; i++) {
		struct entry *e = &a->entries[i];
		const struct entry *other = entry_find(a, e->name, e->name_len);
		if (other == NULL)
			hash_add(&a->index, &e->link,
			    hash_bytes(e->name, e->name_len));
		else
			faults_add(f, path, e->line,
			    "an alias of this name is on line %u already",
			    other->line);
	}
}

struct alias *
alias_load(const char *path, struct faults *f)
{
	struct alias *a = alloc_zero(1, sizeof(*a));
	buf_init(&a->text, ALIAS_FILE_MAX);
	int fd = reach_open(path);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return a;
	if (fd < 0 || io_slurp(fd, &a->text) != 0) {
		faults_add(f, path, 0, "%s", strerror(errno));
		a->unreadable = true;
	} else if (a->text.len > 0) {
		read_text(a, path, f);
		make_index(a, path, f);
	}
	if (fd >= 0)
		(void)close(fd);
	return a;
}

void
alias_free(struct alias *a)
{
	if (a == NULL)
		return;
	buf_free(&a->text);
	hash_free(&a->index);
	free(a->entries);
	free(a->targets);
	free(a);
}

size_t
alias_size(const struct alias *a)
{
	return a->index.n;
}

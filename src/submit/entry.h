/* SPDX-License-Identifier: ISC */
/* The alias map's inside: shared by its reader (alias.c) and the expansion
 * (expand.c), and by nobody else. */
#ifndef SUBMIT_ENTRY_H
#define SUBMIT_ENTRY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/hash.h"

struct entry {
	struct hash_link link;
	const char *name; /* lower case, unquoted, in the file's text */
	size_t name_len;
	size_t first, count; /* its targets */
	unsigned line;
	const char *fault; /* NULL when the line is good */
};

struct slice {
	const char *text;
	size_t len;
};

struct alias {
	struct buf text;
	struct entry *entries;
	size_t n, cap;
	struct slice *targets;
	size_t ntargets, targets_cap;
	struct hash index;
	bool unreadable;
};

static inline char
entry_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* The entry of a lower-case, unquoted name, or NULL. */
const struct entry *entry_find(
    const struct alias *a, const char *name, size_t len);

#endif

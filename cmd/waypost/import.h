/* SPDX-License-Identifier: ISC */
/*
 * waypost import: what the readers of other mailers' files share.  A reader
 * sets keys of a waypost.conf and lines of a domain table that grow, and
 * notes what it could not carry over.
 */
#ifndef WAYPOST_IMPORT_H
#define WAYPOST_IMPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"

struct import {
	struct buf conf, domains, notes;
};

/* A file as "key value" pairs, later ones first to be found. */
struct pair {
	char *key, *value;
	unsigned line;
	bool used;
};
struct pairs {
	const char *path;
	struct pair *v;
	size_t n, cap;
};
void pairs_add(struct pairs *p, const char *key, size_t key_len,
    const char *value, size_t value_len, unsigned line);
/* The value, trimmed; NULL when it is not there.  It counts as carried. */
const char *pairs_get(struct pairs *p, const char *key);
bool pairs_yes(struct pairs *p, const char *key, bool otherwise);
unsigned pairs_line(const struct pairs *p, const char *key);
/* Note those that nobody asked for, except the ones in quiet. */
void pairs_rest(
    const struct pairs *p, struct import *im, const char *const quiet[]);
void pairs_free(struct pairs *p);

/* All of a file, at most 1 MiB, into an empty buffer.  0, or an exit code
 * and it is told; the second takes a missing file for an empty one. */
int import_slurp(const char *path, struct buf *text) MUST_CHECK;
int import_slurp_if(const char *path, struct buf *text) MUST_CHECK;

/* The next line of text from *at; *s is without blanks at both ends. */
bool import_line(
    const struct buf *text, size_t *at, const char **s, size_t *len);
/* The next of words divided by blanks and commas, for a buffer of 1024. */
bool import_word(const char **p, char word[1024]);

/* Set a key, or add to a list; section and title may be NULL.  A value that
 * cannot stand in a configuration is noted. */
void import_set(struct import *im, const char *section, const char *title,
    const char *key, const char *value);
void import_add(struct import *im, const char *section, const char *title,
    const char *key, const char *value);

/* A line of the domain table, unless there is one of this name. */
void import_domain(struct import *im, const char *name, const char *rest);

/* "# path:line: ...", once.  line 0: the file as a whole. */
void import_note(struct import *im, const char *path, unsigned line,
    const char *fmt, ...) PRINTF_LIKE(4, 5);

/* "user" and where the password shall be put, which stands in path:line. */
void import_login(struct import *im, const char *title, const char *user,
    const char *path, unsigned line);

/* Each: path is its file or directory.  0, or an exit code and it is told. */
int import_msmtp(struct import *im, const char *path) MUST_CHECK;
int import_nullmailer(struct import *im, const char *path) MUST_CHECK;
int import_dma(struct import *im, const char *path) MUST_CHECK;
int import_postfix(struct import *im, const char *path) MUST_CHECK;

#endif

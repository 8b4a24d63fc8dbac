/* SPDX-License-Identifier: ISC */
/*
 * A growable byte buffer with a ceiling.
 *
 * The ceiling is given at init.  An addition that would pass it changes
 * nothing, returns -1 and sets `over`, which stays set: a builder may add
 * many times and ask buf_ok() once at the end.  Out of memory dies.  The
 * data is followed by a NUL that is not counted, so that a buffer known
 * to hold no NUL can be read as a string.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct buf {
	char *data; /* never NULL after the first addition */
	size_t len;
	size_t cap;
	size_t max;
	bool over;
};

/* An empty buffer that may hold up to max bytes; allocates nothing. */
void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b);

/* Add bytes, a string, one byte, or formatted text.  0, or -1 and over. */
int buf_add(struct buf *b, const void *data, size_t len);
int buf_adds(struct buf *b, const char *s);
int buf_addc(struct buf *b, char c);
int buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Room for n more bytes at data + len, or NULL and over. */
char *buf_room(struct buf *b, size_t n) MUST_CHECK;

/* Drop the first n bytes (n <= len). */
void buf_drop(struct buf *b, size_t n);

/* Empty it, keep the memory, forget `over`. */
void buf_clear(struct buf *b);

/* The content as a string ("" when empty); borrowed. */
const char *buf_str(const struct buf *b);

static inline bool
buf_ok(const struct buf *b)
{
	return !b->over;
}

#endif

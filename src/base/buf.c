/* SPDX-License-Identifier: ISC */
/*
 * Growable byte buffers.  Not a string library: lengths rule, the NUL
 * behind the data is a courtesy.  Invariant: len < cap or data is NULL,
 * and len <= max.
 */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void
buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){.max = b->max};
}

char *
buf_room(struct buf *b, size_t n)
{
	if (n > b->max || b->len > b->max - n) {
		b->over = true;
		return NULL;
	}
	if (b->len + n + 1 > b->cap) {
		size_t cap = b->cap ? b->cap : 64;
		while (cap < b->len + n + 1)
			cap *= 2;
		char *data = realloc(b->data, cap);
		if (data == NULL)
			die("out of memory");
		b->data = data;
		b->cap = cap;
	}
	b->data[b->len] = '\0';
	return b->data + b->len;
}

int
buf_add(struct buf *b, const void *data, size_t len)
{
	char *p = buf_room(b, len);
	if (p == NULL)
		return -1;
	if (len > 0)
		memcpy(p, data, len);
	b->len += len;
	b->data[b->len] = '\0';
	return 0;
}

int
buf_adds(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int
buf_addc(struct buf *b, char c)
{
	return buf_add(b, &c, 1);
}

int
buf_addf(struct buf *b, const char *fmt, ...)
{
	char small[256];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n < 0)
		die("cannot format: %s", fmt);
	if ((size_t)n < sizeof(small))
		return buf_add(b, small, (size_t)n);
	char *p = buf_room(b, (size_t)n);
	if (p == NULL)
		return -1;
	va_start(ap, fmt);
	(void)vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}

void
buf_drop(struct buf *b, size_t n)
{
	if (n >= b->len) {
		b->len = 0;
	} else if (n > 0) {
		memmove(b->data, b->data + n, b->len - n);
		b->len -= n;
	}
	if (b->data != NULL)
		b->data[b->len] = '\0';
}

void
buf_clear(struct buf *b)
{
	b->over = false;
	buf_drop(b, b->len);
}

const char *
buf_str(const struct buf *b)
{
	return b->data != NULL ? b->data : "";
}

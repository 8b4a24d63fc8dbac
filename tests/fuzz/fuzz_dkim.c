/* SPDX-License-Identifier: ISC */
/*
 * The relaxed forms: a body however it is cut, twice the same as once, with
 * no blank before a line end and none twice; and header fields likewise.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/dkim.h"
#include "mail/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)           \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static void
gather(void *arg, const char *data, size_t len)
{
	MUST(buf_add(arg, data, len) == 0);
}

static void
relax(const struct buf *in, size_t step, struct buf *out)
{
	struct dkim_body b;
	buf_init(out, 2 * in->len + 8);
	dkim_body_init(&b, gather, out);
	for (size_t i = 0; i < in->len; i += step)
		dkim_body_feed(
		    &b, in->data + i, in->len - i < step ? in->len - i : step);
	dkim_body_finish(&b);
}

static bool
same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && memcmp(buf_str(a), buf_str(b), a->len) == 0;
}

static void
check_body(const struct buf *wire)
{
	struct buf once, cut, twice;
	relax(wire, wire->len + 1, &once);
	relax(wire, 1, &cut);
	relax(&once, 7, &twice);
	MUST(same(&once, &cut) && same(&once, &twice));
	MUST(once.len <= wire->len);
	for (size_t i = 0; i + 1 < once.len; i++) {
		char c = once.data[i], next = once.data[i + 1];
		MUST(c != '\t' && !(c == ' ' && (next == ' ' || next == '\r')));
	}
	MUST(once.len < 4 || memcmp(once.data + once.len - 4, "\r\n\r\n", 4));
	buf_free(&once);
	buf_free(&cut);
	buf_free(&twice);
}

static void
check_fields(const struct buf *wire)
{
	const char *p = buf_str(wire), *tag;
	size_t left = wire->len;
	struct field f, g;
	while (left > 0 && field_next(p, left, &f) == 1) {
		struct buf once, twice;
		buf_init(&once, f.len + 16);
		buf_init(&twice, f.len + 16);
		MUST(dkim_field(&once, &f) == 0);
		MUST(field_next(once.data, once.len, &g) == 1);
		MUST(g.len == once.len && dkim_field(&twice, &g) == 0);
		MUST(same(&once, &twice));
		size_t n = dkim_tag(f.value, f.value_len, "d", &tag);
		MUST(n == 0 ||
		     (tag >= f.value && tag + n <= f.value + f.value_len));
		buf_free(&once);
		buf_free(&twice);
		p += f.len;
		left -= f.len;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire w;
	struct buf b;
	buf_init(&b, 2 * size + 8);
	wire_init(&w, 0);
	if (wire_feed(&w, (const char *)data, size, &b) == WIRE_MORE &&
	    wire_finish(&w, &b) == WIRE_END && b.len > 0) {
		check_body(&b);
		check_fields(&b);
	}
	buf_free(&b);
	return 0;
}

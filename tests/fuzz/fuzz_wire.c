/* SPDX-License-Identifier: ISC */
/*
 * Wire form and stuffing: whole and in pieces must be the same, CR and LF
 * must come as pairs, and what is stuffed must unstuff to what it was.  The
 * first octet gives the flags, the second seeds the cuts.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)           \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static size_t
piece(unsigned *seed, size_t left)
{
	*seed = *seed * 1103515245u + 12345u;
	size_t n = 1 + (*seed >> 16) % 16;
	return n < left ? n : left;
}

/* To wire form; whole when seed is NULL. */
static enum wire_result
convert(
    struct wire *w, const char *in, size_t len, unsigned *seed, struct buf *out)
{
	enum wire_result result = WIRE_MORE;
	size_t at = 0;
	while (at < len && result == WIRE_MORE) {
		size_t n = seed != NULL ? piece(seed, len - at) : len;
		result = wire_feed(w, in + at, n, out);
		at += n;
	}
	if (result == WIRE_MORE)
		result = wire_finish(w, out);
	MUST(w->produced == out->len);
	return result;
}

static void
check_lines(const struct wire *w, const struct buf *b)
{
	size_t line = 0, longest = 0;
	for (size_t i = 0; i < b->len; i++) {
		MUST(b->data[i] != '\0');
		if (b->data[i] == '\r') {
			MUST(b->data[i + 1] == '\n');
			line = 0;
			i++;
			continue;
		}
		MUST(b->data[i] != '\n');
		line++;
		longest = line > longest ? line : longest;
	}
	MUST(line == 0 && longest == w->longest);
	MUST(b->len == 0 || b->data[b->len - 1] == '\n');
}

static size_t
stuff_all(struct stuff *s, const char *in, size_t len, unsigned *seed,
    char *out, size_t room)
{
	size_t at = 0, n = 0;
	stuff_init(s);
	while (at < len) {
		size_t used, some = seed != NULL ? piece(seed, len - at) : len;
		size_t most = seed != NULL ? 1 + piece(seed, 20) : room - n;
		size_t m = stuff_copy(s, in + at, some, &used, out + n, most);
		MUST(used > 0 && used <= some && m <= most);
		at += used;
		n += m;
	}
	return n;
}

static void
check_stuffing(const struct buf *b, unsigned seed)
{
	size_t room = 2 * b->len + 40;
	char *one = malloc(room), *two = malloc(room);
	struct stuff s;
	size_t n = stuff_all(&s, buf_str(b), b->len, NULL, one, room);
	MUST(stuff_at_line_start(&s));
	MUST(stuff_all(&s, buf_str(b), b->len, &seed, two, room) == n);
	MUST(memcmp(one, two, n) == 0);
	MUST(n < 3 || memmem(one, n, "\r\n.\r\n", 5) == NULL);
	memcpy(one + n, ".\r\nQUIT\r\n", 9);
	struct wire w;
	struct buf back;
	buf_init(&back, room);
	wire_init(&w, WIRE_DOT_ENDS | WIRE_UNSTUFF);
	MUST(wire_feed(&w, one, n + 9, &back) == WIRE_END);
	MUST(back.len == b->len &&
	     memcmp(buf_str(&back), buf_str(b), b->len) == 0);
	buf_free(&back);
	free(one);
	free(two);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	const char *in = (const char *)data + 2;
	size_t len = size - 2;
	unsigned seed = data[1];
	struct wire whole, cut;
	struct buf one, two;
	buf_init(&one, 2 * len + 10);
	buf_init(&two, 2 * len + 10);
	wire_init(&whole, data[0] & 3);
	wire_init(&cut, data[0] & 3);
	enum wire_result result = convert(&whole, in, len, NULL, &one);
	MUST(result == convert(&cut, in, len, &seed, &two));
	MUST(result == WIRE_END || result == WIRE_NUL);
	if (result == WIRE_END) {
		MUST(one.len == two.len &&
		     memcmp(buf_str(&one), buf_str(&two), one.len) == 0);
		MUST(whole.longest == cut.longest &&
		     whole.eight_bit == cut.eight_bit);
		check_lines(&whole, &one);
		check_stuffing(&one, seed);
	}
	buf_free(&one);
	buf_free(&two);
	return 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * Conversion of any message: the pieces must tile it, whatever is cut
 * where; what was converted must be ASCII in short lines that end in CRLF;
 * and to convert it again must be needless.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "base/limits.h"
#include "deliver/convert.h"
#include "deliver/idn.h"
#include "mail/mime.h"
#include "mail/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)           \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static ssize_t
from_buffer(void *arg, uint64_t offset, char *out, size_t room)
{
	const struct buf *b = arg;
	MUST(offset + room <= b->len);
	/* Short reads must be fine. */
	if (room > 100)
		room -= 37;
	memcpy(out, b->data + offset, room);
	return (ssize_t)room;
}

static void
check_pieces(const struct buf *b)
{
	struct mime whole, cut;
	mime_init(&whole);
	mime_init(&cut);
	mime_feed(&whole, buf_str(b), b->len);
	for (size_t i = 0; i < b->len; i++)
		mime_feed(&cut, b->data + i, 1);
	mime_finish(&whole);
	mime_finish(&cut);
	MUST(whole.n == cut.n && whole.n > 0 && whole.fault == cut.fault);
	MUST(whole.pieces[0].start == 0);
	MUST(whole.pieces[whole.n].start == b->len);
	for (size_t i = 0; i < whole.n; i++) {
		const struct mime_piece *p = &whole.pieces[i];
		MUST(memcmp(p, &cut.pieces[i], sizeof(*p)) == 0);
		MUST(p->start <= p[1].start);
		MUST(p->kind != MIME_HEAD || whole.fault != NULL ||
		     i + 1 < whole.n);
	}
	mime_free(&whole);
	mime_free(&cut);
}

/* Every line. */
static void
check_lines(const struct buf *b, bool seven, bool sealed)
{
	size_t column = 0;
	MUST(b->len >= 2 && memcmp(b->data + b->len - 2, "\r\n", 2) == 0);
	for (size_t i = 0; i < b->len; i++) {
		MUST(!seven || (signed char)b->data[i] > 0);
		column = b->data[i] == '\n' ? 0 : column + 1;
		MUST(sealed || column <= LINE_MAX_TEXT + 1);
	}
}

static bool
has(const struct buf *b, const char *what)
{
	return memmem(buf_str(b), b->len, what, strlen(what)) != NULL;
}

static void
check(const struct buf *b, unsigned how)
{
	struct convert_source in = {from_buffer, (void *)b, b->len};
	struct buf out;
	uint64_t size;
	const char *why;
	bool address;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	MUST(fd >= 0);
	enum convert_result r =
	    convert(&in, how, idn_to_ascii, fd, &size, &why, &address);
	MUST(r != CONVERT_FAILED);
	MUST(r != CONVERT_IMPOSSIBLE || (how != 0 && why[0] != '\0'));
	if (r == CONVERT_DONE) {
		/* These may keep their long lines. */
		bool may = has(b, "igned") || has(b, "ncrypted") ||
			   has(b, "IGNED") || has(b, "NCRYPTED") ||
			   has(b, "ultipart") || has(b, "essage") ||
			   has(b, "ncoding") || has(b, "NCODING");
		buf_init(&out, (size_t)size + 1);
		MUST(lseek(fd, 0, SEEK_SET) == 0);
		MUST(io_slurp(fd, &out) == 0 && out.len == size);
		check_lines(&out, (how & CONVERT_SEVEN_BIT) != 0, may);
		check_pieces(&out);
		buf_free(&out);
	}
	(void)close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* As it would be in the queue. */
	struct wire w;
	struct buf b;
	buf_init(&b, 2 * size + 8);
	wire_init(&w, 0);
	if (wire_feed(&w, (const char *)data, size, &b) == WIRE_MORE &&
	    wire_finish(&w, &b) == WIRE_END && b.len > 0) {
		check_pieces(&b);
		check(&b, CONVERT_SEVEN_BIT);
		check(&b, CONVERT_ASCII_HEADER);
		check(&b, 0);
	}
	buf_free(&b);
	return 0;
}

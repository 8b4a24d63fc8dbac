/* SPDX-License-Identifier: ISC */
/*
 * Replies from a hostile server: whole and octet by octet they must be the
 * same, and nothing but printable ASCII may come out.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "deliver/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct reply *r)
{
	if (r->code < 200 || r->code > 599 || r->lines > REPLY_LINES_MAX)
		abort();
	if (strlen(r->text) > STATUS_TEXT_MAX)
		abort();
	for (const char *s = r->text; *s != '\0'; s++)
		if (*s < ' ' || *s > '~')
			abort();
	if (r->enhanced[0] != '\0' &&
	    (!enhanced_valid(r->enhanced, strlen(r->enhanced)) ||
		r->enhanced[0] - '0' != r->code / 100))
		abort();
	struct status st;
	reply_status(r, &st);
	if ((st.verdict == DONE) != (r->code / 100 == 2))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct reply whole, bit;
	const char *s = (const char *)data;
	size_t at = 0;
	while (at < size) {
		size_t used = 0, one = 0;
		reply_reset(&whole);
		reply_reset(&bit);
		int a = reply_feed(&whole, s + at, size - at, &used);
		int b = 0;
		for (size_t i = at; b == 0 && i < size; i++)
			b = reply_feed(&bit, s + i, 1, &one);
		if (a != b || (a == 1 && (used == 0 || used > size - at)))
			abort();
		if (a != 1)
			break;
		check(&whole);
		if (whole.code != bit.code || strcmp(whole.text, bit.text) != 0)
			abort();
		at += used;
	}
	return 0;
}

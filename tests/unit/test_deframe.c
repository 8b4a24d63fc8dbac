/* SPDX-License-Identifier: ISC */
/* The end-of-data machine: each case whole and cut at each two places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "smtpd/deframe.h"

/* In both modes: what comes out, and how many octets are behind the end;
 * -1: it does not end. */
struct framing {
	const char *id, *in;
	size_t len; /* 0: strlen */
	const char *strict;
	int strict_left;
	const char *mended;
	int mended_left;
	bool bare, nul;
};

#define SAME(out, left) out, left, out, left
#define NULS(s) s, sizeof(s) - 1

static const struct framing cases[] = {
    {"E16", ".\r\nx", 0, SAME("", 1), false, false},
    {"plain", "a\r\n.\r\n", 0, SAME("a\r\n", 0), false, false},
    {"E15", "..\r\n.\r\n", 0, SAME(".\r\n", 0), false, false},
    {"stuffed", ".a\r\n...\r\n.\r\n", 0, SAME("a\r\n..\r\n", 0), false, false},
    {"not at a line start", "a.\r\n", 0, SAME("a.\r\n", -1), false, false},
    {"cut short", "a\r\n.\r", 0, SAME("a\r\n", -1), false, false},
    {"cut at CR", "a\r", 0, SAME("a", -1), false, false},
    {"E01", "a\n.\nb", 0, "a\n.\nb", -1, "a\r\n.\r\nb", -1, true, false},
    {"E02", "a\n.\r\nb", 0, "a\n.\r\nb", -1, "a\r\n.\r\nb", -1, true, false},
    {"E03", "a\r\n.\nb", 0, "a\r\n.\nb", -1, "a\r\n.\r\nb", -1, true, false},
    {"E04", "a\r.\rb", 0, "a\r.\rb", -1, "a\r\n.\r\nb", -1, true, false},
    {"E05", "a\r.\nb", 0, "a\r.\nb", -1, "a\r\n.\r\nb", -1, true, false},
    {"E06", "a\n.\rb", 0, "a\n.\rb", -1, "a\r\n.\r\nb", -1, true, false},
    {"E07", "a\r.\r\nb", 0, "a\r.\r\nb", -1, "a\r\n.\r\nb", -1, true, false},
    {"E08", "a\r\n.\rb", 0, "a\r\n.\rb", -1, "a\r\n.\r\nb", -1, true, false},
    {"E09", NULS("a\r\n\0.\r\nb"), SAME("a\r\n\0.\r\nb", -1), false, true},
    {"E10", NULS("a\r\n.\0\r\nb"), SAME("a\r\n\0\r\nb", -1), false, true},
    {"E11", "a\r\r\n.\r\r\nb", 0, SAME("a\r\n.\r\nb", -1), true, false},
    {"E12", "a\r\n.\r\r\nb", 0, SAME("a\r\n.\r\nb", -1), true, false},
    {"E13", "a\r\r\n.\r\nb", 0, "a\r\n", 1, "a\r\n.\r\nb", -1, true, false},
    {"E13 then the end", "a\r\r\n.\r\n.\r\n", 0, "a\r\n", 3, "a\r\n.\r\n", 0,
	true, false},
    {"a dot behind a bare LF is text", "\n..\n.\r\n.\r\n", 0, "\n..\n.\r\n", 0,
	"\r\n..\r\n.\r\n", 0, true, false},
    {"CR CR", "a\r\rb", 0, "a\r\rb", -1, "a\r\n\r\nb", -1, true, false},
    {"CR CR CR", "a\r\r\rb", 0, "a\r\r\rb", -1, "a\r\n\r\n\r\nb", -1, true,
	false},
    {"CR CR CR LF", "a\r\r\r\nb", 0, "a\r\r\nb", -1, "a\r\n\r\nb", -1, true,
	false},
    {"LF CR", "a\n\rb", 0, "a\n\rb", -1, "a\r\n\r\nb", -1, true, false},
    {"dot CR dot", "\r\n.\r.\r\n.\r\n", 0, "\r\n.\r.\r\n", 0, "\r\n.\r\n.\r\n",
	0, true, false},
    {"NUL first", NULS("\0\r\n.\r\n"), SAME("\0\r\n", 0), false, true},
};

static size_t
given(
    struct deframe *d, const char *in, size_t len, struct buf *out, bool *ended)
{
	char *copy = malloc(len > 0 ? len : 1);
	size_t before = out->len;
	assert_non_null(copy);
	memcpy(copy, in, len);
	size_t n = *ended ? 0 : deframe_feed(d, copy, len, out, ended);
	assert_true(*ended || n == len);
	assert_true(out->len - before <= 2 * len + 4);
	free(copy);
	return n;
}

/* NULs in the expected text: its length is that of what came. */
static void
compare(const struct framing *c, const struct buf *out, const char *expected)
{
	if (out->len < strlen(expected) ||
	    (!c->nul && out->len != strlen(expected)) ||
	    (out->len > 0 && memcmp(out->data, expected, out->len) != 0))
		fail_msg(
		    "%s: got \"%.*s\"", c->id, (int)out->len, buf_str(out));
}

static void
run(const struct framing *c, bool normalize, size_t one, size_t two)
{
	struct deframe d;
	struct buf out;
	bool ended = false;
	size_t len = c->len ? c->len : strlen(c->in);
	int left = normalize ? c->mended_left : c->strict_left;
	deframe_init(&d, normalize);
	buf_init(&out, 1000);
	size_t used = given(&d, c->in, one, &out, &ended);
	used += given(&d, c->in + one, two - one, &out, &ended);
	used += given(&d, c->in + two, len - two, &out, &ended);
	compare(c, &out, normalize ? c->mended : c->strict);
	assert_int_equal(ended, left >= 0);
	assert_int_equal(used, left >= 0 ? len - (size_t)left : len);
	assert_int_equal(d.bare, c->bare);
	assert_int_equal(d.nul, c->nul);
	buf_free(&out);
}

static void
test_E01_E16_framing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct framing *c = &cases[i];
		size_t len = c->len ? c->len : strlen(c->in);
		for (size_t two = 0; two <= len; two++)
			for (size_t one = 0; one <= two; one++) {
				run(c, false, one, two);
				run(c, true, one, two);
			}
	}
}

/* H15: lines of one octet cost no more time than long ones; this would
 * take minutes if a search ran to the end of the input each time. */
static void
test_H15_many_line_ends(void **state)
{
	static const char *const units[] = {"\n", "\r", "x\n", "\r\n"};
	enum { SIZE = 1 << 20 };
	char *in = malloc(SIZE);
	(void)state;
	assert_non_null(in);
	for (size_t i = 0; i < 4; i++) {
		struct deframe d;
		struct buf out;
		bool ended;
		size_t n = strlen(units[i]);
		for (size_t j = 0; j < SIZE; j++)
			in[j] = units[i][j % n];
		deframe_init(&d, true);
		buf_init(&out, 2 * SIZE + 4);
		assert_int_equal(
		    deframe_feed(&d, in, SIZE, &out, &ended), SIZE);
		assert_true(!ended && buf_ok(&out));
		buf_free(&out);
	}
	free(in);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_E01_E16_framing),
	    cmocka_unit_test(test_H15_many_line_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/*
 * Replies: every case whole, octet by octet, and cut at each place, must
 * give the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "deliver/reply.h"

struct expected {
	const char *name, *in;
	size_t len; /* 0: strlen */
	int result;
	int code;
	const char *enhanced, *text;
	int mismatch;
	enum verdict verdict;
};

#define NUL_REPLY "250 a\0b\r\n"

static const struct expected cases[] = {
    {"plain", "250 2.1.0 Ok\r\n", 0, 1, 250, "2.1.0", "Ok", 0, DONE},
    {"no enhanced", "250 Ok\r\n", 0, 1, 250, "", "Ok", 0, DONE},
    {"multi", "250-2.1.5 one\r\n250-2.1.5 two\r\n250 2.1.5 three\r\n", 0, 1,
	250, "2.1.5", "one two three", 0, DONE},
    {"K17 LF only", "250 Ok\n", 0, 1, 250, "", "Ok", 0, DONE},
    {"K17 no text", "250\r\n", 0, 1, 250, "", "", 0, DONE},
    {"K17 blank only", "250 \r\n", 0, 1, 250, "", "", 0, DONE},
    {"K17 NUL", NUL_REPLY, sizeof(NUL_REPLY) - 1, 1, 250, "", "a?b", 0, DONE},
    {"K18 mixed", "250-ok\r\n550 no\r\n", 0, 1, 550, "", "ok no", 1, NEVER},
    {"K18 mixed enhanced", "250-2.0.0 ok\r\n550 no\r\n", 0, 1, 550, "", "ok no",
	1, NEVER},
    {"K20 cut enhanced", "550 5.\r\n", 0, 1, 550, "", "5.", 0, NEVER},
    {"K20 no text", "250 2.0.0\r\n", 0, 1, 250, "2.0.0", "", 0, DONE},
    {"K20 two numbers", "550 5.1\r\n", 0, 1, 550, "", "5.1", 0, NEVER},
    {"other class", "550 2.1.1 odd\r\n", 0, 1, 550, "", "2.1.1 odd", 0, NEVER},
    {"K21 escapes", "550 \033[2J;`rm`\t\377\r\n", 0, 1, 550, "", "?[2J;`rm`??",
	0, NEVER},
    {"temporary", "451 4.3.0 later\r\n", 0, 1, 451, "4.3.0", "later", 0, LATER},
    {"354", "354 go\r\n", 0, 1, 354, "", "go", 0, LATER},
    {"599", "599 x\r\n", 0, 1, 599, "", "x", 0, NEVER},
    {"200", "200 x\r\n", 0, 1, 200, "", "x", 0, DONE},
    {"K14 1xx", "199 x\r\n", 0, -1, 0, "", "", 0, LATER},
    {"K14 600", "600 x\r\n", 0, -1, 0, "", "", 0, LATER},
    {"K14 5 digits", "25000 x\r\n", 0, -1, 0, "", "", 0, LATER},
    {"K14 text", "HTTP/1.1 400 Bad\r\n", 0, -1, 0, "", "", 0, LATER},
    {"empty line", "\r\n", 0, -1, 0, "", "", 0, LATER},
    {"sign", "+50 x\r\n", 0, -1, 0, "", "", 0, LATER},
    {"garbage second", "250-a\r\nfoo\r\n", 0, -1, 0, "", "", 0, LATER},
};

static int
feed(struct reply *r, const char *s, size_t len, size_t cut)
{
	size_t used = 0;
	int res = 0;
	reply_reset(r);
	if (cut > 0)
		res = reply_feed(r, s, cut, &used);
	if (res == 0)
		res = reply_feed(r, s + cut, len - cut, &used);
	return res;
}

static void
check(const struct expected *c, const struct reply *r, int result)
{
	struct status st;
	if (result != c->result)
		fail_msg("%s: result %d", c->name, result);
	if (result != 1)
		return;
	assert_int_equal(r->code, c->code);
	assert_string_equal(r->enhanced, c->enhanced);
	assert_string_equal(r->text, c->text);
	assert_int_equal(r->mismatch, c->mismatch);
	reply_status(r, &st);
	assert_int_equal(st.verdict, c->verdict);
	assert_true(st.enhanced[0] != '\0');
}

static void
test_table(void **state)
{
	(void)state;
	static struct reply r;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct expected *c = &cases[i];
		size_t len = c->len ? c->len : strlen(c->in);
		for (size_t cut = 0; cut < len; cut++) {
			/* An exact copy, so that reading on is caught. */
			char *in = malloc(len);
			assert_non_null(in);
			memcpy(in, c->in, len);
			check(c, &r, feed(&r, in, len, cut));
			free(in);
		}
	}
}

static void
test_used_stops_at_the_end_of_one_reply(void **state)
{
	(void)state;
	static struct reply r;
	size_t used = 0;
	reply_reset(&r);
	assert_int_equal(reply_feed(&r, "250 a\r\n550 b\r\n", 14, &used), 1);
	assert_int_equal(used, 7);
}

static void
test_C14_line_limit(void **state)
{
	(void)state;
	static struct reply r;
	static char line[REPLY_LINE_MAX + 8];
	memset(line, 'x', sizeof(line));
	memcpy(line, "250 ", 4);
	line[REPLY_LINE_MAX] = '\n';
	assert_int_equal(feed(&r, line, REPLY_LINE_MAX + 1, 0), 1);
	assert_int_equal(strlen(r.text), STATUS_TEXT_MAX);
	line[REPLY_LINE_MAX] = 'x';
	assert_int_equal(feed(&r, line, REPLY_LINE_MAX + 1, 0), -1);
}

static void
test_C14_lines_limit(void **state)
{
	(void)state;
	static struct reply r;
	size_t used = 0;
	reply_reset(&r);
	for (int i = 0; i < REPLY_LINES_MAX; i++)
		assert_int_equal(reply_feed(&r, "250-a\r\n", 7, &used), 0);
	assert_int_equal(reply_feed(&r, "250-a\r\n", 7, &used), -1);
	reply_reset(&r);
	for (int i = 1; i < REPLY_LINES_MAX; i++)
		assert_int_equal(reply_feed(&r, "250-a\r\n", 7, &used), 0);
	assert_int_equal(reply_feed(&r, "250 a\r\n", 7, &used), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_table),
	    cmocka_unit_test(test_used_stops_at_the_end_of_one_reply),
	    cmocka_unit_test(test_C14_line_limit),
	    cmocka_unit_test(test_C14_lines_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

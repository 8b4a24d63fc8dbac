/* SPDX-License-Identifier: ISC */
/* The session: how it ends, from outside or at a ceiling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "session_owner.h"

/* Say this, expect that as the end of all that was said. */
static void
say(struct owner *o, const char *text, const char *end)
{
	owner_give(o, text, strlen(text));
	size_t n = strlen(end);
	assert_true(o->said.len >= n);
	assert_string_equal(o->said.data + o->said.len - n, end);
}

static void
test_A42_ended_from_outside(void **state)
{
	struct owner o;
	const char *last = "421 4.4.2 mx.test Timeout, closing connection\r\n";
	(void)state;
	owner_init(&o, false);
	say(&o, "EHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\nx", "");
	session_end(o.s, "4.4.2", "Timeout");
	session_end(o.s, "4.4.2", "Twice");
	say(&o, "", last);
	assert_int_equal(session_wants(o.s), SESSION_CLOSE);
	assert_int_equal(o.resets, 1);
	assert_int_equal(session_input(o.s, "y", 1), 0);
	owner_free(&o);
}

/* What may have become durable is told before the session ends. */
static void
test_ended_while_a_commit_is_open(void **state)
{
	struct owner o;
	(void)state;
	owner_init(&o, false);
	say(&o, "EHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\n", "");
	o.later = true;
	assert_int_equal(session_input(o.s, ".\r\nNOOP\r\n", 9), 3);
	session_end(o.s, "4.3.2", "Stopping");
	assert_int_equal(session_wants(o.s), SESSION_ANSWER);
	session_eof(o.s);
	say(&o, "",
	    "250 2.0.0 Queued as 1\r\n"
	    "421 4.3.2 mx.test Stopping, closing connection\r\n");
	assert_int_equal(session_wants(o.s), SESSION_CLOSE);
	owner_free(&o);
}

/* D22: the peer's end is noticed before the commit is done. */
static void
test_D22_end_while_a_commit_is_open(void **state)
{
	struct owner o;
	(void)state;
	owner_init(&o, false);
	say(&o, "EHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\n", "");
	o.later = true;
	assert_int_equal(session_input(o.s, ".\r\n", 3), 3);
	session_eof(o.s);
	assert_int_equal(session_wants(o.s), SESSION_ANSWER);
	say(&o, "", "250 2.0.0 Queued as 1\r\n");
	assert_int_equal(session_wants(o.s), SESSION_CLOSE);
	owner_free(&o);
}

/* The socket may go while a question is open; its answer comes too late. */
static void
test_freed_while_a_question_is_open(void **state)
{
	static const char *const talks[] = {
	    "MAIL FROM:<a@x>\r\n", "RCPT TO:<b@y>\r\n", "DATA\r\n"};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct owner o;
		owner_init(&o, false);
		say(&o, "EHLO c\r\n", "");
		for (size_t j = 0; j < i; j++)
			say(&o, talks[j], "");
		o.later = true;
		(void)session_input(o.s, talks[i], strlen(talks[i]));
		assert_int_equal(session_wants(o.s), SESSION_ANSWER);
		if (i == 0)
			o.in_mail = false; /* never told that it was taken */
		owner_free(&o);
	}
}

static void
test_H03_output_is_bounded(void **state)
{
	struct owner o;
	size_t taken = 0;
	(void)state;
	owner_init(&o, false);
	for (size_t i = 0; i < 100000; i++)
		taken += session_input(o.s, "EHLO c\r\n", 8);
	assert_true(taken < 100000 && taken % 8 == 0);
	assert_true(session_output(o.s)->len < 64 * 1024 + 1000);
	assert_int_equal(session_wants(o.s), SESSION_INPUT);
	say(&o, "NOOP\r\n", "250 2.0.0 Ok\r\n");
	owner_free(&o);
}

static void
many_rcpts(struct owner *o, size_t n, const char *reply)
{
	char line[64];
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(
		    line, sizeof(line), "RCPT TO:<u%zu@here.test>\r\n", i);
		say(o, line, reply);
	}
}

static void
test_D19_recipient_1001(void **state)
{
	struct owner o;
	const struct session_rcpt *r;
	(void)state;
	owner_init(&o, false);
	o.policy.recipients = 2000;
	o.policy.errors = 20;
	say(&o, "EHLO c\r\nMAIL FROM:<a@x.test>\r\n", "250 2.1.0 Ok\r\n");
	many_rcpts(&o, 1000, "250 2.1.5 Ok\r\n");
	many_rcpts(&o, 1000, "250 2.1.5 Ok\r\n");
	assert_int_equal(session_rcpts(o.s, &r), 1000);
	assert_string_equal(r[999].addr.text, "u999@here.test");
	many_rcpts(&o, 1000, "452 4.5.3 Too many recipients\r\n");
	say(&o, "DATA\r\n.\r\n", "250 2.0.0 Queued as 1\r\n");
	say(&o, "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@here.test>\r\n", "Ok\r\n");
	assert_int_equal(session_rcpts(o.s, &r), 1);
	owner_free(&o);
}

static void
test_postponed_for_ever(void **state)
{
	struct owner o;
	size_t n = 0;
	(void)state;
	owner_init(&o, false);
	say(&o, "EHLO c\r\nMAIL FROM:<a@x.test>\r\n", "250 2.1.0 Ok\r\n");
	while (n < 5000 && session_wants(o.s) == SESSION_INPUT) {
		say(&o, "RCPT TO:<full@here.test>\r\n", "\r\n");
		n++;
	}
	assert_int_equal(n, 1001);
	owner_free(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_A42_ended_from_outside),
	    cmocka_unit_test(test_ended_while_a_commit_is_open),
	    cmocka_unit_test(test_D22_end_while_a_commit_is_open),
	    cmocka_unit_test(test_freed_while_a_question_is_open),
	    cmocka_unit_test(test_H03_output_is_bounded),
	    cmocka_unit_test(test_D19_recipient_1001),
	    cmocka_unit_test(test_postponed_for_ever),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

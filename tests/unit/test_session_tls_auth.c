/* SPDX-License-Identifier: ISC */
/* The session: STARTTLS and AUTH (F, A44). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "session_dialog.h"

#define LINES                                                                \
	"C: EHLO c.test\nS: 250-mx.test\nS: 250-SIZE 0\nS: 250-PIPELINING\n" \
	"S: 250-8BITMIME\nS: 250-SMTPUTF8\nS: 250-DSN\n"
#define EHLO_TLS LINES "S: 250-STARTTLS\nS: 250 ENHANCEDSTATUSCODES\n"
#define EHLO_AUTH \
	LINES "S: 250-AUTH SCRAM-SHA-256 PLAIN\nS: 250 ENHANCEDSTATUSCODES\n"
#define EHLO_SECURE LINES "S: 250-REQUIRETLS\nS: 250 ENHANCEDSTATUSCODES\n"
#define GO "C: STARTTLS\nS: 220 2.0.0 Ready to start TLS\n"
#define IN "S: 235 2.7.0 Authentication successful\n"
#define WRONG "S: 535 5.7.8 Authentication failed\n"
#define CANCELLED "S: 501 5.7.0 Authentication cancelled\n"
#define NOOP "C: NOOP\nS: 250 2.0.0 Ok\n"

static const struct dialog tls[] = {
    {"A44 not offered without a key",
	EHLO "C: STARTTLS\n"
	     "S: 502 5.5.1 TLS is not available\n"},
    {"A44 required",
	"P: tls require-tls\n"
	"C: EHLO c.test\nS: 250-mx.test\nS: 250-SIZE 0\nS: 250-PIPELINING\n"
	"S: 250-8BITMIME\nS: 250-SMTPUTF8\nS: 250-DSN\nS: 250-STARTTLS\n"
	"S: 250 ENHANCEDSTATUSCODES\n"
	"C: MAIL FROM:<a@x.test>\n"
	"S: 530 5.7.0 Must issue a STARTTLS command first\n"
	"C: VRFY x\nS: 530 5.7.0 Must issue a STARTTLS command first\n"
	"C: AUTH PLAIN x\nS: 530 5.7.0 Must issue a STARTTLS command "
	"first\n" NOOP GO "T:\n" EHLO_SECURE MAIL},
    {"F01 what comes behind STARTTLS is thrown away",
	"P: tls\n" EHLO_TLS GO "R: MAIL FROM:<p@x.test>\\r\\nNOOP\\r\\n\n"
	"T:\nC: RCPT TO:<b@here.test>\nS: 503 MAIL first\n"},
    {"F01 a part of a command",
	"P: tls\n" EHLO_TLS GO "R: MAIL FR\nT:\n" EHLO_SECURE},
    {"F02 with an argument, twice, in a transaction, before EHLO",
	"P: tls\nC: STARTTLS\nS: 503 EHLO first\n"
	"C: HELO c.test\nS: 250 mx.test\nC: STARTTLS\nS: 503 EHLO "
	"first\n" EHLO_TLS
	"C: STARTTLS now\nS: 501 5.5.4 Syntax: STARTTLS\n" MAIL
	"C: STARTTLS\nS: 503 5.5.1 Not in a mail transaction\n"
	"C: RSET\nS: 250 2.0.0 Ok\n" GO "T:\n" EHLO_SECURE
	"C: STARTTLS\nS: 503 5.5.1 TLS is on already\n"},
    {"F03 all is forgotten",
	"P: tls auth\n" LINES
	"S: 250-STARTTLS\nS: 250-AUTH SCRAM-SHA-256 PLAIN\n"
	"S: 250 ENHANCEDSTATUSCODES\n"
	"C: AUTH PLAIN good\n" IN GO "T:\n"
	"C: MAIL FROM:<a@x.test>\nS: 503 Say HELO or EHLO first\n"
	"C: AUTH PLAIN good\nS: 503 EHLO first\n" LINES
	"S: 250-REQUIRETLS\nS: 250-AUTH SCRAM-SHA-256 PLAIN\n"
	"S: 250 ENHANCEDSTATUSCODES\nC: AUTH PLAIN good\n" IN},
    {"REQUIRETLS is for TLS alone",
	"P: tls\n" EHLO_TLS "C: MAIL FROM:<a@x.test> REQUIRETLS\n"
	"S: 530 5.7.10 REQUIRETLS needs TLS here\n" GO "T:\n" EHLO_SECURE
	"C: MAIL FROM:<a@x.test> REQUIRETLS\nS: 250 2.1.0 Ok\n"
	"C: RSET\nS: 250 2.0.0 Ok\n"
	"C: MAIL FROM:<a@x.test> REQUIRETLS=1\n"
	"S: 501 5.5.4 Malformed or repeated parameter\n"},
};

static const struct dialog auth[] = {
    {"AUTH with an initial response",
	"P: auth\n" EHLO_AUTH "C: AUTH PLAIN good\n" IN
	"C: AUTH PLAIN good\nS: 503 5.5.1 You are authenticated "
	"already\n" MAIL},
    {"AUTH by challenge",
	"P: auth\n" EHLO_AUTH
	"C: auth plain\nS: 334 \nC: more:YWJj\nS: 334 YWJj\nC: good\n" IN},
    {"AUTH with an empty initial response",
	"P: auth\n" EHLO_AUTH
	"C: AUTH PLAIN =\nS: 334 RU1QVFk=\nC:\n" WRONG NOOP},
    {"AUTH refused",
	"P: auth\n" EHLO_AUTH "C: AUTH PLAIN bad\n" WRONG
	"C: AUTH PLAIN\nS: 334 \nC: =\n" WRONG "C: AUTH PLAIN good\n" IN},
    {"AUTH cancelled",
	"P: auth\n" EHLO_AUTH "C: AUTH PLAIN\nS: 334 \nC: *\n" CANCELLED NOOP
	"C: AUTH PLAIN\nS: 334 \nC: more:eA==\nS: 334 eA==\nC: *\n" CANCELLED
	"C: *\nS: 500 5.5.2 Unknown command\n"},
    {"AUTH broken by its line ends",
	"P: auth\n" EHLO_AUTH "C: AUTH PLAIN\nS: 334 \nR: good\\n\n"
	"S: 500 5.5.2 A line ends in CR LF, and holds no other CR or LF\n" NOOP
	"C: AUTH PLAIN\nS: 334 \nC: go\\0od\n"
	"S: 501 5.5.2 NUL in a command\n" NOOP},
    {"AUTH with LF, for old devices",
	"P: auth normalize\n" EHLO_AUTH
	"C: AUTH PLAIN\nS: 334 \nR: good\\n\n" IN},
    {"AUTH left by EOF",
	"P: auth\n" EHLO_AUTH "C: AUTH PLAIN\nS: 334 \nR: go\nE:\n"},
    {"AUTH order",
	"P: auth\nC: AUTH PLAIN good\nS: 503 EHLO first\n"
	"C: HELO c.test\nS: 250 mx.test\n"
	"C: AUTH PLAIN good\nS: 503 EHLO first\n" EHLO_AUTH
	"C: AUTH\nS: 501 5.5.4 Syntax: AUTH mechanism\n" MAIL
	"C: AUTH PLAIN good\nS: 503 5.5.1 Not in a mail transaction\n"},
    {"F04 without TLS",
	"P: tls\n" EHLO_TLS
	"C: AUTH PLAIN good\nS: 538 5.7.11 Encryption required\n"},
    {"AUTH nowhere offered",
	EHLO "C: AUTH PLAIN good\nS: 502 5.5.1 AUTH is not available\n"},
    {"F10 only what is offered",
	"P: auth\n" EHLO_AUTH
	"C: AUTH ANONYMOUS x\nS: 504 5.5.4 Mechanism not offered\n"
	"C: AUTH EXTERNAL =\nS: 504 5.5.4 Mechanism not offered\n"
	"C: AUTH PLAI\nS: 504 5.5.4 Mechanism not offered\n"
	"C: AUTH PLAINX\nS: 504 5.5.4 Mechanism not offered\n"
	"C: AUTH SCRAM-SHA-256\tPLAIN\nS: 504 5.5.4 Mechanism not offered\n"
	"C: AUTH SCRAM-SHA-256-PLUS\nS: 504 5.5.4 Mechanism not offered\n"
	"C: AUTH SCRAM-SHA-256-PLUS-AND-MORE-THAN-TWENTY\n"
	"S: 504 5.5.4 Mechanism not offered\n"},
    {"F12 AUTH again and again",
	"P: auth errors=3\n" EHLO_AUTH "C: AUTH PLAIN bad\n" WRONG
	"C: AUTH PLAIN bad\n" WRONG "C: AUTH PLAIN bad\n" WRONG
	"C: AUTH PLAIN bad\n" WRONG
	"S: 421 4.7.0 mx.test Too many errors, closing connection\n"},
    {"F13 the owner's 421 closes",
	"P: auth\n" EHLO_AUTH "C: AUTH PLAIN last\nS: 421 4.7.0 mx.test Too "
	"many failed logins, closing "
	"connection\nC: NOOP\n"},
    {"F19 required",
	"P: auth require-auth\n" EHLO_AUTH
	"C: MAIL FROM:<a@x.test>\nS: 530 5.7.0 Authentication required\n"
	"C: AUTH PLAIN good\n" IN MAIL},
    {"G27 AUTH= gives no right",
	"P: auth require-auth\n" EHLO_AUTH "C: MAIL FROM:<a@x.test> AUTH=joe\n"
	"S: 530 5.7.0 Authentication required\n"},
};

static void
test_tls(void **state)
{
	(void)state;
	DIALOGS(tls);
}

static void
test_auth(void **state)
{
	(void)state;
	DIALOGS(auth);
}

/* A response of n octets without CRLF, and what is said to it. */
static void
response(size_t n, const char *reply)
{
	struct buf b;
	char name[32];
	buf_init(&b, 1 << 20);
	(void)buf_adds(&b, "P: auth\n" EHLO_AUTH "C: AUTH PLAIN\nS: 334 \nC: ");
	for (size_t i = 0; i < n; i++)
		(void)buf_addc(&b, 'x');
	(void)buf_addf(&b, "\n%s", reply);
	(void)snprintf(name, sizeof(name), "a response of %zu", n);
	dialog(name, b.data);
	buf_free(&b);
}

static void
test_F11_long_responses(void **state)
{
	(void)state;
	response(12288, WRONG NOOP);
	response(12289, "S: 500 5.5.2 Line too long\n" NOOP);
	response(65600, "S: 421 4.7.0 mx.test Line too long, closing "
			"connection\n");
}

/* The longest challenge fits behind replies that nobody has read.  (RFC 4954
 * lets challenges be longer than other replies.) */
static void
test_long_challenge(void **state)
{
	struct owner o;
	struct buf b;
	const char *start = "EHLO c\r\n", *word = "AUTH PLAIN\r\n";
	(void)state;
	owner_init(&o, false);
	o.policy.mechanisms = "PLAIN";
	buf_init(&b, 1 << 20);
	owner_give(&o, start, strlen(start));
	struct buf *out = session_output(o.s);
	while (out->len < 65500)
		assert_int_equal(session_input(o.s, "NOOP\r\n", 6), 6);
	(void)buf_adds(&b, "more:");
	for (size_t i = 0; i < 12283; i++)
		(void)buf_addc(&b, 'A');
	(void)buf_adds(&b, "\r\n");
	assert_int_equal(session_input(o.s, word, 12), 12);
	assert_int_equal(session_input(o.s, b.data, b.len), b.len);
	assert_true(buf_ok(out) && out->len > 65500 + 12283);
	assert_string_equal(out->data + out->len - 3, "A\r\n");
	buf_clear(out);
	owner_free(&o);
	buf_free(&b);
}

/* The socket goes while a password is being checked. */
static void
test_freed_while_auth_is_pending(void **state)
{
	struct owner o;
	const char *start = "EHLO c\r\n", *word = "AUTH PLAIN good\r\n";
	(void)state;
	owner_init(&o, true);
	o.policy.mechanisms = "PLAIN";
	owner_give(&o, start, strlen(start));
	assert_int_equal(session_input(o.s, word, strlen(word)), strlen(word));
	assert_int_equal(session_wants(o.s), SESSION_ANSWER);
	/* Not the answer to this question. */
	struct status st;
	status_set(&st, DONE, 250, NULL, "ok");
	session_answer(o.s, &st);
	assert_int_equal(session_wants(o.s), SESSION_ANSWER);
	session_free(o.s);
	assert_int_equal(o.cancels, 1);
	buf_free(&o.said);
}

/* A user who failed is nobody, whatever the owner set. */
static void
test_F12_no_user_after_failure(void **state)
{
	struct owner o;
	const char *start = "EHLO c\r\nAUTH PLAIN\r\n", *word = "bad\r\n";
	(void)state;
	owner_init(&o, false);
	o.policy.mechanisms = "PLAIN";
	owner_give(&o, start, strlen(start));
	session_set_user(o.s, "root");
	owner_give(&o, word, strlen(word));
	assert_string_equal(session_user(o.s), "");
	owner_free(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_tls),
	    cmocka_unit_test(test_auth),
	    cmocka_unit_test(test_F11_long_responses),
	    cmocka_unit_test(test_long_challenge),
	    cmocka_unit_test(test_freed_while_auth_is_pending),
	    cmocka_unit_test(test_F12_no_user_after_failure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

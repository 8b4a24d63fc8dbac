/* SPDX-License-Identifier: ISC */
/*
 * Command lines.  Each text lies in memory of just its size, so that a
 * sanitizer sees one octet too many (D10).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "smtpd/command.h"

static char *
exact(const char *s, size_t len)
{
	char *p = malloc(len > 0 ? len : 1);
	assert_non_null(p);
	memcpy(p, s, len);
	return p;
}

static void
test_verbs(void **state)
{
	static const struct {
		const char *line;
		enum verb verb;
		const char *arg;
	} cases[] = {
	    {"EHLO a", VERB_EHLO, "a"},
	    {"ehlo a", VERB_EHLO, "a"},
	    {"HELO", VERB_HELO, ""},
	    {"MAIL FROM:<>", VERB_MAIL, "FROM:<>"},
	    {"Rcpt \t To:<a> \t", VERB_RCPT, "To:<a>"},
	    {"DATA  ", VERB_DATA, ""},
	    {"RSET", VERB_RSET, ""},
	    {"NOOP a b", VERB_NOOP, "a b"},
	    {"VRFY", VERB_VRFY, ""},
	    {"EXPN x", VERB_EXPN, "x"},
	    {"HELP", VERB_HELP, ""},
	    {"QUIT", VERB_QUIT, ""},
	    {"STARTTLS", VERB_STARTTLS, ""},
	    {"AUTH PLAIN x", VERB_AUTH, "PLAIN x"},
	    {"BDAT 1", VERB_BDAT, "1"},
	    {"ETRN x", VERB_ETRN, "x"},
	    {"", VERB_UNKNOWN, ""},
	    {" NOOP", VERB_UNKNOWN, "NOOP"},
	    {"NOOPS", VERB_UNKNOWN, ""},
	    {"NOO", VERB_UNKNOWN, ""},
	    {"MAIL:", VERB_UNKNOWN, ""},
	    {"STARTTLS\v", VERB_UNKNOWN, ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *arg;
		size_t len = strlen(cases[i].line), n;
		char *line = exact(cases[i].line, len);
		assert_int_equal(
		    command_verb(line, len, &arg, &n), cases[i].verb);
		assert_int_equal(n, strlen(cases[i].arg));
		assert_memory_equal(arg, cases[i].arg, n);
		assert_true(arg >= line && arg + n <= line + len);
		free(line);
	}
}

static void
test_D16_foreign(void **state)
{
	static const char *const yes[] = {"GET / HTTP/1.1", "POST /", "PUT x",
	    "HEAD /", "CONNECT x:25 HTTP/1.1", "OPTIONS *", "SSH-2.0-x",
	    "\x16\x03\x01"};
	static const char *const no[] = {
	    "", "GET", "get /", "HELO GET ", "SSH", "\x16", "NOOP"};
	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		assert_true(command_foreign(yes[i], strlen(yes[i])));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(command_foreign(no[i], strlen(no[i])));
}

static void
test_D01_D25_helo(void **state)
{
	static const char *const yes[] = {"a", "mail.example.com", "my_host",
	    "[127.0.0.1]", "[IPv6:::1]", "WIN-2K/3", "1.2.3.4", "a.", "-"};
	static const char *const no[] = {"", "[", "[]", "[IPv6:zz]", "[1.2.3]",
	    "[127.0.0.1", "a b", "a\tb", "\033[2J", "<script>", "a\x7f",
	    "\xc3\xbc", "a@b", "a\"", "a;b", "a,b", "(a)", "a\\b", "a:b"};
	char longest[DOMAIN_MAX + 1];
	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		assert_true(command_helo_valid(yes[i], strlen(yes[i])));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (command_helo_valid(no[i], strlen(no[i])))
			fail_msg("a name: %s", no[i]);
	memset(longest, 'x', sizeof(longest));
	assert_true(command_helo_valid(longest, DOMAIN_MAX));
	assert_false(command_helo_valid(longest, DOMAIN_MAX + 1));
	assert_false(command_helo_valid("a\0b", 3));
}

/* code 0: taken. */
struct path_case {
	const char *arg;
	int code;
	const char *enhanced, *address;
};

#define SYNTAX 501, "5.5.4", NULL
#define NO_SENDER 501, "5.1.7", NULL
#define OK(address) 0, NULL, address

static const struct path_case mails[] = {
    {"FROM:<>", OK("")},
    {"from:<a@b.c>", OK("a@b.c")},
    {"FROM: <a@b.c>", OK("a@b.c")},
    {"FROM:<a>", OK("a")},
    {"FROM:<a@[127.0.0.1]>", OK("a@[127.0.0.1]")},
    {"FROM:<\"a\\\"b@c\"@d>", OK("\"a\\\"b@c\"@d")}, /* D12 */
    {"FROM:<\"a>b\"@d>", OK("\"a>b\"@d")},
    {"FROM:<\"a b\"@d> SIZE=1", OK("\"a b\"@d")},
    {"FROM:<$(id)@h>", 501, "5.1.7", NULL}, /* D11 */
    {"FROM:<;sh>", NO_SENDER},
    {"FROM:<`id`@h>", OK("`id`@h")},
    {"FROM:<${run{id}}@h>", OK("${run{id}}@h")},
    {"FROM:<-x@h>", OK("-x@h")},
    {"", SYNTAX},
    {"FROM", SYNTAX},
    {"FROM:", SYNTAX},
    {"FROM:a@b.c", SYNTAX},
    {"FROM <a@b.c>", SYNTAX},
    {"FROM :<a@b.c>", SYNTAX},
    {"TO:<a@b.c>", SYNTAX},
    {"FROM:<a@b.c", SYNTAX}, /* D12 */
    {"FROM:<", SYNTAX},
    {"FROM:<a@b.c>x", SYNTAX}, /* D12 */
    {"FROM:<a@b.c>SIZE=1", SYNTAX},
    {"FROM:<a@b.c>\tSIZE=1", SYNTAX},
    {"FROM:<\"a@b.c>", SYNTAX},
    {"FROM:<\"a\\", SYNTAX},
    {"FROM:<<a@b.c>>", SYNTAX},
    {"FROM:< a@b.c>", NO_SENDER},
    {"FROM:<a@b.c >", NO_SENDER},
    {"FROM:<a..b@c>", NO_SENDER}, /* D12 */
    {"FROM:<a@-c>", NO_SENDER},
    {"FROM:<a@b..c>", NO_SENDER},
    {"FROM:<a@[1.2.3.999]>", NO_SENDER},
    {"FROM:<a@>", NO_SENDER},
    {"FROM:<@b>", NO_SENDER},
    {"FROM:<@l:u@y>", NO_SENDER},              /* G15 */
    {"FROM:<u@y@l>", NO_SENDER},               /* G11 */
    {"FROM:<\xc3\xbc@b>", 553, "5.6.7", NULL}, /* D14 */
    {"FROM:<a@\xc3\xbc>", 553, "5.6.7", NULL},
    {"FROM:<\xc3\xbc@b> SMTPUTF8", OK("\xc3\xbc@b")},
    {"FROM:<\xff@b> SMTPUTF8", NO_SENDER},
    {"FROM:<a@b> SIZE=0", OK("a@b")},
    {"FROM:<a@b> size=18446744073709551615", OK("a@b")},
    {"FROM:<a@b> SIZE=18446744073709551616", SYNTAX}, /* D08 */
    {"FROM:<a@b> SIZE=000000000000000000001", SYNTAX},
    {"FROM:<a@b> SIZE=-1", SYNTAX},
    {"FROM:<a@b> SIZE=+1", SYNTAX},
    {"FROM:<a@b> SIZE=1e9", SYNTAX},
    {"FROM:<a@b> SIZE=1 SIZE=1", SYNTAX},
    {"FROM:<a@b> SIZE=", SYNTAX},
    {"FROM:<a@b> SIZE", SYNTAX},
    {"FROM:<a@b> SIZE==1", SYNTAX},
    {"FROM:<a@b> SIZE=1=", SYNTAX},
    {"FROM:<a@b> =", SYNTAX}, /* D10 */
    {"FROM:<a@b> \"", SYNTAX},
    {"FROM:<a@b> -SIZE=1", SYNTAX},
    {"FROM:<a@b>   ", OK("a@b")},
    {"FROM:<a@b>  SIZE=1   BODY=7BIT", OK("a@b")},
    {"FROM:<a@b> BODY=8bitmime", OK("a@b")},
    {"FROM:<a@b> BODY=BINARYMIME", SYNTAX},
    {"FROM:<a@b> BODY", SYNTAX},
    {"FROM:<a@b> SMTPUTF8=1", SYNTAX},
    {"FROM:<a@b> requiretls", OK("a@b")},
    {"FROM:<a@b> REQUIRETLS=1", SYNTAX},
    {"FROM:<a@b> REQUIRETLS REQUIRETLS", SYNTAX},
    {"FROM:<a@b> RET=HDRS ENVID=Q+2B1", OK("a@b")},
    {"FROM:<a@b> RET=full", OK("a@b")},
    {"FROM:<a@b> RET=BODY", SYNTAX},
    {"FROM:<a@b> RET", SYNTAX},
    {"FROM:<a@b> ENVID=+00", SYNTAX}, /* D09 */
    {"FROM:<a@b> ENVID=+0Ax", SYNTAX},
    {"FROM:<a@b> ENVID=+2b", SYNTAX},
    {"FROM:<a@b> ENVID=a+2", SYNTAX},
    {"FROM:<a@b> ENVID", SYNTAX},
    {"FROM:<a@b> AUTH=<>", OK("a@b")},
    {"FROM:<a@b> AUTH=root+40x", OK("a@b")},
    {"FROM:<a@b> AUTH=+0Ax", SYNTAX}, /* D09 */
    {"FROM:<a@b> AUTH", SYNTAX},
    {"FROM:<a@b> XYZ=1", 555, "5.5.4", NULL},
    {"FROM:<a@b> NOTIFY=NEVER", 555, "5.5.4", NULL},
    {"FROM:<a@b> SIZES=1", 555, "5.5.4", NULL},
    {"FROM:<a@b> \xc3\xbc=1", SYNTAX},
    {"FROM:<a@b> SIZE=1\x7f", SYNTAX},
};

#define NO_RCPT 501, "5.1.3", NULL

static const struct path_case rcpts[] = {
    {"TO:<u@y>", OK("u@y")}, {"to: <u@y>", OK("u@y")},
    {"TO:<Postmaster>", OK("Postmaster")}, {"TO:<>", NO_RCPT},
    {"FROM:<u@y>", SYNTAX},
    {"TO:<u%y@l>", OK("u%y@l")},         /* G07: the relay rules' business */
    {"TO:<\"u@y\">", OK("\"u@y\"")},     /* G09 */
    {"TO:<\"u@y\"@l>", OK("\"u@y\"@l")}, /* G13 */
    {"TO:<u@y@l>", NO_RCPT},             /* G11 */
    {"TO:<u@y@[127.0.0.1]>", NO_RCPT},   /* G12 */
    {"TO:<@l:u@y>", NO_RCPT},            /* G15 */
    {"TO:<@[127.0.0.1]:u@y>", NO_RCPT},  /* G16 */
    {"TO:<y!u>", OK("y!u")},             /* G17 */
    {"TO:<y!u@l>", OK("y!u@l")},         /* G18 */
    {"TO:<@a,@b:u@y>", NO_RCPT},         /* G20 */
    {"TO:<u@ALLOWED.ex.>", NO_RCPT},     /* G21 */
    {"TO:<u@fe80::1%eth0>", NO_RCPT},    /* G22 */
    {"TO:<u@[IPv6:fe80::1%eth0]>", NO_RCPT},
    {"TO:<u@y> NOTIFY=NEVER", OK("u@y")},
    {"TO:<u@y> NOTIFY=success,DELAY ORCPT=rfc822;a+40b", OK("u@y")},
    {"TO:<u@y> NOTIFY=NEVER,DELAY", SYNTAX}, {"TO:<u@y> NOTIFY=", SYNTAX},
    {"TO:<u@y> NOTIFY", SYNTAX}, {"TO:<u@y> NOTIFY=DELAY NOTIFY=DELAY", SYNTAX},
    {"TO:<u@y> ORCPT=rfc822;a+0Aroot", SYNTAX}, /* D09 */
    {"TO:<u@y> ORCPT=a", SYNTAX}, {"TO:<u@y> ORCPT=;a", SYNTAX},
    {"TO:<u@y> ORCPT", SYNTAX}, {"TO:<u@y> SIZE=1", 555, "5.5.4", NULL},
    {"TO:<u@y> SMTPUTF8", 555, "5.5.4", NULL},
    {"TO:<\xc3\xbc@y>", 553, "5.6.7", NULL}, /* D14 */
};

static void
judge(const struct path_case *c, int result, const struct status *st,
    const struct address *a)
{
	if ((result == 0) != (c->code == 0))
		fail_msg("%s: %d %s", c->arg, result ? st->code : 0,
		    result ? st->text : "taken");
	if (result == 0) {
		assert_string_equal(a->text, c->address);
		return;
	}
	if (st->code != c->code || strcmp(st->enhanced, c->enhanced) != 0)
		fail_msg("%s: %d %s", c->arg, st->code, st->enhanced);
	assert_int_equal(st->verdict, NEVER);
}

static void
test_D08_D12_mail(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mails) / sizeof(mails[0]); i++) {
		struct session_mail m;
		struct status st;
		size_t len = strlen(mails[i].arg);
		char *arg = exact(mails[i].arg, len);
		int r = command_mail(arg, len, &m, &st);
		judge(&mails[i], r, &st, &m.from);
		free(arg);
	}
}

static void
test_G07_G20_rcpt(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rcpts) / sizeof(rcpts[0]); i++) {
		struct session_rcpt r;
		struct status st;
		size_t len = strlen(rcpts[i].arg);
		char *arg = exact(rcpts[i].arg, len);
		int n = command_rcpt(arg, len, false, &r, &st);
		judge(&rcpts[i], n, &st, &r.addr);
		free(arg);
	}
}

static void
test_parameters_are_kept(void **state)
{
	struct session_mail m;
	struct session_rcpt r;
	struct status st;
	const char *mail = "FROM:<a@b> SIZE=18446744073709551615 BODY=8BITMIME "
			   "RET=FULL ENVID=Q+2B SMTPUTF8 REQUIRETLS AUTH=x";
	const char *rcpt = "TO:<\xc3\xbc@y> NOTIFY=FAILURE,SUCCESS "
			   "ORCPT=rfc822;u+2B@y";
	(void)state;
	assert_int_equal(command_mail(mail, strlen(mail), &m, &st), 0);
	assert_true(m.size == UINT64_MAX && m.eight_bit && m.utf8);
	assert_true(m.require_tls);
	assert_int_equal(m.ret, RET_FULL);
	assert_string_equal(m.envid, "Q+2B");
	assert_int_equal(command_rcpt(rcpt, strlen(rcpt), true, &r, &st), 0);
	assert_int_equal(r.notify, NOTIFY_FAILURE | NOTIFY_SUCCESS);
	assert_string_equal(r.orcpt, "rfc822;u+2B@y");
	/* Nothing is left of the one before (D26). */
	assert_int_equal(command_mail("FROM:<>", 7, &m, &st), 0);
	assert_true(m.size == 0 && !m.eight_bit && !m.utf8);
	assert_false(m.require_tls);
	assert_true(m.ret == RET_NONE && m.envid[0] == '\0');
	assert_int_equal(command_rcpt("TO:<u>", 6, true, &r, &st), 0);
	assert_true(r.notify == 0 && r.orcpt[0] == '\0');
}

/* Local part, domain, address; 0 or the code. */
static int
lengths(size_t local, size_t domain)
{
	char arg[1000];
	struct session_rcpt r;
	struct status st;
	size_t n = (size_t)snprintf(arg, sizeof(arg), "TO:<");
	memset(arg + n, 'x', local);
	n += local;
	arg[n++] = '@';
	for (size_t i = 0; i < domain; i++)
		arg[n++] = i % 50 == 49 && i + 1 < domain ? '.' : 'x';
	arg[n++] = '>';
	return command_rcpt(arg, n, false, &r, &st) == 0 ? 0 : st.code;
}

static void
test_D12_lengths(void **state)
{
	(void)state;
	assert_int_equal(lengths(64, 100), 0);
	assert_int_equal(lengths(65, 100), 501);
	assert_int_equal(lengths(64, 189), 0);
	assert_int_equal(lengths(64, 190), 501);
	assert_int_equal(lengths(1, 256), 501);
}

static void
test_D09_value_lengths(void **state)
{
	char arg[1000];
	struct session_mail m;
	struct session_rcpt r;
	struct status st;
	(void)state;
	for (int n = ENVID_MAX; n <= ENVID_MAX + 1; n++) {
		int len =
		    snprintf(arg, sizeof(arg), "FROM:<> ENVID=%0*d", n, 0);
		assert_int_equal(command_mail(arg, (size_t)len, &m, &st),
		    n <= ENVID_MAX ? 0 : -1);
	}
	for (int n = ORCPT_MAX; n <= ORCPT_MAX + 1; n++) {
		int len = snprintf(
		    arg, sizeof(arg), "TO:<u> ORCPT=rfc822;%0*d", n - 7, 0);
		assert_int_equal(command_rcpt(arg, (size_t)len, false, &r, &st),
		    n <= ORCPT_MAX ? 0 : -1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_verbs),
	    cmocka_unit_test(test_D16_foreign),
	    cmocka_unit_test(test_D01_D25_helo),
	    cmocka_unit_test(test_D08_D12_mail),
	    cmocka_unit_test(test_G07_G20_rcpt),
	    cmocka_unit_test(test_parameters_are_kept),
	    cmocka_unit_test(test_D12_lengths),
	    cmocka_unit_test(test_D09_value_lengths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

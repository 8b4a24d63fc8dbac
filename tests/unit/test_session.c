/* SPDX-License-Identifier: ISC */
/* The session: order, limits, lines, what ends it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "session_dialog.h"

#define BYE "C: QUIT\nS: 221 2.0.0 mx.test closing connection\n"
#define BAD_LINE \
	"S: 500 5.5.2 A line ends in CR LF, and holds no other CR or LF\n"
#define UNKNOWN "C: FOO\nS: 500 Unknown command\n"
#define GONE(why) "S: 421 4.7.0 mx.test " why ", closing connection\n"
#define TAKEN(n, from, to, text) \
	"S: 250 2.0.0 Queued as " n "\nM: " from " " to " " text "\n"

static const struct dialog plain[] = {
    {"one message",
	EHLO LETTER "C: Subject: x\nC:\nC: ..hi\nC: .\n" TAKEN("1", "a@x.test",
	    "b@here.test", "Subject: x\\r\\n\\r\\n.hi\\r\\n") BYE},
    {"R1 A1 after HELO no enhanced codes",
	"C: HELO c.test\nS: 250 mx.test\nC: MAIL FROM:<a@x.test>\nS: 250 Ok\n"
	"C: RCPT TO:<u@remote.test>\n"
	"S: 550 Unable to relay for u@remote.test\n"
	"C: DATA\nS: 503 No valid recipients\n"
	"C: QUIT\nS: 221 mx.test closing connection\n"},
    {"A1 after EHLO with 5.7.1",
	EHLO MAIL "C: RCPT TO:<u@remote.test>\n"
		  "S: 550 5.7.1 Unable to relay for u@remote.test\n"},
    {"A2 R2 the other recipients stay usable", EHLO MAIL
	"C: RCPT TO:<u@remote.test>\n"
	"S: 550 5.7.1 Unable to relay for u@remote.test\n" RCPT DATA
	"C: x\nC: .\n" TAKEN("1", "a@x.test", "b@here.test", "x\\r\\n")},
    {"A4 the null sender, and a bare recipient",
	EHLO "C: MAIL FROM:<>\nS: 250 2.1.0 Ok\n"
	     "C: RCPT TO:<postmaster>\nS: 250 2.1.5 Ok\n" DATA
	     "C: .\n" TAKEN("1", "", "postmaster", "")},
    {"A50 disk low",
	EHLO "C: MAIL FROM:<disk@low.test>\nS: 452 4.3.1 Disk low\n"
	     "C: RCPT TO:<b@here.test>\nS: 503 5.5.1 MAIL first\n" LETTER
	     "C: .\n" TAKEN("1", "a@x.test", "b@here.test", "")},
    {"A50 bare HELO", "C: HELO\nS: 501 Syntax: HELO hostname\n"
		      "C: EHLO \nS: 501 Syntax: EHLO hostname\n" EHLO},
    {"D01 names", "C: EHLO [IPv6:zz]\nS: 501 Syntax: EHLO hostname\n"
		  "C: EHLO <script>\nS: 501 Syntax: EHLO hostname\n"
		  "C: HELO \033[2J\nS: 501 Syntax: HELO hostname\n"
		  "C: HELO two words\nS: 501 Syntax: HELO hostname\n"
		  "C: HELO [127.0.0.1]\nS: 250 mx.test\n"
		  "C: HELO my_printer\nS: 250 mx.test\n"},
    {"D03 NOOP, RSET, VRFY, HELP, EHLO",
	"P: idle=4\n" EHLO "C: NOOP\nS: 250 2.0.0 Ok\n"
	"C: RSET\nS: 250 2.0.0 Ok\n"
	"C: HELP\nS: 214 2.0.0 waypost: see RFC 5321 and waypost-smtpd(8)\n"
	"C: VRFY x\n" GONE("Too many commands without mail")},
    {"D03 a message brings them back",
	"P: idle=2\n" EHLO "C: NOOP\nS: 250 2.0.0 Ok\n" LETTER
	"C: .\n" TAKEN("1", "a@x.test", "b@here.test",
	    "") "C: NOOP\nS: 250 2.0.0 Ok\nC: RSET x\n"
		"S: 501 5.5.4 No parameter is allowed\n"
		"C: RSET\nS: 250 2.0.0 Ok\nC: NOOP x\n" GONE("Too many "
							     "commands without "
							     "mail")},
    {"D04 order",
	"C: MAIL FROM:<a@x.test>\nS: 503 Say HELO or EHLO first\n"
	"C: RCPT TO:<b@here.test>\nS: 503 MAIL first\n"
	"C: DATA\nS: 503 MAIL first\n" EHLO
	"C: RCPT TO:<b@here.test>\nS: 503 5.5.1 MAIL first\n"
	"C: DATA\nS: 503 5.5.1 MAIL first\n" MAIL "C: MAIL FROM:<z@x.test>\n"
	"S: 503 5.5.1 A mail transaction is open already\n"
	"C: DATA\nS: 503 5.5.1 No valid recipients\n" RCPT
	"C: DATA now\nS: 501 5.5.4 Syntax: DATA\n" DATA
	"C: .\n" TAKEN("1", "a@x.test", "b@here.test", "")},
    {"D04 EHLO and RSET end a transaction, a faulty EHLO does not",
	EHLO MAIL RCPT EHLO
	"C: RCPT TO:<b@here.test>\nS: 503 5.5.1 MAIL first\n" MAIL RCPT
	"C: RSET\nS: 250 2.0.0 Ok\nC: DATA\nS: 503 5.5.1 MAIL first\n" MAIL
	"C: EHLO @\nS: 501 5.5.4 Syntax: EHLO hostname\n" RCPT
	"C: QUIT now\nS: 501 5.5.4 No parameter is allowed\n" BYE},
    {"D05 after a refused message",
	EHLO LETTER "C: X-Hops: 99\nC: .\nS: 554 5.4.6 Too many hops\n"
		    "C: RCPT TO:<b@here.test>\nS: 503 5.5.1 MAIL first\n" LETTER
		    "C: X-Commit: no\nC: .\nS: 451 4.3.0 Try again\n"
		    "C: DATA\nS: 503 5.5.1 MAIL first\n" LETTER
		    "C: .\n" TAKEN("1", "a@x.test", "b@here.test", "")},
    {"D06 E21 BDAT, and its octets",
	EHLO MAIL RCPT "C: BDAT 24 LAST\nS: 502 5.5.1 CHUNKING is not "
		       "offered\n" GONE("CHUNKING is not offered") "R: NOOP\\r"
								   "\\n"},
    {"E22 BDAT of any size, with and without a transaction",
	EHLO "C: BDAT -1\nS: 502 5.5.1 CHUNKING is not offered\n" GONE(
	    "CHUNKING is not offered") "R: RSET\\r\\n"},
    {"E22 2^64", EHLO MAIL "C: BDAT 18446744073709551616 LAST\n"
			   "S: 502 5.5.1 CHUNKING is not offered\n" GONE(
			       "CHUNKING is not offered") "R: x\\r\\n"},
    {"E22 0", EHLO MAIL RCPT "C: BDAT 0 LAST\n"
			     "S: 502 5.5.1 CHUNKING is not offered\n" GONE(
				 "CHUNKING is not offered")},
    {"E21 BDAT where TLS is required",
	"P: require-tls\nC: BDAT 24 LAST\nS: 502 CHUNKING is not offered\n"
	"S: 421 mx.test CHUNKING is not offered, closing connection\n"},
    {"D07 VRFY, EXPN, ETRN",
	"C: VRFY root\nS: 252 Send some mail, I'll try my best\n"
	"C: vrfy\nS: 252 Send some mail, I'll try my best\n"
	"C: EXPN root\nS: 502 Not implemented\n"
	"C: EXPN nobody\nS: 502 Not implemented\n"
	"C: ETRN here.test\nS: 502 Not implemented\n"},
    {"D08 A40 sizes",
	"P: size=1000\n" EHLO_SIZE(
	    "1000") "C: MAIL FROM:<a@x.test> SIZE=1001\n"
		    "S: 552 5.3.4 Message too large\n"
		    "C: MAIL FROM:<a@x.test> SIZE=-1\n"
		    "S: 501 5.5.4 Malformed or repeated parameter\n"
		    "C: MAIL FROM:<a@x.test> SIZE=1000\nS: 250 2.1.0 Ok\n"},
    {"D10 trailing blanks, and a blank after the colon",
	EHLO "C: MAIL FROM: <a@x.test>  \nS: 250 2.1.0 Ok\n"
	     "C: RCPT TO:  <b@here.test> \nS: 250 2.1.5 Ok\n"
	     "C: DATA \nS: 354 End data with <CR><LF>.<CR><LF>\nC: .\n" TAKEN(
		 "1", "a@x.test", "b@here.test", "")},
    {"D13 NUL", EHLO "C: MAIL FROM:<a@x.test>\\0<b>\n"
		     "S: 501 5.5.2 NUL in a command\nC: NO\\0OP\n"
		     "S: 501 5.5.2 NUL in a command\n"},
    {"D14 8-bit without SMTPUTF8",
	EHLO "C: MAIL FROM:<\xc3\xbc@x.test>\nS: 553 5.6.7 "
	     "Internationalized address without SMTPUTF8\n" MAIL
	     "C: RCPT TO:<\xc3\xbc@here.test>\nS: 553 5.6.7 "
	     "Internationalized address without SMTPUTF8\n"
	     "C: VRFY \xc3\xbc\n"
	     "S: 252 2.5.2 Send some mail, I'll try my best\n"
	     "C: DATA\nS: 503 5.5.1 No valid recipients\n"},
    {"D14 and with it; the reply stays ASCII",
	EHLO "C: MAIL FROM:<\xc3\xbc@x.test> SMTPUTF8\nS: 250 2.1.0 Ok\n"
	     "C: RCPT TO:<\xc3\xbc@remote.test>\n"
	     "S: 550 5.7.1 Unable to relay for ??@remote.test\n"
	     "C: RCPT TO:<\xff@here.test>\nS: 501 5.1.3 the local part has an "
	     "empty atom or begins with an octet that is not allowed\n"
	     "C: RCPT TO:<\xc3\xbc@here.test>\nS: 250 2.1.5 Ok\n" DATA
	     "C: .\n" TAKEN("1", "\xc3\xbc@x.test", "\xc3\xbc@here.test", "")},
    {"D15 LF or CR alone, refused",
	EHLO "R: NOOP\\n\n" BAD_LINE "R: NOOP\\rNOOP\\r\\n\n" BAD_LINE
	     "R: \\n\n" BAD_LINE "R: \\r\\r\\n\n" BAD_LINE
	     "C: NOOP\nS: 250 2.0.0 Ok\n"},
    {"D15 LF alone, for old devices",
	"P: normalize\nR: HELO c.test\\n\nS: 250 mx.test\n"
	"R: NOOP\\rNOOP\\n\n"
	"S: 500 A line ends in CR LF, and holds no other CR or LF\n"
	"R: NOOP\\n\nS: 250 Ok\n"},
    {"D16 HTTP", "C: GET / HTTP/1.1\nS: 421 mx.test This is SMTP, closing "
		 "connection\nC: Host: x\n"},
    {"D16 HTTP with LF", "R: POST / HTTP/1.1\\nHost: x\\n\n"
			 "S: 421 mx.test This is SMTP, closing connection\n"},
    {"D16 SSH", "C: SSH-2.0-x\nS: 421 mx.test This is SMTP, closing "
		"connection\n"},
    {"D16 TLS hello", "R: \x16\x03\x01\\0\\0abc\n"
		      "S: 421 mx.test This is SMTP, closing connection\n"},
    {"D19 recipients",
	"P: recipients=2\n" EHLO MAIL RCPT
	"C: RCPT TO:<c@here.test>\nS: 250 2.1.5 Ok\n"
	"C: RCPT TO:<d@here.test>\nS: 452 4.5.3 Too many recipients\n" DATA
	"C: .\n" TAKEN("1", "a@x.test", "b@here.test,c@here.test", "")},
    {"D20 other people's commands",
	EHLO "C: XCLIENT ADDR=127.0.0.1\nS: 500 5.5.2 Unknown command\n"
	     "C: XFORWARD NAME=x\nS: 500 5.5.2 Unknown command\n"
	     "C: PROXY TCP4 127.0.0.1 127.0.0.1 1 25\n"
	     "S: 500 5.5.2 Unknown command\nC:\n"
	     "S: 500 5.5.2 Unknown command\n"},
    {"D20 PROXY v2", "R: \\r\\n\\r\\n\\0\\r\\nQUIT\\n!\\r\\n\n"
		     "S: 500 Unknown command\nS: 500 Unknown command\n"
		     "S: 501 NUL in a command\nS: 500 A line ends in CR LF, "
		     "and holds no other CR or LF\nS: 500 Unknown command\n"},
    {"D21 A42 errors", "P: errors=3\n" UNKNOWN UNKNOWN UNKNOWN UNKNOWN
		       "S: 421 mx.test Too many errors, closing connection\n"
		       "C: NOOP\n"},
    {"A42 a message brings errors back",
	"P: errors=1\n" EHLO "C: FOO\nS: 500 5.5.2 Unknown command\n" LETTER
	"C: .\n" TAKEN("1", "a@x.test", "b@here.test",
	    "") "C: FOO\nS: 500 5.5.2 Unknown command\n"
		"C: EXPN\nS: 502 5.5.1 Not implemented\n" GONE("Too many "
							       "errors")},
    {"4xx are no errors",
	"P: errors=1\n" EHLO MAIL
	"C: RCPT TO:<full@here.test>\nS: 452 4.2.2 Mailbox Full\n"
	"C: RCPT TO:<full@here.test>\nS: 452 4.2.2 Mailbox Full\n"
	"C: RCPT TO:<full@here.test>\nS: 452 4.2.2 Mailbox Full\n" RCPT},
    {"D22 SHUT_WR after the dot",
	EHLO LETTER "C: .\n" TAKEN("1", "a@x.test", "b@here.test", "") "E:\n"},
    {"D23 end in a message", EHLO LETTER "C: x\nR: .\\r\nE:\n"},
    {"D23 end in a command", EHLO "R: NOOP\\r\nE:\n"},
    {"D26 the second message shares nothing with the first", EHLO
	"C: MAIL FROM:<\xc3\xbc@x.test> SMTPUTF8\nS: 250 2.1.0 Ok\n" RCPT DATA
	"C: one\nC: .\n" TAKEN("1", "\xc3\xbc@x.test", "b@here.test",
	    "one\\r\\n") MAIL "C: RCPT TO:<\xc3\xbc@here.test>\nS: 553 "
			      "5.6.7 "
			      "Internationalized address without SMTPUTF8\n"
			      "C: RCPT TO:<c@here.test>\nS: 250 2.1.5 "
			      "Ok\n" DATA "C: two\nC: .\n" TAKEN(
				  "2", "a@x.test", "c@here.test", "two\\r\\n")},
    {"repeated recipients are kept once", EHLO MAIL RCPT RCPT
	"C: RCPT TO:<b@HERE.test>\nS: 250 2.1.5 Ok\n"
	"C: RCPT TO:<B@here.test>\nS: 250 2.1.5 Ok\n"
	"C: RCPT TO:<\"b\"@here.test>\n"
	"S: 250 2.1.5 Ok\n" DATA
	"C: .\n" TAKEN("1", "a@x.test", "b@here.test,B@here.test", "")},
    {"and count",
	"P: recipients=2\n" EHLO MAIL RCPT RCPT "C: RCPT TO:<b@here.test>\n"
	"S: 452 4.5.3 Too many recipients\n"},
    {"A14 revoked: the next RCPT and DATA",
	EHLO MAIL "C: RCPT TO:<revoke@here.test>\nS: 250 2.1.5 Ok\n"
		  "C: RCPT TO:<b@here.test>\n"
		  "S: 550 5.7.1 Unable to relay for b@here.test\n"
		  "C: DATA\nS: 550 5.7.1 Unable to relay\n"
		  "C: DATA\nS: 503 5.5.1 MAIL first\n"},
    {"access lost",
	EHLO MAIL "C: RCPT TO:<expel@here.test>\nS: 250 2.1.5 Ok\n"
		  "C: RCPT TO:<b@here.test>\n" GONE("Go away") "C: NOOP\n"},
    {"octets behind a DATA that was taken", EHLO LETTER
	"C: QUIT\nC: .\n" TAKEN("1", "a@x.test", "b@here.test", "QUIT\\r\\n")
	    BYE},
    {"octets behind a DATA that was not",
	EHLO "C: DATA\nS: 503 5.5.1 MAIL first\nC: Subject: x\n"
	     "S: 500 5.5.2 Unknown command\nC: .\n"
	     "S: 500 5.5.2 Unknown command\n"},
};

static void
test_dialogs(void **state)
{
	(void)state;
	DIALOGS(plain);
}

/* Dialogs with a long line of n octets, CRLF counted. */
static void
long_line(const char *before, size_t n, const char *after)
{
	struct buf b;
	char name[40];
	buf_init(&b, 1 << 20);
	(void)buf_adds(&b, before);
	for (size_t i = strlen("NOOP \r\n"); i < n; i++)
		(void)buf_addc(&b, 'x');
	(void)buf_addf(&b, "\n%s", after);
	(void)snprintf(name, sizeof(name), "a line of %zu", n);
	dialog(name, b.data);
	buf_free(&b);
}

static void
test_D02_line_lengths(void **state)
{
	(void)state;
	long_line("C: NOOP ", 2048, "S: 250 Ok\n");
	long_line("C: NOOP ", 2049,
	    "S: 500 Line too long\nC: NOOP\n"
	    "S: 250 Ok\n");
	long_line("C: NOOP ", 65536,
	    "S: 500 Line too long\nC: NOOP\n"
	    "S: 250 Ok\n");
	long_line("C: NOOP ", 65537,
	    "S: 421 mx.test Line too long, closing connection\nC: NOOP\n");
	long_line("R: NOOP ", 70000,
	    "S: 421 mx.test Line too long, closing connection\n");
	long_line("C: HEAD ", 3000,
	    "S: 421 mx.test This is SMTP, closing connection\n");
}

static void
test_D01_long_name(void **state)
{
	(void)state;
	long_line("C: EHLO ", 255 + 7,
	    "S: 250-mx.test\nS: 250-SIZE 0\n"
	    "S: 250-PIPELINING\nS: 250-8BITMIME\n"
	    "S: 250-SMTPUTF8\nS: 250-DSN\n"
	    "S: 250 ENHANCEDSTATUSCODES\n");
	long_line("C: EHLO ", 256 + 7, "S: 501 Syntax: EHLO hostname\n");
}

static void
greet(bool denied, bool early, const char *expected, enum session_want want)
{
	struct owner o;
	owner_init(&o, false);
	o.denied = denied;
	session_greet(o.s, early);
	owner_serve(&o);
	assert_string_equal(buf_str(&o.said), expected);
	assert_int_equal(session_wants(o.s), want);
	owner_free(&o);
}

static void
test_D17_A43_greeting(void **state)
{
	(void)state;
	greet(false, false, "220 mx.test ESMTP waypost\r\n", SESSION_INPUT);
	greet(false, true, "554 mx.test You talked before my greeting\r\n",
	    SESSION_CLOSE);
	greet(true, false, "554 Go away\r\n", SESSION_CLOSE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_dialogs),
	    cmocka_unit_test(test_D02_line_lengths),
	    cmocka_unit_test(test_D01_long_name),
	    cmocka_unit_test(test_D17_A43_greeting),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* The octets of a message: where it ends, what is refused (E, A40). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "session_dialog.h"

#define DISTRUST \
	"S: 421 4.7.0 mx.test Line ends must be CR LF, closing connection\n"
#define BARE "S: 550 5.6.0 Bare CR or LF in the message\n" DISTRUST
#define NUL "S: 554 5.6.0 NUL in the message\n"
#define TAKEN(n, text) \
	"S: 250 2.0.0 Queued as " n "\nM: a@x.test b@here.test " text "\n"
/* The message that hides behind the sequence. */
#define SMUGGLED                                                               \
	"MAIL FROM:<s@x>\\r\\nRCPT TO:<t@here.test>\\r\\nDATA\\r\\nevil\\r\\n" \
	".\\r\\n"
#define SMUGGLED_TEXT \
	"MAIL FROM:<s@x>\\r\\nRCPT TO:<t@here.test>\\r\\nDATA\\r\\nevil\\r\\n"

/* The sequence; the one message when bare line ends are mended. */
static const struct smuggle {
	const char *id, *sequence, *mended;
	bool nul;
} smuggles[] = {
    {"E01", "\\n.\\n", "\\r\\n.\\r\\n", false},
    {"E02", "\\n.\\r\\n", "\\r\\n.\\r\\n", false},
    {"E03", "\\r\\n.\\n", "\\r\\n.\\r\\n", false},
    {"E04", "\\r.\\r", "\\r\\n.\\r\\n", false},
    {"E05", "\\r.\\n", "\\r\\n.\\r\\n", false},
    {"E06", "\\n.\\r", "\\r\\n.\\r\\n", false},
    {"E07", "\\r.\\r\\n", "\\r\\n.\\r\\n", false},
    {"E08", "\\r\\n.\\r", "\\r\\n.\\r\\n", false},
    {"E09", "\\r\\n\\0.\\r\\n", NULL, true},
    {"E10", "\\r\\n.\\0\\r\\n", NULL, true},
    {"E11", "\\r\\r\\n.\\r\\r\\n", "\\r\\n.\\r\\n", false},
    {"E12", "\\r\\n.\\r\\r\\n", "\\r\\n.\\r\\n", false},
    {"E13", "\\r\\r\\n.\\r\\n", "\\r\\n.\\r\\n", false},
};

static void
smuggle(const struct smuggle *c)
{
	char text[2000], name[32];
	(void)snprintf(text, sizeof(text),
	    EHLO LETTER "R: body%s" SMUGGLED "\n%s"
			"R: NOOP\\r\\n\n%s",
	    c->sequence, c->nul ? NUL : BARE,
	    c->nul ? "S: 250 2.0.0 Ok\n" : "");
	(void)snprintf(name, sizeof(name), "%s reject", c->id);
	dialog(name, text);
	(void)snprintf(text, sizeof(text),
	    "P: normalize\n" EHLO LETTER "R: body%s" SMUGGLED "\n%s%s%s"
	    "R: NOOP\\r\\n\nS: 250 2.0.0 Ok\n",
	    c->sequence,
	    c->nul ? NUL
		   : "S: 250 2.0.0 Queued as 1\nM: a@x.test b@here.test body",
	    c->nul ? "" : c->mended, c->nul ? "" : SMUGGLED_TEXT "\n");
	(void)snprintf(name, sizeof(name), "%s normalize", c->id);
	dialog(name, text);
}

static void
test_E01_E13_never_two_messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(smuggles) / sizeof(smuggles[0]); i++)
		smuggle(&smuggles[i]);
}

static const struct dialog framing[] = {
    {"E15 two dots", EHLO LETTER "C: ..\nC: .\n" TAKEN("1", ".\\r\\n")},
    {"E15 dots", EHLO LETTER
	"C: .a\nC: ...\nC: a.\nC: .\n" TAKEN("1", "a\\r\\n..\\r\\na.\\r\\n")},
    {"E16 empty", EHLO LETTER "C: .\n" TAKEN("1", "")},
    {"E18 oversize, then LF and commands, then the end",
	"P: size=10\n" EHLO_SIZE("10") LETTER
	"R: 0123456789abc\\r\\n.\\nMAIL FROM:<s@x>\\r\\n.\\r\\nNOOP\\r\\n\n"
	"S: 552 5.3.4 Message too large\n" DISTRUST},
    {"E18 the other way round", "P: size=10\n" EHLO_SIZE("10") LETTER
	"R: x\\n0123456789abc\\r\\n.\\r\\n\n"
	"S: 552 5.3.4 Message too large\n" DISTRUST},
    {"E20 refused", EHLO LETTER "R: a\\nb\\r\\n.\\r\\nNOOP\\r\\n\n" BARE},
    {"E20 refused: CR", EHLO LETTER "R: a\\rb\\r\\n.\\r\\n\n" BARE},
    {"E20 mended",
	"P: normalize\n" EHLO LETTER "R: "
	"a\\nb\\rc\\n\\nd\\r\\re\\r\\r\\n.f\\r\\n..g\\n..h\\r\\n."
	"\\r\\n\n" TAKEN("1",
	    "a\\r\\nb\\r\\nc\\r\\n\\r\\nd\\r\\n\\r\\ne\\r\\n.f\\r\\n.g"
	    "\\r\\n..h\\r\\n")},
    {"E20 CR alone: the header still ends",
	"P: normalize\n" EHLO LETTER
	"R: A: b\\r\\rtext\\r\\r\\rend\\r\\n.\\r\\n\n" TAKEN(
	    "1", "A: b\\r\\n\\r\\ntext\\r\\n\\r\\n\\r\\nend\\r\\n")},
    {"E20 and NUL", EHLO LETTER "R: a\\0b\\rc\\r\\n.\\r\\n\n" BARE},
    {"NUL", EHLO LETTER "R: a\\0b\\r\\n.\\r\\n\n" NUL LETTER
			"C: .\n" TAKEN("1", "")},
    {"NUL beats the owner's refusal",
	EHLO LETTER "C: X-Hops: 99\nC: \\0\nC: .\n" NUL},
    {"size beats the owner's refusal", "P: size=14\n" EHLO_SIZE("14") LETTER
	"C: X-Hops: 99\nC: x\nC: .\nS: 552 5.3.4 Message too large\n"},
    {"E26 text before a dot",
	EHLO LETTER "C: x.\nC: .\n" TAKEN("1", "x.\\r\\n")},
    {"8-bit octets and longest lines are the owner's business",
	EHLO LETTER "C: \xff\xfe\nC: .\n" TAKEN("1", "\xff\xfe\\r\\n")},
    {"A40 oversize, and the session is alive",
	"P: size=6\n" EHLO_SIZE("6") LETTER
	"C: 12345\nC: .\nS: 552 5.3.4 Message too large\n" LETTER
	"C: 1234\nC: .\n" TAKEN("1", "1234\\r\\n") LETTER
	"C: ..\nC: ..\nC: .\n" TAKEN("2", ".\\r\\n.\\r\\n")},
    {"A42 session size: the next session has room",
	"P: session=10\n" EHLO_SIZE("10") LETTER
	"C: 1234\nC: .\n" TAKEN("1", "1234\\r\\n") LETTER
	"C: 1234\nC: .\nS: 421 4.7.0 mx.test Too much mail in one session, "
	"closing connection\nC: NOOP\n"},
    {"A42 said at MAIL", "P: session=10 size=10\n" EHLO_SIZE("10") LETTER
	"C: 1234\nC: .\n" TAKEN("1",
	    "1234\\r\\n") "C: MAIL FROM:<a@x.test> SIZE=4\nS: 250 2.1.0 Ok\n"
			  "C: RSET\nS: 250 2.0.0 Ok\n"
			  "C: MAIL FROM:<a@x.test> SIZE=5\n"
			  "S: 421 4.7.0 mx.test Too much mail in one session, "
			  "closing "
			  "connection\n"},
    {"A42 no session has room", "P: session=10\n" EHLO_SIZE("10") LETTER
	"C: 123456789\nC: .\nS: 552 5.3.4 Message too large\n"
	"C: MAIL FROM:<a@x.test> SIZE=11\nS: 552 5.3.4 Message too large\n"
	"C: MAIL FROM:<a@x.test>\nS: 421 4.7.0 mx.test Too much mail in one "
	"session, closing connection\n"},
};

static void
test_framing(void **state)
{
	(void)state;
	DIALOGS(framing);
}

/* E17: a tail at every offset around the edges of the inner buffers. */
static void
at_edge(size_t edge, const char *tail, const char *kept, size_t step)
{
	for (size_t n = edge - 6; n <= edge + 4; n++) {
		struct owner o;
		struct buf b, wanted;
		owner_init(&o, false);
		buf_init(&b, 1 << 20);
		buf_init(&wanted, 1 << 20);
		for (size_t i = 0; i < n; i++) {
			(void)buf_addc(&b, 'x');
			(void)buf_addc(&wanted, 'x');
		}
		(void)buf_adds(&b, tail);
		(void)buf_adds(&wanted, kept);
		const char *open = "EHLO c\r\nMAIL FROM:<a@x.test>\r\n"
				   "RCPT TO:<b@here.test>\r\nDATA\r\n";
		owner_give(&o, open, strlen(open));
		for (size_t i = 0; i < b.len; i += step)
			owner_give(&o, b.data + i,
			    step < b.len - i ? step : b.len - i);
		assert_int_equal(o.commits, 1);
		assert_string_equal(buf_str(&o.letter), buf_str(&wanted));
		assert_non_null(strstr(buf_str(&o.said), "250 2.0.0 Ok"));
		buf_free(&b);
		buf_free(&wanted);
		owner_free(&o);
	}
}

static void
test_E17_edges(void **state)
{
	static const size_t edges[] = {256, 512, 16384, 32768};
	static const size_t steps[] = {1, 4096, 1 << 20};
	(void)state;
	for (size_t i = 0; i < 4; i++)
		for (size_t j = 0; j < 3; j++) {
			at_edge(
			    edges[i], "\r\n.\r\nNOOP\r\n", "\r\n", steps[j]);
			at_edge(edges[i], "\r\n..\r\n.x\r\n.\r\nNOOP\r\n",
			    "\r\n.\r\nx\r\n", steps[j]);
		}
}

/* E19: no more than a ceiling is swallowed, whatever the client sends. */
static void
test_E19_endless(void **state)
{
	struct owner o;
	static char block[1 << 20];
	size_t n = 0;
	(void)state;
	memset(block, 'x', sizeof(block));
	owner_init(&o, false);
	o.policy.message_size = 100;
	const char *open = "EHLO c\r\nMAIL FROM:<a@x.test>\r\n"
			   "RCPT TO:<b@here.test>\r\nDATA\r\n";
	owner_give(&o, open, strlen(open));
	while (n < 300 && session_wants(o.s) == SESSION_INPUT) {
		owner_give(&o, block, sizeof(block));
		n++;
	}
	assert_int_equal(n, 257);
	assert_true(o.letter.len <= 100);
	assert_non_null(strstr(buf_str(&o.said), "421 4.7.0 mx.test Message"));
	owner_free(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_E01_E13_never_two_messages),
	    cmocka_unit_test(test_framing),
	    cmocka_unit_test(test_E17_edges),
	    cmocka_unit_test(test_E19_endless),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

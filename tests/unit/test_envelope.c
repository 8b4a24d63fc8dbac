/* SPDX-License-Identifier: ISC */
/*
 * queue/envelope.h: the text form there and back, and all that must not be
 * taken for one.
 */
#include "queue/envelope.h"

#include "spool.h"

#define HEAD                                            \
	"envelope: 1\nseq: 1\narrived: 1764000000123\n" \
	"source: sendmail uid=1000\n"
#define FROM "from: user@example.com\n"
#define RCPT "rcpt: 1 - - a@example.net\n"

static int
read_text(const char *text, size_t len, struct envelope *e)
{
	const char *why = NULL;
	int result = envelope_read(e, text, len, &why);
	if (result != 0)
		assert_non_null(why);
	return result;
}

static void
test_round_trip(void **state)
{
	static const char *const t[] = {
	    HEAD FROM RCPT,
	    HEAD "from: \n" RCPT,
	    HEAD FROM "body: 8bit\n" RCPT,
	    HEAD FROM
	    "utf8: yes\nrcpt: 1 - - gr\xc3\xbc\xc3\x9f@b\xc3\xbc.example\n",
	    HEAD FROM "envid: QQ314159+2B\nret: full\n" RCPT,
	    HEAD FROM "tls: required\n" RCPT,
	    HEAD FROM "body: 8bit\nret: hdrs\ntls: optional\n" RCPT,
	    HEAD FROM
	    "body: 8bit\nutf8: yes\nenvid: x\nret: hdrs\n"
	    "watch: 1m86yafn6n2vk86ptpb\n"
	    "defer: yes\n"
	    "rcpt: 1 never - a@example.net\n"
	    "rcpt: 2 success,failure,delay rfc822;a+20b@x a@[192.0.2.1]\n"
	    "rcpt: 3 failure - \"a b\"@example.net\n"
	    "rcpt: 77 delay utf-8;a b@example.net\n",
	    "envelope: 1\nseq: 4096\narrived: 0\nsource: \n" FROM RCPT,
	    "envelope: 1\nseq: 2\narrived: 9223372036854775807\nsource: s\n"
	    "from: a@b\nrcpt: 4294967294 - - c@d\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct envelope e;
		struct buf out;
		if (read_text(t[i], strlen(t[i]), &e) != 0)
			fail_msg("refused: %s", t[i]);
		buf_init(&out, ENVELOPE_MAX);
		assert_int_equal(envelope_write(&e, &out), 0);
		assert_string_equal(buf_str(&out), t[i]);
		buf_free(&out);
		envelope_free(&e);
	}
}

static void
test_values(void **state)
{
	static const char text[] =
	    "envelope: 1\nseq: 3\narrived: 17\nsource: smtp 192.0.2.1\n"
	    "from: \nbody: 8bit\nutf8: yes\nenvid: id+41\nret: hdrs\n"
	    "rcpt: 2 success,delay rfc822;x a@example.net\n"
	    "rcpt: 5 never - b@example.net\n"
	    "rcpt: 6 expanded rfc822;l list@example.net\n";
	struct envelope e;
	(void)state;
	assert_int_equal(read_text(text, sizeof(text) - 1, &e), 0);
	assert_int_equal(e.seq, 3);
	assert_int_equal(e.arrived_ms, 17);
	assert_string_equal(e.source, "smtp 192.0.2.1");
	assert_true(address_is_null(&e.from));
	assert_true(e.eight_bit && e.utf8);
	assert_string_equal(e.envid, "id+41");
	assert_int_equal(e.ret, RET_HDRS);
	assert_int_equal(e.nrcpts, 3);
	assert_int_equal(e.rcpts[0].number, 2);
	assert_int_equal(e.rcpts[0].notify, NOTIFY_SUCCESS | NOTIFY_DELAY);
	assert_string_equal(e.rcpts[0].orcpt, "rfc822;x");
	assert_string_equal(e.rcpts[0].addr.text, "a@example.net");
	assert_int_equal(e.rcpts[1].notify, NOTIFY_NEVER);
	assert_null(e.rcpts[1].orcpt);
	assert_int_equal(e.rcpts[2].notify, NOTIFY_EXPANDED);
	struct buf again;
	buf_init(&again, 1000);
	assert_int_equal(envelope_write(&e, &again), 0);
	assert_string_equal(buf_str(&again), text);
	buf_free(&again);

	/* Numbers go on from the last one, not from how many there are. */
	struct address more = letter_address("c@example.net");
	assert_int_equal(envelope_add(&e, &more, 0, NULL), 0);
	assert_int_equal(e.rcpts[3].number, 7);
	envelope_free(&e);
}

static void
test_N12_refused(void **state)
{
	static const char *const t[] = {
	    "",
	    "\n",
	    "envelope: 1\n",
	    "envelope: 2\n",
	    HEAD FROM, /* nobody to send it to */
	    HEAD RCPT, /* no sender */
	    "seq: 1\n" HEAD FROM RCPT,
	    HEAD FROM RCPT "\n",
	    HEAD FROM RCPT "x: y\n",
	    HEAD FROM "x: y\n" RCPT,
	    HEAD FROM FROM RCPT,
	    HEAD FROM RCPT FROM,
	    HEAD FROM "Body: 8bit\n" RCPT,
	    HEAD FROM "body: 7bit\n" RCPT,
	    HEAD FROM "utf8: no\n" RCPT,
	    HEAD FROM "utf8: yes\nbody: 8bit\n" RCPT,
	    HEAD FROM "envid: \n" RCPT,
	    HEAD FROM "envid: a+0A\n" RCPT,
	    HEAD FROM "envid: a b\n" RCPT,
	    HEAD FROM "ret: none\n" RCPT,
	    HEAD FROM "watch: \n" RCPT,
	    HEAD FROM "watch: ../../etc/passwd\n" RCPT,
	    HEAD FROM "watch: 1m86yafn6n2vk86ptpb\nret: full\n" RCPT,
	    HEAD FROM "defer: no\n" RCPT,
	    HEAD FROM "ret: full\nret: hdrs\n" RCPT,
	    HEAD "from: user\n" RCPT,
	    HEAD "from: <user@example.com>\n" RCPT,
	    HEAD "from: gr\xc3\xbc@example.com\n" RCPT,
	    HEAD "from:user@example.com\n" RCPT,
	    HEAD "from: a@b\r\n" RCPT,
	    HEAD FROM "rcpt: 1 - - a@example.net",
	    HEAD FROM "rcpt: 1 - - \n",
	    HEAD FROM "rcpt: 1 - -\n",
	    HEAD FROM "rcpt: 1 -  a@example.net\n",
	    HEAD FROM "rcpt: 0 - - a@example.net\n",
	    HEAD FROM "rcpt: 01 - - a@example.net\n",
	    HEAD FROM "rcpt: -1 - - a@example.net\n",
	    HEAD FROM "rcpt: 4294967295 - - a@example.net\n",
	    HEAD FROM "rcpt: 99999999999999999999 - - a@example.net\n",
	    HEAD FROM RCPT RCPT,
	    HEAD FROM "rcpt: 2 - - a@b\nrcpt: 1 - - a@b\n",
	    HEAD FROM "rcpt: 1 never,delay - a@b\n",
	    HEAD FROM "rcpt: 1 bogus - a@b\n",
	    HEAD FROM "rcpt: 1 - rfc822 a@b\n",
	    HEAD FROM "rcpt: 1 - rfc822;a+0Aroot a@b\n",
	    HEAD FROM "rcpt: 1 - - a\n",
	    HEAD FROM "rcpt: 1 - - a@b \n",
	    HEAD FROM "rcpt: 1 - - a@b c@d\n",
	    HEAD FROM "rcpt: 1 - - gr\xc3\xbc@b\n",
	    HEAD FROM "rcpt: 1 - - a@b\r\n",
	    HEAD FROM "rcpt: 1 - - \x1b@b\n",
	    "envelope: 1\nseq: 0\narrived: 1\nsource: s\n" FROM RCPT,
	    "envelope: 1\nseq: 4097\narrived: 1\nsource: s\n" FROM RCPT,
	    "envelope: 1\nseq: 1\narrived: -1\nsource: s\n" FROM RCPT,
	    "envelope: 1\nseq: 1\narrived: 9223372036854775808\nsource: "
	    "s\n" FROM RCPT,
	    "envelope: 1\nseq: 1\narrived: 1\nsource: a\tb\n" FROM RCPT,
	    "envelope: 1\nseq: 1\narrived: 1\nsource: \xc3\xbc\n" FROM RCPT,
	    "envelope: 1\nseq: 1\narrived: 1\n" FROM RCPT,
	};
	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct envelope e;
		if (read_text(t[i], strlen(t[i]), &e) == 0)
			fail_msg("taken: %s", t[i]);
		envelope_free(&e); /* twice is harmless */
	}
}

static void
test_N12_nul_anywhere(void **state)
{
	char text[] = HEAD FROM "envid: x\n" RCPT;
	(void)state;
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		struct envelope e;
		char c = text[i];
		text[i] = '\0';
		if (read_text(text, sizeof(text) - 1, &e) == 0)
			fail_msg("NUL at %zu taken", i);
		text[i] = c;
	}
}

static void
test_cut_anywhere(void **state)
{
	static const char text[] =
	    HEAD FROM "ret: full\n" RCPT "rcpt: 2 - - b@example.net\n";
	size_t first = sizeof(text) - 1 - strlen("rcpt: 2 - - b@example.net\n");
	(void)state;
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		struct envelope e;
		int result = read_text(text, i, &e);
		if ((result == 0) != (i == first))
			fail_msg("cut at %zu: %d", i, result);
		envelope_free(&e);
	}
}

static void
test_INV7_source_is_one_line(void **state)
{
	struct envelope e;
	struct buf out;
	(void)state;
	letter_envelope(&e, 1, 1);
	free(e.source);
	e.source = strdup("smtp\nfrom: x@y\r\x1b[m\xff");
	e.arrived_ms = -5; /* a clock before 1970 */
	buf_init(&out, ENVELOPE_MAX);
	assert_int_equal(envelope_write(&e, &out), 0);
	envelope_free(&e);
	assert_int_equal(read_text(buf_str(&out), out.len, &e), 0);
	assert_string_equal(e.source, "smtp?from: x@y??[m?");
	assert_int_equal(e.arrived_ms, 0);
	envelope_free(&e);
	buf_free(&out);
}

static void
test_ceilings(void **state)
{
	struct envelope e;
	struct buf out, small;
	struct address a = letter_address("a@example.net");
	(void)state;
	envelope_init(&e);
	e.from = a;
	for (unsigned i = 0; i < RECIPIENTS_MAX; i++)
		assert_int_equal(envelope_add(&e, &a, 0, NULL), 0);
	assert_int_equal(envelope_add(&e, &a, 0, NULL), -1);
	assert_int_equal(e.nrcpts, RECIPIENTS_MAX);
	buf_init(&small, 1000);
	assert_int_equal(envelope_write(&e, &small), -1);
	buf_init(&out, ENVELOPE_MAX);
	assert_int_equal(envelope_write(&e, &out), 0);
	envelope_free(&e);

	assert_int_equal(read_text(buf_str(&out), out.len, &e), 0);
	assert_int_equal(e.nrcpts, RECIPIENTS_MAX);
	envelope_free(&e);
	(void)buf_addf(&out, "rcpt: %d - - b@c\n", RECIPIENTS_MAX + 1);
	assert_int_equal(read_text(buf_str(&out), out.len, &e), -1);
	buf_free(&out);
	buf_free(&small);
}

static void
test_D09_A25_xtext(void **state)
{
	static const struct {
		const char *s;
		bool valid;
	} t[] = {{"a", true}, {"a+41", true}, {"+2B+3D", true}, {"~!", true},
	    {"a+20b", true}, {"", false}, {"+", false}, {"+4", false},
	    {"a+0A", false}, {"+00", false}, {"+7F", false}, {"+7E", true},
	    {"+1B", false}, {"+80", false}, {"+FF", false}, {"a+0a", false},
	    {"+4a", false}, {"a=b", false}, {"a b", false}, {"a\n", false},
	    {"\x7f", false}, {"\xc3\xbc", false}, {"+4+41", false}};
	char text[ENVID_MAX + 1];
	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (xtext_valid(t[i].s, strlen(t[i].s), ENVID_MAX) !=
		    t[i].valid)
			fail_msg("xtext %s", t[i].s);
	memset(text, 'x', sizeof(text));
	assert_true(xtext_valid(text, ENVID_MAX, ENVID_MAX));
	assert_false(xtext_valid(text, ENVID_MAX + 1, ENVID_MAX));
	assert_false(xtext_valid("a\0b", 3, ENVID_MAX));
}

static void
test_D09_orcpt(void **state)
{
	static const struct {
		const char *s;
		bool valid;
	} t[] = {{"rfc822;user@example.com", true}, {"utf-8;a+2Bb", true},
	    {"x;y", true}, {"rfc822;", false}, {";x", false}, {"rfc822", false},
	    {"", false}, {"rfc 822;x", false}, {"rfc822;a+0Aroot", false},
	    {"rfc822;a b", false}, {"rfc822,x;y", false}, {"a@b;c", false},
	    {"rfc822;a;b", true}, {"-", false}, {"rfc822;a\r\nRCPT", false}};
	char text[ORCPT_MAX + 2];
	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (orcpt_valid(t[i].s, strlen(t[i].s)) != t[i].valid)
			fail_msg("orcpt %s", t[i].s);
	memset(text, 'x', sizeof(text));
	text[6] = ';';
	assert_true(orcpt_valid(text, ORCPT_MAX));
	assert_false(orcpt_valid(text, ORCPT_MAX + 1));
}

static void
test_A25_notify(void **state)
{
	static const struct {
		const char *s;
		int bits; /* -1: none */
	} t[] = {{"NEVER", NOTIFY_NEVER}, {"never", NOTIFY_NEVER},
	    {"SUCCESS", NOTIFY_SUCCESS}, {"failure,DELAY", 12},
	    {"success,failure,delay", 14}, {"delay,delay", NOTIFY_DELAY},
	    {"", -1}, {"bogus", -1}, {",", -1}, {"success,", -1},
	    {",success", -1}, {"success,,delay", -1}, {"never,success", -1},
	    {"success,never", -1}, {"success, delay", -1}, {"succes", -1},
	    {"delay\n", -1}};
	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		unsigned bits = 99;
		int result = notify_parse(t[i].s, strlen(t[i].s), &bits);
		if (result != (t[i].bits < 0 ? -1 : 0) ||
		    (result == 0 && bits != (unsigned)t[i].bits))
			fail_msg("notify %s", t[i].s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_N12_refused),
	    cmocka_unit_test(test_N12_nul_anywhere),
	    cmocka_unit_test(test_cut_anywhere),
	    cmocka_unit_test(test_INV7_source_is_one_line),
	    cmocka_unit_test(test_ceilings),
	    cmocka_unit_test(test_D09_A25_xtext),
	    cmocka_unit_test(test_D09_orcpt),
	    cmocka_unit_test(test_A25_notify),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/*
 * The address grammar, case by case.  Names and notes carry the case ids of
 * the hazard list.
 */
#include "mail/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BARE ADDRESS_BARE
#define UTF8 ADDRESS_UTF8
#define EMPTY ADDRESS_EMPTY

#define A10 "aaaaaaaaaa"
#define L64 A10 A10 A10 A10 A10 A10 "aaaa"
#define D63 A10 A10 A10 A10 A10 A10 "aaa"

static int
parse(const char *s, unsigned flags, struct address *a)
{
	const char *why = NULL;
	int result = address_parse(a, s, strlen(s), flags, &why);
	assert_non_null(why);
	if (result != 0)
		assert_true(why[0] != '\0');
	if (result != 0 && strlen(s) > 3)
		assert_null(strstr(why, s));
	return result;
}

struct good {
	const char *text;
	unsigned flags;
	const char *local, *domain;
};

static const struct good accepted[] = {
    {"a@b", 0, "a", "b"},
    {"joe.q.public@example.com", 0, "joe.q.public", "example.com"},
    {"!#$%&'*+-/=?^_`{|}~@x", 0, "!#$%&'*+-/=?^_`{|}~", "x"},
    {"a@b_c.d-e.f", 0, "a", "b_c.d-e.f"},
    {"a@_dmarc.b", 0, "a", "_dmarc.b"},
    {"a@1a.2", 0, "a", "1a.2"},
    {"\"a b\"@c", 0, "a b", "c"},
    {"\"a\\\"b@c\"@d", 0, "a\"b@c", "d"}, /* D12 */
    {"\"a\\\\b\"@d", 0, "a\\b", "d"},
    {"\"\\a\"@d", 0, "a", "d"},
    {"\"<x>\"@d", 0, "<x>", "d"},
    {"\"\"@d", 0, "", "d"},
    {"\"|sh\"@h", 0, "|sh", "h"}, /* A13: a name, nothing more */
    {"-oops@x", 0, "-oops", "x"}, /* A10 */
    {"-x@h", 0, "-x", "h"},       /* D11 */
    {"`id`@h", 0, "`id`", "h"},
    {"${run{id}}@h", 0, "${run{id}}", "h"},
    {"a%0d%0a@b", 0, "a%0d%0a", "b"}, /* A11: never decoded */
    {"a%00@b", 0, "a%00", "b"},
    {"a@[1.2.3.4]", 0, "a", "[1.2.3.4]"},
    {"a@[IPv6:::1]", 0, "a", "[IPv6:::1]"},
    {"a@[ipv6:2001:db8::1.2.3.4]", 0, "a", "[ipv6:2001:db8::1.2.3.4]"},
    {"u%y@l", 0, "u%y", "l"},                         /* G07: routes nothing */
    {"u%y@[192.0.2.1]", 0, "u%y", "[192.0.2.1]"},     /* G08 */
    {"\"u@y\"", BARE, "u@y", ""},                     /* G09 */
    {"\"u%y\"", BARE, "u%y", ""},                     /* G10 */
    {"\"u@y\"@l", 0, "u@y", "l"},                     /* G13 */
    {"\"u@y\"@[192.0.2.1]", 0, "u@y", "[192.0.2.1]"}, /* G14 */
    {"y!u", BARE, "y!u", ""},                         /* G17 */
    {"y!u@l", 0, "y!u", "l"},                         /* G18 */
    {"y!u@[192.0.2.1]", 0, "y!u", "[192.0.2.1]"},     /* G19 */
    {"root", BARE, "root", ""},
    {"|/bin/sh", BARE, "|/bin/sh", ""},       /* A13 */
    {"/etc/passwd", BARE, "/etc/passwd", ""}, /* A13 */
    {"", EMPTY, "", ""},                      /* A09 */
    {"\xc3\xa9@b", UTF8, "\xc3\xa9", "b"},
    {"a@\xc3\xa9.de", UTF8, "a", "\xc3\xa9.de"},
    {"\"\xf0\x9f\x93\xa7 x\"@b", UTF8, "\xf0\x9f\x93\xa7 x", "b"},
    {"\"\\\\\xc3\xa9\"@b", UTF8, "\\\xc3\xa9", "b"},
    {L64 "@b", 0, L64, "b"},
    {"a@" D63 ".b", 0, "a", D63 ".b"},
};

static void
test_accepted_and_byte_equal(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(accepted); i++) {
		const struct good *g = &accepted[i];
		struct address a;
		char local[LOCAL_PART_MAX + 1];
		if (parse(g->text, g->flags, &a) != 0)
			fail_msg("refused: %s", g->text);
		assert_string_equal(a.text, g->text);
		assert_int_equal(a.len, strlen(g->text));
		assert_string_equal(address_domain(&a), g->domain);
		assert_int_equal(address_local(&a, local), strlen(g->local));
		assert_string_equal(local, g->local);
		assert_int_equal(address_is_null(&a), g->text[0] == '\0');
		assert_int_equal(address_is_bare(&a),
		    g->text[0] != '\0' && g->domain[0] == '\0');
		if (address_is_bare(&a))
			assert_int_equal(a.at, a.len);
	}
}

struct bad {
	const char *text;
	unsigned flags;
};

static const struct bad refused[] = {
    {"", 0},
    {"", BARE | UTF8},
    {"root", 0},
    {"a@", BARE},
    {"@", BARE},
    {"@b", BARE},
    {"a b@c", BARE}, /* LIB9 */
    {"a@b c", BARE},
    {" a@b", BARE},
    {"a@b ", BARE},
    {"a>b@c", BARE}, /* LIB9 */
    {"a<b@c", BARE},
    {"<a@b>", BARE},
    {"<a@b", BARE},
    {"a@b>", BARE},
    {"<a@b>x", BARE}, /* D12 */
    {"<>", BARE | EMPTY},
    {"a..b@c", BARE}, /* D12 */
    {".a@b", BARE},
    {"a.@b", BARE},
    {".", BARE},
    {"a@-c", BARE}, /* D12 */
    {"a@c-", BARE},
    {"a@c-.d", BARE},
    {"a@b..c", BARE}, /* D12 */
    {"a@.b", BARE},
    {"a@b.", BARE},          /* G21: no final dot */
    {"u@ALLOWED.ex.", BARE}, /* G21 */
    {"a@1.2.3.4", BARE},
    {"a@123", BARE},
    {"a@[1.2.3.999]", BARE}, /* D12 */
    {"a@[1.2.3]", BARE},
    {"a@[1.2.3.4", BARE},
    {"a@[1.2.3.4]x", BARE},
    {"a@[1.2.3.4].b", BARE},
    {"a@[]", BARE},
    {"a@[", BARE},
    {"a@[IPv6:]", BARE},
    {"a@[IPv6:fe80::1%eth0]", BARE},
    {"a@[::1]", BARE},
    {"a@[tag:x]", BARE},
    {"a@[ 1.2.3.4]", BARE},
    {"u@y@l", BARE},                /* G11 */
    {"u@y@[192.0.2.1]", BARE},      /* G12 */
    {"@l:u@y", BARE},               /* G15 */
    {"@[192.0.2.1]:u@y", BARE},     /* G16 */
    {"@a,@b:u@y", BARE},            /* G20 */
    {":include:/etc/shadow", BARE}, /* A13 */
    {"a@b,c@d", BARE},
    {"a;b@c", BARE},
    {"a:b@c", BARE},
    {"a(b)@c", BARE},
    {"a@b(c)", BARE},
    {"a\\b@c", BARE},
    {"a\\@b@c", BARE},
    {"$(id)@h", BARE}, /* D11 */
    {";sh", BARE},     /* D11 */
    {"\"a", BARE},
    {"\"a\\", BARE},
    {"\"a\\\"", BARE},
    {"\"", BARE},
    {"\"a\"b@c", BARE},
    {"a\"b\"@c", BARE},
    {"\"a\".b@c", BARE},
    {"\"a\"\"b\"@c", BARE},
    {"\xc3\xa9@b", BARE}, /* D14: not without UTF8 */
    {"a@\xc3\xa9", BARE},
    {"\"\xc3\xa9\"@b", BARE},
    {"\xc3@b", UTF8},
    {"\xc0\xaf@b", UTF8},
    {"\xe0\x82\xa9@b", UTF8}, /* longer than it need be */
    {"\xf0\x82\x82\xa9@b", UTF8},
    {"\xed\xa0\x80@b", UTF8},
    {"\xf4\x90\x80\x80@b", UTF8},
    {"\xff@b", UTF8},
    {"\"\\\xc3\xa9\"@b", UTF8},
    {"a@b\xe3\x80\x82"
     "c",
	UTF8}, /* G21: a dot for IDNA */
    {"a@b\xef\xbc\x8e"
     "c",
	UTF8},
    {"a@b\xef\xbd\xa1"
     "c",
	UTF8},
    {"\xc2\x85@b", UTF8}, /* A07: NEL */
    {"a@\xc2\x85", UTF8},
    {"\"\xe2\x80\xa8\"@b", UTF8},
    {L64 "a@b", BARE}, /* D12 */
    {L64 "a", BARE},
    {"a@" D63 "a.b", BARE},
};

static void
test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		struct address a;
		if (parse(refused[i].text, refused[i].flags, &a) == 0)
			fail_msg("accepted: %s", refused[i].text);
		assert_true(address_is_null(&a));
	}
}

/* A06, A07, D13, LIB1: every octet in every place of three addresses. */
static void
test_A06_A07_D13_every_octet(void **state)
{
	static const char *const whole[] = {"ab@cd.ef", "\"ab\"@cd", "abcd"};
	(void)state;
	for (size_t w = 0; w < COUNT(whole); w++)
		for (unsigned c = 0; c < 256; c++)
			for (size_t at = 0; at <= strlen(whole[w]); at++) {
				char text[16];
				size_t len = strlen(whole[w]) + 1;
				const char *why;
				struct address a;
				memcpy(text, whole[w], at);
				text[at] = (char)c;
				memcpy(text + at + 1, whole[w] + at, len - at);
				int result =
				    address_parse(&a, text, len, 7, &why);
				if (c < 0x20 || c >= 0x7f)
					assert_int_equal(result, -1);
				if (result != 0)
					continue;
				assert_int_equal(a.len, len);
				assert_memory_equal(a.text, text, len + 1);
				if (c == '<' || c == '>' || c == ' ')
					assert_int_equal(text[0], '"');
			}
}

static void
test_D12_longest_address(void **state)
{
	char text[ADDRESS_MAX + 2];
	const char *why;
	struct address a;
	(void)state;
	memset(text, 'd', sizeof(text));
	text[1] = '@';
	for (size_t i = 10; i < sizeof(text); i += 50)
		text[i] = '.';
	assert_int_equal(address_parse(&a, text, ADDRESS_MAX, 0, &why), 0);
	assert_int_equal(a.len, 254);
	assert_int_equal(a.text[254], '\0');
	assert_int_equal(address_parse(&a, text, ADDRESS_MAX + 1, 0, &why), -1);
}

static void
test_D12_domain_256(void **state)
{
	char text[DOMAIN_MAX + 1];
	(void)state;
	memset(text, 'd', sizeof(text));
	for (size_t i = 10; i < sizeof(text); i += 50)
		text[i] = '.';
	assert_true(domain_valid(text, DOMAIN_MAX, 0));
	assert_false(domain_valid(text, DOMAIN_MAX + 1, 0));
	assert_false(domain_valid("", 0, 0));
	assert_false(domain_valid("a\0b", 3, UTF8)); /* G21 */
	assert_true(domain_valid("localhost", 9, 0));
	assert_false(domain_valid("[1.2.3.4]", 9, 0));
	assert_true(domain_literal_valid("[1.2.3.4]", 9));
	assert_false(domain_literal_valid("[1.2.3.4]", 8));
	assert_false(domain_literal_valid("[1.2.3.4\0]", 10));
}

static void
test_qualify(void **state)
{
	struct address a;
	char longest[ADDRESS_MAX + 1];
	(void)state;
	assert_int_equal(parse("root", BARE, &a), 0);
	assert_int_equal(address_qualify(&a, "example.com"), 0);
	assert_string_equal(a.text, "root@example.com");
	assert_string_equal(address_domain(&a), "example.com");
	assert_int_equal(a.len, 16);
	assert_int_equal(address_qualify(&a, "other.example"), 0);
	assert_string_equal(a.text, "root@example.com");
	assert_int_equal(parse("", EMPTY, &a), 0);
	assert_int_equal(address_qualify(&a, "example.com"), 0);
	assert_true(address_is_null(&a));
	assert_int_equal(parse("root", BARE, &a), 0);
	assert_int_equal(address_qualify(&a, "a b"), -1);
	assert_int_equal(address_qualify(&a, ""), -1);
	assert_true(address_is_bare(&a));
	memset(longest, 'd', ADDRESS_MAX);
	for (size_t i = 10; i < ADDRESS_MAX; i += 50)
		longest[i] = '.';
	longest[ADDRESS_MAX - 5] = '\0';
	assert_int_equal(address_qualify(&a, longest), 0);
	assert_int_equal(a.len, ADDRESS_MAX);
	assert_int_equal(parse("roots", BARE, &a), 0);
	assert_int_equal(address_qualify(&a, longest), -1);
}

/* 61 octets: no A-label holds them and more. */
#define LONG_LABEL                       \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static void
test_equal(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} t[] = {
	    {"a@b", "a@B", true},
	    {"a@b.C", "a@B.c", true},
	    {"a@b", "A@b", false},
	    {"a@b", "a@c", false},
	    {"a@b", "a", false},
	    {"\"a\"@b", "a@b", true},
	    {"\"a@b\"", "a@b", false},
	    {"\"\"", "", false},
	    {"", "", true},
	    {"a@[IPv6:::A]", "a@[ipv6:::a]", true},
	    {"a@BÜCHER.test", "a@xn--bcher-kva.test", true},
	    {"a@bücher.test", "a@bucher.test", false},
	    {"a@" LONG_LABEL "ü.test", "a@" LONG_LABEL "ö.test", false},
	    {"a@" LONG_LABEL "ü.test", "a@" LONG_LABEL "ü.test", true},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		struct address a, b;
		assert_int_equal(
		    parse(t[i].a, BARE | EMPTY | ADDRESS_UTF8, &a), 0);
		assert_int_equal(
		    parse(t[i].b, BARE | EMPTY | ADDRESS_UTF8, &b), 0);
		assert_int_equal(address_equal(&a, &b), t[i].equal);
		assert_int_equal(address_equal(&b, &a), t[i].equal);
	}
}

static void
test_is_utf8(void **state)
{
	struct address a;
	(void)state;
	assert_int_equal(parse("a@b", UTF8, &a), 0);
	assert_false(address_is_utf8(&a));
	assert_int_equal(parse("a@\xc3\xa9", UTF8, &a), 0);
	assert_true(address_is_utf8(&a));
	assert_false(address_local_is_utf8(&a));
	assert_int_equal(parse("\xc3\xa9@b", UTF8, &a), 0);
	assert_true(address_is_utf8(&a));
	assert_true(address_local_is_utf8(&a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_accepted_and_byte_equal),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_A06_A07_D13_every_octet),
	    cmocka_unit_test(test_D12_longest_address),
	    cmocka_unit_test(test_D12_domain_256),
	    cmocka_unit_test(test_qualify),
	    cmocka_unit_test(test_equal),
	    cmocka_unit_test(test_is_utf8),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

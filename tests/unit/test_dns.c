/* SPDX-License-Identifier: ISC */
/*
 * net/dns.h: messages built by hand, whole, cut at every octet, and lying.
 */
#include "net/dns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"

/* A literal without its final NUL. */
#define OCTETS(s) (const uint8_t *)(s), sizeof(s) - 1

/* Header and question "a.test": the name is at 12, "test" at 14. */
#define HEAD(rcode, answers)                             \
	"\x12\x34\x81" rcode "\0\1\0" answers "\0\0\0\0" \
	"\1a\4test\0"                                    \
	"\0\17\0\1"
#define OWNER "\xc0\x0c"
#define MX(ttl, len) OWNER "\0\17\0\1\0\0\0" ttl "\0" len
#define TXT(len) OWNER "\0\20\0\1\0\0\0\7\0" len
#define TLSA(len) OWNER "\0\64\0\1\0\0\0\7\0" len
#define PTR(len) OWNER "\0\14\0\1\0\0\0\7\0" len
#define A OWNER "\0\1\0\1\0\0\0\7\0\4"

static void
test_records(void **state)
{
	static const char two[] =
	    HEAD("\x80", "\3") MX("\x09", "\x0c") "\0\24\3MX2\4test\0" MX(
		"\5", "\x08") "\0\12\3mx1\xc0\x0e" A "\xc0\0\2\1";
	struct dns_message m;
	const char *why;
	(void)state;
	assert_int_equal(dns_read(OCTETS(two), RECORD_MX, &m), 0);
	assert_int_equal(m.n, 2);
	assert_int_equal(m.ttl, 5);
	assert_int_equal(m.records[0].preference, 20);
	assert_string_equal(m.records[0].name, "mx2.test");
	assert_int_equal(m.records[1].preference, 10);
	assert_string_equal(m.records[1].name, "mx1.test");
	assert_int_equal(dns_judge(&m, &why), ANSWER_OK);
	free(m.records);
	assert_int_equal(dns_read(OCTETS(two), RECORD_A, &m), 0);
	assert_int_equal(m.n, 1);
	assert_int_equal(m.ttl, 7);
	struct ip ip;
	assert_int_equal(ip_parse("192.0.2.1", 9, &ip), 0);
	assert_true(ip_equal(&m.records[0].ip, &ip));
	free(m.records);
	assert_int_equal(dns_read(OCTETS(two), RECORD_AAAA, &m), 0);
	assert_int_equal(m.n, 0);
	assert_int_equal(m.ttl, 0);
	assert_int_equal(dns_judge(&m, &why), ANSWER_NODATA);
	free(m.records);
}

/* RFC 7672 section 2.2.2: of which name is the address? */
static void
test_owner(void **state)
{
	static const char all[] =
	    HEAD("\x80", "\2") OWNER "\0\5\0\1\0\0\0\0\0\6\2Mx\1t\0"
				     "\2Mx\1t\0\0\1\0\1\0\0\0\0\0\4abcd";
	struct dns_message m;
	(void)state;
	assert_int_equal(dns_read(OCTETS(all), RECORD_A, &m), 0);
	assert_int_equal(m.n, 1);
	assert_string_equal(m.owner, "mx.t");
	free(m.records);
	assert_int_equal(dns_read(OCTETS(all), RECORD_CNAME, &m), 0);
	assert_int_equal(m.n, 1);
	assert_string_equal(m.records[0].name, "mx.t");
	assert_string_not_equal(m.owner, "mx.t");
	free(m.records);
	assert_int_equal(dns_read(OCTETS(all), RECORD_AAAA, &m), 0);
	assert_string_equal(m.owner, "");
	free(m.records);
}

static void
test_cut_anywhere(void **state)
{
	static const char all[] =
	    HEAD("\x80", "\1") MX("\5", "\x0c") "\0\24\3mx2\4test\0";
	(void)state;
	for (size_t len = 0; len < sizeof(all) - 1; len++) {
		struct dns_message m;
		uint8_t *copy = malloc(len > 0 ? len : 1);
		assert_non_null(copy);
		memcpy(copy, all, len);
		if (dns_read(copy, len, RECORD_MX, &m) != -1)
			fail_msg("%zu octets are no message", len);
		assert_null(m.records);
		free(copy);
	}
}

static void
test_malformed(void **state)
{
	static const struct {
		const char *what;
		const uint8_t *data;
		size_t len;
		enum record_type type;
	} t[] = {
	    {"pointer to itself",
		OCTETS(HEAD("\x80", "\1") "\xc0\x18\0\1\0\1\0\0\0\0\0\4abcd"),
		RECORD_A},
	    {"pointer forward",
		OCTETS(HEAD("\x80", "\1") "\xc0\x1a\0\0\1\0\1\0\0\0\0\0\4abcd"),
		RECORD_A},
	    {"pointer behind the end",
		OCTETS(HEAD("\x80", "\1") "\xff\xff\0\1\0\1\0\0\0\0\0\4abcd"),
		RECORD_A},
	    {"unknown label type",
		OCTETS(HEAD("\x80", "\1") "\x41\0\0\1\0\1\0\0\0\0\0\4abcd"),
		RECORD_A},
	    {"short address",
		OCTETS(HEAD("\x80", "\1") OWNER "\0\1\0\1\0\0\0\0\0\3abc"),
		RECORD_A},
	    {"long address",
		OCTETS(HEAD("\x80", "\1") OWNER "\0\1\0\1\0\0\0\0\0\5abcde"),
		RECORD_A},
	    {"IPv6 address of IPv4 size",
		OCTETS(HEAD("\x80", "\1") OWNER "\0\x1c\0\1\0\0\0\0\0\4abcd"),
		RECORD_AAAA},
	    {"MX without a name",
		OCTETS(HEAD("\x80", "\1") MX("\1", "\2") "\0\1"), RECORD_MX},
	    {"MX with more behind",
		OCTETS(HEAD("\x80", "\1") MX("\1", "\4") "\0\1\0x"), RECORD_MX},
	    {"MX whose name leaves its data",
		OCTETS(HEAD("\x80", "\1") MX("\1", "\4") "\0\1\1ab\0"),
		RECORD_MX},
	    {"fewer records than told", OCTETS(HEAD("\x80", "\2") A "abcd"),
		RECORD_A},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct dns_message m;
		if (dns_read(t[i].data, t[i].len, t[i].type, &m) != -1)
			fail_msg("%s", t[i].what);
	}
}

static void
test_C20_exchanges(void **state)
{
	static const char odd[] = HEAD("\x80", "\6")
	    MX("\1", "\7") "\0\1\3a/b\0" MX("\1", "\7") "\0\2\3u@h\0" MX(
		"\1", "\7") "\0\3\3a.b\0" MX("\1", "\7") "\0\4\3a\0b\0" MX("\1",
		"\5") "\0\5\1-\0" MX("\1", "\3") "\0\6\0";
	static const char all_odd[] =
	    HEAD("\x80", "\1") MX("\1", "\7") "\0\1\3a b\0";
	struct dns_message m;
	const char *why;
	(void)state;
	assert_int_equal(dns_read(OCTETS(odd), RECORD_MX, &m), 0);
	assert_int_equal(m.n, 1);
	assert_int_equal(m.left_out, 5);
	assert_int_equal(m.records[0].preference, 6);
	assert_string_equal(m.records[0].name, "");
	free(m.records);
	assert_int_equal(dns_read(OCTETS(all_odd), RECORD_MX, &m), 0);
	assert_int_equal(m.n, 0);
	assert_int_equal(dns_judge(&m, &why), ANSWER_FAIL);
	free(m.records);
}

static void
test_G23_reverse_names(void **state)
{
	static const char names[] = HEAD("\x80", "\5")
	    PTR("\7") "\4HOST\xc0\x0e" PTR("\5") "\3a/b\0" PTR("\1") "\0" PTR(
		"\5") "\3a\0b\0" MX("\1", "\5") "\0\1\1x\0";
	static const char longer[] = HEAD("\x80", "\1") PTR("\4") "\1x\0\0";
	static const char cut[] = HEAD("\x80", "\1") PTR("\2") "\4x";
	struct dns_message m;
	(void)state;
	assert_int_equal(dns_read(OCTETS(names), RECORD_PTR, &m), 0);
	assert_int_equal(m.n, 1);
	assert_int_equal(m.left_out, 3);
	assert_string_equal(m.records[0].name, "host.test");
	free(m.records);
	assert_int_equal(dns_read(OCTETS(longer), RECORD_PTR, &m), -1);
	assert_int_equal(dns_read(OCTETS(cut), RECORD_PTR, &m), -1);
}

static void
test_octets(void **state)
{
	static const char txt[] = HEAD("\x80", "\3")
	    TXT("\7") "\3abc\2de" A "\xc0\0\2\1" TXT("\1") "\0";
	static const char tlsa[] =
	    HEAD("\x80", "\2") TLSA("\5") "\3\1\1xy" TLSA("\1") "\3";
	static const char longer[] = HEAD("\x80", "\1") TXT("\2") "\2a";
	struct dns_message m;
	(void)state;
	assert_int_equal(dns_read(OCTETS(txt), RECORD_TXT, &m), 0);
	assert_int_equal(m.n, 2);
	assert_int_equal(m.records[0].len, 5);
	assert_memory_equal(m.records[0].data, "abcde", 5);
	assert_int_equal(m.records[1].len, 0);
	free(m.records);
	assert_int_equal(dns_read(OCTETS(tlsa), RECORD_TLSA, &m), 0);
	assert_int_equal(m.n, 2);
	assert_int_equal(m.records[0].len, 5);
	assert_memory_equal(m.records[0].data, "\3\1\1xy", 5);
	assert_int_equal(m.records[1].len, 1);
	free(m.records);
	assert_int_equal(dns_read(OCTETS(longer), RECORD_TXT, &m), -1);
}

static void
test_rcodes(void **state)
{
	static const enum answer_kind kinds[16] = {ANSWER_NODATA, ANSWER_FAIL,
	    ANSWER_FAIL, ANSWER_NXDOMAIN, ANSWER_FAIL, ANSWER_FAIL, ANSWER_FAIL,
	    ANSWER_FAIL, ANSWER_FAIL, ANSWER_FAIL, ANSWER_FAIL, ANSWER_FAIL,
	    ANSWER_FAIL, ANSWER_FAIL, ANSWER_FAIL, ANSWER_FAIL};
	char message[] = HEAD("\x80", "\0");
	(void)state;
	for (int i = 0; i < 16; i++) {
		struct dns_message m;
		const char *why;
		message[3] = (char)(0x80 | i);
		assert_int_equal(dns_read(OCTETS(message), RECORD_MX, &m), 0);
		assert_int_equal(dns_judge(&m, &why), kinds[i]);
		assert_non_null(why);
		free(m.records);
	}
}

static void
test_ceiling(void **state)
{
	enum { N = DNS_RECORDS_MAX + 44 };
	uint8_t all[24 + N * 16];
	struct dns_message m;
	(void)state;
	memcpy(all, HEAD("\x80", "\1"), 24);
	all[6] = N >> 8;
	all[7] = N & 0xff;
	for (int i = 0; i < N; i++)
		memcpy(all + 24 + i * 16, A "abcd", 16);
	assert_int_equal(dns_read(all, sizeof(all), RECORD_A, &m), 0);
	assert_int_equal(m.n, DNS_RECORDS_MAX);
	free(m.records);
}

static void
test_names(void **state)
{
	static const char *const good[] = {"a", "a.b", "1.a", "a-b.c_d",
	    "_dmarc.a", "XN--BCHER-KVA.EXAMPLE", "1.2.3.4a"};
	static const char *const bad[] = {"", ".", "a.", ".a", "a..b", "-a",
	    "a-", "a.-b", "a b", "a/b", "u@h", "h:25", "[::1]", "1.2.3.4", "1",
	    "b\xc3\xbc.test", "a\n", "a%00"};
	char name[256];
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!dns_name_valid(good[i], strlen(good[i])))
			fail_msg("%s is a name", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (dns_name_valid(bad[i], strlen(bad[i])))
			fail_msg("\"%s\" is no name", bad[i]);
	memset(name, 'a', sizeof(name));
	assert_true(dns_name_valid(name, 63));
	assert_false(dns_name_valid(name, 64));
	name[63] = name[127] = name[191] = '.';
	assert_true(dns_name_valid(name, 253));
	assert_false(dns_name_valid(name, 254));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_records),
	    cmocka_unit_test(test_owner),
	    cmocka_unit_test(test_cut_anywhere),
	    cmocka_unit_test(test_malformed),
	    cmocka_unit_test(test_C20_exchanges),
	    cmocka_unit_test(test_G23_reverse_names),
	    cmocka_unit_test(test_octets),
	    cmocka_unit_test(test_rcodes),
	    cmocka_unit_test(test_ceiling),
	    cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

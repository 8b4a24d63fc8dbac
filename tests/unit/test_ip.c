/* SPDX-License-Identifier: ISC */
/*
 * net/ip.h: addresses and blocks.  What may stand in an exception list
 * decides who relays, so the table of refusals is the longer one (G22).
 */
#include "net/ip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct ip
ip(const char *s)
{
	struct ip a;
	if (ip_parse(s, strlen(s), &a) != 0)
		fail_msg("%s is an address", s);
	return a;
}

static void
test_text_and_back(void **state)
{
	static const char *const t[][2] = {
	    {"192.0.2.1", "192.0.2.1"},
	    {"0.0.0.0", "0.0.0.0"},
	    {"255.255.255.255", "255.255.255.255"},
	    {"::", "::"},
	    {"::1", "::1"},
	    {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
	    {"::ffff:10.1.1.1", "10.1.1.1"},
	    {"::FFFF:0a01:0101", "10.1.1.1"},
	    {"1111:2222:3333:4444:5555:6666:7777:8888",
		"1111:2222:3333:4444:5555:6666:7777:8888"},
	    {"1111:2222:3333:4444:5555:6666:123.123.123.123",
		"1111:2222:3333:4444:5555:6666:7b7b:7b7b"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char out[IP_TEXT_MAX];
		struct ip a = ip(t[i][0]);
		ip_format(&a, out);
		assert_string_equal(out, t[i][1]);
		struct ip b = ip(out);
		assert_true(ip_equal(&a, &b));
		assert_int_equal(ip_is_v4(&a), strchr(out, '.') != NULL);
	}
}

static void
test_G22_no_addresses(void **state)
{
	static const char *const t[] = {"", "1", "10.1", "10.1.1", "10.1.1.1.1",
	    "256.1.1.1", "010.1.1.1", "0x0a.1.1.1", "10.1.1.1 ", " 10.1.1.1",
	    "10.1.1.1\n", "10.1.1.-1", "10..1.1", "fe80::1%eth0", "fe80::1%1",
	    "[::1]", "IPv6:::1", ":", ":::", "1::2::3", "::12345", "::g",
	    "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::ffff:10.1.1",
	    "::ffff:10.1.1.256", "localhost", "10.1.1.1/32",
	    "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa"};
	struct ip a;
	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (ip_parse(t[i], strlen(t[i]), &a) != -1)
			fail_msg("\"%s\" is no address", t[i]);
	assert_int_equal(ip_parse("10.1.1.1\0.9", 11, &a), -1);
	/* Only len octets are read. */
	assert_int_equal(ip_parse("10.1.1.19", 8, &a), 0);
	struct ip b = ip("10.1.1.1");
	assert_true(ip_equal(&a, &b));
}

static void
test_G22_no_blocks(void **state)
{
	static const char *const t[] = {"", "/", "/8", "10.0.0.0/",
	    "10.0.0.0/33", "10.0.0.0/128", "10.0.0.0/-1", "10.0.0.0/+8",
	    "10.0.0.0/08", "10.0.0.0/ 8", "10.0.0.0/8 ", "10.0.0.0/8/8",
	    "10.0.0.0/255.0.0.0", "10.0.0.0/4294967304", "10.0.0.1/8",
	    "10.1.1.1/31", "10.1/16", "0.0.0.0/0", "10.0.0.0/0", "::/0",
	    "::ffff:0:0/96", "::ffff:0:0/95", "::/129", "2001:db8::1/64",
	    "2001:db8::/28", "fe80::%eth0/64", "fe80::1%eth0", "[::1]/128",
	    "::1/1280"};
	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct cidr c;
		const char *why = NULL;
		if (cidr_parse(t[i], strlen(t[i]), &c, &why) != -1)
			fail_msg("\"%s\" is no block", t[i]);
		assert_non_null(why);
	}
}

static void
test_G22_covers(void **state)
{
	static const struct {
		const char *block, *address;
		bool covers;
	} t[] = {
	    {"10.1.1.1", "10.1.1.1", true},
	    {"10.1.1.1", "::ffff:10.1.1.1", true},
	    {"10.1.1.1", "10.1.1.0", false},
	    {"10.1.1.1", "::10.1.1.1", false},
	    {"::ffff:10.1.1.1", "10.1.1.1", true},
	    {"::ffff:10.0.0.0/104", "10.200.3.4", true},
	    {"::ffff:10.0.0.0/104", "11.0.0.0", false},
	    {"10.1.1.0/31", "10.1.1.1", true},
	    {"10.1.1.0/31", "10.1.1.2", false},
	    {"10.0.0.0/8", "10.255.255.255", true},
	    {"10.0.0.0/8", "9.255.255.255", false},
	    {"172.16.0.0/12", "172.31.255.255", true},
	    {"172.16.0.0/12", "172.32.0.0", false},
	    {"128.0.0.0/1", "255.0.0.1", true},
	    {"128.0.0.0/1", "127.0.0.1", false},
	    {"0.0.0.0/1", "127.0.0.1", true},
	    {"0.0.0.0/1", "::1", false},
	    {"2001:db8::/32", "2001:db8:ffff::1", true},
	    {"2001:db8::/32", "2001:db9::", false},
	    {"2001:db8::1", "2001:db8::1", true},
	    {"2001:db8::1", "2001:db8::2", false},
	    {"::1", "127.0.0.1", false},
	    /* Blocks written as IPv6 that hold ::ffff:0:0/96. */
	    {"::/1", "10.1.1.1", false},
	    {"::/64", "10.1.1.1", false},
	    {"::/80", "10.1.1.1", false},
	    {"::/64", "::1", true},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct cidr c;
		const char *why;
		struct ip a = ip(t[i].address);
		if (cidr_parse(t[i].block, strlen(t[i].block), &c, &why) != 0)
			fail_msg("%s: %s", t[i].block, why);
		if (cidr_covers(&c, &a) != t[i].covers)
			fail_msg("%s and %s", t[i].block, t[i].address);
	}
}

static void
test_K29_own(void **state)
{
	static const char *const own[] = {
	    "127.0.0.1", "127.255.0.9", "::1", "0.0.0.0", "::"};
	/* TEST-NET-3 and the documentation prefix are nobody's. */
	static const char *const others[] = {"203.0.113.77", "2001:db8::77",
	    "::127.0.0.1", "0.0.0.1", "128.0.0.1", "::2"};
	(void)state;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		struct ip a = ip(own[i]);
		if (!ip_is_own(&a))
			fail_msg("%s is this host", own[i]);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct ip a = ip(others[i]);
		if (ip_is_own(&a))
			fail_msg("%s is not this host", others[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_text_and_back),
	    cmocka_unit_test(test_G22_no_addresses),
	    cmocka_unit_test(test_G22_no_blocks),
	    cmocka_unit_test(test_G22_covers),
	    cmocka_unit_test(test_K29_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

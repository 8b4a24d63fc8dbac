/* SPDX-License-Identifier: ISC */
/*
 * smtpd/proxy.h: headers of both versions, whole and cut at every octet,
 * and what is none (D20).  Refusals are the longer list: a client's address
 * decides what it may do.
 */
#include "smtpd/proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAGIC "\r\n\r\n\0\r\nQUIT\n"
#define OCTETS(s) (s), sizeof(s) - 1
#define TCP4_HEAD MAGIC "\x21\x11\0\x0c"
#define TCP4_BODY "\xc0\0\2\1\xc0\0\2\2\x04\xd2\0\x19"
#define SIX(last) "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0" last

struct good {
	const char *data;
	size_t len;
	const char *ip; /* NULL: local */
	unsigned port;
};

static const struct good good[] = {
    {OCTETS("PROXY TCP4 192.0.2.1 192.0.2.2 1234 25\r\n"), "192.0.2.1", 1234},
    {OCTETS("PROXY TCP4 255.255.255.255 0.0.0.0 65535 0\r\n"),
	"255.255.255.255", 65535},
    {OCTETS("PROXY TCP6 2001:db8::1 ::1 0 25\r\n"), "2001:db8::1", 0},
    {OCTETS("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
	"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535},
    {OCTETS("PROXY TCP6 ::ffff:10.1.1.1 ::1 7 25\r\n"), "10.1.1.1", 7},
    {OCTETS("PROXY UNKNOWN\r\n"), NULL, 0},
    {OCTETS("PROXY UNKNOWN what ever 1 2\r\n"), NULL, 0},
    {OCTETS("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
	NULL, 0},
    {OCTETS(TCP4_HEAD TCP4_BODY), "192.0.2.1", 1234},
    {OCTETS(MAGIC "\x21\x21\0\x24" SIX("\1") SIX("\2") "\x04\xd2\0\x19"),
	"2001:db8::1", 1234},
    {OCTETS(MAGIC "\x21\x21\0\x24\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\1\1\1" SIX(
	 "\2") "\0\7\0\x19"),
	"10.1.1.1", 7},
    {OCTETS(MAGIC "\x20\0\0\0"), NULL, 0},
    {OCTETS(MAGIC "\x20\x11\0\x0c" TCP4_BODY), NULL, 0},
    {OCTETS(MAGIC "\x20\x77\0\3abc"), NULL, 0},
    {OCTETS(MAGIC "\x21\0\0\0"), NULL, 0},
    {OCTETS(MAGIC "\x21\0\0\4\x04\0\1x"), NULL, 0},
    /* Additions: ALPN, NOOP, and one that is empty. */
    {OCTETS(MAGIC "\x21\x11\0\x18" TCP4_BODY "\1\0\2h2\4\0\1\0\x30\0\0"),
	"192.0.2.1", 1234},
    /* Its CRC32C is right. */
    {OCTETS(MAGIC "\x21\x11\0\x13" TCP4_BODY "\3\0\4\x96\x5a\xb9\x68"),
	"192.0.2.1", 1234},
};
#define NGOOD (sizeof(good) / sizeof(good[0]))

/* As from a socket: nothing may be read behind the octets that came. */
static int
parse(const char *data, size_t len, struct proxy_result *r)
{
	char *copy = malloc(len > 0 ? len : 1);
	assert_non_null(copy);
	memcpy(copy, data, len);
	int n = proxy_parse(copy, len, r);
	free(copy);
	return n;
}

static void
check(const struct good *g, const struct proxy_result *r)
{
	assert_int_equal(r->local, g->ip == NULL);
	if (g->ip == NULL)
		return;
	char text[IP_TEXT_MAX];
	ip_format(&r->ip, text);
	assert_string_equal(text, g->ip);
	assert_int_equal(r->port, g->port);
}

static void
test_headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < NGOOD; i++) {
		struct proxy_result r;
		int n = parse(good[i].data, good[i].len, &r);
		if (n != (int)good[i].len)
			fail_msg("header %zu: %d", i, n);
		check(&good[i], &r);
	}
}

static void
test_what_follows_is_left(void **state)
{
	char data[1024];
	(void)state;
	for (size_t i = 0; i < NGOOD; i++) {
		struct proxy_result r;
		memcpy(data, good[i].data, good[i].len);
		memcpy(data + good[i].len, "\x16\3\1\nEHLO\r\n", 10);
		assert_int_equal(
		    parse(data, good[i].len + 10, &r), (int)good[i].len);
		check(&good[i], &r);
	}
}

static void
test_cut_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < NGOOD; i++) {
		for (size_t len = 0; len < good[i].len; len++) {
			struct proxy_result r;
			int n = parse(good[i].data, len, &r);
			if (n != 0)
				fail_msg(
				    "header %zu cut at %zu: %d", i, len, n);
		}
	}
}

static void
test_D20_no_header(void **state)
{
	static const struct {
		const char *data;
		size_t len;
	} t[] = {{OCTETS("EHLO x\r\n")}, {OCTETS("P\r\n")}, {OCTETS("proxy ")},
	    {OCTETS("PROXY\r\n")}, {OCTETS("PROXY \r\n")},
	    {OCTETS("PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n")},
	    {OCTETS("PROXY UNKNOWNS\r\n")}, {OCTETS("PROXY unknown\r\n")},
	    {OCTETS("PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n")},
	    {OCTETS("PROXY TCP4\r\n")}, {OCTETS("PROXY TCP4 1.2.3.4\r\n")},
	    {OCTETS("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n")},
	    {OCTETS("PROXY TCP4 1.2.3.4 1.2.3.4 1 \r\n")},
	    {OCTETS("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n")},
	    {OCTETS("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n")},
	    {OCTETS("PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n")},
	    {OCTETS("PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n")},
	    {OCTETS("PROXY TCP4\t1.2.3.4 1.2.3.4 1 2\r\n")},
	    {OCTETS("PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n")},
	    {OCTETS("PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n")},
	    {OCTETS("PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n")},
	    {OCTETS("PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n")},
	    {OCTETS("PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n")},
	    {OCTETS("PROXY TCP4 1.2.3.4 1.2.3.4 1x 2\r\n")},
	    {OCTETS("PROXY TCP4 1.2.3.4 1.2.3.4 4294967297 2\r\n")},
	    {OCTETS("PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n")},
	    {OCTETS("PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n")},
	    {OCTETS("PROXY TCP4 1.2.3.4 x 1 2\r\n")},
	    {OCTETS("PROXY TCP4 ::1 ::1 1 2\r\n")},
	    {OCTETS("PROXY TCP4 ::ffff:1.2.3.4 1.2.3.4 1 2\r\n")},
	    {OCTETS("PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n")},
	    {OCTETS("PROXY TCP6 ::1 1.2.3.4 1 2\r\n")},
	    {OCTETS("PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n")},
	    {OCTETS("PROXY TCP6 [::1] ::1 1 2\r\n")},
	    {OCTETS("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n")},
	    {OCTETS("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\r\n")},
	    {OCTETS("PROXY TCP4 1.2.3.4\r1.2.3.4 1 2\r\n")},
	    {OCTETS("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\0\r\n")},
	    {OCTETS("PROXY UNKNOWN\0")}, {OCTETS("PROXY UNKNOWN\n")},
	    /* 108 octets with their end; 107 without. */
	    {OCTETS(
		"PROXY UNKNOWN xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n")},
	    {OCTETS("PROXY UNKNOWN xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")},
	    {OCTETS("\r\n\r\nQ")}, {OCTETS("\r\n\r\n\0\r\nQUIT\r")},
	    {OCTETS("\r\nEHLO x\r\n")},
	    /* Another version, an unknown command. */
	    {OCTETS(MAGIC "\x11")}, {OCTETS(MAGIC "\x31")},
	    {OCTETS(MAGIC "\x22")}, {OCTETS(MAGIC "\x2f\x11\0\0")},
	    /* Datagrams, unix sockets, families of nobody. */
	    {OCTETS(MAGIC "\x21\x12\0\x0c" TCP4_BODY)},
	    {OCTETS(MAGIC "\x21\x22")}, {OCTETS(MAGIC "\x21\x31\0\xd8")},
	    {OCTETS(MAGIC "\x21\x01")}, {OCTETS(MAGIC "\x21\x10")},
	    {OCTETS(MAGIC "\x21\x41\0\x0c" TCP4_BODY)},
	    /* No room for the addresses. */
	    {OCTETS(MAGIC "\x21\x11\0\0")},
	    {OCTETS(MAGIC "\x21\x11\0\x0b" TCP4_BODY)},
	    {OCTETS(MAGIC "\x21\x21\0\x0c" TCP4_BODY)},
	    /* More than there may be; refused before it comes. */
	    {OCTETS(MAGIC "\x21\x11\2\x09")}, {OCTETS(MAGIC "\x20\0\xff\xff")},
	    /* Additions that do not fill their room. */
	    {OCTETS(MAGIC "\x21\x11\0\x0d" TCP4_BODY "\4")},
	    {OCTETS(MAGIC "\x21\x11\0\x0e" TCP4_BODY "\4\0")},
	    {OCTETS(MAGIC "\x21\x11\0\x0f" TCP4_BODY "\4\0\1")},
	    {OCTETS(MAGIC "\x21\x11\0\x10" TCP4_BODY "\4\0\0x")},
	    {OCTETS(MAGIC "\x21\0\0\4\x04\0\2x")},
	    /* A checksum that is wrong, or none. */
	    {OCTETS(MAGIC "\x21\x11\0\x13" TCP4_BODY "\3\0\4\x96\x5a\xb9\x69")},
	    {OCTETS(MAGIC "\x21\x11\0\x12" TCP4_BODY "\3\0\3\x96\x5a\xb9")}};
	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct proxy_result r = {.port = 4711};
		int n = parse(t[i].data, t[i].len, &r);
		if (n != -1 || r.port != 4711)
			fail_msg("no header %zu: %d", i, n);
	}
}

/* One bit of the addresses is another client: the checksum tells. */
static void
test_checksum_covers_all(void **state)
{
	const struct good *g = &good[NGOOD - 1];
	char data[64];
	(void)state;
	for (size_t bit = 0; bit < g->len * 8; bit++) {
		struct proxy_result r;
		memcpy(data, g->data, g->len);
		data[bit / 8] ^= (char)(1 << bit % 8);
		/* LOCAL has no additions to look at; another type of
		 * addition is no checksum; lengths may ask for more. */
		size_t at = bit / 8;
		if (at == 12 || at == 14 || at == 15 || at == 28)
			continue;
		if (parse(data, g->len, &r) > 0)
			fail_msg("bit %zu may change", bit);
	}
}

static void
test_longest(void **state)
{
	char data[PROXY_HEADER_MAX] = {0};
	struct proxy_result r;
	(void)state;
	memcpy(data, MAGIC "\x21\x11\2\x08" TCP4_BODY "\4\1\xf9", 31);
	assert_int_equal(parse(data, sizeof(data) - 1, &r), 0);
	assert_int_equal(parse(data, sizeof(data), &r), PROXY_HEADER_MAX);
	check(&(struct good){.ip = "192.0.2.1", .port = 1234}, &r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_headers),
	    cmocka_unit_test(test_what_follows_is_left),
	    cmocka_unit_test(test_cut_anywhere),
	    cmocka_unit_test(test_D20_no_header),
	    cmocka_unit_test(test_checksum_covers_all),
	    cmocka_unit_test(test_longest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

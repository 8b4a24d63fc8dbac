/* SPDX-License-Identifier: ISC */
/*
 * Reads the header that HAProxy and its like put before a connection
 * ("The PROXY protocol", versions 1 and 2).  Pure; who may send one is
 * asked elsewhere.
 *
 * A client's address decides what it may do, so nothing is guessed: one
 * blank between words, ports without leading zeros, families that fit their
 * addresses, additions that fill their room exactly, and a checksum that is
 * right if there is one.  Octets that cannot begin a header are refused
 * before the rest has come.
 */
#include "smtpd/proxy.h"

#include <stdint.h>
#include <string.h>

#include "base/io.h"

#define V1_MAX 107
#define V2_HEAD 16
#define V2_BODY_MAX (PROXY_HEADER_MAX - V2_HEAD)
#define TLV_HEAD 3
#define TLV_CRC32C 0x03

#define TCP4_OCTETS 12
#define TCP6_OCTETS 36

static const char v1_start[] = "PROXY ";
static const char v2_start[] = "\r\n\r\n\0\r\nQUIT\n";
#define V1_START_LEN (sizeof(v1_start) - 1)
#define V2_START_LEN (sizeof(v2_start) - 1)

/* --- version 1: one line of text --- */

struct text {
	const char *at, *end;
};

/* The next word and the one blank before it. */
static int
take_word(struct text *t, const char **word, size_t *len)
{
	if (t->at == t->end || *t->at != ' ')
		return -1;
	const char *start = ++t->at;
	while (t->at < t->end && *t->at != ' ')
		t->at++;
	*word = start;
	*len = (size_t)(t->at - start);
	return *len > 0 ? 0 : -1;
}

/* An address in the writing of its family: ':' tells IPv6. */
static int
take_address(struct text *t, bool six, struct ip *ip)
{
	const char *word;
	size_t len;
	if (take_word(t, &word, &len) != 0 ||
	    (memchr(word, ':', len) != NULL) != six)
		return -1;
	return ip_parse(word, len, ip);
}

static int
take_port(struct text *t, unsigned *port)
{
	const char *word;
	size_t len;
	unsigned value = 0;
	if (take_word(t, &word, &len) != 0 || len > 5 ||
	    (len > 1 && word[0] == '0'))
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (word[i] < '0' || word[i] > '9')
			return -1;
		value = value * 10 + (unsigned)(word[i] - '0');
	}
	*port = value;
	return value <= 65535 ? 0 : -1;
}

/* The line behind "PROXY", its end of line left out. */
static int
read_line(struct text t, struct proxy_result *r)
{
	struct ip to;
	unsigned to_port;
	const char *word;
	size_t len;
	if (take_word(&t, &word, &len) != 0)
		return -1;
	if (len == 7 && memcmp(word, "UNKNOWN", 7) == 0) {
		r->local = true;
		return 0;
	}
	if (len != 4 || memcmp(word, "TCP", 3) != 0 ||
	    (word[3] != '4' && word[3] != '6'))
		return -1;
	bool six = word[3] == '6';
	if (take_address(&t, six, &r->ip) != 0 ||
	    take_address(&t, six, &to) != 0 || take_port(&t, &r->port) != 0 ||
	    take_port(&t, &to_port) != 0)
		return -1;
	return t.at == t.end ? 0 : -1;
}

static int
parse_v1(const char *data, size_t len, struct proxy_result *r)
{
	size_t look = len < V1_MAX ? len : V1_MAX;
	const char *end = memchr(data, '\n', look);
	const char *nul = memchr(data, '\0', look);
	if (nul != NULL && (end == NULL || nul < end))
		return -1;
	if (end == NULL)
		return look < V1_MAX ? 0 : -1;
	if (end[-1] != '\r' ||
	    memchr(data, '\r', (size_t)(end - data)) != end - 1)
		return -1;
	struct text t = {data + V1_START_LEN - 1, end - 1};
	return read_line(t, r) == 0 ? (int)(end + 1 - data) : -1;
}

/* --- version 2: binary --- */

static unsigned
number16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* Is this checksum (at p, inside the header) right? */
static bool
checksum_right(const uint8_t *header, size_t len, const uint8_t *p)
{
	static const uint8_t zero[4];
	size_t before = (size_t)(p - header);
	uint32_t crc = io_crc32c(0, header, before);
	crc = io_crc32c(crc, zero, sizeof(zero));
	crc = io_crc32c(crc, p + sizeof(zero), len - before - sizeof(zero));
	return crc == ((uint32_t)number16(p) << 16 | number16(p + 2));
}

/* Additions from offset at to the header's end. */
static int
check_additions(const uint8_t *header, size_t at, size_t len)
{
	while (at < len) {
		if (len - at < TLV_HEAD)
			return -1;
		size_t octets = number16(header + at + 1);
		uint8_t type = header[at];
		at += TLV_HEAD;
		if (len - at < octets)
			return -1;
		if (type == TLV_CRC32C &&
		    (octets != 4 || !checksum_right(header, len, header + at)))
			return -1;
		at += octets;
	}
	return 0;
}

/* Octets that the addresses of a family take, -1 if we serve none such. */
static int
address_octets(uint8_t family)
{
	switch (family) {
	case 0x00:
		return 0;
	case 0x11:
		return TCP4_OCTETS;
	case 0x21:
		return TCP6_OCTETS;
	}
	return -1;
}

static void
take_binary(const uint8_t *p, bool six, struct proxy_result *r)
{
	static const struct ip v4 = {{[10] = 0xff, [11] = 0xff}};
	if (six) {
		memcpy(r->ip.octets, p, 16);
		r->port = number16(p + 32);
	} else {
		r->ip = v4;
		memcpy(r->ip.octets + 12, p, 4);
		r->port = number16(p + 8);
	}
}

static int
parse_v2(const uint8_t *p, size_t len, struct proxy_result *r)
{
	if ((len > 12 && p[12] != 0x20 && p[12] != 0x21) ||
	    (len > 13 && p[12] == 0x21 && address_octets(p[13]) < 0))
		return -1;
	if (len < V2_HEAD)
		return 0;
	size_t body = number16(p + 14);
	if (body > V2_BODY_MAX)
		return -1;
	if (len < V2_HEAD + body)
		return 0;
	/* LOCAL: what stands behind is to be skipped, whatever it is. */
	r->local = p[12] == 0x20 || p[13] == 0x00;
	if (p[12] == 0x20)
		return (int)(V2_HEAD + body);
	size_t addresses = (size_t)address_octets(p[13]);
	if (body < addresses ||
	    check_additions(p, V2_HEAD + addresses, V2_HEAD + body) != 0)
		return -1;
	if (!r->local)
		take_binary(p + V2_HEAD, p[13] == 0x21, r);
	return (int)(V2_HEAD + body);
}

static bool
begins(const char *data, size_t len, const char *start, size_t start_len)
{
	return memcmp(data, start, len < start_len ? len : start_len) == 0;
}

int
proxy_parse(const char *data, size_t len, struct proxy_result *r)
{
	struct proxy_result found = {0};
	int n = -1;
	if (len == 0)
		return 0;
	if (begins(data, len, v1_start, V1_START_LEN))
		n = len < V1_START_LEN ? 0 : parse_v1(data, len, &found);
	else if (begins(data, len, v2_start, V2_START_LEN))
		n = parse_v2((const uint8_t *)data, len, &found);
	if (n > 0)
		*r = found;
	return n;
}

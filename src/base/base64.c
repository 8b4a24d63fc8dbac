/* SPDX-License-Identifier: ISC */
/*
 * Base64, both ways.  Not a stream: callers have whole texts.  It leaves
 * no copy of what it decodes but in the caller's memory, since that may be
 * a password.
 *
 * Invariant: what decodes encodes to the same text again.
 */
#include "base/base64.h"

#include <stdint.h>

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int
value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* One group of four; how many octets it stands for, or -1. */
static int
group(const char *s, bool last, uint32_t *bits)
{
	int octets = 3;
	if (last && s[3] == '=')
		octets = s[2] == '=' ? 1 : 2;
	*bits = 0;
	for (int i = 0; i < 4; i++) {
		int v = i <= octets ? value(s[i]) : 0;
		if (v < 0)
			return -1;
		*bits = *bits << 6 | (uint32_t)v;
	}
	/* The bits that padding leaves unused. */
	return *bits & (0xffffffU >> 8 * octets) ? -1 : octets;
}

int
base64_decode(const char *text, size_t len, void *out, size_t room, size_t *n)
{
	unsigned char *to = out;
	*n = 0;
	if (len % 4 != 0)
		return -1;
	for (size_t i = 0; i < len; i += 4) {
		uint32_t bits;
		int octets = group(text + i, i + 4 == len, &bits);
		if (octets < 0 || (size_t)octets > room - *n)
			return -1;
		for (int k = 0; k < octets; k++)
			to[(*n)++] = (unsigned char)(bits >> (16 - 8 * k));
	}
	return 0;
}

int
base64_encode(struct buf *out, const void *data, size_t len)
{
	const unsigned char *p = data;
	size_t n = len / 3 * 4 + (len % 3 > 0 ? 4 : 0);
	char *to = buf_room(out, n);
	if (to == NULL)
		return -1;
	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		uint32_t bits = (uint32_t)p[i] << 16 |
				(left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
				(left > 2 ? p[i + 2] : 0);
		*to++ = alphabet[bits >> 18];
		*to++ = alphabet[bits >> 12 & 63];
		*to++ = left > 1 ? alphabet[bits >> 6 & 63] : '=';
		*to++ = left > 2 ? alphabet[bits & 63] : '=';
	}
	*to = '\0';
	out->len += n;
	return 0;
}

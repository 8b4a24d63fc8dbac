/* SPDX-License-Identifier: ISC */
/*
 * Domains made comparable, without tables of Unicode.  Not a conversion for
 * the DNS, which is deliver/idn's: libidn2 maps and checks there.
 *
 * Invariant: where libidn2 takes a label, this makes the same A-label of it
 * or one that is nobody's, since it encodes a character that IDNA forbids.
 */
#include "mail/domain_key.h"

#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"
#include "mail/punycode.h"

#define PREFIX "xn--"
#define PREFIX_LEN (sizeof(PREFIX) - 1)

/* Every step-th character is a capital. */
static const struct capitals {
	uint16_t first, last, step;
	int16_t to_small;
} capitals[] = {
    /* Latin */
    {0x00c0, 0x00d6, 1, 32},
    {0x00d8, 0x00de, 1, 32},
    {0x0100, 0x012e, 2, 1},
    {0x0134, 0x0136, 2, 1},
    {0x0139, 0x013d, 2, 1},
    {0x0141, 0x0147, 2, 1},
    {0x014a, 0x0176, 2, 1},
    {0x0178, 0x0178, 1, -121},
    {0x0179, 0x017d, 2, 1},
    {0x0218, 0x021a, 2, 1},
    {0x1e00, 0x1e94, 2, 1},
    {0x1ea0, 0x1ef8, 2, 1},
    /* Greek */
    {0x0386, 0x0386, 1, 38},
    {0x0388, 0x038a, 1, 37},
    {0x038c, 0x038c, 1, 64},
    {0x038e, 0x038f, 1, 63},
    {0x0391, 0x03a1, 1, 32},
    {0x03a3, 0x03ab, 1, 32},
    /* Cyrillic */
    {0x0400, 0x040f, 1, 80},
    {0x0410, 0x042f, 1, 32},
    {0x0460, 0x0480, 2, 1},
    {0x048a, 0x04be, 2, 1},
    {0x04c1, 0x04cd, 2, 1},
    {0x04d0, 0x052e, 2, 1},
    /* Armenian */
    {0x0531, 0x0556, 1, 48},
};

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

static uint32_t
small(uint32_t c)
{
	if (c < 0x80)
		return (unsigned char)lower((char)c);
	for (size_t i = 0; i < sizeof(capitals) / sizeof(capitals[0]); i++) {
		const struct capitals *range = &capitals[i];
		if (c >= range->first && c <= range->last &&
		    (c - range->first) % range->step == 0)
			return (uint32_t)((int32_t)c + range->to_small);
	}
	return c;
}

/* Append one label; its length, 0 if it is none. */
static size_t
add_label(const char *s, size_t len, char *out, size_t room)
{
	uint32_t c[LABEL_MAX];
	size_t n = 0;
	bool ascii = true;
	for (size_t at = 0; at < len; n++) {
		uint32_t one;
		size_t used = utf8_next(s + at, len - at, &one);
		if (used == 0 || n == LABEL_MAX)
			return 0;
		ascii = ascii && one < 0x80;
		c[n] = small(one);
		at += used;
	}
	if (room > LABEL_MAX)
		room = LABEL_MAX;
	if (!ascii && room > PREFIX_LEN) {
		memcpy(out, PREFIX, PREFIX_LEN);
		n = punycode_encode(c, n, out + PREFIX_LEN, room - PREFIX_LEN);
		return n > 0 ? PREFIX_LEN + n : 0;
	}
	if (!ascii || n > room)
		return 0;
	for (size_t i = 0; i < n; i++)
		out[i] = (char)c[i];
	return n;
}

static size_t
add_labels(const char *s, size_t len, char *out)
{
	const char *end = s + len;
	size_t n = 0;
	for (;;) {
		const char *dot = memchr(s, '.', (size_t)(end - s));
		size_t size = (size_t)((dot != NULL ? dot : end) - s);
		size_t added = add_label(s, size, out + n, DOMAIN_MAX - n);
		n += added;
		if (added == 0 || (dot != NULL && n == DOMAIN_MAX))
			return 0;
		if (dot == NULL)
			return n;
		out[n++] = '.';
		s = dot + 1;
	}
}

size_t
domain_key(const char *s, size_t len, char out[DOMAIN_MAX + 1])
{
	bool ascii = true;
	size_t n = len;
	if (len > DOMAIN_MAX)
		n = len = 0;
	for (size_t i = 0; i < len; i++) {
		out[i] = lower(s[i]);
		ascii = ascii && (unsigned char)s[i] < 0x80;
	}
	if (!ascii)
		n = add_labels(s, len, out);
	out[n] = '\0';
	return n;
}

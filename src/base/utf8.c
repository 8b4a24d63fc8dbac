/* SPDX-License-Identifier: ISC */
/*
 * One character at a time.  Not a text library: no case, no width, no
 * normal forms.  Invariant: what utf8_next() takes is exactly what RFC 3629
 * allows, so that two programs never disagree about where it ends.
 */
#include "base/utf8.h"

size_t
utf8_next(const char *s, size_t len, uint32_t *c)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	if (len == 0)
		return 0;
	unsigned char lead = (unsigned char)s[0];
	size_t n = lead < 0x80   ? 1
		   : lead < 0xc2 ? 0
		   : lead < 0xe0 ? 2
		   : lead < 0xf0 ? 3
		   : lead < 0xf5 ? 4
				 : 0;
	if (n == 0 || n > len)
		return 0;
	uint32_t value = n == 1 ? lead : lead & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		unsigned char next = (unsigned char)s[i];
		if ((next & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (next & 0x3f);
	}
	if (value < least[n] || value > 0x10ffff ||
	    (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*c = value;
	return n;
}

bool
utf8_valid(const char *s, size_t len)
{
	uint32_t c;
	for (size_t i = 0, n; i < len; i += n)
		if ((n = utf8_next(s + i, len - i, &c)) == 0)
			return false;
	return true;
}

bool
utf8_is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 ||
	       c == 0x2029;
}

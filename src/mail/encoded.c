/* SPDX-License-Identifier: ISC */
/*
 * Text above ASCII in header fields.  Q encoding only: what is nearly ASCII
 * stays readable.  Not a decoder.
 *
 * Invariant: a word has at most 75 octets, of which each is a printable
 * ASCII character, and decodes to whole characters.
 */
#include "mail/encoded.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/utf8.h"

#define ENCODED_MAX 50 /* octets of text in one encoded word */

static const char hex[] = "0123456789ABCDEF";

static bool
is_plain(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z');
}

/* One character of n octets; what it comes to is at most 12. */
static size_t
encode(char out[12], const char *s, size_t n)
{
	uint32_t c;
	size_t len = utf8_next(s, n, &c);
	if (len == n && utf8_is_control(c)) {
		s = " ";
		n = 1;
	}
	if (n == 1 && (is_plain(*s) || *s == ' ')) {
		out[0] = *s == ' ' ? '_' : *s;
		return 1;
	}
	for (size_t i = 0; i < n; i++) {
		out[3 * i] = '=';
		out[3 * i + 1] = hex[(unsigned char)s[i] >> 4];
		out[3 * i + 2] = hex[(unsigned char)s[i] & 15];
	}
	return 3 * n;
}

void
encoded_words(struct buf *out, const char *text, size_t len)
{
	bool utf8 = utf8_valid(text, len);
	const char *start = utf8 ? "=?UTF-8?Q?" : "=?unknown-8bit?Q?";
	size_t used = 0;
	(void)buf_adds(out, start);
	for (size_t i = 0; i < len;) {
		char one[12];
		uint32_t c;
		size_t n = utf8 ? utf8_next(text + i, len - i, &c) : 1;
		size_t m = encode(one, text + i, n);
		if (used + m > ENCODED_MAX) {
			(void)buf_adds(out, "?=\r\n ");
			(void)buf_adds(out, start);
			used = 0;
		}
		(void)buf_add(out, one, m);
		used += m;
		i += n;
	}
	(void)buf_adds(out, "?=");
}

void
encoded_value(struct buf *out, const char *text, size_t len)
{
	(void)buf_adds(
	    out, utf8_valid(text, len) ? "utf-8''" : "unknown-8bit''");
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		if (is_plain(text[i]) || c == '.' || c == '-' || c == '_')
			(void)buf_addc(out, text[i]);
		else
			(void)buf_addf(out, "%%%c%c", hex[c >> 4], hex[c & 15]);
	}
}

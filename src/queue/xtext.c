/* SPDX-License-Identifier: ISC */
/*
 * The words of RFC 3461 that come with an envelope: xtext, ORCPT, NOTIFY.
 * Judges them only; nothing is decoded here, and what is accepted goes out
 * again as it came in.  Octets that xtext encodes must be printable ASCII,
 * as the RFC says: a report will show them, and no control octet may hide
 * in them (D09, A25).
 */
#include <string.h>
#include <strings.h>

#include "queue/envelope.h"

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool
xtext_valid(const char *s, size_t len, size_t max)
{
	if (len == 0 || len > max)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '!' || s[i] > '~' || s[i] == '=')
			return false;
		if (s[i] != '+')
			continue;
		if (len - i < 3)
			return false;
		int high = hex_value(s[i + 1]), low = hex_value(s[i + 2]);
		/* What is encoded must be printable ASCII (section 4). */
		if (high < 2 || high > 7 || low < 0 || (high == 7 && low == 15))
			return false;
		i += 2;
	}
	return true;
}

static bool
is_atom_char(char c)
{
	return c > ' ' && c < 0x7f && strchr("()<>@,;:\\\".[]", c) == NULL;
}

bool
orcpt_valid(const char *s, size_t len)
{
	size_t type = 0;
	if (len > ORCPT_MAX)
		return false;
	while (type < len && is_atom_char(s[type]))
		type++;
	return type > 0 && type < len && s[type] == ';' &&
	       xtext_valid(s + type + 1, len - type - 1, ORCPT_MAX);
}

static unsigned
notify_word(const char *s, size_t len)
{
	static const struct {
		const char *name;
		unsigned bit;
	} words[] = {{"success", NOTIFY_SUCCESS}, {"failure", NOTIFY_FAILURE},
	    {"delay", NOTIFY_DELAY}};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (len == strlen(words[i].name) &&
		    strncasecmp(s, words[i].name, len) == 0)
			return words[i].bit;
	return 0;
}

int
notify_parse(const char *s, size_t len, unsigned *notify)
{
	unsigned bits = 0;
	if (len == 5 && strncasecmp(s, "never", 5) == 0) {
		*notify = NOTIFY_NEVER;
		return 0;
	}
	for (;;) {
		const char *comma = memchr(s, ',', len);
		size_t word = comma == NULL ? len : (size_t)(comma - s);
		unsigned bit = notify_word(s, word);
		if (bit == 0)
			return -1;
		bits |= bit;
		if (comma == NULL)
			break;
		s += word + 1;
		len -= word + 1;
	}
	*notify = bits;
	return 0;
}

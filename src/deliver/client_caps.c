/* SPDX-License-Identifier: ISC */
/*
 * What a server offers in its reply to EHLO, line by line, as the lines
 * come out of libcurl.  Not what is done with it.
 *
 * libcurl shows the lines of all replies: 250 ones belong to EHLO (or to
 * HELO, which offers nothing), a 220 starts over (greeting, STARTTLS), the
 * rest (AUTH) changes nothing.  Keywords are matched without case, which
 * libcurl itself does not (LIBRARIES.md 1.5).
 */
#include "deliver/client.h"

#include <string.h>
#include <strings.h>

/* Is the keyword at s this one?  Then *rest is behind it. */
static bool
keyword_is(const char *s, size_t len, const char *name, size_t *rest)
{
	size_t n = strlen(name);
	if (len < n || strncasecmp(s, name, n) != 0)
		return false;
	if (len > n && s[n] != ' ' && s[n] != '\t')
		return false;
	while (n < len && (s[n] == ' ' || s[n] == '\t'))
		n++;
	*rest = n;
	return true;
}

/* A decimal number; 0 when it is none or too large to matter. */
static uint64_t
size_value(const char *s, size_t len)
{
	uint64_t v = 0;
	for (size_t i = 0; i < len && s[i] != ' '; i++) {
		if (s[i] < '0' || s[i] > '9' || v > UINT64_MAX / 10 - 1)
			return 0;
		v = v * 10 + (uint64_t)(s[i] - '0');
	}
	return v;
}

static void
take_auth(struct client_caps *caps, const char *s, size_t len)
{
	if (len >= sizeof(caps->auth))
		len = sizeof(caps->auth) - 1;
	for (size_t i = 0; i < len; i++)
		caps->auth[i] = s[i] > ' ' && s[i] <= '~' ? s[i] : ' ';
	caps->auth[len] = '\0';
}

static void
take_keyword(struct client_caps *caps, const char *s, size_t len)
{
	size_t rest;
	if (keyword_is(s, len, "PIPELINING", &rest)) {
		caps->pipelining = true;
	} else if (keyword_is(s, len, "SIZE", &rest)) {
		caps->size = true;
		caps->size_limit = size_value(s + rest, len - rest);
	} else if (keyword_is(s, len, "8BITMIME", &rest)) {
		caps->eight_bit = true;
	} else if (keyword_is(s, len, "DSN", &rest)) {
		caps->dsn = true;
	} else if (keyword_is(s, len, "SMTPUTF8", &rest)) {
		caps->smtputf8 = true;
	} else if (keyword_is(s, len, "STARTTLS", &rest)) {
		caps->starttls = true;
	} else if (keyword_is(s, len, "REQUIRETLS", &rest)) {
		caps->require_tls = true;
	} else if (keyword_is(s, len, "AUTH", &rest)) {
		take_auth(caps, s + rest, len - rest);
	}
}

void
client_caps_line(struct client_caps *caps, const char *line, size_t len)
{
	while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == '\n' ||
			      line[len - 1] == ' '))
		len--;
	if (len >= 3 && memcmp(line, "220", 3) == 0)
		*caps = (struct client_caps){0};
	if (len < 3 || memcmp(line, "250", 3) != 0) {
		caps->inside = false;
		return;
	}
	bool first = !caps->inside;
	if (first)
		*caps = (struct client_caps){0};
	caps->inside = len > 3 && line[3] == '-';
	/* The first line is the greeting; more than one is EHLO's. */
	if (first || len < 4)
		return;
	caps->ehlo = true;
	take_keyword(caps, line + 4, len - 4);
}

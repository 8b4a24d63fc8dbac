/* SPDX-License-Identifier: ISC */
/*
 * The two fields that say what an entity is.  As lenient as readers are:
 * comments are skipped, parameter values may hold what the grammar wants
 * quoted, and a first parameter of a name wins.  RFC 2231 continuations of
 * a boundary are not understood: nobody writes them.
 *
 * Invariant: a string that comes out is whole, or empty.
 */
#include "mail/mime.h"

#include <string.h>
#include <strings.h>

struct scan {
	const char *p, *end;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
skip_comment(struct scan *s)
{
	size_t depth = 0;
	while (s->p < s->end) {
		char c = *s->p++;
		if (c == '\\' && s->p < s->end)
			s->p++;
		else if (c == '(')
			depth++;
		else if (c == ')' && --depth == 0)
			return;
	}
}

static void
skip_blanks(struct scan *s)
{
	while (s->p < s->end && (is_blank(*s->p) || *s->p == '('))
		if (*s->p == '(')
			skip_comment(s);
		else
			s->p++;
}

/* Up to one of the octets in stops, in lower case if wanted. */
static void
word(struct scan *s, const char *stops, bool lower, char *out, size_t room)
{
	size_t n = 0;
	skip_blanks(s);
	while (s->p < s->end && !is_blank(*s->p) && *s->p != '\0' &&
	       strchr(stops, *s->p) == NULL) {
		char c = *s->p++;
		if (lower && c >= 'A' && c <= 'Z')
			c = (char)(c + 'a' - 'A');
		if (n < room)
			out[n] = c;
		n++;
	}
	out[n < room ? n : 0] = '\0';
	skip_blanks(s);
}

static void
quoted(struct scan *s, char *out, size_t room)
{
	size_t n = 0;
	for (s->p++; s->p < s->end && *s->p != '"'; s->p++) {
		if (*s->p == '\\' && s->end - s->p > 1)
			s->p++;
		if (*s->p == '\r' || *s->p == '\n')
			continue;
		if (n < room)
			out[n] = *s->p;
		n++;
	}
	if (s->p < s->end)
		s->p++;
	out[n < room ? n : 0] = '\0';
}

/* RFC 2046: a boundary does not end in a blank; and one above ASCII could
 * not be sent everywhere. */
static void
trim(char *s)
{
	size_t n = strlen(s);
	while (n > 0 && is_blank(s[n - 1]))
		s[--n] = '\0';
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] >= 0x80)
			s[0] = '\0';
}

static void
parameter(struct scan *s, struct mime_type *t)
{
	char name[16], value[MIME_BOUNDARY_MAX + 1];
	word(s, "=;", true, name, sizeof(name));
	if (s->p == s->end || *s->p != '=')
		return;
	s->p++;
	skip_blanks(s);
	if (s->p < s->end && *s->p == '"')
		quoted(s, value, sizeof(value));
	else
		word(s, ";", false, value, sizeof(value));
	if (strcmp(name, "boundary") == 0 && t->boundary[0] == '\0') {
		memcpy(t->boundary, value, sizeof(value));
		trim(t->boundary);
	}
}

void
mime_type_parse(struct mime_type *t, const char *value, size_t len)
{
	struct scan s = {value, value + len};
	memset(t, 0, sizeof(*t));
	word(&s, "/;", true, t->type, sizeof(t->type));
	if (s.p == s.end || *s.p != '/')
		return;
	s.p++;
	word(&s, ";", true, t->subtype, sizeof(t->subtype));
	while (s.p < s.end) {
		if (*s.p++ == ';')
			parameter(&s, t);
	}
}

enum mime_encoding
mime_encoding_parse(const char *value, size_t len)
{
	static const char *const names[] = {
	    [MIME_7BIT] = "7bit",
	    [MIME_8BIT] = "8bit",
	    [MIME_BINARY] = "binary",
	    [MIME_QP] = "quoted-printable",
	    [MIME_BASE64] = "base64",
	};
	struct scan s = {value, value + len};
	char name[32];
	word(&s, ";", true, name, sizeof(name));
	for (int i = 0; i < MIME_UNKNOWN; i++)
		if (strcmp(names[i], name) == 0)
			return (enum mime_encoding)i;
	return MIME_UNKNOWN;
}

/* SPDX-License-Identifier: ISC */
/*
 * Cuts waypost.conf into libconfuse's tokens.  Blanks, carriage returns, a
 * byte order mark and the three kinds of comments fall away.  A byte that
 * libconfuse would drop, an escape for NUL, an unfinished string and
 * ${NAME} outside single quotes end the text with a reason.
 *
 * Invariant: every byte is looked at once; after TOKEN_BAD comes TOKEN_END.
 */
#include "conf/conf_scan.h"

#include <stdbool.h>
#include <string.h>

void
scan_init(struct scan *s, const char *text, size_t len)
{
	*s = (struct scan){.p = text, .end = text + len, .line = 1};
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		s->p += 3;
}

static bool
at(const struct scan *s, const char *what)
{
	size_t n = strlen(what);
	return (size_t)(s->end - s->p) >= n && memcmp(s->p, what, n) == 0;
}

static bool
control(unsigned char c)
{
	return (c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
}

static bool
word_byte(char c)
{
	return !control((unsigned char)c) &&
	       memchr(" #\"'\t\n\r={}()+,*", c, 16) == NULL;
}

static void
bad(struct scan *s, struct token *t, const char *why)
{
	s->why = why;
	s->p = s->end;
	t->kind = TOKEN_BAD;
	t->line = s->line;
}

static const char control_byte[] =
    "a control character or NUL: this is no text file";
static const char environment[] =
    "${...} is not expanded; write the value, or put it in single quotes";

/* Over the rest of a line.  False at a control byte. */
static bool
skip_line(struct scan *s)
{
	for (; s->p < s->end && *s->p != '\n'; s->p++)
		if (control((unsigned char)*s->p))
			return false;
	return true;
}

static const char *
skip_block(struct scan *s)
{
	for (s->p += 2; s->p < s->end; s->p++) {
		if (at(s, "*/")) {
			s->p += 2;
			return NULL;
		}
		if (control((unsigned char)*s->p))
			return control_byte;
		s->line += *s->p == '\n';
	}
	return "a comment is not closed";
}

/* Blanks and comments; the reason why they are bad, or NULL. */
static const char *
skip(struct scan *s)
{
	while (s->p < s->end) {
		const char *why = NULL;
		if (*s->p == '#' || at(s, "//"))
			why = skip_line(s) ? NULL : control_byte;
		else if (at(s, "/*"))
			why = skip_block(s);
		else if (*s->p == '\n')
			s->line++, s->p++;
		else if (*s->p == ' ' || *s->p == '\t' || *s->p == '\r')
			s->p++;
		else
			break;
		if (why != NULL)
			return why;
	}
	return NULL;
}

static bool
octal(char c)
{
	return c >= '0' && c <= '7';
}

/* Does an escape, p behind the backslash, stand for NUL? */
static bool
escapes_nul(const char *p, const char *end)
{
	unsigned value = 0;
	if (p < end && *p == 'x' && end - p > 1 && p[1] == '0')
		return end - p == 2 || p[2] == '0' ||
		       strchr("123456789abcdefABCDEF", p[2]) == NULL;
	if (p == end || !octal(*p))
		return false;
	for (int i = 0; i < 3 && p < end && octal(*p); i++, p++)
		value = value * 8 + (unsigned)(*p - '0');
	return value % 256 == 0;
}

/* One step inside a string in double quotes. */
static const char *
double_quoted(struct scan *s)
{
	if (at(s, "${"))
		return environment;
	if (*s->p != '\\')
		return NULL;
	if (escapes_nul(s->p + 1, s->end))
		return "an escape for NUL";
	/* What is escaped cannot end the string. */
	if (s->p + 1 < s->end)
		s->p++;
	return NULL;
}

static const char *
string(struct scan *s, char quote)
{
	for (s->p++; s->p < s->end; s->p++) {
		const char *why = NULL;
		if (*s->p == quote) {
			s->p++;
			return NULL;
		}
		if (quote == '"')
			why = double_quoted(s);
		else if (at(s, "\\\\") || at(s, "\\'") || at(s, "\\\n"))
			s->p++;
		if (why == NULL && control((unsigned char)*s->p))
			why = control_byte;
		if (why != NULL)
			return why;
		s->line += *s->p == '\n';
	}
	return "a string is not closed";
}

static const char *
word(struct scan *s)
{
	for (; s->p < s->end && word_byte(*s->p); s->p++)
		if (at(s, "${"))
			return environment;
	return NULL;
}

void
scan_next(struct scan *s, struct token *t)
{
	const char *why = skip(s);
	*t = (struct token){
	    .kind = TOKEN_END, .s = s->p, .line = s->line, .end_line = s->line};
	if (why == NULL && s->p == s->end)
		return;
	if (why == NULL && at(s, "+=")) {
		t->kind = TOKEN_MARK;
		s->p += 2;
	} else if (why == NULL && memchr("{}()=,", *s->p, 6) != NULL) {
		t->kind = TOKEN_MARK;
		s->p++;
	} else if (why == NULL && (*s->p == '"' || *s->p == '\'')) {
		t->kind = TOKEN_STRING;
		why = string(s, *s->p);
	} else if (why == NULL && word_byte(*s->p)) {
		t->kind = TOKEN_WORD;
		why = word(s);
	} else if (why == NULL) {
		why = control((unsigned char)*s->p)
			  ? control_byte
			  : "* and + must stand in quotes";
	}
	if (why != NULL) {
		bad(s, t, why);
		return;
	}
	t->len = (size_t)(s->p - t->s);
	t->end_line = s->line;
}

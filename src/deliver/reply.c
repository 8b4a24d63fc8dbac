/* SPDX-License-Identifier: ISC */
/*
 * SMTP replies, one octet at a time.  Not what a reply means for mail: that
 * is client_reply.c.
 *
 * Lenient where it is harmless (LF alone ends a line, NUL and control
 * octets in the text become '?'), strict where replies could be told apart
 * wrongly: three digits of 200..599, then a blank, a hyphen or the end.
 * When the lines of a reply disagree the last one counts, and mismatch says
 * so (K18).  Invariant: nothing is read behind the octets given, and no
 * field holds anything but printable ASCII.
 */
#include "deliver/reply.h"

#include <string.h>

void
reply_reset(struct reply *r)
{
	r->code = 0;
	r->enhanced[0] = '\0';
	r->text[0] = '\0';
	r->line_len = r->text_len = 0;
	r->lines = 0;
	r->mismatch = 0;
}

/* Append the text of one line, cleaned, behind a blank. */
static void
add_text(struct reply *r, const char *s, size_t len)
{
	while (len > 0 && s[len - 1] == ' ')
		len--;
	if (len > 0 && r->text_len > 0 && r->text_len < STATUS_TEXT_MAX)
		r->text[r->text_len++] = ' ';
	for (size_t i = 0; i < len && r->text_len < STATUS_TEXT_MAX; i++)
		r->text[r->text_len++] =
		    s[i] >= ' ' && s[i] <= '~' ? s[i] : '?';
	r->text[r->text_len] = '\0';
}

/* Take the enhanced code at the start of the text, if there is one of the
 * class of this line.  Octets taken, with the blanks behind it. */
static size_t
take_enhanced(struct reply *r, const char *s, size_t len, char class)
{
	size_t n = 0;
	while (n < len && s[n] != ' ')
		n++;
	if (n > ENHANCED_MAX || !enhanced_valid(s, n) || s[0] != class) {
		/* One of an earlier line must not stay with another class. */
		if (r->enhanced[0] != class)
			r->enhanced[0] = '\0';
		return 0;
	}
	memcpy(r->enhanced, s, n);
	r->enhanced[n] = '\0';
	while (n < len && s[n] == ' ')
		n++;
	return n;
}

/* One whole line without its end.  As reply_feed(). */
static int
take_line(struct reply *r, const char *s, size_t len)
{
	if (len < 3 || (len > 3 && s[3] != ' ' && s[3] != '-'))
		return -1;
	int code = 0;
	for (size_t i = 0; i < 3; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		code = code * 10 + (s[i] - '0');
	}
	if (code < 200 || code > 599 || ++r->lines > REPLY_LINES_MAX)
		return -1;
	if (r->code != 0 && r->code != code)
		r->mismatch = 1;
	r->code = code;
	size_t at = len > 3 ? 4 : 3;
	at += take_enhanced(r, s + at, len - at, s[0]);
	add_text(r, s + at, len - at);
	return len > 3 && s[3] == '-' ? 0 : 1;
}

int
reply_feed(struct reply *r, const char *data, size_t len, size_t *used)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] != '\n') {
			if (r->line_len == sizeof(r->line))
				return -1;
			r->line[r->line_len++] = data[i];
			continue;
		}
		size_t n = r->line_len;
		r->line_len = 0;
		if (n > 0 && r->line[n - 1] == '\r')
			n--;
		int done = take_line(r, r->line, n);
		if (done != 0) {
			*used = i + 1;
			return done;
		}
	}
	*used = len;
	return 0;
}

void
reply_status(const struct reply *r, struct status *st)
{
	enum verdict v = LATER;
	if (r->code >= 200 && r->code <= 299)
		v = DONE;
	else if (r->code >= 500 && r->code <= 599)
		v = NEVER;
	status_set(
	    st, v, r->code, r->enhanced[0] ? r->enhanced : NULL, "%s", r->text);
}

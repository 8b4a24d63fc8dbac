/* SPDX-License-Identifier: ISC */
/*
 * Header fields for servers that take ASCII only, or only lines as long as
 * the standard has them.  What kind of field it is decides how.  Address
 * lists are in refit_address.c; nothing here judges what a field means.
 *
 * Invariant: what comes out is one field, whatever went in, and a field
 * that needs nothing comes out as it was.
 */
#include "mail/refit.h"

#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "mail/encoded.h"
#include "mail/refit_internal.h"

/* A word this long is encoded, to have places where a line may end. */
#define WORD_LONG 900

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool
refit_wide(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((signed char)s[i] <= 0)
			return true;
	return false;
}

void
refit_encode(struct buf *out, const char *s, size_t len)
{
	struct buf flat;
	buf_init(&flat, len + 1);
	for (size_t i = 0; i < len; i++)
		if (s[i] != '\r' && s[i] != '\n')
			(void)buf_addc(&flat, s[i]);
	encoded_words(out, buf_str(&flat), flat.len);
	buf_free(&flat);
}

/* From the first word that needs it to the last; the blanks between two
 * encoded words would be lost. */
static void
refit_text(struct buf *out, const char *s, size_t len, bool ascii)
{
	size_t first = len, end = 0;
	for (size_t i = 0, n; i < len; i += n) {
		for (n = 0; i + n < len && is_blank(s[i + n]); n++)
			;
		i += n;
		for (n = 0; i + n < len && !is_blank(s[i + n]); n++)
			;
		if (n < WORD_LONG && !(ascii && refit_wide(s + i, n)))
			continue;
		first = first == len ? i : first;
		end = i + n;
	}
	if (first == len) {
		(void)buf_add(out, s, len);
		return;
	}
	(void)buf_add(out, s, first);
	refit_encode(out, s + first, end - first);
	(void)buf_add(out, s + end, len - end);
}

/* The quoted string at s: its length, quotes included. */
size_t
refit_quoted(const char *s, size_t len)
{
	size_t i = 1;
	while (i < len && s[i] != '"')
		i += s[i] == '\\' && i + 1 < len ? 2 : 1;
	return i < len ? i + 1 : len;
}

/* Without its quotes and backslashes. */
void
refit_unquote(struct buf *out, const char *s, size_t len)
{
	size_t end = len > 1 && s[len - 1] == '"' ? len - 1 : len;
	for (size_t i = 1; i < end; i++) {
		if (s[i] == '\\' && i + 1 < end)
			i++;
		(void)buf_addc(out, s[i]);
	}
}

static void
parameter_value(struct buf *out, const char *s, size_t len)
{
	struct buf flat;
	buf_init(&flat, len + 1);
	if (*s == '"')
		refit_unquote(&flat, s, len);
	else
		(void)buf_add(&flat, s, len);
	/* The '=' is there already. */
	if (out->len > 0 && out->data[out->len - 1] == '=') {
		out->len--;
		(void)buf_adds(out, "*=");
	}
	encoded_value(out, buf_str(&flat), flat.len);
	buf_free(&flat);
}

/* NAME=VALUE becomes NAME*=EXTENDED-VALUE where VALUE needs it. */
static void
refit_parameters(struct buf *out, const char *s, size_t len)
{
	for (size_t i = 0, n; i < len; i += n) {
		if (s[i] == '"') {
			n = refit_quoted(s + i, len - i);
		} else {
			n = 1;
			while (i + n < len && s[i + n] != '"' &&
			       s[i + n] != ';' && s[i + n - 1] != '=')
				n++;
			if (s[i] == ';' && n > 1)
				n = 1;
		}
		if (refit_wide(s + i, n))
			parameter_value(out, s + i, n);
		else
			(void)buf_add(out, s + i, n);
	}
}

static bool
one_of(const struct field *f, const char *const *names)
{
	for (; *names != NULL; names++)
		if (field_is(f, *names))
			return true;
	return false;
}

static bool
starts_with(const struct field *f, const char *prefix)
{
	size_t n = strlen(prefix);
	return f->name_len > n && strncasecmp(f->name, prefix, n) == 0;
}

static enum refit_kind
kind_of(const struct field *f)
{
	static const char *const addresses[] = {"From", "Sender", "Reply-To",
	    "To", "Cc", "Bcc", "Resent-From", "Resent-Sender", "Resent-To",
	    "Resent-Cc", "Resent-Bcc", "Resent-Reply-To",
	    "Disposition-Notification-To", "Errors-To", NULL};
	static const char *const grammar[] = {"Received", "Return-Path",
	    "Message-ID", "In-Reply-To", "References", "Date", "Resent-Date",
	    "Resent-Message-ID", "MIME-Version", "Content-ID",
	    "Content-Transfer-Encoding", "DKIM-Signature",
	    "Authentication-Results", "Received-SPF", NULL};
	static const char *const parameters[] = {
	    "Content-Type", "Content-Disposition", NULL};
	if (one_of(f, addresses))
		return REFIT_ADDRESSES;
	if (one_of(f, parameters))
		return REFIT_PARAMETERS;
	if (one_of(f, grammar) || starts_with(f, "ARC-") ||
	    starts_with(f, "List-"))
		return REFIT_GRAMMAR;
	return REFIT_TEXT;
}

/* Where to part a line of more than LINE_MAX_TEXT octets: before the last
 * blank that has something on both sides, else anywhere. */
static size_t
fold_at(const char *s)
{
	for (size_t i = LINE_MAX_TEXT; i > 1; i--)
		if ((s[i] == ' ' || s[i] == '\t') && !is_blank(s[i - 1]))
			return i;
	return LINE_MAX_TEXT;
}

static void
fold(struct buf *out, const char *s, size_t len)
{
	while (len > 0) {
		const char *lf = memchr(s, '\n', len);
		size_t n = lf != NULL ? (size_t)(lf - s) + 1 : len;
		while (n > LINE_MAX_TEXT + 2) {
			size_t at = fold_at(s);
			(void)buf_add(out, s, at);
			(void)buf_adds(out, is_blank(s[at]) ? "\r\n" : "\r\n ");
			s += at;
			n -= at;
			len -= at;
		}
		(void)buf_add(out, s, n);
		s += n;
		len -= n;
	}
}

/* Up to the value.  No standard has names above ASCII, nor a way to say
 * them in it. */
static void
add_name(struct buf *out, const struct field *f, bool ascii)
{
	for (const char *s = f->name; s < f->value; s++)
		(void)buf_addc(out, ascii && (signed char)*s <= 0 ? '?' : *s);
}

static int
convert(struct buf *out, const struct field *f, bool ascii, refit_domain domain,
    const char **why)
{
	bool wide = ascii && refit_wide(f->value, f->value_len);
	enum refit_kind kind = kind_of(f);
	if (wide && kind == REFIT_GRAMMAR)
		(void)buf_adds(out, "Downgraded-");
	add_name(out, f, ascii);
	if (wide && kind == REFIT_ADDRESSES)
		return refit_addresses(
		    out, f->value, f->value_len, domain, why);
	if (kind == REFIT_TEXT || (wide && kind == REFIT_GRAMMAR))
		refit_text(out, f->value, f->value_len, ascii);
	else if (wide && kind == REFIT_PARAMETERS)
		refit_parameters(out, f->value, f->value_len);
	else
		(void)buf_add(out, f->value, f->value_len);
	return 0;
}

int
refit_field(struct buf *out, const struct field *f, bool ascii,
    refit_domain domain, const char **why)
{
	struct buf whole;
	*why = "the header section is too long";
	buf_init(&whole, 8 * (size_t)HEADER_MAX);
	int r = convert(&whole, f, ascii, domain, why);
	if (r == 0)
		r = buf_adds(&whole, "\r\n");
	if (r == 0)
		fold(out, whole.data, whole.len);
	r = r == 0 && buf_ok(&whole) && buf_ok(out) ? 0 : -1;
	buf_free(&whole);
	return r;
}

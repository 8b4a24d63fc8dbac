/* SPDX-License-Identifier: ISC */
/*
 * Address lists in ASCII.  Cut into words, blanks, comments and single
 * octets, of which only those are touched that are not ASCII: a word with
 * an '@' is an address, other words beside each other are a name.
 *
 * Invariant: an address keeps its local part octet by octet, or the whole
 * field is refused.
 */
#include "mail/refit_internal.h"

#include <string.h>

struct piece {
	enum { BLANKS, COMMENT, NAME, ADDRESS, OCTET } kind;
	const char *s;
	size_t len;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t
blanks(const char *s, size_t len)
{
	size_t n = 0;
	while (n < len && is_blank(s[n]))
		n++;
	return n;
}

static size_t
comment(const char *s, size_t len)
{
	size_t depth = 0;
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '\\')
			i++;
		else if (s[i] == '(')
			depth++;
		else if (s[i] == ')' && --depth == 0)
			return i + 1;
	}
	return len;
}

static bool
ends_word(char c)
{
	return is_blank(c) || (c != '\0' && strchr("()<>,;:\"", c) != NULL);
}

/* A word, quoted parts in it too: "a b"@c is one. */
static size_t
word(const char *s, size_t len)
{
	size_t n = 0;
	while (n < len) {
		if (s[n] == '"')
			n += refit_quoted(s + n, len - n);
		else if (!ends_word(s[n]))
			n++;
		else
			break;
	}
	return n;
}

/* The '@' of an address: the last one outside quotes. */
static const char *
find_at(const char *s, size_t len)
{
	const char *at = NULL;
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '"')
			i += refit_quoted(s + i, len - i) - 1;
		else if (s[i] == '@')
			at = s + i;
	}
	return at;
}

static struct piece
next_piece(const char *s, size_t len, bool angle)
{
	struct piece p = {.kind = OCTET, .s = s, .len = 1};
	if (is_blank(*s)) {
		p.kind = BLANKS;
		p.len = blanks(s, len);
	} else if (*s == '(') {
		p.kind = COMMENT;
		p.len = comment(s, len);
	} else if (*s == '"' || !ends_word(*s)) {
		p.len = word(s, len);
		p.kind = angle || find_at(s, p.len) != NULL ? ADDRESS : NAME;
	}
	return p;
}

static int
put_address(struct buf *out, const struct piece *p, refit_domain domain,
    const char **why)
{
	char ascii[256];
	const char *at = find_at(p->s, p->len);
	size_t local = at != NULL ? (size_t)(at - p->s) : p->len;
	*why = "an address in the header needs SMTPUTF8, "
	       "which the server lacks";
	if (refit_wide(p->s, local) ||
	    domain(at + 1, p->len - local - 1, ascii) != 0)
		return -1;
	(void)buf_add(out, p->s, local + 1);
	return buf_adds(out, ascii);
}

/* Names from the first that needs it to the last such, with what is
 * between; its length. */
static size_t
put_names(struct buf *out, const char *s, size_t len)
{
	struct buf text;
	size_t at = 0, used = 0, kept = 0;
	buf_init(&text, len + 1);
	while (at < len) {
		struct piece p = next_piece(s + at, len - at, false);
		if (p.kind != NAME && p.kind != BLANKS)
			break;
		if (p.kind == NAME && *p.s == '"')
			refit_unquote(&text, p.s, p.len);
		else
			(void)buf_add(&text, p.s, p.len);
		at += p.len;
		if (p.kind == NAME && refit_wide(p.s, p.len)) {
			used = at;
			kept = text.len;
		}
	}
	refit_encode(out, text.data, kept);
	buf_free(&text);
	return used;
}

static void
put_comment(struct buf *out, const struct piece *p)
{
	size_t n =
	    p->len > 1 && p->s[p->len - 1] == ')' ? p->len - 2 : p->len - 1;
	(void)buf_addc(out, '(');
	refit_encode(out, p->s + 1, n);
	(void)buf_addc(out, ')');
}

int
refit_addresses(struct buf *out, const char *s, size_t len, refit_domain domain,
    const char **why)
{
	bool angle = false;
	while (len > 0) {
		struct piece p = next_piece(s, len, angle);
		if (p.kind == OCTET && (*s == '<' || *s == '>'))
			angle = *s == '<';
		if (!refit_wide(p.s, p.len))
			(void)buf_add(out, p.s, p.len);
		else if (p.kind == NAME)
			p.len = put_names(out, s, len);
		else if (p.kind == COMMENT)
			put_comment(out, &p);
		else if (put_address(out, &p, domain, why) != 0)
			return -1;
		s += p.len;
		len -= p.len;
	}
	return 0;
}

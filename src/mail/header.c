/* SPDX-License-Identifier: ISC */
/*
 * Header fields and the address lists in them.  Not a message parser: it
 * knows nothing of MIME, bodies, or which fields hold addresses.
 *
 * An address list is cut into tokens, and one flat machine takes them: a
 * display name is whatever stands before '<' and is thrown away, a group is
 * one bit, a comment is a counter.  Invariant: every octet is looked at a
 * fixed number of times and nothing recurses, so that no value costs more
 * than its length (C07, H15); and what comes out went through
 * address_parse(), whatever the list looked like.
 */
#include "mail/header.h"

#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "mail/token.h"

static bool
is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Length of the field text at p: lines, up to one that is no continuation. */
static size_t
field_length(const char *p, size_t len)
{
	size_t at = 0;
	while (at < len) {
		const char *lf = memchr(p + at, '\n', len - at);
		if (lf == NULL)
			return len;
		at = (size_t)(lf - p) + 1;
		bool crlf = at >= 2 && p[at - 2] == '\r';
		if (crlf && (at == len || !is_blank(p[at])))
			return at;
	}
	return len;
}

int
field_next(const char *p, size_t len, struct field *f)
{
	if (len == 0 || (len >= 2 && p[0] == '\r' && p[1] == '\n'))
		return 0;
	size_t n = 0;
	while (n < len && p[n] != ':' && p[n] != ' ' && !is_control(p[n]))
		n++;
	size_t colon = n;
	while (colon < len && is_blank(p[colon]))
		colon++;
	if (n == 0 || colon == len || p[colon] != ':')
		return -1;
	*f = (struct field){.name = p, .name_len = n, .value = p + colon + 1};
	f->len = field_length(p, len);
	f->value_len = f->len - colon - 1;
	if (f->value_len >= 2 &&
	    memcmp(f->value + f->value_len - 2, "\r\n", 2) == 0)
		f->value_len -= 2;
	return 1;
}

bool
field_is(const struct field *f, const char *name)
{
	return strlen(name) == f->name_len &&
	       strncasecmp(f->name, name, f->name_len) == 0;
}

/* Where in an element of the list we are. */
enum place {
	PLAIN, /* a mailbox, or a display name if '<' follows */
	ANGLE, /* behind '<' */
	ROUTE, /* behind "<@", up to its colon */
	AFTER, /* behind '>' */
};

struct list {
	enum place place;
	bool group;
	/* The element so far: */
	char text[ADDRESS_MAX + 1];
	size_t len;
	bool any;                /* there is one */
	bool over;               /* longer than any address */
	bool at;                 /* an '@' was seen */
	bool word;               /* the last token was a word */
	bool phrase;             /* word behind word: a name, no address */
	const char *start, *end; /* of its tokens, in the input */
	unsigned flags;
	header_mailbox_fn fn;
	void *arg;
	const char *why;
};

static void
forget(struct list *l)
{
	l->len = 0;
	l->start = l->end = NULL;
	l->any = l->over = l->at = l->word = l->phrase = false;
}

static int
refuse(struct list *l, const char *why)
{
	l->why = why;
	return -1;
}

/* Append a token, without the line ends that folding put into a quote. */
static int
append(struct list *l, const struct token *t)
{
	bool word = t->kind >= WORD;
	l->phrase = l->phrase || (word && l->word);
	l->word = word;
	l->at = l->at || t->kind == '@';
	l->any = true;
	if (l->start == NULL)
		l->start = t->text;
	l->end = t->text + t->len;
	for (size_t i = 0; i < t->len && !l->over; i++) {
		if (t->len - i > 2 && memcmp(t->text + i, "\r\n", 2) == 0)
			i += 2;
		if (l->len < ADDRESS_MAX)
			l->text[l->len++] = t->text[i];
		else
			l->over = true;
	}
	return 0;
}

static int
add_mailbox(struct list *l)
{
	struct address a;
	if (l->phrase)
		return refuse(l, "a name stands where an address should");
	if (l->over)
		return refuse(l, "an address is too long");
	if (address_parse(&a, l->text, l->len, l->flags, &l->why) != 0)
		return -1;
	size_t len = l->start != NULL ? (size_t)(l->end - l->start) : 0;
	if (l->fn(l->arg, &a, l->start, len) != 0)
		return refuse(l, "there are too many addresses");
	forget(l);
	return 0;
}

/*
 * ',' or ';' or the end.  A ';' without a group separates too, as some
 * writers have it; a group that the end cuts off has ended.
 */
static int
end_element(struct list *l, int kind)
{
	if (l->place == ROUTE && kind == ',')
		return 0;
	if (l->place == ANGLE || l->place == ROUTE)
		return refuse(l, "an angle bracket is not closed");
	if (kind == ';')
		l->group = false;
	bool mailbox = l->place == PLAIN && l->any;
	l->place = PLAIN;
	return mailbox ? add_mailbox(l) : 0;
}

static int
colon(struct list *l)
{
	bool name = l->place == PLAIN && l->any && !l->at && !l->group;
	if (!name && l->place != ROUTE)
		return refuse(l, "a colon stands where none should");
	if (name)
		l->group = true;
	else
		l->place = ANGLE;
	forget(l);
	l->any = l->place == ANGLE; /* no second route */
	return 0;
}

static int
take(struct list *l, const struct token *t)
{
	switch (t->kind) {
	case ',':
	case ';':
	case THE_END:
		return end_element(l, t->kind);
	case ':':
		return colon(l);
	case '<':
		if (l->place != PLAIN)
			return refuse(l, "an angle bracket is misplaced");
		forget(l);
		l->place = ANGLE;
		return 0;
	case '>':
		if (l->place != ANGLE)
			return refuse(l, "an angle bracket is misplaced");
		l->place = AFTER;
		return add_mailbox(l);
	case '@':
		if (l->place == ANGLE && !l->any)
			l->place = ROUTE;
		break;
	default:
		break;
	}
	if (l->place == AFTER)
		return refuse(l, "text follows an address in brackets");
	return append(l, t);
}

int
header_each_mailbox(const char *value, size_t len, unsigned flags,
    header_mailbox_fn fn, void *arg, const char **why)
{
	struct lexer lx = {.p = value, .end = value + len, .why = ""};
	struct list l = {.flags = flags, .fn = fn, .arg = arg, .why = ""};
	struct token t;
	do {
		t = token_next(&lx);
		if (t.kind == BROKEN || take(&l, &t) != 0) {
			*why = t.kind == BROKEN ? lx.why : l.why;
			return -1;
		}
	} while (t.kind != THE_END);
	*why = "";
	return 0;
}

static int
add_to_list(void *arg, const struct address *a, const char *text, size_t len)
{
	(void)text, (void)len;
	return address_list_add(arg, a);
}

int
header_mailboxes(const char *value, size_t len, unsigned flags,
    struct address_list *out, const char **why)
{
	return header_each_mailbox(value, len, flags, add_to_list, out, why);
}

#define PHRASE_PLAIN_MAX 200 /* octets; longer ones must be folded */
#define ENCODED_MAX 50       /* octets of text in one encoded word */

/* The octets of one encoded character; controls and broken ones are lost. */
static size_t
encode(char out[12], const char *s, size_t n, uint32_t c)
{
	static const char hex[] = "0123456789ABCDEF";
	if (n == 0)
		s = "?";
	else if (utf8_is_control(c))
		s = " ";
	if (n == 0 || utf8_is_control(c))
		n = 1;
	bool plain = (*s >= '0' && *s <= '9') || (*s >= 'A' && *s <= 'Z') ||
		     (*s >= 'a' && *s <= 'z');
	if (plain || *s == ' ') {
		out[0] = plain ? *s : '_';
		return 1;
	}
	for (size_t i = 0; i < n; i++) {
		out[3 * i] = '=';
		out[3 * i + 1] = hex[(unsigned char)s[i] >> 4];
		out[3 * i + 2] = hex[(unsigned char)s[i] & 15];
	}
	return 3 * n;
}

static void
encoded_words(struct buf *out, const char *name, size_t len)
{
	size_t used = 0;
	(void)buf_adds(out, "=?UTF-8?Q?");
	for (size_t i = 0; i < len;) {
		char text[12];
		uint32_t c = 0;
		size_t n = utf8_next(name + i, len - i, &c);
		size_t m = encode(text, name + i, n, c);
		if (used + m > ENCODED_MAX) {
			(void)buf_adds(out, "?=\r\n =?UTF-8?Q?");
			used = 0;
		}
		(void)buf_add(out, text, m);
		used += m;
		i += n > 0 ? n : 1;
	}
	(void)buf_adds(out, "?=");
}

static void
quoted_phrase(struct buf *out, const char *name, size_t len)
{
	(void)buf_addc(out, '"');
	for (size_t i = 0; i < len; i++) {
		char c = is_control(name[i]) ? ' ' : name[i];
		if (c == '"' || c == '\\')
			(void)buf_addc(out, '\\');
		(void)buf_addc(out, c);
	}
	(void)buf_addc(out, '"');
}

void
header_phrase(struct buf *out, const char *name, size_t len)
{
	bool ascii = true, atoms = len > 0;
	for (size_t i = 0; i < len; i++) {
		bool edge = i == 0 || i == len - 1 || name[i - 1] == ' ';
		if ((unsigned char)name[i] >= 0x80)
			ascii = false;
		if (name[i] == ' ' ? edge : !token_is_atom(name[i]))
			atoms = false;
	}
	if (!ascii || len > PHRASE_PLAIN_MAX)
		encoded_words(out, name, len);
	else if (atoms)
		(void)buf_add(out, name, len);
	else
		quoted_phrase(out, name, len);
}

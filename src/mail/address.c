/* SPDX-License-Identifier: ISC */
/*
 * The address grammar.  One pass from left to right, no allocation, no
 * second opinion: what is not in the grammar of RFC 5321 section 4.1.2 (and
 * RFC 6531 when asked for) is refused, never repaired.  Not a rewriter: '%'
 * and '!' are letters like any other and route nothing (G07-G20).
 *
 * Invariant: the text of a parsed address holds no control octet, and no
 * blank or angle bracket outside quotes, so that "<text>" is one word of
 * one line wherever it is written (INV7, LIB1, LIB9).
 */
#include "mail/address.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/utf8.h"
#include "mail/domain_key.h"

#define MAILBOX_KEY_MAX (LOCAL_PART_MAX + 1 + DOMAIN_MAX + 1)

static bool
is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

static bool
is_atext(char c)
{
	return is_letter_or_digit(c) ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Octets of a character above ASCII that an address may hold, else 0. */
static size_t
wide(const char *s, size_t len, unsigned flags)
{
	uint32_t c;
	size_t n = flags & ADDRESS_UTF8 ? utf8_next(s, len, &c) : 0;
	return n > 1 && !utf8_is_control(c) ? n : 0;
}

/* IDNA takes these for dots; a label that holds one is two for others. */
static bool
is_wide_dot(const char *s, size_t n)
{
	return n == 3 && (memcmp(s, "\xe3\x80\x82", 3) == 0 ||
			     memcmp(s, "\xef\xbc\x8e", 3) == 0 ||
			     memcmp(s, "\xef\xbd\xa1", 3) == 0);
}

/* Octets of a label at s; 0 if there is none. */
static size_t
label(const char *s, size_t len, unsigned flags)
{
	size_t n = 0;
	while (n < len) {
		size_t step = wide(s + n, len - n, flags);
		if (step == 0 &&
		    (is_letter_or_digit(s[n]) || s[n] == '-' || s[n] == '_'))
			step = 1;
		if (step == 0 || is_wide_dot(s + n, step))
			break;
		n += step;
	}
	if (n == 0 || n > LABEL_MAX || s[0] == '-' || s[n - 1] == '-')
		return 0;
	return n;
}

bool
domain_valid(const char *s, size_t len, unsigned flags)
{
	if (len == 0 || len > DOMAIN_MAX)
		return false;
	bool named = false;
	for (size_t i = 0; i < len; i++)
		if (s[i] != '.' && (s[i] < '0' || s[i] > '9'))
			named = true;
	size_t at = 0;
	for (;;) {
		size_t n = label(s + at, len - at, flags);
		if (n == 0)
			return false;
		at += n;
		if (at == len)
			return named;
		if (s[at++] != '.')
			return false;
	}
}

bool
domain_literal_valid(const char *s, size_t len)
{
	char text[INET6_ADDRSTRLEN];
	unsigned char ip[16];
	static const char tag[] = "ipv6:";
	if (len < 2 || s[0] != '[' || s[len - 1] != ']')
		return false;
	s++;
	len -= 2;
	size_t match = 0;
	while (match < 5 && match < len && lower(s[match]) == tag[match])
		match++;
	int family = match == 5 ? AF_INET6 : AF_INET;
	if (family == AF_INET6) {
		s += 5;
		len -= 5;
	}
	if (len >= sizeof(text) || memchr(s, '\0', len) != NULL)
		return false;
	memcpy(text, s, len);
	text[len] = '\0';
	return inet_pton(family, text, ip) == 1;
}

/* A quoted-string at s[0] == '"': its length, or 0 and *why. */
static size_t
quoted_string(const char *s, size_t len, unsigned flags, const char **why)
{
	size_t i = 1;
	while (i < len && s[i] != '"') {
		bool escaped = s[i] == '\\';
		if (escaped)
			i++;
		size_t n = 0;
		if (i < len && s[i] >= ' ' && s[i] <= '~')
			n = 1;
		else if (i < len && !escaped)
			n = wide(s + i, len - i, flags);
		if (n == 0) {
			*why = "the quoted local part holds an octet that "
			       "is not allowed";
			return 0;
		}
		i += n;
	}
	if (i >= len) {
		*why = "the quote is not closed";
		return 0;
	}
	return i + 1;
}

/* A dot-string: its length, or 0 and *why. */
static size_t
dot_string(const char *s, size_t len, unsigned flags, const char **why)
{
	size_t i = 0;
	bool dot = true;
	while (i < len) {
		size_t n = is_atext(s[i]) ? 1 : wide(s + i, len - i, flags);
		if (n == 0 && s[i] != '.')
			break;
		if (n == 0 && dot)
			break;
		dot = n == 0;
		i += dot ? 1 : n;
	}
	if (i == 0 && len > 0 && s[0] == '@')
		*why = "there is no local part, and source routes are not "
		       "accepted";
	else if (dot)
		*why = "the local part has an empty atom or begins with an "
		       "octet that is not allowed";
	return dot ? 0 : i;
}

/* The domain behind the '@': NULL, or why it is none. */
static const char *
domain_fault(const char *s, size_t len, unsigned flags)
{
	if (len == 0)
		return "the domain is empty";
	if (s[0] == '[')
		return domain_literal_valid(s, len)
			   ? NULL
			   : "the address literal is not understood";
	return domain_valid(s, len, flags) ? NULL : "the domain is not valid";
}

/* The grammar: length of the local part, or 0 and *why. */
static size_t
mailbox(const char *s, size_t len, unsigned flags, const char **why)
{
	size_t n = s[0] == '"' ? quoted_string(s, len, flags, why)
			       : dot_string(s, len, flags, why);
	if (n == 0)
		return 0;
	*why = NULL;
	if (n > LOCAL_PART_MAX)
		*why = "the local part is longer than 64 octets";
	else if (n == len && !(flags & ADDRESS_BARE))
		*why = "there is no domain";
	else if (n < len && s[n] != '@')
		*why = "the local part holds an octet that is not allowed";
	else if (n < len)
		*why = domain_fault(s + n + 1, len - n - 1, flags);
	return *why == NULL ? n : 0;
}

int
address_parse(struct address *a, const char *text, size_t len, unsigned flags,
    const char **why)
{
	*why = "";
	a->len = a->at = 0;
	a->text[0] = '\0';
	if (len == 0 && (flags & ADDRESS_EMPTY))
		return 0;
	if (len == 0 || len > ADDRESS_MAX) {
		*why = len == 0 ? "the address is empty"
				: "the address is longer than 254 octets";
		return -1;
	}
	size_t at = mailbox(text, len, flags, why);
	if (at == 0)
		return -1;
	memcpy(a->text, text, len);
	a->text[len] = '\0';
	a->len = (uint16_t)len;
	a->at = (uint16_t)at;
	*why = "";
	return 0;
}

int
address_qualify(struct address *a, const char *domain)
{
	size_t n = strlen(domain);
	if (!address_is_bare(a))
		return 0;
	if (!domain_valid(domain, n, ADDRESS_UTF8) ||
	    n + 1 > (size_t)ADDRESS_MAX - a->len)
		return -1;
	a->text[a->len] = '@';
	memcpy(a->text + a->len + 1, domain, n + 1);
	a->len = (uint16_t)(a->len + 1 + n);
	return 0;
}

const char *
address_domain(const struct address *a)
{
	return a->at < a->len ? a->text + a->at + 1 : "";
}

size_t
address_local(const struct address *a, char *out)
{
	size_t n = 0, i = 0, end = a->at;
	bool quoted = end >= 2 && a->text[0] == '"';
	if (quoted) {
		i++;
		end--;
	}
	for (; i < end; i++) {
		if (quoted && a->text[i] == '\\')
			i++;
		out[n++] = a->text[i];
	}
	out[n] = '\0';
	return n;
}

/*
 * What two equal mailboxes share: the plain local part, a line feed (which
 * no address holds) and the domain as it is compared; one that has no such
 * form as it is written.
 */
static size_t
mailbox_key(const struct address *a, char key[MAILBOX_KEY_MAX])
{
	if (a->len == 0)
		return 0;
	size_t n = address_local(a, key);
	const char *domain = address_domain(a);
	size_t len = strlen(domain);
	key[n++] = '\n';
	size_t as_key = domain_key(domain, len, key + n);
	if (as_key > 0)
		return n + as_key;
	memcpy(key + n, domain, len);
	return n + len;
}

bool
address_equal(const struct address *a, const struct address *b)
{
	char x[MAILBOX_KEY_MAX], y[MAILBOX_KEY_MAX];
	size_t n = mailbox_key(a, x);
	return n == mailbox_key(b, y) && memcmp(x, y, n) == 0;
}

uint64_t
address_hash(const struct address *a)
{
	char key[MAILBOX_KEY_MAX];
	return hash_bytes(key, mailbox_key(a, key));
}

static bool
any_wide(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] >= 0x80)
			return true;
	return false;
}

bool
address_is_utf8(const struct address *a)
{
	return any_wide(a->text, a->len);
}

bool
address_local_is_utf8(const struct address *a)
{
	return any_wide(a->text, a->at);
}

int
address_list_add(struct address_list *l, const struct address *a)
{
	if (l->n >= RECIPIENTS_MAX)
		return -1;
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 4;
		struct address copy = *a; /* a may stand in the list */
		l->v = alloc_grow(l->v, cap, sizeof(*l->v));
		l->cap = cap;
		l->v[l->n++] = copy;
		return 0;
	}
	l->v[l->n++] = *a;
	return 0;
}

void
address_list_free(struct address_list *l)
{
	free(l->v);
	*l = (struct address_list){0};
}

struct seen {
	struct hash_link link; /* first: a link is its seen */
	const struct address *address;
};

static bool
same_mailbox(const struct hash_link *link, const void *key)
{
	return address_equal(((const struct seen *)link)->address, key);
}

void
address_list_unique(struct address_list *l)
{
	if (l->n < 2)
		return;
	struct seen *seen = alloc_zero(l->n, sizeof(*seen));
	struct hash table = {0};
	size_t kept = 0;
	for (size_t i = 0; i < l->n; i++) {
		uint64_t hash = address_hash(&l->v[i]);
		if (hash_find(&table, hash, same_mailbox, &l->v[i]) != NULL)
			continue;
		if (kept != i)
			l->v[kept] = l->v[i];
		seen[kept].address = &l->v[kept];
		hash_add(&table, &seen[kept].link, hash);
		kept++;
	}
	l->n = kept;
	hash_free(&table);
	free(seen);
}

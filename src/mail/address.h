/* SPDX-License-Identifier: ISC */
/*
 * The one address grammar (RFC 5321 section 4.1.2), used at every border:
 * command line, header, pickup file, SMTP, queue file, and before libcurl.
 * An address is a value; it owns nothing and is never parsed again.
 */
#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/limits.h"

struct address {
	char text[ADDRESS_MAX + 1]; /* as written: byte-equal, NUL behind */
	uint16_t len;               /* 0: the null sender <> */
	uint16_t at;                /* offset of the '@'; len when bare */
};

enum {
	ADDRESS_BARE = 1,  /* a local part alone is allowed */
	ADDRESS_EMPTY = 2, /* the null sender is allowed */
	ADDRESS_UTF8 = 4,  /* RFC 6531: valid UTF-8 above ASCII is allowed */
};

/*
 * Parse a Mailbox without angle brackets: dot-string or quoted-string,
 * '@', domain or address literal.  Source routes, comments, blanks outside
 * quotes and control bytes are refused.  0; or -1, and *why (never NULL)
 * is a sentence without the address in it.
 */
int address_parse(struct address *a, const char *text, size_t len,
    unsigned flags, const char **why) MUST_CHECK;

/* Complete a bare address with @domain.  0; -1 if it grows too long or
 * domain is no domain.  Others are left as they are. */
int address_qualify(struct address *a, const char *domain) MUST_CHECK;

static inline bool
address_is_null(const struct address *a)
{
	return a->len == 0;
}

static inline bool
address_is_bare(const struct address *a)
{
	return a->len > 0 && a->at == a->len;
}

/* The domain as a string; "" when bare or null.  Borrowed from a. */
const char *address_domain(const struct address *a);

/* The local part with quotes and backslashes removed, into out (NUL
 * behind); its length.  Room LOCAL_PART_MAX + 1 always suffices. */
size_t address_local(const struct address *a, char *out);

/* Equal as mailboxes: local part octet by octet, domain as by
 * domain_key(). */
bool address_equal(const struct address *a, const struct address *b);

/* The same for equal mailboxes; keyed, so that none can aim at it (H15). */
uint64_t address_hash(const struct address *a);

/* Any octet above ASCII, in it or in the local part alone. */
bool address_is_utf8(const struct address *a);
bool address_local_is_utf8(const struct address *a);

/*
 * A domain: labels of letters, digits, '-' and '_' (not '-' at either end,
 * 63 at most), joined by single dots, 255 at most, no final dot, not all
 * digits and dots.  With ADDRESS_UTF8 octets of valid UTF-8 count as
 * letters.  A single label is a domain too.
 */
bool domain_valid(const char *s, size_t len, unsigned flags);

/* "[1.2.3.4]" or "[IPv6:...]" and nothing else. */
bool domain_literal_valid(const char *s, size_t len);

/* A growable list of addresses, with a ceiling. */
struct address_list {
	struct address *v;
	size_t n, cap;
};

/* 0; -1 when it would hold more than RECIPIENTS_MAX.  Duplicates (as by
 * address_equal) are for the caller to look for. */
int address_list_add(
    struct address_list *l, const struct address *a) MUST_CHECK;
void address_list_free(struct address_list *l);

/* Remove later duplicates in place; linear time (hashed). */
void address_list_unique(struct address_list *l);

#endif

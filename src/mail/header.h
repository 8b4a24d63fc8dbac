/* SPDX-License-Identifier: ISC */
/*
 * Header fields of a message in wire form (every line ends in CRLF), and
 * the address lists in them (RFC 5322 section 3.4).  Linear time in the
 * length of the input whatever it holds (C07, H15); opens nothing.
 */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "mail/address.h"

struct field {
	const char *name; /* borrowed from the input; case as written */
	size_t name_len;
	const char *value; /* behind the colon: folding kept, final CRLF not */
	size_t value_len;
	size_t len; /* of the whole field, with its final CRLF */
};

/*
 * The field that starts at p.  1: *f is set.  0: the header ends here (an
 * empty line, or no input).  -1: this line is no field (no colon, blank or
 * control byte in the name); the body starts here although the empty line
 * is missing.  Blanks before the colon are allowed as they were in RFC 822:
 * a "Bcc :" must not end in the body.
 */
int field_next(const char *p, size_t len, struct field *f) MUST_CHECK;

/* Name comparison without case. */
bool field_is(const struct field *f, const char *name);

/*
 * Add every mailbox of an address list to out: groups, comments, quoted
 * display names, folding, route-addr and empty list elements understood;
 * the address itself must satisfy address_parse() with these flags
 * (ADDRESS_BARE is usual).  0; -1 and *why when any element is not
 * understood (then out holds what came before it) or the list is full.
 */
int header_mailboxes(const char *value, size_t len, unsigned flags,
    struct address_list *out, const char **why) MUST_CHECK;

/*
 * The same, one by one, with the octets of value that hold the address: its
 * tokens, and the comments and blanks between them, but none around them.
 * fn gives -1 when it takes no more.
 */
typedef int (*header_mailbox_fn)(
    void *arg, const struct address *a, const char *text, size_t len);
int header_each_mailbox(const char *value, size_t len, unsigned flags,
    header_mailbox_fn fn, void *arg, const char **why) MUST_CHECK;

/*
 * Append a display name as an RFC 5322 phrase: as it is when made of atoms,
 * quoted otherwise, as RFC 2047 encoded words (UTF-8, folded with CRLF SP)
 * when it is not ASCII.  Control bytes become blanks (A08).
 */
void header_phrase(struct buf *out, const char *name, size_t len);

#endif

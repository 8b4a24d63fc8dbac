/* SPDX-License-Identifier: ISC */
/*
 * Header fields made fit for a server: in ASCII, and in lines of at most
 * LINE_MAX_TEXT octets (RFC 5322 section 2.1.1, RFC 2047, 2231, 6857).
 */
#ifndef MAIL_REFIT_H
#define MAIL_REFIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "mail/header.h"

/* The A-labels of a domain with octets above ASCII, into out with its NUL.
 * 0; -1: it has none. */
typedef int (*refit_domain)(const char *domain, size_t len, char out[256]);

/*
 * Append the whole field, its CRLF too.  With ascii:
 *   - in address fields (From, To, ...) names and comments become encoded
 *     words and domains A-labels;
 *   - parameters of Content-* fields become extended values;
 *   - other fields that have a grammar (Received, Message-ID, ...) are
 *     renamed to Downgraded-NAME and hold encoded words;
 *   - all others are text: the words that need it become encoded words;
 *   - octets above ASCII in names of fields, which are none, become '?'.
 * Lines that are too long are folded at a blank; where there is none, text
 * becomes encoded words and anything else is parted by CRLF SP.
 * Fields that need nothing are copied.
 *
 * 0; -1: out is full, or a local part is not ASCII, or a domain has no
 * A-labels: *why says it.
 */
int refit_field(struct buf *out, const struct field *f, bool ascii,
    refit_domain domain, const char **why) MUST_CHECK;

#endif

/* SPDX-License-Identifier: ISC */
/* Encoded words (RFC 2047) and extended values (RFC 2231), outgoing. */
#ifndef MAIL_ENCODED_H
#define MAIL_ENCODED_H

#include <stddef.h>

#include "base/buf.h"

/*
 * Append text as encoded words, folded with CRLF SP between them.  It is
 * UTF-8, or else of charset "unknown-8bit" (RFC 1428).  No character is
 * parted; control characters become blanks, for a reader would take them
 * for what they are.
 */
void encoded_words(struct buf *out, const char *text, size_t len);

/* Append charset''text with what is no plain character as %XX. */
void encoded_value(struct buf *out, const char *text, size_t len);

#endif

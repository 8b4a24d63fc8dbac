/* SPDX-License-Identifier: ISC */
/*
 * Base64 (RFC 4648 section 4), strict: full groups, padding where it
 * belongs, unused bits zero, nothing else; so that each text has one
 * meaning and each meaning one text.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"

/* Room that always suffices for what len octets of base64 stand for. */
#define BASE64_ROOM(len) ((len) / 4 * 3)

/* Decode len octets of text into out, which has room for that many
 * octets; *n of them are set.  0; -1 when it is malformed or too long,
 * then out may hold a part. */
int base64_decode(
    const char *text, size_t len, void *out, size_t room, size_t *n) MUST_CHECK;

/* Append the base64 of data.  0, or -1 and over, as buf_add(). */
int base64_encode(struct buf *out, const void *data, size_t len);

#endif

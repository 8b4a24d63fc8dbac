/* SPDX-License-Identifier: ISC */
/* Punycode (RFC 3492), one way. */
#ifndef MAIL_PUNYCODE_H
#define MAIL_PUNYCODE_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/*
 * The digits for n characters, without "xn--" and without a NUL, into the
 * room octets at out; how many.  0: they do not fit, n is 0, or a character
 * is none (above 0x10ffff).  Letters of ASCII stay as they are.
 */
size_t punycode_encode(
    const uint32_t *s, size_t n, char *out, size_t room) MUST_CHECK;

#endif

/* SPDX-License-Identifier: ISC */
/* UTF-8 as RFC 3629 has it: shortest forms only, no surrogates. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/* Octets of the character at s, and the character; 0 if there is none. */
size_t utf8_next(const char *s, size_t len, uint32_t *c) MUST_CHECK;

/* Is all of it such characters? */
bool utf8_valid(const char *s, size_t len) MUST_CHECK;

/* Would it move a cursor or begin a line: C0, DEL, C1, U+2028, U+2029. */
bool utf8_is_control(uint32_t c);

#endif

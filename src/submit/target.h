/* SPDX-License-Identifier: ISC */
/*
 * The right side of an alias line: targets between commas.  What is no
 * address (a program, a file, an include) is named as such, also when it
 * comes as a bare recipient from a caller or a header.
 */
#ifndef SUBMIT_TARGET_H
#define SUBMIT_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "mail/address.h"

/* The next target from *at on, blanks around it removed; empty ones are
 * passed over.  Commas in quotes, comments and angle brackets do not
 * separate. */
bool target_next(const char *p, size_t len, size_t *at, const char **item,
    size_t *n) MUST_CHECK;

/* NULL, or why it is no target: a sentence without the target in it. */
const char *target_check(const char *p, size_t len);

/* Its mailboxes; *stop when it was "\name".  0; -1 and *why. */
int target_parse(const char *p, size_t len, struct address_list *out,
    bool *stop, const char **why) MUST_CHECK;

/* NULL, or why text would be a program, a file or an include to other
 * mailers (A13). */
const char *target_special(const char *p, size_t len);

#endif

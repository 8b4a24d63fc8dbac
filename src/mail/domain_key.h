/* SPDX-License-Identifier: ISC */
/*
 * The form in which domains are compared: A-labels (RFC 5890) in lower case,
 * so that a domain is the same in U-labels and in A-labels.
 */
#ifndef MAIL_DOMAIN_KEY_H
#define MAIL_DOMAIN_KEY_H

#include <stddef.h>

#include "base/limits.h"

/*
 * ASCII becomes lower case.  A label with octets above it becomes its
 * A-label: capitals of Latin, Greek, Cyrillic and Armenian letters become
 * small ones; nothing else is mapped.  So labels are taken to be in NFC, and
 * what UTS 46 maps besides (full-width forms, ligatures, other dots)
 * is another name: never equal to one that it is not.  What else is
 * wrong with s is for domain_valid() to find.
 *
 * The length of what is in out; 0: s is empty or too long, or such a label
 * is no UTF-8 or longer than DNS allows; then out is "".
 */
size_t domain_key(const char *s, size_t len, char out[DOMAIN_MAX + 1]);

#endif

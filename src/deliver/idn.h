/* SPDX-License-Identifier: ISC */
/* Internationalized domain names (IDNA 2008, by libidn2). */
#ifndef DELIVER_IDN_H
#define DELIVER_IDN_H

#include <stddef.h>

#include "base/attr.h"
#include "base/limits.h"
#include "mail/address.h"

/*
 * The domain as DNS has it: A-labels for labels above ASCII, mapped and
 * checked as in UTS 46 (non-transitional); all else as it is.  In UTF-8
 * whatever the locale is.  0; -1: it is no domain, and out is "".
 */
int idn_to_ascii(
    const char *domain, size_t len, char out[DOMAIN_MAX + 1]) MUST_CHECK;

/* *a with its domain so.  0; -1: its local part is not ASCII, or the above,
 * or it grows too long; then *a is as it was. */
int idn_address(struct address *a) MUST_CHECK;

#endif

/* SPDX-License-Identifier: ISC */
/*
 * The PROXY protocol header, versions 1 and 2, push style and pure; only
 * asked for from listed proxies (D20: a short or odd header is an error,
 * never a guess).
 */
#ifndef SMTPD_PROXY_H
#define SMTPD_PROXY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "net/ip.h"

#define PROXY_HEADER_MAX 536 /* v1: 107; v2: 16 + 520 of addresses, TLVs */

struct proxy_result {
	bool local; /* v2 LOCAL or v1 UNKNOWN: the proxy itself speaks */
	struct ip ip;
	unsigned port;
};

/* The header at the start of data.  n > 0: its length, *r is set.  0: more
 * is needed.  -1: it is none. */
int proxy_parse(
    const char *data, size_t len, struct proxy_result *r) MUST_CHECK;

#endif

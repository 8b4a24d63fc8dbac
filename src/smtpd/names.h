/* SPDX-License-Identifier: ISC */
/*
 * Reverse names of clients, confirmed forward (R24): PTR of the address,
 * then A or AAAA of the name must hold the address.  Asynchronous, cached
 * for a while, bounded; a name that is not confirmed is no name (G23).
 */
#ifndef SMTPD_NAMES_H
#define SMTPD_NAMES_H

#include <stdint.h>

#include "base/attr.h"
#include "net/ip.h"
#include "net/resolver.h"

#define NAMES_PATIENCE_MS (5 * 1000)

struct names;
struct name_query;

struct names *names_new(struct resolver *r) MUST_CHECK;

/* Ask r from now on (in the same event loop): what is being searched for is
 * asked again, within the patience that is left, and what the one before
 * said is forgotten.  That one is then free to go. */
void names_follow(struct names *n, struct resolver *r);

void names_free(struct names *n); /* cancels all; not from within fn */

/* name is "" when there is none that is confirmed; borrowed for the call. */
typedef void (*names_fn)(void *arg, const char *name);

/* Call fn once: at once from the cache, or when too many are asked for
 * (then NULL is returned); or later from the event loop, within
 * NAMES_PATIENCE_MS at the latest.  now_ms: clock_mono_ms().  A query ends
 * before its fn is called. */
struct name_query *names_find(struct names *n, const struct ip *ip,
    int64_t now_ms, names_fn fn, void *arg);
void names_cancel(struct name_query *q);

#endif

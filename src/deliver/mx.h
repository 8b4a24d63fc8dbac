/* SPDX-License-Identifier: ISC */
/*
 * From a domain or host name to addresses in the order to try them
 * (RFC 5321 section 5.1, 7505): MX by preference, equal ones shuffled, each
 * with AAAA and A interleaved; a domain without MX is its own host; null MX
 * is NEVER 5.1.10; what DNSSEC proved is noted in each target; our own address drops that MX and all worse ones.
 */
#ifndef DELIVER_MX_H
#define DELIVER_MX_H

#include "base/attr.h"
#include "deliver/hop.h"
#include "deliver/self.h"
#include "mail/verdict.h"
#include "net/resolver.h"

struct mx; /* a look-up under way */

enum mx_kind {
	MX_DOMAIN, /* MX, else the name itself */
	MX_HOST,   /* A and AAAA only */
};

/*
 * Called once from the event loop.  n >= 1: targets, borrowed for the
 * call.  n 0: st is LATER (DNS fault) or NEVER (5.1.2 no such domain,
 * 5.1.10 null MX, 5.4.6 all are ourselves).  For a smart host the caller
 * turns NEVER into LATER.
 */
typedef void (*mx_fn)(void *arg, const struct hop_target *targets, size_t n,
    const struct status *st);

/*
 * self, borrowed until the end: to see ourselves among the MX of a domain,
 * by name, by an own address with port 25, or where a listener of ours is.
 * A host that is asked for by name (MX_HOST) is ourselves only by the last
 * one: another server may serve another port, or port 25 instead of us.
 */
struct mx *mx_find(struct resolver *r, const char *name, unsigned port,
    enum mx_kind kind, const struct self *self, mx_fn fn, void *arg) MUST_CHECK;
void mx_cancel(struct mx *m);

#endif

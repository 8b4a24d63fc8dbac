/* SPDX-License-Identifier: ISC */
/*
 * Where the connections of one destination may go: the hosts that its route
 * names, in order, looked up when they are needed, each address remembered
 * as dead for a while after it failed (so that the next connection does not
 * pay for it again).
 *
 * A smart host list is tried in order; "direct first" is the domain's MX
 * and then the smart hosts; each target keeps the session settings of the
 * host that it came from, so that no secret meets a foreign server.
 */
#ifndef DELIVER_TARGETS_H
#define DELIVER_TARGETS_H

#include <stdint.h>

#include "base/attr.h"
#include "conf/route.h"
#include "deliver/breaker.h"
#include "deliver/hop.h"
#include "deliver/mx.h"
#include "mail/verdict.h"
#include "net/resolver.h"

struct targets;

struct target {
	struct hop_target hop;
	const struct session_conf *session; /* of the conf given */
	const char *domain;                 /* that was looked up */
	bool ours;                          /* named by the administrator */
	int64_t dead_until;                 /* monotonic ms */
	bool lacks; /* what the mail must have, when last tried */
};

enum pick {
	PICK_TARGET, /* *out is set */
	PICK_WAIT,   /* a look-up is under way; changed() will be called */
	PICK_PROBED, /* a probe is, by another destination; perhaps a look-up,
	              * too */
	PICK_NONE,   /* *st says why: LATER, or NEVER (null MX, no domain) */
};

/* changed(arg) is called from the event loop when a look-up ended.  b is
 * borrowed, or NULL: nothing is known of any address. */
struct targets *targets_new(
    struct breakers *b, void (*changed)(void *arg), void *arg) MUST_CHECK;
void targets_free(struct targets *t);

/* Take this route (borrowed from c, which the caller keeps); forgets what
 * was known. */
void targets_route(struct targets *t, struct resolver *r, const struct conf *c,
    const struct route *route, const char *domain);

/* The first target that is not dead and whose breaker is not open. */
enum pick targets_pick(struct targets *t, int64_t now, struct target **out,
    struct status *st) MUST_CHECK;

/* When the first of the breakers of all targets lets somebody in: monotonic
 * ms; 0: one does now, or there is no target. */
int64_t targets_opens(const struct targets *t, int64_t now);

/* A connection to this one failed before it was ready; NEVER when it lacks
 * what the mail of this destination must have (hop.h).  When all that there
 * are lack it, targets_pick() says NEVER, too. */
void targets_failed(struct targets *t, const struct hop_target *which,
    int64_t until, const struct status *why);

/* It was DANE or MTA-STS that forbade it: what stands behind the hosts known
 * by now, a smart host, must not undo that (until targets_revive()). */
void targets_forbidden(struct targets *t);

/* A server refused the user of these settings: leave all alone that share
 * them, for more tries may lock the account (F23). */
void targets_refused(struct targets *t, const struct session_conf *which,
    int64_t until, const struct status *why);

/* All may be tried again (after the back-off). */
void targets_revive(struct targets *t);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Sessions with next hops by the carrier's own code, one at a time, for
 * subcommands that look and tell.
 */
#ifndef WAYPOST_DIAL_H
#define WAYPOST_DIAL_H

#include "base/attr.h"
#include "conf/conf.h"
#include "deliver/hop.h"
#include "deliver/sts.h"
#include "deliver/targets.h"
#include "net/resolver.h"

struct dial {
	const struct conf *conf; /* borrowed */
	struct event_base *base;
	struct resolver *resolver;
	struct hops *hops;
	struct sts *sts;
};

/* 0; -1 and *why: dial_close() is still owed. */
int dial_open(
    struct dial *d, const struct conf *c, const char **why) MUST_CHECK;
void dial_close(struct dial *d);

/* Run the event loop until dial_stop(). */
void dial_wait(struct dial *d);
void dial_stop(struct dial *d);

/* As waypostd sets up a session with this target; borrowed from both. */
void dial_options(
    const struct dial *d, const struct target *t, struct hop_options *o);

#endif

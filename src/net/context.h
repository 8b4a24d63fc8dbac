/* SPDX-License-Identifier: ISC */
/* A libunbound context, set up as this house wants it. */
#ifndef NET_CONTEXT_H
#define NET_CONTEXT_H

#include "base/attr.h"
#include "base/buf.h"
#include "net/resolver.h"

struct event_base;
struct ub_ctx;

/* Options that outlive what they were copied from, for the context is made
 * late and more than once. */
struct context_options {
	struct resolver_options options; /* its strings are ours: */
	char **servers, *anchor;
};

void context_keep(struct context_options *k, const struct resolver_options *o);
void context_drop(struct context_options *k);

/* A context that lives on the event loop and asks the servers of o.  NULL,
 * and a sentence is added to why. */
struct ub_ctx *context_open(struct event_base *base,
    const struct resolver_options *o, struct buf *why) MUST_CHECK;

/* Is it "ip" or "ip@port"? */
bool context_server_valid(const char *server);

#endif

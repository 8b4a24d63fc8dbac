/* SPDX-License-Identifier: ISC */
/*
 * MTA-STS policies of recipients' domains (RFC 8461): asked for by TXT
 * record, fetched over HTTPS, kept on disk until they expire.  Never blocks
 * the event loop for the network; one small file is read for each question.
 *
 * A policy that cannot be fetched, or is none, leaves the one that is known
 * in force; without one there is no policy.  A fetch that failed is not tried
 * again for five minutes.
 */
#ifndef DELIVER_STS_H
#define DELIVER_STS_H

#include "base/attr.h"
#include "mail/mta_sts.h"
#include "net/resolver.h"

struct event_base;
struct trust;
struct sts;
struct sts_query; /* a question under way */

/* directory: of the cache, made when it is needed.  NULL when libcurl has no
 * memory.  hops_new() comes first: it starts libcurl. */
struct sts *sts_new(struct event_base *base, const char *directory) MUST_CHECK;
void sts_free(struct sts *s); /* no question may be open; NULL is fine */

/* By this resolver and these authorities (NULL: the system's) from now on;
 * fetches under way end.  No question may be open. */
void sts_follow(struct sts *s, struct resolver *r, const char *ca_file);

/* p is borrowed for the call; NULL: no policy, or mode none. */
typedef void (*sts_fn)(void *arg, const struct sts_policy *p);

/* fn is called exactly once, from the event loop, never from within this
 * call; unless the query is cancelled first. */
struct sts_query *sts_ask(
    struct sts *s, const char *domain, sts_fn fn, void *arg) MUST_CHECK;
void sts_cancel(struct sts_query *q);

/* Now and then: remove what has expired. */
void sts_sweep(struct sts *s);

#endif

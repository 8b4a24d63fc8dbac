/* SPDX-License-Identifier: ISC */
/*
 * What all workers know about clients together: connections in all and per
 * address, new connections per minute, AUTH failures with a growing
 * penalty.  One table in shared memory of fixed size, made before the fork;
 * IPv6 clients count by /64; the oldest idle entry goes first (F13, H16).
 * A user of this host, who comes by a unix socket, counts like an address,
 * but is not turned away because of all the others together (H19).
 */
#ifndef SMTPD_GUARD_H
#define SMTPD_GUARD_H

#include <stdint.h>

#include "base/attr.h"
#include "conf/conf.h"
#include "mail/verdict.h"
#include "net/ip.h"

struct guard;

/* NULL with errno.  entries is rounded up to a power of two. */
struct guard *guard_new(unsigned entries) MUST_CHECK;
void guard_free(struct guard *g);

/* The address that stands for a user of this host; it is of ff00::/8, from
 * where no client can come. */
void guard_user(unsigned uid, struct ip *ip);

/* A connection came: DONE and counted, or LATER 421 4.7.0 with words.
 * worker: 0..63; what a dead worker had counted is given back by
 * guard_worker_died(), which says how many. */
void guard_enter(struct guard *g, const struct conf *c, unsigned worker,
    const struct ip *ip, int64_t now_ms, struct status *st);
void guard_leave(struct guard *g, unsigned worker, const struct ip *ip);
unsigned guard_worker_died(struct guard *g, unsigned worker);

/* AUTH failed: milliseconds to wait before the reply (2 s doubling to 15 s
 * per address); a success forgets. */
int64_t guard_auth_failed(struct guard *g, const struct ip *ip, int64_t now_ms);
void guard_auth_done(struct guard *g, const struct ip *ip);

unsigned guard_connections(const struct guard *g);

#endif

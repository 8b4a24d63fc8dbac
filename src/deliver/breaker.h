/* SPDX-License-Identifier: ISC */
/*
 * Circuit breakers: which addresses do not answer, known to all destinations
 * of a carrier, so that many domains with one dead mail exchanger cost it
 * one connection for each back-off and not one each.
 *
 * An address is closed (nothing is known against it: the normal case, which
 * takes no memory), open (nobody connects to it before a time that grows by
 * queue.retry, at most BREAKER_OPEN_MAX_MS), or half-open (that time has
 * passed: one connection probes it, others wait for what comes of it).  It
 * is about connecting and the greeting only; what is wrong between a server
 * and one set of settings (TLS, a login) is the destination's business.
 */
#ifndef DELIVER_BREAKER_H
#define DELIVER_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/conf.h"
#include "deliver/hop.h"
#include "mail/verdict.h"
#include "queue/board.h"

/* A dead address, and a dead destination, is probed at least this often. */
#define BREAKER_OPEN_MAX_MS (15 * 60 * 1000LL)
/* What failed is remembered this long after it could be tried again. */
#define BREAKER_KEEP_MS (24 * 3600 * 1000LL)

struct breakers;

enum breaker_state {
	BREAKER_CLOSED,
	BREAKER_OPEN,
	BREAKER_HALF_OPEN, /* may be probed */
	BREAKER_PROBED,    /* half-open, and somebody is at it */
};

/* board (borrowed) shows those that are not closed. */
struct breakers *breakers_new(struct board *board) MUST_CHECK;
void breakers_free(struct breakers *b); /* NULL is fine */

/* b NULL: all are closed.  *until: monotonic ms, when it is or was to be probed; 0 when closed.
 * *why (may be NULL) is set unless it is closed. */
enum breaker_state breaker_look(const struct breakers *b,
    const struct hop_target *t, int64_t now, int64_t *until,
    struct status *why);

/* A connection to it begins; true: it is the probe, and owes the answer. */
bool breaker_begin(struct breakers *b, const struct hop_target *t);

/* It could not be connected to, or did not greet. */
void breaker_failed(struct breakers *b, const struct hop_target *t,
    const struct conf *c, int64_t now, const struct status *why);

/* It greeted: closed. */
void breaker_reached(struct breakers *b, const struct hop_target *t);

/* The probe ended by our own doing: another one may be made. */
void breaker_let_go(struct breakers *b, const struct hop_target *t);

/* All may be probed now (an order, another configuration). */
void breakers_expire(struct breakers *b, int64_t now);

/* Forget what nobody asked about for BREAKER_KEEP_MS. */
void breakers_sweep(struct breakers *b, int64_t now);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Destinations: what waits, the connections that carry it, and the
 * health of the far side (R6).  A destination is what route_key() says is
 * one; one that is down gets one probe per back-off, whatever waits for it,
 * and never delays another.
 */
#ifndef DELIVER_DESTINATION_H
#define DELIVER_DESTINATION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/attr.h"
#include "base/hash.h"
#include "conf/route.h"
#include "deliver/job.h"
#include "deliver/runs.h"
#include "deliver/sessions.h"
#include "deliver/targets.h"

struct carrier;
struct conn;
struct destination;

TAILQ_HEAD(conn_list, conn);
TAILQ_HEAD(destination_list, destination);

/* All destinations of a carrier. */
struct pool {
	struct hash destinations;
	struct sessions sessions;        /* of all destinations */
	unsigned conns;                  /* open or opening */
	struct conn_list idle;           /* oldest first */
	struct destination_list dirty;   /* to pump */
	struct destination_list starved; /* wait for a free connection */
	unsigned nstarved;
	struct destination_list probed; /* wait for the end of a probe */
	unsigned leaving; /* connections that make room for them */
	size_t waiting;   /* jobs that will be made */
	size_t active;    /* jobs under way */
};

struct destination {
	struct hash_link link;
	char *key;
	struct carrier *carrier;
	struct conf *conf; /* reference; route and targets borrow from it */
	struct route route;
	enum tls_wish wish; /* of all its mail */
	char *domain;
	struct targets *targets;

	struct runs runs;      /* what waits */
	size_t waiting;        /* jobs that will be made of them */
	size_t active;         /* jobs under way */
	uint32_t building;     /* recipients of the last, while it may grow */
	struct reason *answer; /* for all that waits, owned; NULL: none */

	struct conn_list conns;
	unsigned nconns, nready;
	unsigned window;    /* connections allowed now: ramps up from 1 */
	unsigned failures;  /* in a row */
	unsigned lost;      /* sessions in a row that achieved nothing */
	int64_t retry_at;   /* monotonic ms; in back-off before it */
	struct reason *why; /* of the last failure, owned; or NULL */
	int64_t hold;       /* open no further connection before it */

	unsigned refusals; /* of our login, since one was accepted */

	bool is_dirty, is_starved, is_probed;
	TAILQ_ENTRY(destination) dirty_link, starved_link, probed_link;
};

void pool_init(struct pool *p);
void pool_free(struct carrier *c);

/* The destination for this route and wish; made if new.  domain is the
 * recipient's. */
struct destination *destination_find(struct carrier *c,
    const struct route *route, const char *domain,
    enum tls_wish wish) MUST_CHECK;

bool destination_backs_off(const struct destination *d, int64_t now);

/* Let a recipient wait here; joins: in one transaction with the one that was
 * queued last, of the same letter. */
void destination_queue(
    struct destination *d, struct letter *l, uint32_t slot, bool joins);

/* A job without results waits again, before all others; it is freed. */
void destination_return(struct destination *d, struct job *j);

/* Give work to connections and open what is missing. */
void pool_pump(struct carrier *c);

/* Deliveries may go on: look at all that waits. */
void pool_resume(struct carrier *c);

/* Close connections that idled too long; when the next one is due in ms, or
 * -1. */
int64_t pool_idle(struct carrier *c, int64_t now);

/* The configuration changed: give waiting jobs back to the schedule, forget
 * back-offs and look-ups; connections end with what they have. */
void pool_reroute(struct carrier *c);

/* Waiting jobs become waiting recipients again; with now, forget back-offs:
 * each destination is tried once more. */
void pool_recall(struct carrier *c, bool now);

/* Forget destinations that nobody needs any more. */
void pool_sweep(struct carrier *c);

/* Stop: waiting jobs go back; connections without work quit; with force the
 * busy ones are closed. */
void pool_stop(struct carrier *c, bool force);

#endif

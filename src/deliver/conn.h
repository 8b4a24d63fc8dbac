/* SPDX-License-Identifier: ISC */
/*
 * The connections of destinations: who is fed, who may be opened, and what
 * an end means for the destination's health.  Private to the pool.
 */
#ifndef DELIVER_CONN_H
#define DELIVER_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "deliver/destination.h"
#include "deliver/hop.h"

/* A destination leaves an address that failed it alone for this long while
 * others live; longer if its breaker says so. */
#define TARGET_DEAD_MS (60 * 1000LL)
/* The same for all addresses with a user that was refused. */
#define LOGIN_DEAD_MS (60 * 1000LL)
/* After a refused extra connection, be content for this long. */
#define CONN_HOLD_MS (5 * 1000LL)
/* An idle connection is kept for more mail this long. */
#define CONN_IDLE_MS (2 * 1000LL)
/* Sessions in a row that ended without one answer: the host is ill. */
#define CONN_LOST_MAX 3
#define LOCAL_JOBS_PER_TURN 16
/* Large messages on their way into files here: open, so not too many. */
#define LOCAL_LARGE_MAX 16

struct preparation;

struct conn {
	TAILQ_ENTRY(conn) of_destination, of_idle;
	struct destination *destination;
	struct hop *hop;
	struct hop_target target;
	const struct session_conf *session; /* the destination's; or NULL */
	unsigned given;                     /* jobs so far */
	bool ready, idle, achieved;
	bool probe;   /* its address' breaker waits for what comes of it */
	bool retired; /* takes nothing more */
	bool leaving; /* makes room for a starved destination */
	int64_t idle_since;
	struct preparation *preparing; /* of what it is to send; or NULL */
};

/* Nothing forbids to send now; when the journal lags behind it is noted
 * that somebody waits for it. */
bool conn_may_send(struct carrier *c);

/* Open one more if it is wanted and allowed; false: no more now. */
bool conn_open_one(struct destination *d);

/* Give it waiting jobs as long as it takes them. */
void conn_feed(struct conn *conn);

/* A loaded job is ready, for this connection: it goes out. */
void conn_send(struct conn *conn, struct job *j);

/* Its connections take nothing more and end with what they have. */
void conn_retire(struct destination *d);
void conn_abort_all(struct carrier *c);

/* It is over, and in no list any more: what that means for others. */
void conn_ended(struct conn *conn, const struct status *st, bool was_ready);

/* --- prepare.c --- */

/* Verify and render a large message for this connection, beside the loop;
 * takes the job over.  The connection is given nothing else meanwhile; when
 * it takes no more by then the job had no effect. */
void prepare(struct conn *conn, struct job *j);

/* The connection takes nothing more: what is prepared for it is not wanted. */
void prepare_forget(struct conn *conn);

/* --- destination.c, for conn.c and pool.c --- */

struct job *destination_take(struct destination *d);
void destination_mark(struct destination *d);
void destination_give_back(struct destination *d);
void destination_pump(struct destination *d);
void destination_free(struct carrier *c, struct destination *d);

/* Has it a session with this address? */
bool target_lives(const struct destination *d, const struct hop_target *t);

/* No host of it can be reached (LATER) or will ever be (NEVER): answers all
 * that waits, starts the back-off. */
void destination_failed(struct destination *d, const struct status *st);

/* A session was set up: end of the back-off, the window grows. */
void destination_reached(struct destination *d);

/* It serves us well: one connection more is allowed. */
void destination_grows(struct destination *d);

/* A probe has ended: whoever waited for what comes of it looks again. */
void pool_probed(struct carrier *c);

/* A connection became free for destinations that wait for one. */
void pool_release(struct carrier *c);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * What a daemon shows of itself while it runs: counters, and which
 * destinations are ill.  A file in SPOOL/state that the daemon maps and
 * counts in, and that others map to read: no timer, no system call, no
 * question to the daemon.  Nothing depends on it: it is not durable, and a
 * daemon that cannot have one goes on without.
 *
 * One writer for rows (a process); any number for counters.
 */
#ifndef QUEUE_BOARD_H
#define QUEUE_BOARD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attr.h"

enum board_kind { BOARD_CARRIER, BOARD_LISTENER };

/* Counters go up only, but for those that say "now". */
enum board_count {
	/* of the carrier; recipients unless they say otherwise */
	COUNT_TAKEN, /* messages that came into view */
	COUNT_DELIVERED,
	COUNT_DEFERRED, /* tries that ended in "later" */
	COUNT_FAILED,
	COUNT_REPORTS, /* messages */
	COUNT_SESSIONS,
	COUNT_NO_SESSIONS, /* could not be set up */
	COUNT_SESSIONS_NOW,
	COUNT_WAITING_NOW, /* messages with open recipients */
	COUNT_SPEED,       /* the first of COUNT_SPEEDS: delivered within ... */
	COUNT_CARRIER_END = COUNT_SPEED + 8,

	/* of the listener */
	COUNT_CLIENTS = 0,
	COUNT_CLIENTS_NOW,
	COUNT_CLIENTS_TURNED_AWAY,
	COUNT_RECEIVED, /* messages */
	COUNT_RECEIVED_OCTETS,
	COUNT_RCPTS_REFUSED,
	COUNT_TLS,
	COUNT_AUTH_DONE,
	COUNT_AUTH_FAILED,
	COUNT_LISTENER_END,
};
#define BOARD_COUNTS 32
#define COUNT_SPEEDS 8

/* Upper bounds, in seconds from arrival; the last is "any". */
extern const unsigned board_speeds[COUNT_SPEEDS - 1];

/* Where a destination stands that is not well. */
struct board_row {
	char key[128];  /* the destination (route_key), or its beginning */
	char text[192]; /* why: the last finding, without control octets */
	int64_t since_ms, until_ms; /* wall clock: ill since, next probe at */
	uint32_t failures;          /* in a row */
	uint32_t used;              /* 0: the row is free */
};
#define BOARD_ROWS 64

struct board {
	char magic[16];
	uint32_t version, kind;
	int64_t pid, started_ms; /* wall clock */
	uint32_t turn;           /* odd while rows are being written */
	uint32_t nrows_lost;     /* ill destinations without a row */
	uint64_t counts[BOARD_COUNTS];
	struct board_row rows[BOARD_ROWS];
};

/* Make or take over SPOOL/state's board of this kind, with all at zero.
 * Never NULL: without a file it is memory that nobody else sees. */
struct board *board_open(const char *spool, enum board_kind kind) MUST_CHECK;
void board_close(struct board *b);

static inline void
board_add(struct board *b, unsigned which, int64_t n)
{
	(void)__atomic_fetch_add(
	    &b->counts[which], (uint64_t)n, __ATOMIC_RELAXED);
}

static inline void
board_set(struct board *b, unsigned which, uint64_t n)
{
	__atomic_store_n(&b->counts[which], n, __ATOMIC_RELAXED);
}

/* The listener took a message of so many octets. */
static inline void
board_letter(struct board *b, uint64_t octets)
{
	board_add(b, COUNT_RECEIVED, 1);
	board_add(b, COUNT_RECEIVED_OCTETS, (int64_t)octets);
}

/* A delivery took so many seconds. */
void board_speed(struct board *b, int64_t seconds);

/* A destination is ill, or well again.  Text is made harmless. */
void board_ill(struct board *b, const char *key, const char *text,
    int64_t until_ms, unsigned failures);
void board_well(struct board *b, const char *key);

/* A copy for a reader, whole: 1: its daemon runs; 0: it ran once; -1 with
 * errno: none, or none that we understand (EPROTO). */
int board_look(
    const char *spool, enum board_kind kind, struct board *copy) MUST_CHECK;

#endif

/* SPDX-License-Identifier: ISC */
/*
 * What client.c (life, queueing, output) and client_reply.c (what a reply
 * means) share; for nobody else.
 */
#ifndef DELIVER_CLIENT_INTERNAL_H
#define DELIVER_CLIENT_INTERNAL_H

#include "deliver/client.h"
#include "deliver/reply.h"
#include "mail/wire.h"

/* A transaction and the one that rides with its final dot. */
#define FLIGHTS_MAX 2

/* Room for the longest command: RCPT with ORCPT, or MAIL with ENVID. */
#define COMMAND_MAX 1536

enum expect {
	EXPECT_MAIL,
	EXPECT_RCPT,
	EXPECT_DATA,
	EXPECT_DOT,
	EXPECT_RSET,
	EXPECT_QUIT,
};

/* A reply that is owed to us.  It always concerns the first flight. */
struct expectation {
	enum expect kind;
	uint64_t at; /* the reply is due once this much was sent */
};

#define NOT_WRITTEN UINT64_MAX

/* What is to be written next for a flight, in this order. */
enum writing {
	WRITE_MAIL,
	WRITE_RCPT,
	WRITE_DATA,
	WRITE_WAIT, /* for the reply to DATA */
	WRITE_BODY,
	WRITE_DOT,
	WRITE_RSET,
	WRITE_NOTHING,
};

/* A recipient was refused. */
struct refusal {
	struct status status;
	bool unsent;
};

struct leg {
	enum { LEG_OPEN, LEG_ACCEPTED, LEG_REFUSED, LEG_TOLD } state;
	struct refusal *refusal; /* REFUSED: owned */
};

/*
 * A transaction under way.  Refusals are kept until the end: what was
 * pipelined behind another transaction's dot may be misread by a surplus
 * reply, so that a refusal is proven only by a reply that can stand in one
 * place alone, the 354 or the 250 to RSET (K19).  A flight that started
 * with no reply outstanding is proven from the start.
 */
struct flight {
	struct transaction *t;
	enum writing writing;
	struct leg *legs;      /* t->nrcpts of them */
	size_t written;        /* RCPT: the next to write */
	size_t answered;       /* RCPT: the next to be answered */
	size_t open, accepted; /* legs in that state */
	bool first;            /* of this connection */
	bool mail_answered;    /* anything at all came back */
	bool proven;
	bool go;               /* 354 was seen */
	bool ended;            /* MAIL or DATA was refused: */
	struct status refused; /* ... with this, for all that is open */
	uint64_t offset;       /* octets of the body read */
	struct stuff stuff;
};

struct client {
	struct client_caps caps;
	struct client_hooks hooks;
	void *arg;
	struct flight flights[FLIGHTS_MAX];
	size_t nflights;
	size_t transactions;          /* taken on this connection */
	struct expectation *expected; /* a ring */
	size_t nexpected, first_expected, cap;
	struct reply reply;
	uint64_t replies, written, sent; /* written, sent: stream offsets */
	bool quitting, quit_written, broken;
	struct status why; /* once broken */
	size_t off, end;   /* of the frozen chunk, what is unsent */
	size_t raw_off, raw_end;
	char chunk[CHUNK_SIZE];
	char raw[CHUNK_SIZE];
};

/* The expectation queue (client.c). */
void client_expect(struct client *c, enum expect kind, uint64_t at);
struct expectation *client_expected(struct client *c); /* NULL: none */

/* Give the first flight back to its owner: refusals that are proven as they
 * are, everything else with st. */
void client_finish(struct client *c, const struct status *st, bool unsent);

/* The connection is over: the first flight ends with st, the others with
 * the same, unsent where true. */
void client_break(struct client *c, const struct status *st);

/* Show a line to one who watches the transaction, or none (NULL). */
void client_show(struct client *c, struct transaction *t, char direction,
    const char *text, size_t len);

/* Take one complete reply (client_reply.c). */
void client_reply(struct client *c);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * The client's side of SMTP from MAIL to QUIT (RFC 5321, 2920, 1870, 6152,
 * 3461): a pure push machine.  Bytes in, bytes and outcomes out; no socket,
 * no library, no clock; fully fuzzed.
 *
 * Pipelining: MAIL, RCPT and DATA go out together; the next transaction's
 * ride with the final dot of the one before (LIBRARIES.md 2.4), so a
 * message costs one round trip.  Without PIPELINING it is lock-step.
 * Replies belong to commands strictly in order; anything unexpected ends
 * the connection.
 */
#ifndef DELIVER_CLIENT_H
#define DELIVER_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "mail/verdict.h"
#include "queue/envelope.h"

/* What the last complete 250 reply to EHLO offered; all false after HELO. */
struct client_caps {
	bool ehlo, pipelining, size, eight_bit, dsn, smtputf8, starttls;
	bool require_tls;    /* REQUIRETLS (RFC 8689) */
	uint64_t size_limit; /* 0: none told */
	char auth[256];      /* mechanisms, blank-separated */
	bool inside;         /* parser state: between lines of one reply */
};

/* Feed the lines of all replies up to here, one at a time (CRLF or not);
 * resets at the first line of each 250 reply.  Keywords without case. */
void client_caps_line(struct client_caps *caps, const char *line, size_t len);

/* One message on its way to some of its recipients. */
struct transaction {
	const struct envelope *env;
	const uint32_t *rcpts; /* indices into env->rcpts; one destination */
	size_t nrcpts;
	const char *mail_from; /* NULL: env->from */
	uint64_t size;         /* octets of the message in wire form */
	bool trial;            /* RSET where DATA would be: nothing is sent, and
	                          DONE means that the recipient was accepted */
	void *cookie;          /* the owner's */
};

struct client_hooks {
	/*
	 * The outcome for recipient i of t: exactly once each, DONE only
	 * after a 2xx to the final dot (of a trial: to RSET).  unsent: the connection ended, or
	 * was refused more, before this transaction could have any effect:
	 * another connection may try at once (LATER).
	 */
	void (*outcome)(void *arg, struct transaction *t, size_t i,
	    const struct status *st, bool unsent);
	/* All recipients are answered; t is the owner's again. */
	void (*finished)(void *arg, struct transaction *t);
	/* Message octets from offset: count (> 0), or -1: unreadable now,
	 * the connection is given up before the dot. */
	ssize_t (*body)(void *arg, struct transaction *t, uint64_t offset,
	    char *out, size_t room);
	/* For one who watches; NULL: nobody does.  A line of this transaction
	 * was written ('>') or heard ('<').  t NULL: it is none's, QUIT. */
	void (*line)(void *arg, struct transaction *t, char direction,
	    const char *text, size_t len);
};

struct client;

struct client *client_new(const struct client_caps *caps,
    const struct client_hooks *hooks, void *arg) MUST_CHECK;

/* Answers what is open as LATER (unsent where true) with this status. */
void client_abort(struct client *c, const struct status *why);
void client_free(struct client *c);

/* May another transaction be given now?  (None waiting behind the current
 * one, and neither quitting nor broken.) */
bool client_ready(const struct client *c);
bool client_idle(const struct client *c); /* nothing open */

/*
 * Take a transaction; hooks may be called at once (too large, SMTPUTF8 the
 * server lacks, malformed addresses: NEVER 5.3.4, 5.6.7, 5.1.3, 5.1.7).
 * The message is what the server can take: see rendition.h.
 */
void client_start(struct client *c, struct transaction *t);

/* Send QUIT after what is open. */
void client_quit(struct client *c);

/*
 * Bytes to send: pointer and length stay the same until client_sent() took
 * them all (trap C2: a frozen chunk, at most CHUNK_SIZE); after a part was
 * taken, what is left of it.  0: none now.  Hooks may be called (body).
 */
size_t client_output(struct client *c, const char **data);
void client_sent(struct client *c, size_t n);

/* Bytes from the server.  0; -1: the connection is to be closed (protocol
 * fault, 421, or 221 after QUIT); then everything open is answered. */
int client_input(struct client *c, const char *data, size_t len);

/* Is the connection to be closed?  (Also after the body hook failed.) */
bool client_broken(const struct client *c);
const struct status *client_why(
    const struct client *c); /* then: the reason; DONE after QUIT */

/* Grows with each octet sent and each complete reply: for deadlines. */
uint64_t client_progress(const struct client *c);

/* What it waits for, for deadlines and logs: "MAIL", "RCPT", "DATA",
 * "body", "dot", "RSET", "QUIT", or "" when idle. */
const char *client_stage(const struct client *c);

#endif

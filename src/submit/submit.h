/* SPDX-License-Identifier: ISC */
/*
 * What makes a letter ready to queue: the one place where header fields are
 * completed, senders masqueraded, recipients found, expanded and qualified,
 * and the message is brought into wire form.  Used by sendmail, the pickup door and report.
 *
 * Push style: options, recipients, bytes, commit.  The header section is
 * held in memory (HEADER_MAX), the body streams into the queue file.
 */
#ifndef SUBMIT_SUBMIT_H
#define SUBMIT_SUBMIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "conf/conf.h"
#include "mail/verdict.h"
#include "queue/store.h"
#include "submit/alias.h"

enum {
	SUBMIT_HEADER_RCPTS = 1, /* -t: add To, Cc, Bcc (or the Resent ones) */
	SUBMIT_DOT_ENDS = 2,     /* no -i: a lone dot ends the message */
	SUBMIT_UNSTUFF = 4,      /* pickup.dot-stuffed */
	SUBMIT_XLINES = 8,       /* pickup: x-sender, x-receiver lead; else
	                            Sender or From, and To, Cc, Bcc */
	SUBMIT_COMPLETE = 16,    /* our own users': missing Date, Message-ID,
	                            From are added, addresses in the header
	                            completed and masqueraded */
	SUBMIT_RELAY = 32,       /* a stranger's: the header stays as it is,
	                            Bcc too; only Received is added */
	SUBMIT_HOLD = 64,        /* all of it stays in memory, to be handed
	                            on (submit_letter): no store is needed,
	                            and Received is the next one's to add */
};

struct submit_options {
	const struct conf *conf;
	struct store *store;         /* NULL only with SUBMIT_HOLD */
	const struct alias *aliases; /* NULL: none */
	unsigned flags;
	const struct address *from; /* NULL only with SUBMIT_XLINES */
	const char *full_name;      /* -F, or NULL */
	const char *source;         /* "sendmail uid=1000": envelope, log */
	const char *comment;        /* for Received, or NULL */
	const char *received_from;  /* "helo (name [ip])", or NULL */
	const char *with;           /* "ESMTPSA", or NULL */
	bool eight_bit, utf8;       /* what MAIL said */
	bool require_tls;           /* REQUIRETLS, too (RFC 8689) */
	const char *id;             /* a batch id to use, or NULL */
	const char *envid;          /* -V, validated xtext, or NULL */
	enum ret ret;               /* -R */
	const char *watch;          /* queue/transcript.h, or NULL */
	bool defer;                 /* not at once, see queue/envelope.h */
	unsigned notify;            /* -N */
};

struct submit;

/* o's pointers stay borrowed until submit_free(); never NULL. */
struct submit *submit_new(const struct submit_options *o) MUST_CHECK;

/* Aborts and leaves no trace unless committed. */
void submit_free(struct submit *s);

/*
 * 0, or -1 with *st: NEVER with code 501 (address), 554 (content: NUL,
 * 5.6.0; hops, 5.4.6), 552 (size, 5.3.4), or LATER (disk, memory, 4.3.x).
 * After -1 only submit_free() is of use.
 */
int submit_rcpt(
    struct submit *s, const struct address *rcpt, struct status *st) MUST_CHECK;

/* The same with what RCPT said (RFC 3461); orcpt may be NULL or "". */
int submit_rcpt_dsn(struct submit *s, const struct address *rcpt,
    unsigned notify, const char *orcpt, struct status *st) MUST_CHECK;

/* 1: the lone dot was seen, ignore the rest. */
int submit_feed(struct submit *s, const char *data, size_t len,
    struct status *st) MUST_CHECK;

/*
 * The input is over: 0 means durable (S2) and id is set.
 * No recipients: NEVER, 5.1.3 "no recipients".
 */
int submit_commit(
    struct submit *s, char id[QUEUE_ID_MAX + 1], struct status *st) MUST_CHECK;

/* --- for the listener: many letters in one batch --- */

/*
 * The input is over: judge it and hold it ready.  0: submit_join() or
 * submit_own() then commit it, on any one thread.
 */
int submit_seal(struct submit *s, struct status *st) MUST_CHECK;

/* Is the sealed letter one for submit_join()? */
bool submit_in_memory(const struct submit *s);

/* Take the draft of a sealed letter that streamed into one of its own, to be
 * committed by the caller; NULL when it is in memory.  Once. */
struct draft *submit_own(struct submit *s);

/* Append a sealed letter that is in memory to a draft; id is what it will
 * have.  0; -1: the draft is dead. */
int submit_join(
    struct submit *s, struct draft *d, char id[QUEUE_ID_MAX + 1]) MUST_CHECK;

/* --- for a door that hands the letter on (SUBMIT_HOLD) --- */

/* In wire form; borrowed from the letter. */
struct submit_letter {
	const struct envelope *envelope;
	const char *head, *body; /* the empty line ends the head */
	size_t head_len, body_len;
};

/* A letter that was sealed. */
void submit_letter(const struct submit *s, struct submit_letter *out);

/* For the log: octets in wire form, and recipients. */
unsigned long long submit_size(const struct submit *s);
unsigned submit_rcpts(const struct submit *s);

#endif

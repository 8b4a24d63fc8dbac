/* SPDX-License-Identifier: ISC */
/*
 * The envelope of one message, and its text form in a queue file.
 *
 * Text form: "key: value" lines, LF ends, fixed order, first "envelope: 1":
 *   envelope: 1
 *   seq: 1
 *   arrived: 1764000000123
 *   source: sendmail uid=1000
 *   from: user@example.com            (empty for the null sender)
 *   body: 8bit                        (only when octets above ASCII)
 *   utf8: yes                         (only when SMTPUTF8 is needed)
 *   envid: xtext                      (only when given)
 *   ret: full | hdrs                  (only when given)
 *   watch: batch-id                   (only when a transcript is wanted)
 *   defer: yes                        (only for sendmail -odq)
 *   tls: required | optional          (only when given)
 *   rcpt: 1 never|success,failure,delay|- orcpt-or-dash user@example.net
 *   rcpt: 2 expanded orcpt-or-dash list@example.com
 * The second form is no recipient of the message: it is an alias that was
 * replaced by several, of which the sender wants to hear (NOTIFY_EXPANDED).
 * What is read back is judged by the validators of src/mail like any
 * input (N12); an unknown key is an error.
 */
#ifndef QUEUE_ENVELOPE_H
#define QUEUE_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/limits.h"
#include "mail/address.h"

enum {                    /* RFC 3461 NOTIFY, as bits; 0 = not given */
	NOTIFY_NEVER = 1, /* excludes the others */
	NOTIFY_SUCCESS = 2,
	NOTIFY_FAILURE = 4,
	NOTIFY_DELAY = 8,
	/* Nothing to send: report that this address was expanded (RFC 3461
	 * section 5.2.7.3).  Excludes the others; no peer can say it. */
	NOTIFY_EXPANDED = 16,
};

enum ret { RET_NONE, RET_FULL, RET_HDRS };

/* RFC 8689: what the sender wants of the way to the recipients. */
enum tls_wish {
	WISH_NONE,
	WISH_REQUIRETLS,   /* REQUIRETLS: never over an unproven session */
	WISH_TLS_OPTIONAL, /* TLS-Required: No: whatever recipients publish */
};

struct rcpt {
	struct address addr;
	uint32_t number; /* 1.. in this message; stable for its whole life */
	unsigned notify;
	char *orcpt; /* "rfc822;xtext", owned; NULL if none */
};

struct envelope {
	uint32_t seq;       /* place in the batch, 1.. */
	int64_t arrived_ms; /* wall clock */
	char *source;       /* which door, who; printable ASCII; owned */
	struct address from;
	bool eight_bit;
	bool utf8;
	char *envid; /* xtext; owned; NULL if none */
	enum ret ret;
	char *watch; /* name of a transcript; owned; NULL: none is wanted */
	bool defer;  /* not at once: with the next run of the queue */
	enum tls_wish tls;
	struct rcpt *rcpts; /* owned */
	size_t nrcpts, cap;
};

/* An empty envelope: seq 1, arrived now. */
void envelope_init(struct envelope *e);
void envelope_free(struct envelope *e);

/* Add a recipient with the next number.  0; -1 at RECIPIENTS_MAX.  orcpt
 * (may be NULL) is copied. */
int envelope_add(struct envelope *e, const struct address *addr,
    unsigned notify, const char *orcpt) MUST_CHECK;

/* Append the text form.  0; -1 when out overflowed. */
int envelope_write(const struct envelope *e, struct buf *out) MUST_CHECK;

/* Read the text form into *e (uninitialised before; freed on failure).
 * 0; -1 and *why. */
int envelope_read(struct envelope *e, const char *text, size_t len,
    const char **why) MUST_CHECK;

/* Is it xtext (RFC 3461 section 4) without encoded control octets, at
 * most max long?  (D09, A25) */
bool xtext_valid(const char *s, size_t len, size_t max);

/* "rfc822;user@example" etc.: atom, ';', xtext. */
bool orcpt_valid(const char *s, size_t len);

/* "NEVER" or a comma list, without case; -1 if it is none (A25). */
int notify_parse(const char *s, size_t len, unsigned *notify) MUST_CHECK;

#endif

/* SPDX-License-Identifier: ISC */
/*
 * The server's side of SMTP (RFC 5321, 1870, 2034, 2920, 3207, 3461, 4954,
 * 6152, 6531, 8689): a pure push machine.  Octets in; reply octets, questions and
 * message octets out.  It opens no socket, loads no library and knows no
 * clock: TLS, AUTH, relay rules and commit are hooks.  `sendmail -bs`, the
 * listener, the unit tests and the fuzzer drive the same code, and replies
 * are the same however the octets are cut.
 *
 * A hook that cannot answer at once returns ASK_LATER; the session then
 * takes no more input until session_answer().
 *
 * DATA's octets may follow it at once.  If it was refused they are commands
 * (RFC 2920 lets a client that waited for no answer say DATA in vain), under
 * the same rules as any.
 */
#ifndef SMTPD_SESSION_H
#define SMTPD_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "mail/address.h"
#include "mail/verdict.h"
#include "queue/envelope.h"

/* What a session offers and demands; asked for anew at each command, so
 * that a changed configuration binds at once (R26, R27). */
struct session_policy {
	const char *hostname;
	bool offer_starttls; /* a key is loaded and TLS is not on yet */
	bool require_tls, require_auth;
	const char *mechanisms; /* for AUTH, blank-separated; "" = none now */
	/* Bare LF and CR in a message become CRLF, and LF alone ends a
	 * command; else they are refused (D15, E20). */
	bool normalize;
	uint64_t message_size; /* octets; 0 = no limit, SIZE 0 */
	uint64_t session_size; /* octets of all messages; 0 = no limit */
	unsigned recipients;   /* of one message; 0 = RECIPIENTS_MAX */
	/* Since the last message that was taken; 0 = no limit. */
	unsigned errors, commands_without_mail;
};

/* What MAIL said. */
struct session_mail {
	struct address from;
	uint64_t size; /* SIZE=, 0 if not given */
	bool eight_bit, utf8;
	bool require_tls; /* REQUIRETLS (RFC 8689), only ever under TLS */
	enum ret ret;
	char envid[ENVID_MAX + 1]; /* "" if not given */
};

struct session_rcpt {
	struct address addr;
	unsigned notify;
	char orcpt[ORCPT_MAX + 1]; /* "" if not given */
};

enum ask { ASK_NOW, ASK_LATER };

enum auth_step {
	AUTH_CHALLENGE, /* out holds base64 for a 334 */
	AUTH_DONE,      /* 235; session_user() was set by the hook's owner */
	AUTH_FAILED,    /* 535; *st says which words */
	AUTH_PENDING,   /* session_auth_answer() follows */
};

/* st is filled in for every answer: DONE, or LATER/NEVER with the code and
 * text to reply.  Code 421 says the session ends (F13). */
struct session_hooks {
	void (*policy)(void *arg, struct session_policy *p);
	/* May this session still be here?  A verdict other than DONE ends it
	 * with 421 (or, for the greeting, the 554 that st says). */
	void (*access)(void *arg, struct status *st);
	enum ask (*mail)(
	    void *arg, const struct session_mail *m, struct status *st);
	enum ask (*rcpt)(
	    void *arg, const struct session_rcpt *r, struct status *st);
	/* DATA: judge accepted recipients again (A14), get ready. */
	enum ask (*data)(void *arg, struct status *st);
	/* Message octets in wire form, dots removed; how they are cut means
	 * nothing.  -1: refused, *st kept for the reply to the dot; the rest
	 * is swallowed. */
	int (*octets)(void *arg, const char *p, size_t n, struct status *st);
	/* The dot: make it durable; DONE text names the queue id. */
	enum ask (*commit)(void *arg, struct status *st);
	/* The transaction ended otherwise: RSET, EHLO, QUIT, a fault. */
	void (*reset)(void *arg);
	/* AUTH: initial is NULL when there was none, "" for "=". */
	enum auth_step (*auth_start)(void *arg, const char *mechanism,
	    const char *initial, size_t len, struct buf *out,
	    struct status *st);
	enum auth_step (*auth_next)(void *arg, const char *response, size_t len,
	    struct buf *out, struct status *st);
	void (*auth_cancel)(void *arg);
};

enum session_want {
	SESSION_INPUT,  /* give octets */
	SESSION_ANSWER, /* a question is open */
	SESSION_TLS,    /* when the output is sent: handshake, and then
	                   session_secured() */
	SESSION_CLOSE,  /* when the output is sent: close */
};

struct session;

struct session *session_new(
    const struct session_hooks *hooks, void *arg) MUST_CHECK;
void session_free(struct session *s);

/* Greet (or refuse); who talked before that gets 554 (D17). */
void session_greet(struct session *s, bool talked_early);

/* Take octets, at most len; the number taken: fewer when it must wait or
 * its output passed OUTPUT_MAX (H03); give the rest again later. */
size_t session_input(struct session *s, const char *data, size_t len);

/* The peer sent its last octet (SHUT_WR), and session_input() took all:
 * answer what is open, then close (D22).  What is unfinished is dropped. */
void session_eof(struct session *s);

/* The answer to a question that was ASK_LATER. */
void session_answer(struct session *s, const struct status *st);
void session_auth_answer(struct session *s, enum auth_step step,
    const struct buf *out, const struct status *st);

/* TLS is on: all that was said before is forgotten (F03); the owner has
 * thrown away what came behind STARTTLS (F01). */
void session_secured(struct session *s);

/* End it from outside: 421 with this text (idle, shutdown, access).  An
 * open question is answered first: a message may have become durable. */
void session_end(struct session *s, const char *enhanced, const char *text);

enum session_want session_wants(const struct session *s);

/* Reply octets; the owner drops what it has sent with buf_drop(). */
struct buf *session_output(struct session *s);

/* In EHLO (extended) mode; the name given; TLS, user; in a transaction or
 * in DATA (which deadline applies). */
bool session_extended(const struct session *s);
const char *session_helo(const struct session *s);
bool session_in_data(const struct session *s);
bool session_is_secure(const struct session *s);

/* The authenticated user, "" if none; set by the owner before AUTH_DONE. */
const char *session_user(const struct session *s);
void session_set_user(struct session *s, const char *user);

/* The recipients accepted so far, each mailbox once with the wishes it was
 * first named with; for judging again at DATA. */
size_t session_rcpts(const struct session *s, const struct session_rcpt **v);
const struct session_mail *session_mail(const struct session *s);

#endif

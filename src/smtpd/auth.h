/* SPDX-License-Identifier: ISC */
/*
 * AUTH by libgsasl, server side: PLAIN, LOGIN, SCRAM-SHA-256,
 * SCRAM-SHA-256-PLUS and EXTERNAL, and nothing else ever (LIB10).  The users
 * file holds SCRAM verifiers; unknown users look exactly like wrong
 * passwords (F14).  PBKDF2 for PLAIN and LOGIN runs on a thread of its own.
 * (PLAIN and LOGIN are taken apart here, since libgsasl frees copies of the
 * password without wiping them, F15.)
 */
#ifndef SMTPD_AUTH_H
#define SMTPD_AUTH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "conf/conf.h"
#include "conf/users.h"
#include "mail/verdict.h"
#include "smtpd/session.h"

struct event_base;
struct auth;          /* one per worker */
struct auth_exchange; /* one per AUTH command; never reused (F12) */

/* The channel of this session, for binding and EXTERNAL. */
struct auth_channel {
	bool tls;
	const char *binding_type; /* "tls-exporter", "tls-unique" or NULL */
	const unsigned char *binding;
	size_t binding_len;
	const char *certificate_name; /* verified client certificate, or NULL */
};

struct auth *auth_new(struct event_base *base) MUST_CHECK;
void auth_free(struct auth *a);

/* The mechanisms to offer now, blank-separated, into out (size >= 128).
 * Nothing without TLS, unless auth.plaintext-without-tls. */
void auth_mechanisms(const struct conf *c, const struct users *u,
    const struct auth_channel *ch, char *out, size_t size);

/* answer() is called from the event loop after AUTH_PENDING, once, unless
 * the exchange is freed first. */
typedef void (*auth_fn)(void *arg, enum auth_step step, const struct buf *out,
    const struct status *st);

/*
 * Never NULL: what is not offered fails at the first auth_feed().  Keeps
 * what it needs of c and ch and a reference of u (which may be NULL).
 */
struct auth_exchange *auth_begin(struct auth *a, const struct conf *c,
    const struct users *u, const struct auth_channel *ch, const char *mechanism,
    auth_fn answer, void *arg) MUST_CHECK;

/*
 * The text of a line as it came; first the initial response: NULL for none,
 * "=" (or "") for an empty one.  *st is filled in for DONE and FAILED: 535,
 * always in the same words; 501 for what is no base64 or no answer; 454 when
 * too many passwords wait to be checked; 504 for what is not offered.  After
 * FAILED the exchange is of no more use.
 */
enum auth_step auth_feed(struct auth_exchange *x, const char *base64,
    size_t len, struct buf *out, struct status *st);

/* Also from answer(), and while it is pending.  NULL is fine. */
void auth_end(struct auth_exchange *x);

/* After AUTH_DONE: the user, as in the users file. */
const char *auth_user(const struct auth_exchange *x);

/* For the log: the name that was claimed, anything at all; "" for none. */
const char *auth_claimed(const struct auth_exchange *x);

#endif

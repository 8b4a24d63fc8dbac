/* SPDX-License-Identifier: ISC */
/* An exchange, shared by the parts of auth.  Private to them. */
#ifndef SMTPD_AUTH_INTERNAL_H
#define SMTPD_AUTH_INTERNAL_H

#include <gsasl.h>

#include "smtpd/auth.h"
#include "smtpd/auth_hash.h"

struct auth {
	struct auth_hash *hash;
	Gsasl *gsasl;
	/* Salts of unknown users when the users file gives no key. */
	unsigned char salt_key[SALT_KEY_MAX];
};

enum mechanism {
	MECHANISM_EXTERNAL,
	MECHANISM_SCRAM_PLUS,
	MECHANISM_SCRAM,
	MECHANISM_PLAIN,
	MECHANISM_LOGIN,
	MECHANISM_NONE, /* their number, too */
};

struct auth_exchange {
	struct auth *auth;
	const struct users *users; /* a reference */
	enum mechanism mechanism;
	auth_fn answer;
	void *arg;
	unsigned responses;
	bool over; /* it was answered for good, or is pending */
	bool done;

	char claimed[USER_TEXT_MAX + 1];
	bool named; /* claimed and verifier are set */
	bool known; /* the verifier is a user's, not made up */
	struct verifier verifier;

	struct hash_job *job;

	Gsasl_session *sasl;
	bool proved; /* SCRAM: our proof is sent, an empty line must follow */
	bool bind;   /* -PLUS is offered: a client that says it is not, lies */
	char *binding_type, *binding; /* owned; binding in base64 */
	char *certificate_name;       /* owned; NULL if there is none */
};

/* --- auth.c --- */

/* The end of an exchange: DONE if the user is known and has proved to be
 * that; otherwise 535 in the same words. */
enum auth_step auth_judge(
    struct auth_exchange *x, bool proved, struct status *st);

/* The end for a cause of ours: 454. */
enum auth_step auth_not_now(
    struct auth_exchange *x, const char *why, struct status *st);

const char *auth_mechanism_name(enum mechanism m);

/* --- auth_user.c --- */

/* Set claimed and verifier: a user's, or one that nothing matches and that
 * looks the same for the same name every time (F14, LIB11). */
void auth_name(struct auth_exchange *x, const char *name, size_t len);

/* SASLprep (RFC 4013) of a password into out, PASSWORD_MAX octets at most;
 * the length, or -1 when it is none. */
int auth_prepare(const char *password, size_t len, char out[PASSWORD_MAX]);

/* --- auth_gsasl.c --- */

Gsasl *auth_gsasl_new(void) MUST_CHECK;

/* SCRAM and EXTERNAL: one message of the client. */
enum auth_step auth_gsasl_step(struct auth_exchange *x, const char *message,
    size_t len, struct buf *out, struct status *st);

#endif

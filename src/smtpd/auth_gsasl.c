/* SPDX-License-Identifier: ISC */
/*
 * libgsasl's server side of SCRAM and EXTERNAL: what it asks for, and what
 * its answers mean.  Not which mechanism may be used: libgsasl knows many
 * more than we do (LIB10), and never hears of a name that is not ours.
 *
 * Invariant: a question that is not expected is answered NO_CALLBACK, and
 * only GSASL_OK together with a known user is a login.
 */
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/log.h"
#include "smtpd/auth_internal.h"

static int
set_base64(Gsasl_session *s, Gsasl_property p, const void *data, size_t len)
{
	struct buf b;
	buf_init(&b, AUTH_RESPONSE_MAX);
	int rc = base64_encode(&b, data, len) == 0
		     ? gsasl_property_set(s, p, buf_str(&b))
		     : GSASL_NO_CALLBACK;
	buf_free(&b);
	return rc;
}

/* SCRAM has read the name, and wants to know about the user. */
static int
give_verifier(struct auth_exchange *x, Gsasl_session *s, Gsasl_property p)
{
	char number[16];
	const struct verifier *v = &x->verifier;
	const char *name = gsasl_property_fast(s, GSASL_AUTHID);
	if (x->mechanism == MECHANISM_EXTERNAL || name == NULL)
		return GSASL_NO_CALLBACK;
	if (!x->named)
		auth_name(x, name, strlen(name));
	switch (p) {
	case GSASL_SCRAM_ITER:
		(void)snprintf(number, sizeof(number), "%u", v->iterations);
		return gsasl_property_set(s, p, number);
	case GSASL_SCRAM_SALT:
		return set_base64(s, p, v->salt, v->salt_len);
	case GSASL_SCRAM_STOREDKEY:
		return set_base64(s, p, v->stored_key, sizeof(v->stored_key));
	default:
		return set_base64(s, p, v->server_key, sizeof(v->server_key));
	}
}

/* In every SCRAM exchange while -PLUS is offered: this is what makes a
 * client fail that was told it were not (F16). */
static int
give_binding(struct auth_exchange *x, Gsasl_session *s, Gsasl_property p)
{
	const char *type =
	    p == GSASL_CB_TLS_EXPORTER ? "tls-exporter" : "tls-unique";
	if (!x->bind || strcmp(x->binding_type, type) != 0)
		return GSASL_NO_CALLBACK;
	return gsasl_property_set(s, p, x->binding);
}

/* Who one wants to act as must be who one is. */
static bool
itself(Gsasl_session *s, const char *name)
{
	const char *wanted = gsasl_property_fast(s, GSASL_AUTHZID);
	return wanted == NULL || *wanted == '\0' ||
	       (name != NULL && strcmp(wanted, name) == 0);
}

static int
validate_external(struct auth_exchange *x, Gsasl_session *s)
{
	const char *name = x->certificate_name;
	if (x->mechanism != MECHANISM_EXTERNAL || name == NULL)
		return GSASL_NO_CALLBACK;
	auth_name(x, name, strlen(name));
	return x->known && itself(s, name) ? GSASL_OK
					   : GSASL_AUTHENTICATION_ERROR;
}

static int
callback(Gsasl *g, Gsasl_session *s, Gsasl_property p)
{
	struct auth_exchange *x = s != NULL ? gsasl_session_hook_get(s) : NULL;
	(void)g;
	if (x == NULL)
		return GSASL_NO_CALLBACK;
	switch (p) {
	case GSASL_SCRAM_ITER:
	case GSASL_SCRAM_SALT:
	case GSASL_SCRAM_STOREDKEY:
	case GSASL_SCRAM_SERVERKEY:
		return give_verifier(x, s, p);
	case GSASL_CB_TLS_EXPORTER:
	case GSASL_CB_TLS_UNIQUE:
		return give_binding(x, s, p);
	case GSASL_VALIDATE_EXTERNAL:
		return validate_external(x, s);
	default:
		return GSASL_NO_CALLBACK;
	}
}

Gsasl *
auth_gsasl_new(void)
{
	Gsasl *g;
	if (gsasl_init(&g) != GSASL_OK)
		die("cannot set up libgsasl");
	gsasl_callback_set(g, callback);
	return g;
}

static bool
begin(struct auth_exchange *x)
{
	if (x->sasl != NULL)
		return true;
	if (gsasl_server_start(x->auth->gsasl,
		auth_mechanism_name(x->mechanism), &x->sasl) != GSASL_OK) {
		x->sasl = NULL;
		return false;
	}
	gsasl_session_hook_set(x->sasl, x);
	return true;
}

/* The proof of the server goes out in a 334 of its own, and the client
 * says that it has seen it by an empty line. */
static enum auth_step
stepped(struct auth_exchange *x, int rc, size_t len, struct status *st)
{
	if (rc == GSASL_MALLOC_ERROR || rc == GSASL_CRYPTO_ERROR)
		return auth_not_now(x, gsasl_strerror(rc), st);
	if (rc == GSASL_NEEDS_MORE)
		return AUTH_CHALLENGE;
	bool proved =
	    rc == GSASL_OK && itself(x->sasl, x->named ? x->claimed : NULL);
	if (!proved || len == 0)
		return auth_judge(x, proved, st);
	x->proved = true;
	return AUTH_CHALLENGE;
}

enum auth_step
auth_gsasl_step(struct auth_exchange *x, const char *message, size_t len,
    struct buf *out, struct status *st)
{
	char *answer = NULL;
	size_t answer_len = 0;
	if (x->proved)
		return auth_judge(x, len == 0, st);
	/* SCRAM would ask again for ever. */
	if ((len == 0 && x->mechanism != MECHANISM_EXTERNAL) ||
	    memchr(message, '\0', len) != NULL)
		return auth_judge(x, false, st);
	if (!begin(x))
		return auth_not_now(x, "no mechanism", st);
	int rc = gsasl_step(x->sasl, message, len, &answer, &answer_len);
	enum auth_step step = stepped(x, rc, answer_len, st);
	if (step == AUTH_CHALLENGE &&
	    base64_encode(out, answer, answer_len) != 0)
		step = auth_judge(x, false, st);
	gsasl_free(answer);
	return step;
}

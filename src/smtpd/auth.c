/* SPDX-License-Identifier: ISC */
/*
 * AUTH: which mechanisms a channel is offered, and exchanges line by line.
 * PLAIN (RFC 4616) and LOGIN are here, what libgsasl does in auth_gsasl.c,
 * PBKDF2 in auth_hash.c.  Not the SMTP of it (session_auth.c) and not the
 * delays after failures (guard).
 *
 * Invariant: one exchange, one answer for good; a failure reads the same
 * whatever its cause; no password outlives the call that brought it, but
 * for the thread's copy.
 */
#include "smtpd/auth.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/limits.h"
#include "base/log.h"
#include "smtpd/auth_internal.h"

/* In the order of the offer. */
static const char *const names[MECHANISM_NONE] = {
    [MECHANISM_EXTERNAL] = "EXTERNAL",
    [MECHANISM_SCRAM_PLUS] = "SCRAM-SHA-256-PLUS",
    [MECHANISM_SCRAM] = "SCRAM-SHA-256",
    [MECHANISM_PLAIN] = "PLAIN",
    [MECHANISM_LOGIN] = "LOGIN",
};

const char *
auth_mechanism_name(enum mechanism m)
{
	return names[m];
}

struct auth *
auth_new(struct event_base *base)
{
	struct auth *a = alloc_zero(1, sizeof(*a));
	if (RAND_bytes(a->salt_key, sizeof(a->salt_key)) != 1)
		die("no random octets");
	a->gsasl = auth_gsasl_new();
	a->hash = auth_hash_new(base);
	return a;
}

void
auth_free(struct auth *a)
{
	if (a == NULL)
		return;
	auth_hash_free(a->hash);
	gsasl_done(a->gsasl);
	OPENSSL_cleanse(a, sizeof(*a));
	free(a);
}

static bool
configured(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->auth.mechanisms.n; i++)
		if (strcmp(c->auth.mechanisms.v[i], name) == 0)
			return true;
	return false;
}

static bool
offered(const struct conf *c, const struct users *u,
    const struct auth_channel *ch, enum mechanism m)
{
	if (!configured(c, names[m]) ||
	    !(ch->tls || c->auth.plaintext_without_tls))
		return false;
	switch (m) {
	case MECHANISM_EXTERNAL:
		return ch->tls && ch->certificate_name != NULL &&
		       users_find(u, ch->certificate_name) != NULL;
	case MECHANISM_SCRAM_PLUS:
		return ch->tls && ch->binding_type != NULL &&
		       ch->binding != NULL && ch->binding_len > 0;
	default:
		return true;
	}
}

void
auth_mechanisms(const struct conf *c, const struct users *u,
    const struct auth_channel *ch, char *out, size_t size)
{
	struct buf b;
	buf_init(&b, size - 1);
	for (enum mechanism m = 0; m < MECHANISM_NONE; m++)
		if (offered(c, u, ch, m))
			(void)buf_addf(
			    &b, "%s%s", b.len > 0 ? " " : "", names[m]);
	memcpy(out, buf_str(&b), b.len + 1);
	buf_free(&b);
}

static void
keep_channel(struct auth_exchange *x, const struct auth_channel *ch)
{
	if (ch->certificate_name != NULL)
		x->certificate_name = alloc_string(
		    ch->certificate_name, strlen(ch->certificate_name));
	if (!x->bind)
		return;
	struct buf b;
	buf_init(&b, AUTH_RESPONSE_MAX);
	x->bind = base64_encode(&b, ch->binding, ch->binding_len) == 0;
	x->binding = alloc_string(buf_str(&b), b.len);
	x->binding_type =
	    alloc_string(ch->binding_type, strlen(ch->binding_type));
	buf_free(&b);
}

struct auth_exchange *
auth_begin(struct auth *a, const struct conf *c, const struct users *u,
    const struct auth_channel *ch, const char *mechanism, auth_fn answer,
    void *arg)
{
	struct auth_exchange *x = alloc_zero(1, sizeof(*x));
	x->auth = a;
	x->users = users_ref(u);
	x->answer = answer;
	x->arg = arg;
	x->mechanism = MECHANISM_NONE;
	for (enum mechanism m = 0; m < MECHANISM_NONE; m++)
		if (strcmp(names[m], mechanism) == 0 && offered(c, u, ch, m))
			x->mechanism = m;
	x->bind = offered(c, u, ch, MECHANISM_SCRAM_PLUS);
	keep_channel(x, ch);
	return x;
}

void
auth_end(struct auth_exchange *x)
{
	if (x == NULL)
		return;
	if (x->job != NULL)
		auth_hash_cancel(x->job);
	if (x->sasl != NULL)
		gsasl_finish(x->sasl);
	users_free(x->users);
	free(x->binding_type);
	free(x->binding);
	free(x->certificate_name);
	OPENSSL_cleanse(x, sizeof(*x));
	free(x);
}

static enum auth_step
refuse(struct auth_exchange *x, struct status *st, int code,
    const char *enhanced, const char *text)
{
	x->over = true;
	status_set(st, NEVER, code, enhanced, "%s", text);
	return AUTH_FAILED;
}

enum auth_step
auth_judge(struct auth_exchange *x, bool proved, struct status *st)
{
	if (!proved || !x->named || !x->known)
		return refuse(
		    x, st, 535, "5.7.8", "Authentication credentials invalid");
	x->over = true;
	x->done = true;
	status_set(st, DONE, 235, "2.7.0", "Authentication successful");
	return AUTH_DONE;
}

enum auth_step
auth_not_now(struct auth_exchange *x, const char *why, struct status *st)
{
	x->over = true;
	status_set(st, LATER, 454, "4.7.0", "Cannot check this now: %s", why);
	return AUTH_FAILED;
}

static enum auth_step
challenge(struct buf *out, const char *text)
{
	(void)base64_encode(out, text, strlen(text));
	return AUTH_CHALLENGE;
}

static void
on_hash(void *arg, bool match)
{
	struct auth_exchange *x = arg;
	struct status st;
	struct buf nothing;
	buf_init(&nothing, 0);
	x->job = NULL;
	enum auth_step step = auth_judge(x, match, &st);
	x->answer(x->arg, step, &nothing, &st);
}

static enum auth_step
check_password(struct auth_exchange *x, const char *password, size_t len,
    struct status *st)
{
	char prepared[PASSWORD_MAX];
	int n = auth_prepare(password, len, prepared);
	if (n <= 0)
		return auth_judge(x, false, st);
	x->job = auth_hash_start(
	    x->auth->hash, &x->verifier, prepared, (size_t)n, on_hash, x);
	OPENSSL_cleanse(prepared, sizeof(prepared));
	if (x->job == NULL)
		return auth_not_now(x, "too many logins at once", st);
	x->over = true;
	return AUTH_PENDING;
}

/* What stands behind the next NUL, or NULL. */
static const char *
after_nul(const char *s, const char *end)
{
	const char *nul = memchr(s, '\0', (size_t)(end - s));
	return nul != NULL ? nul + 1 : NULL;
}

/* [authzid] NUL authcid NUL password (LIB11, F11). */
static enum auth_step
plain(
    struct auth_exchange *x, const char *message, size_t len, struct status *st)
{
	const char *end = message + len;
	const char *name = after_nul(message, end);
	const char *password = name != NULL ? after_nul(name, end) : NULL;
	if (password == NULL || after_nul(password, end) != NULL)
		return auth_judge(x, false, st);
	size_t other = (size_t)(name - message) - 1;
	size_t name_len = (size_t)(password - name) - 1;
	auth_name(x, name, name_len);
	if (other > 0 &&
	    (other != name_len || memcmp(message, name, name_len) != 0))
		return auth_judge(x, false, st);
	return check_password(x, password, (size_t)(end - password), st);
}

static enum auth_step
login(struct auth_exchange *x, const char *message, size_t len, struct buf *out,
    struct status *st)
{
	if (memchr(message, '\0', len) != NULL)
		return auth_judge(x, false, st);
	if (x->named)
		return check_password(x, message, len, st);
	auth_name(x, message, len);
	return challenge(out, "Password:");
}

static enum auth_step
message_in(struct auth_exchange *x, const char *message, size_t len,
    struct buf *out, struct status *st)
{
	switch (x->mechanism) {
	case MECHANISM_PLAIN:
		return plain(x, message, len, st);
	case MECHANISM_LOGIN:
		return login(x, message, len, out, st);
	default:
		return auth_gsasl_step(x, message, len, out, st);
	}
}

enum auth_step
auth_feed(struct auth_exchange *x, const char *base64, size_t len,
    struct buf *out, struct status *st)
{
	char message[BASE64_ROOM(AUTH_RESPONSE_MAX)];
	size_t n = 0;
	if (x->over)
		return refuse(x, st, 503, "5.5.1", "AUTH has ended");
	if (x->mechanism == MECHANISM_NONE)
		return refuse(x, st, 504, "5.5.4", "Mechanism not offered");
	bool first = x->responses++ == 0;
	if (first && base64 == NULL)
		return challenge(
		    out, x->mechanism == MECHANISM_LOGIN ? "Username:" : "");
	bool empty = first && len == 1 && *base64 == '=';
	if (x->responses > AUTH_RESPONSES_MAX || base64 == NULL ||
	    (!empty && base64_decode(
			   base64, len, message, sizeof(message), &n) != 0)) {
		OPENSSL_cleanse(message, sizeof(message));
		return refuse(
		    x, st, 501, "5.5.2", "Cannot decode this response");
	}
	enum auth_step step = message_in(x, message, n, out, st);
	OPENSSL_cleanse(message, sizeof(message));
	return step;
}

const char *
auth_user(const struct auth_exchange *x)
{
	return x->done ? x->verifier.name : "";
}

const char *
auth_claimed(const struct auth_exchange *x)
{
	return x->claimed;
}

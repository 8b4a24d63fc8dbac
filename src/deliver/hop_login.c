/* SPDX-License-Identifier: ISC */
/*
 * How a session logs in: mechanism, secret, and what a refusal means.  The
 * dialogue is libcurl's.  It knows PLAIN, LOGIN, CRAM-MD5, XOAUTH2 and
 * OAUTHBEARER here; Debian builds it without SCRAM.
 *
 * Invariant: a secret is libcurl's only from shortly before the connection
 * is opened until the session stands or has failed; and a refused one is never
 * offered twice when a command can make another.
 */
#include "deliver/hop_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/log.h"

/* libcurl's own order would take CRAM-MD5 first (C7). */
static const struct login {
	const char *mechanism, *options;
	bool bearer; /* the secret is a token */
} logins[] = {
    {"auto", "AUTH=PLAIN;AUTH=LOGIN", false},
    {"PLAIN", "AUTH=PLAIN", false},
    {"LOGIN", "AUTH=LOGIN", false},
    {"CRAM-MD5", "AUTH=CRAM-MD5", false},
    {"XOAUTH2", "AUTH=XOAUTH2", true},
    {"OAUTHBEARER", "AUTH=OAUTHBEARER", true},
};

static const struct login *
find(const char *mechanism)
{
	if (mechanism == NULL)
		return &logins[0];
	for (size_t i = 0; i < sizeof(logins) / sizeof(*logins); i++)
		if (strcmp(logins[i].mechanism, mechanism) == 0)
			return &logins[i];
	return NULL;
}

/* Takes s over.  0; -1 and LATER in *st. */
static int
use(struct hop *h, struct secret *s, struct status *st)
{
	h->secret = s;
	CURLoption at = h->bearer ? CURLOPT_XOAUTH2_BEARER : CURLOPT_PASSWORD;
	if (curl_easy_setopt(h->easy, at, s->text) == CURLE_OK)
		return 0;
	status_set(st, LATER, 0, "4.3.0", "libcurl refuses the secret");
	return -1;
}

static void
on_secret(void *arg, const struct secret *s, const struct status *why)
{
	struct hop *h = arg;
	struct status st;
	h->question = NULL;
	if (s == NULL) {
		hop_lost(h, why->enhanced, why->text);
	} else if (use(h, secret_copy(s), &st) != 0) {
		hop_end(h, &st);
	} else {
		policy_ask(h);
	}
}

int
login_prepare(struct hop *h, const struct session_conf *s, struct status *st)
{
	if (s->user == NULL)
		return 0;
	h->user = alloc_string(s->user, strlen(s->user));
	const struct login *l = find(s->mechanism);
	if (l == NULL) {
		status_set(st, LATER, 0, "4.7.0",
		    "mechanism %.50s is not available", s->mechanism);
		return -1;
	}
	h->bearer = l->bearer;
	if (curl_easy_setopt(h->easy, CURLOPT_USERNAME, h->user) != CURLE_OK ||
	    curl_easy_setopt(h->easy, CURLOPT_LOGIN_OPTIONS, l->options) !=
		CURLE_OK ||
	    curl_easy_setopt(h->easy, CURLOPT_SASL_IR, 1L) != CURLE_OK)
		return -1;
	if (s->secret_command != NULL) {
		h->command =
		    alloc_string(s->secret_command, strlen(s->secret_command));
		h->question = secrets_ask(h->hops->secrets, h->command,
		    h->connect_timeout_ms, on_secret, h);
		return 0;
	}
	if (s->secret_file == NULL) {
		status_set(st, LATER, 0, "4.7.0", "a user without a secret");
		return -1;
	}
	struct secret *secret = secret_read(s->secret_file, st);
	return secret != NULL ? use(h, secret, st) : -1;
}

/* XOAUTH2 tells a refusal in a challenge, which libcurl does not answer:
 * what stands in it. */
static void
read_challenge(const struct hop *h, char out[LOGIN_WHY_MAX])
{
	const char *text = h->setup.last + 4;
	char said[sizeof(h->setup.last)] = "";
	size_t len = strcspn(text, "\r\n"), n = 0;
	/* A long one was cut. */
	if (base64_decode(text, len - len % 4, said, sizeof(said) - 1, &n) != 0)
		n = 0;
	said[n] = '\0';
	if (secret_shows(h->secret, said))
		(void)snprintf(said, sizeof(said), "(withheld)");
	(void)snprintf(
	    out, LOGIN_WHY_MAX, "the token is refused: %.150s", said);
}

void
login_failed(struct hop *h, char out[LOGIN_WHY_MAX])
{
	int code = h->setup.code;
	bool challenged = h->bearer && code == 334 && h->secret != NULL;
	h->refused = challenged || (code >= 500 && code <= 599);
	if (challenged)
		read_challenge(h, out);
	else
		(void)snprintf(out, LOGIN_WHY_MAX,
		    "no AUTH mechanism that we may use is offered");
	if (h->refused && h->command != NULL && h->secret != NULL)
		secrets_refused(h->hops->secrets, h->command, h->secret);
}

void
login_forget(struct hop *h)
{
	secrets_cancel(h->question);
	h->question = NULL;
	if (h->secret != NULL && h->easy != NULL) {
		curl_easy_setopt(h->easy, CURLOPT_PASSWORD, NULL);
		curl_easy_setopt(h->easy, CURLOPT_XOAUTH2_BEARER, NULL);
	}
	secret_free(h->secret);
	h->secret = NULL;
}

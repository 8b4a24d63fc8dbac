/* SPDX-License-Identifier: ISC */
/*
 * An event loop with auth in it, users whose verifiers libgsasl has made,
 * and a client.  For tests of smtpd/auth; not a test itself.
 */
#ifndef TESTS_AUTH_PEER_H
#define TESTS_AUTH_PEER_H

#include <event2/event.h>
#include <gsasl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/log.h"
#include "conf/conf.h"
#include "conf/conf_read.h"
#include "smtpd/auth.h"

#define UNUSED_OK __attribute__((unused))
#define PEER_ITERATIONS 4096
#define ALL_MECHANISMS "EXTERNAL SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN"

struct peer {
	struct event_base *base;
	struct auth *auth;
	struct conf *c;
	struct users *u;
	struct auth_channel ch;
	struct auth_exchange *x;
	struct buf out; /* the challenge */
	struct status st;
	bool answered;
	enum auth_step step; /* what answer() said */
};

UNUSED_OK static const unsigned char peer_binding[32] =
    "a binding of 32 octets, made up";

UNUSED_OK static struct conf *
peer_conf(const char *mechanisms, bool without_tls)
{
	char text[300];
	struct faults f;
	faults_init(&f);
	(void)snprintf(text, sizeof(text),
	    "hostname = a.b\nauth { mechanisms = { %s } "
	    "plaintext-without-tls = %s }\n",
	    mechanisms, without_tls ? "true" : "false");
	for (char *p = strchr(text, '{') + 1; *p != '\0'; p++)
		if (*p == ' ' && p[1] >= 'A' && p[1] <= 'Z' && p[-1] != '{')
			*p = ',';
	struct conf *c = conf_read("w.conf", text, strlen(text), 0, &f);
	if (c == NULL)
		fail_msg("%s", buf_str(&f.text));
	faults_free(&f);
	return c;
}

/* A line of the users file. */
UNUSED_OK static void
peer_line(struct buf *text, const char *name, const char *password,
    unsigned iterations)
{
	char salted[32], client[32];
	struct verifier v = {.iterations = iterations, .salt_len = 16};
	memcpy(v.name, name, strlen(name) + 1);
	memcpy(v.salt, "0123456789abcdef", 16);
	v.salt[0] = (unsigned char)*name;
	assert_int_equal(
	    gsasl_scram_secrets_from_password(GSASL_HASH_SHA256, password,
		iterations, (char *)v.salt, v.salt_len, salted, client,
		(char *)v.server_key, (char *)v.stored_key),
	    GSASL_OK);
	verifier_format(text, &v);
	(void)buf_addc(text, '\n');
}

UNUSED_OK static struct users *
peer_users(const struct buf *text)
{
	struct faults f;
	faults_init(&f);
	struct users *u = users_read(
	    "users", alloc_string(buf_str(text), text->len), text->len, &f);
	if (u == NULL)
		fail_msg("%s", buf_str(&f.text));
	faults_free(&f);
	return u;
}

/* Who is here, over TLS with a binding: bob, whose password is "secret". */
UNUSED_OK static void
peer_open(struct peer *p)
{
	struct buf text;
	*p = (struct peer){0};
	p->base = event_base_new();
	p->auth = auth_new(p->base);
	p->c = peer_conf(ALL_MECHANISMS, false);
	buf_init(&text, 100000);
	peer_line(&text, "bob", "secret", PEER_ITERATIONS);
	peer_line(&text, "eve", "other", PEER_ITERATIONS);
	p->u = peer_users(&text);
	buf_free(&text);
	p->ch = (struct auth_channel){.tls = true,
	    .binding_type = "tls-exporter",
	    .binding = peer_binding,
	    .binding_len = sizeof(peer_binding)};
	buf_init(&p->out, 20000);
}

UNUSED_OK static void
peer_close(struct peer *p)
{
	auth_end(p->x);
	auth_free(p->auth);
	users_free(p->u);
	conf_unref(p->c);
	event_base_free(p->base);
	buf_free(&p->out);
}

UNUSED_OK static void
peer_answer(void *arg, enum auth_step step, const struct buf *out,
    const struct status *st)
{
	struct peer *p = arg;
	assert_false(p->answered);
	assert_int_equal(out->len, 0);
	p->answered = true;
	p->step = step;
	p->st = *st;
}

UNUSED_OK static void
peer_begin(struct peer *p, const char *mechanism)
{
	auth_end(p->x);
	p->x =
	    auth_begin(p->auth, p->c, p->u, &p->ch, mechanism, peer_answer, p);
	p->answered = false;
}

/* Feed text as it is, and wait for the answer. */
UNUSED_OK static enum auth_step
peer_text(struct peer *p, const char *text, size_t len)
{
	buf_clear(&p->out);
	memset(&p->st, 0, sizeof(p->st));
	p->answered = false;
	enum auth_step step = auth_feed(p->x, text, len, &p->out, &p->st);
	if (step != AUTH_PENDING)
		return step;
	while (!p->answered)
		assert_int_equal(event_base_loop(p->base, EVLOOP_ONCE), 0);
	return p->step;
}

/* Feed octets in base64. */
UNUSED_OK static enum auth_step
peer_send(struct peer *p, const void *data, size_t len)
{
	struct buf b;
	buf_init(&b, 1 << 20);
	assert_int_equal(base64_encode(&b, data, len), 0);
	enum auth_step step = peer_text(p, buf_str(&b), b.len);
	buf_free(&b);
	return step;
}

/* The reply code it comes to. */
UNUSED_OK static int
peer_code(const struct peer *p, enum auth_step step)
{
	if (step == AUTH_CHALLENGE)
		return 334;
	if (step == AUTH_DONE) {
		assert_int_equal(p->st.verdict, DONE);
		assert_int_equal(p->st.code, 235);
	} else {
		assert_int_equal(step, AUTH_FAILED);
		assert_string_equal(auth_user(p->x), "");
	}
	return p->st.code;
}

/* One message of PLAIN as the initial response. */
UNUSED_OK static int
peer_plain(struct peer *p, const char *message, size_t len)
{
	peer_begin(p, "PLAIN");
	return peer_code(p, peer_send(p, message, len));
}

UNUSED_OK static int
peer_password(struct peer *p, const char *user, const char *password)
{
	struct buf b;
	buf_init(&b, 1 << 20);
	(void)buf_addc(&b, '\0');
	(void)buf_add(&b, user, strlen(user) + 1);
	(void)buf_adds(&b, password);
	int code = peer_plain(p, b.data, b.len);
	buf_free(&b);
	return code;
}

UNUSED_OK static int
peer_login(struct peer *p, const char *user, const char *password)
{
	peer_begin(p, "LOGIN");
	assert_int_equal(peer_send(p, user, strlen(user)), AUTH_CHALLENGE);
	return peer_code(p, peer_send(p, password, strlen(password)));
}

#endif

/* SPDX-License-Identifier: ISC */
/*
 * A scripted owner of a session, and dialogs to run it by.  A dialog is
 * lines of
 *   P: words        policy, at its head (see owner_policy_word)
 *   C: command      sent with CRLF; \r \n \0 and \\ are escapes
 *   R: octets       sent as they are
 *   T:              the handshake that STARTTLS waits for
 *   E:              the peer's last octet was sent
 *   S: reply        a line that must come back
 *   M: from rcpts octets    a message that must be taken
 * Every dialog is run by steps, whole, octet by octet and cut in two at each
 * place, with hooks that answer at once and later: all must be alike (D18).
 * Recipients and octets with a meaning are in owner_rcpt and owner_octets.
 */
#ifndef TESTS_SESSION_OWNER_H
#define TESTS_SESSION_OWNER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtpd/session.h"

struct owner {
	struct session *s;
	struct session_policy policy;
	bool later;           /* hooks answer later */
	bool denied, revoked; /* access; relay right */
	bool in_mail, open;   /* a transaction; a letter */
	bool waiting;         /* an answer is owed */
	bool auth_waiting, exchange;
	struct status answer;
	struct buf said, box, letter;
	unsigned resets, commits, cancels;
};

static inline void
owner_policy(void *arg, struct session_policy *p)
{
	struct owner *o = arg;
	*p = o->policy;
}

static inline void
owner_access(void *arg, struct status *st)
{
	struct owner *o = arg;
	if (o->denied)
		status_set(st, NEVER, 554, "5.7.1", "Go away");
	else
		status_set(st, DONE, 220, NULL, "ok");
}

static inline enum ask
owner_ask(struct owner *o, const struct status *st)
{
	if (o->later) {
		assert_false(o->waiting);
		o->waiting = true;
		o->answer = *st;
	}
	return o->later ? ASK_LATER : ASK_NOW;
}

static inline enum ask
owner_mail(void *arg, const struct session_mail *m, struct status *st)
{
	struct owner *o = arg;
	assert_false(o->in_mail);
	if (strcmp(m->from.text, "disk@low.test") == 0)
		status_set(st, LATER, 452, "4.3.1", "Disk low");
	else
		status_set(st, DONE, 250, "2.1.0", "Ok");
	o->in_mail = st->verdict == DONE;
	return owner_ask(o, st);
}

static inline enum ask
owner_rcpt(void *arg, const struct session_rcpt *r, struct status *st)
{
	struct owner *o = arg;
	const char *to = r->addr.text;
	assert_true(o->in_mail && !o->open);
	status_set(st, DONE, 250, "2.1.5", "Ok");
	if (o->revoked || strcmp(address_domain(&r->addr), "remote.test") == 0)
		status_set(
		    st, NEVER, 550, "5.7.1", "Unable to relay for %s", to);
	else if (strcmp(to, "full@here.test") == 0)
		status_set(st, LATER, 452, "4.2.2", "Mailbox Full");
	else if (strcmp(to, "revoke@here.test") == 0)
		o->revoked = true;
	else if (strcmp(to, "expel@here.test") == 0)
		o->denied = true;
	return owner_ask(o, st);
}

static inline enum ask
owner_data(void *arg, struct status *st)
{
	struct owner *o = arg;
	assert_true(o->in_mail && !o->open);
	if (o->revoked)
		status_set(st, NEVER, 550, "5.7.1", "Unable to relay");
	else
		status_set(st, DONE, 250, NULL, "Ok");
	o->open = st->verdict == DONE;
	buf_clear(&o->letter);
	return owner_ask(o, st);
}

static inline int
owner_octets(void *arg, const char *p, size_t n, struct status *st)
{
	struct owner *o = arg;
	assert_true(o->open && n > 0);
	assert_int_equal(buf_add(&o->letter, p, n), 0);
	/* Of its head only: octet by octet, all of it would take long. */
	size_t head = o->letter.len < 200 ? o->letter.len : 200;
	if (memmem(o->letter.data, head, "X-Hops: 99", 10) == NULL)
		return 0;
	status_set(st, NEVER, 554, "5.4.6", "Too many hops");
	return -1;
}

static inline void
owner_keep(struct owner *o)
{
	const struct session_rcpt *r;
	size_t n = session_rcpts(o->s, &r);
	(void)buf_addf(&o->box, "%s ", session_mail(o->s)->from.text);
	for (size_t i = 0; i < n; i++)
		(void)buf_addf(&o->box, "%s%s", i ? "," : "", r[i].addr.text);
	(void)buf_addc(&o->box, ' ');
	for (size_t i = 0; i < o->letter.len; i++) {
		char c = o->letter.data[i];
		if (c == '\r' || c == '\n')
			(void)buf_adds(&o->box, c == '\r' ? "\\r" : "\\n");
		else
			(void)buf_addc(&o->box, c);
	}
	(void)buf_addc(&o->box, '\n');
}

static inline enum ask
owner_commit(void *arg, struct status *st)
{
	struct owner *o = arg;
	assert_true(o->in_mail && o->open);
	if (strstr(buf_str(&o->letter), "X-Commit: no") != NULL) {
		status_set(st, LATER, 451, "4.3.0", "Try again");
		return owner_ask(o, st);
	}
	owner_keep(o);
	o->in_mail = o->open = false;
	status_set(st, DONE, 250, "2.0.0", "Queued as %u", ++o->commits);
	return owner_ask(o, st);
}

static inline void
owner_reset(void *arg)
{
	struct owner *o = arg;
	assert_true(o->in_mail);
	o->in_mail = o->open = false;
	o->resets++;
}

static inline enum auth_step
owner_auth_next(
    void *arg, const char *r, size_t len, struct buf *out, struct status *st)
{
	struct owner *o = arg;
	assert_true(o->exchange);
	if (len > 5 && memcmp(r, "more:", 5) == 0) {
		(void)buf_add(out, r + 5, len - 5);
		return AUTH_CHALLENGE;
	}
	if (len == 4 && memcmp(r, "good", 4) == 0) {
		session_set_user(o->s, "joe");
		status_set(st, DONE, 235, NULL, "ok");
	} else if (len == 4 && memcmp(r, "last", 4) == 0) {
		status_set(st, LATER, 421, "4.7.0", "Too many failed logins");
	} else {
		status_set(st, NEVER, 535, "5.7.8", "Authentication failed");
	}
	if (o->later) {
		o->auth_waiting = true;
		o->answer = *st;
		return AUTH_PENDING;
	}
	o->exchange = false;
	return st->verdict == DONE ? AUTH_DONE : AUTH_FAILED;
}

static inline enum auth_step
owner_auth_start(void *arg, const char *mechanism, const char *initial,
    size_t len, struct buf *out, struct status *st)
{
	struct owner *o = arg;
	assert_string_equal(mechanism, "PLAIN");
	assert_false(o->exchange);
	o->exchange = true;
	if (initial == NULL)
		return AUTH_CHALLENGE;
	if (len == 0) {
		(void)buf_adds(out, "RU1QVFk=");
		return AUTH_CHALLENGE;
	}
	return owner_auth_next(arg, initial, len, out, st);
}

static inline void
owner_auth_cancel(void *arg)
{
	struct owner *o = arg;
	assert_true(o->exchange);
	o->exchange = o->auth_waiting = false;
	o->cancels++;
}

static const struct session_hooks owner_hooks = {
    .policy = owner_policy,
    .access = owner_access,
    .mail = owner_mail,
    .rcpt = owner_rcpt,
    .data = owner_data,
    .octets = owner_octets,
    .commit = owner_commit,
    .reset = owner_reset,
    .auth_start = owner_auth_start,
    .auth_next = owner_auth_next,
    .auth_cancel = owner_auth_cancel,
};

static inline void
owner_init(struct owner *o, bool later)
{
	*o = (struct owner){.later = later};
	o->policy =
	    (struct session_policy){.hostname = "mx.test", .mechanisms = ""};
	buf_init(&o->said, 1 << 20);
	buf_init(&o->box, 1 << 20);
	buf_init(&o->letter, 1 << 20);
	o->s = session_new(&owner_hooks, o);
}

/* Every line is "ddd[ -]text CRLF" of printable ASCII, 512 at most. */
static inline void
owner_check_said(const struct owner *o)
{
	const char *p = buf_str(&o->said);
	while (*p != '\0') {
		const char *lf = strchr(p, '\n');
		assert_non_null(lf);
		assert_true(lf - p >= 5 && lf - p < 512 && lf[-1] == '\r');
		for (const char *c = p; c < lf - 1; c++)
			assert_true(*c >= ' ' && *c <= '~');
		assert_true(strspn(p, "0123456789") == 3 && p[0] >= '2' &&
			    p[0] <= '5' && (p[3] == ' ' || p[3] == '-'));
		p = lf + 1;
	}
}

static inline void
owner_free(struct owner *o)
{
	owner_check_said(o);
	session_free(o->s);
	assert_false(o->in_mail || o->open || o->exchange);
	buf_free(&o->said);
	buf_free(&o->box);
	buf_free(&o->letter);
}

/* Take what it says; answer what it asked. */
static inline void
owner_serve(struct owner *o)
{
	struct buf none;
	buf_init(&none, 1);
	for (;;) {
		struct buf *out = session_output(o->s);
		assert_true(buf_ok(out));
		(void)buf_add(&o->said, buf_str(out), out->len);
		buf_drop(out, out->len);
		bool asks = session_wants(o->s) == SESSION_ANSWER;
		assert_int_equal(asks, o->waiting || o->auth_waiting);
		if (!asks)
			return;
		assert_int_equal(session_input(o->s, "NOOP\r\n", 6), 0);
		struct status st = o->answer;
		bool auth = o->auth_waiting;
		o->waiting = o->auth_waiting = false;
		if (!auth) {
			session_answer(o->s, &st);
			continue;
		}
		o->exchange = false;
		session_auth_answer(o->s,
		    st.verdict == DONE ? AUTH_DONE : AUTH_FAILED, &none, &st);
	}
}

/* Give octets until all are taken or it wants something else. */
static inline void
owner_give(struct owner *o, const char *p, size_t n)
{
	owner_serve(o);
	while (n > 0 && session_wants(o->s) == SESSION_INPUT) {
		size_t used = session_input(o->s, p, n);
		assert_true(used > 0 && used <= n);
		p += used;
		n -= used;
		owner_serve(o);
	}
}

#endif

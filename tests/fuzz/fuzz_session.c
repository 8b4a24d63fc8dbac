/* SPDX-License-Identifier: ISC */
/*
 * A session with a hostile client.  The same octets are given whole to an
 * owner that answers at once, and in pieces to one that answers later: both
 * must say and take the same.  Every line said is a reply; each 250 for a
 * message is a commit; every letter ends in a commit or a reset.
 *
 * Input: an octet of flags, one of the size of pieces, then the client's.
 * After STARTTLS all is skipped up to the next 0xff octet.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smtpd/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NEEDED(x)                \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

struct owner {
	struct session *s;
	unsigned flags;
	bool later, in_mail, open, exchange, asked, auth_asked;
	struct status answer;
	struct buf said, taken, letter;
	unsigned commits, commands;
};

static void
on_policy(void *arg, struct session_policy *p)
{
	const struct owner *o = arg;
	*p = (struct session_policy){.hostname = "mx.test",
	    .offer_starttls = o->flags & 1,
	    .require_tls = o->flags & 2,
	    .mechanisms = o->flags & 4 ? "PLAIN LOGIN" : "",
	    .normalize = o->flags & 8,
	    .require_auth = o->flags & 16,
	    .message_size = o->flags & 32 ? 100 : 0,
	    .session_size = o->flags & 64 ? 300 : 0,
	    .recipients = 5,
	    .errors = o->flags & 128 ? 10 : 0,
	    .commands_without_mail = 20};
}

/* The access is lost after some commands. */
static void
on_access(void *arg, struct status *st)
{
	struct owner *o = arg;
	bool may = ++o->commands < 200;
	status_set(st, may ? DONE : NEVER, may ? 220 : 554, NULL, "access");
}

static enum ask
ask(struct owner *o, const struct status *st)
{
	NEEDED(!o->asked && !o->auth_asked);
	o->asked = o->later;
	o->answer = *st;
	return o->later ? ASK_LATER : ASK_NOW;
}

/* A verdict that depends on the address alone. */
static void
judge(const struct address *a, struct status *st)
{
	unsigned sum = 0;
	for (size_t i = 0; i < a->len; i++)
		sum += (unsigned char)a->text[i];
	switch (sum % 8) {
	case 0:
		status_set(st, NEVER, 550, "5.7.1", "No %s", a->text);
		break;
	case 1:
		status_set(st, LATER, 451, NULL, "Not %s", a->text);
		break;
	case 2:
		if (sum % 5 == 0) {
			status_set(st, LATER, 421, NULL, "Go, %s", a->text);
			break;
		}
		/* fallthrough */
	default:
		status_set(st, DONE, 250, NULL, "Ok");
	}
}

static enum ask
on_mail(void *arg, const struct session_mail *m, struct status *st)
{
	struct owner *o = arg;
	NEEDED(!o->in_mail && session_helo(o->s)[0] != '\0');
	judge(&m->from, st);
	o->in_mail = st->verdict == DONE;
	return ask(o, st);
}

static enum ask
on_rcpt(void *arg, const struct session_rcpt *r, struct status *st)
{
	struct owner *o = arg;
	NEEDED(o->in_mail && !o->open);
	judge(&r->addr, st);
	return ask(o, st);
}

static enum ask
on_data(void *arg, struct status *st)
{
	struct owner *o = arg;
	const struct session_rcpt *r;
	size_t n = session_rcpts(o->s, &r);
	NEEDED(o->in_mail && !o->open && n > 0 && n <= 5);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			NEEDED(!address_equal(&r[i].addr, &r[j].addr));
	bool may = r[0].addr.text[0] != 'd';
	status_set(st, may ? DONE : LATER, may ? 250 : 451, NULL, "data");
	o->open = may;
	buf_clear(&o->letter);
	return ask(o, st);
}

static int
on_octets(void *arg, const char *p, size_t n, struct status *st)
{
	struct owner *o = arg;
	NEEDED(o->open && n > 0);
	NEEDED(buf_add(&o->letter, p, n) == 0);
	if (memchr(p, '\1', n) == NULL)
		return 0;
	status_set(st, NEVER, 554, "5.6.0", "octets");
	return -1;
}

/* A letter that is taken is in wire form, and within the limits. */
static void
take(struct owner *o)
{
	const struct buf *b = &o->letter;
	NEEDED(!(o->flags & 32) || b->len <= 100);
	for (size_t i = 0; i < b->len; i++) {
		NEEDED(b->data[i] != '\0');
		if (b->data[i] == '\r')
			NEEDED(i + 1 < b->len && b->data[i + 1] == '\n');
		if (b->data[i] == '\n')
			NEEDED(i > 0 && b->data[i - 1] == '\r');
	}
	NEEDED(b->len == 0 || b->data[b->len - 1] == '\n');
	(void)buf_addf(&o->taken, "%s:", session_mail(o->s)->from.text);
	(void)buf_add(&o->taken, buf_str(b), b->len);
}

static enum ask
on_commit(void *arg, struct status *st)
{
	struct owner *o = arg;
	NEEDED(o->in_mail && o->open);
	if (o->letter.len > 0 && memchr(o->letter.data, '\2', o->letter.len)) {
		status_set(st, LATER, 451, "4.3.0", "commit");
		return ask(o, st);
	}
	take(o);
	o->in_mail = o->open = false;
	o->commits++;
	status_set(st, DONE, 250, NULL, "Queued");
	return ask(o, st);
}

static void
on_reset(void *arg)
{
	struct owner *o = arg;
	NEEDED(o->in_mail);
	o->in_mail = o->open = false;
}

static enum auth_step
on_auth_next(
    void *arg, const char *r, size_t len, struct buf *out, struct status *st)
{
	struct owner *o = arg;
	NEEDED(o->exchange && !session_user(o->s)[0]);
	if (len > 0 && r[0] == 'c') {
		(void)buf_adds(out, "Y2hhbGxlbmdl");
		return AUTH_CHALLENGE;
	}
	bool good = len > 0 && r[0] == 'g';
	status_set(st, good ? DONE : NEVER, good ? 235 : 535, NULL, "auth");
	if (o->later) {
		o->auth_asked = true;
		o->answer = *st;
		return AUTH_PENDING;
	}
	o->exchange = false;
	if (good)
		session_set_user(o->s, "joe");
	return good ? AUTH_DONE : AUTH_FAILED;
}

static enum auth_step
on_auth_start(void *arg, const char *mechanism, const char *initial, size_t len,
    struct buf *out, struct status *st)
{
	struct owner *o = arg;
	NEEDED(!o->exchange && (o->flags & 4));
	NEEDED(!strcmp(mechanism, "PLAIN") || !strcmp(mechanism, "LOGIN"));
	o->exchange = true;
	return initial == NULL ? AUTH_CHALLENGE
			       : on_auth_next(arg, initial, len, out, st);
}

static void
on_auth_cancel(void *arg)
{
	struct owner *o = arg;
	NEEDED(o->exchange);
	o->exchange = o->auth_asked = false;
}

static const struct session_hooks hooks = {on_policy, on_access, on_mail,
    on_rcpt, on_data, on_octets, on_commit, on_reset, on_auth_start,
    on_auth_next, on_auth_cancel};

static void
answer(struct owner *o)
{
	struct status st = o->answer;
	NEEDED(o->asked != o->auth_asked);
	NEEDED(session_input(o->s, "QUIT\r\n", 6) == 0);
	if (o->asked) {
		o->asked = false;
		session_answer(o->s, &st);
		return;
	}
	o->auth_asked = o->exchange = false;
	if (st.verdict == DONE)
		session_set_user(o->s, "joe");
	session_auth_answer(
	    o->s, st.verdict == DONE ? AUTH_DONE : AUTH_FAILED, NULL, &st);
}

static void
collect(struct owner *o)
{
	struct buf *out = session_output(o->s);
	NEEDED(buf_ok(out));
	NEEDED(buf_add(&o->said, buf_str(out), out->len) == 0);
	buf_drop(out, out->len);
}

static void
run(struct owner *o, const char *p, size_t n, size_t step)
{
	size_t at = 0;
	o->s = session_new(&hooks, o);
	session_greet(o->s, false);
	while (session_wants(o->s) != SESSION_CLOSE) {
		enum session_want want = session_wants(o->s);
		collect(o);
		NEEDED((want == SESSION_ANSWER) == (o->asked || o->auth_asked));
		if (want == SESSION_ANSWER) {
			answer(o);
		} else if (at == n) {
			session_eof(o->s);
		} else if (want == SESSION_TLS) {
			const char *ff = memchr(p + at, 0xff, n - at);
			at = ff != NULL ? (size_t)(ff - p) + 1 : n;
			session_secured(o->s);
		} else {
			size_t some = step < n - at ? step : n - at;
			size_t used = session_input(o->s, p + at, some);
			NEEDED(used > 0 && used <= some);
			at += used;
		}
	}
	NEEDED(session_input(o->s, "NOOP\r\n", 6) == 0);
	collect(o);
	session_free(o->s);
	NEEDED(!o->in_mail && !o->open && !o->exchange);
}

static void
check_said(const struct owner *o)
{
	const char *p = buf_str(&o->said);
	unsigned queued = 0;
	NEEDED(strlen(p) == o->said.len);
	while (*p != '\0') {
		const char *end = strstr(p, "\r\n");
		NEEDED(end != NULL && end - p >= 4 && end - p <= 510);
		NEEDED(p[0] >= '2' && p[0] <= '5' && p[1] >= '0' &&
		       p[1] <= '9' && p[2] >= '0' && p[2] <= '9');
		NEEDED(p[3] == ' ' || p[3] == '-');
		for (const char *c = p; c < end; c++)
			NEEDED(*c >= ' ' && *c <= '~');
		queued += strncmp(p, "250 2.0.0 Queued", 16) == 0 ||
			  strncmp(p, "250 Queued", 10) == 0;
		p = end + 2;
	}
	NEEDED(queued == o->commits);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct owner o[2];
	if (size < 2)
		return 0;
	for (int i = 0; i < 2; i++) {
		o[i] = (struct owner){.flags = data[0], .later = i == 1};
		buf_init(&o[i].said, 64 << 20);
		buf_init(&o[i].taken, 64 << 20);
		buf_init(&o[i].letter, 64 << 20);
		run(&o[i], (const char *)data + 2, size - 2,
		    i == 0 ? size : (size_t)data[1] + 1);
		check_said(&o[i]);
	}
	NEEDED(strcmp(buf_str(&o[0].said), buf_str(&o[1].said)) == 0);
	NEEDED(o[0].taken.len == o[1].taken.len);
	NEEDED(o[0].taken.len == 0 ||
	       memcmp(o[0].taken.data, o[1].taken.data, o[0].taken.len) == 0);
	for (int i = 0; i < 2; i++) {
		buf_free(&o[i].said);
		buf_free(&o[i].taken);
		buf_free(&o[i].letter);
	}
	return 0;
}

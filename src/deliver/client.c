/* SPDX-License-Identifier: ISC */
/*
 * The client's side of SMTP: life, queueing, output.  Not what a reply
 * means (client_reply.c), and no socket.
 *
 * Output is made on demand, one chunk at a time, and a chunk is never
 * touched before it was sent whole (trap C2).  Two transactions at most are
 * in flight; the second is written behind the final dot of the first.
 *
 * Invariant: every recipient gets exactly one outcome, and DONE only by a
 * 2xx that came after the last octet of the dot was sent.
 */
#include "deliver/client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "deliver/client_internal.h"

struct client *
client_new(
    const struct client_caps *caps, const struct client_hooks *hooks, void *arg)
{
	struct client *c = alloc_zero(1, sizeof(*c));
	c->caps = *caps;
	c->hooks = *hooks;
	c->arg = arg;
	reply_reset(&c->reply);
	return c;
}

void
client_free(struct client *c)
{
	if (c == NULL)
		return;
	if (c->nflights > 0)
		die("a client was freed with transactions open");
	free(c->expected);
	free(c);
}

void
client_expect(struct client *c, enum expect kind, uint64_t at)
{
	if (c->nexpected == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 16;
		struct expectation *v = alloc_zero(cap, sizeof(*v));
		for (size_t i = 0; i < c->nexpected; i++)
			v[i] = c->expected[(c->first_expected + i) % c->cap];
		free(c->expected);
		c->expected = v;
		c->cap = cap;
		c->first_expected = 0;
	}
	size_t i = (c->first_expected + c->nexpected++) % c->cap;
	c->expected[i] = (struct expectation){.kind = kind, .at = at};
}

void
client_show(struct client *c, struct transaction *t, char direction,
    const char *text, size_t len)
{
	if (c->hooks.line != NULL)
		c->hooks.line(c->arg, t, direction, text, len);
}

struct expectation *
client_expected(struct client *c)
{
	return c->nexpected ? &c->expected[c->first_expected] : NULL;
}

void
client_finish(struct client *c, const struct status *st, bool unsent)
{
	/* The hooks may start another transaction: leave the queue first. */
	struct flight f = c->flights[0];
	c->nflights--;
	for (size_t i = 0; i < c->nflights; i++)
		c->flights[i] = c->flights[i + 1];
	for (size_t i = 0; i < f.t->nrcpts; i++) {
		const struct leg *l = &f.legs[i];
		if (l->state == LEG_TOLD)
			continue;
		if (l->state == LEG_REFUSED && f.proven)
			c->hooks.outcome(c->arg, f.t, i, &l->refusal->status,
			    l->refusal->unsent);
		else if (f.ended && f.proven)
			c->hooks.outcome(c->arg, f.t, i, &f.refused, false);
		else
			c->hooks.outcome(c->arg, f.t, i, st, unsent);
		free(l->refusal);
	}
	free(f.legs);
	c->hooks.finished(c->arg, f.t);
}

void
client_break(struct client *c, const struct status *st)
{
	if (!c->broken)
		c->why = *st;
	c->broken = true;
	c->off = c->end = 0;
	c->nexpected = 0;
	while (c->nflights > 0) {
		const struct flight *f = &c->flights[0];
		client_finish(c, st,
		    !f->mail_answered &&
			(!f->first || f->writing == WRITE_MAIL));
	}
}

void
client_abort(struct client *c, const struct status *why)
{
	struct status st = *why;
	st.verdict = LATER;
	const struct expectation *e = client_expected(c);
	if (e != NULL && e->kind == EXPECT_DOT && e->at != NOT_WRITTEN) {
		struct status unknown = st;
		if (c->flights[0].accepted > 0)
			status_set(&unknown, LATER, 0, "4.4.2",
			    "unknown: the server took the message but did not "
			    "answer (%.200s)",
			    why->text);
		c->broken = true;
		c->why = st;
		client_finish(c, &unknown, false);
	}
	client_break(c, &st);
}

bool
client_idle(const struct client *c)
{
	return c->nflights == 0;
}

bool
client_broken(const struct client *c)
{
	return c->broken;
}

const struct status *
client_why(const struct client *c)
{
	return &c->why;
}

uint64_t
client_progress(const struct client *c)
{
	return c->replies + c->sent;
}

bool
client_ready(const struct client *c)
{
	if (c->broken || c->quitting)
		return false;
	if (c->nflights == 0)
		return true;
	/* Nothing is gained by waiting behind a long body, or without
	 * pipelining: another connection may have it. */
	const struct flight *f = &c->flights[0];
	return c->nflights < FLIGHTS_MAX && c->caps.pipelining &&
	       f->t->size - f->offset <= CHUNK_SIZE;
}

/* Answer one recipient before anything was written for it. */
static void
tell(struct client *c, struct flight *f, size_t i, const struct status *st,
    bool unsent)
{
	f->legs[i].state = LEG_TOLD;
	f->open--;
	c->hooks.outcome(c->arg, f->t, i, st, unsent);
}

static void
tell_all(
    struct client *c, struct flight *f, const struct status *st, bool unsent)
{
	for (size_t i = 0; i < f->t->nrcpts; i++)
		if (f->legs[i].state == LEG_OPEN)
			tell(c, f, i, st, unsent);
}

static const char *
sender(const struct transaction *t)
{
	return t->mail_from ? t->mail_from : t->env->from.text;
}

/* Is it an address as it may stand in a command (LIB1, LIB9)? */
static bool
sendable(const char *text, bool utf8, unsigned flags)
{
	struct address a;
	const char *why;
	if (utf8)
		flags |= ADDRESS_UTF8;
	return address_parse(&a, text, strlen(text), flags, &why) == 0;
}

/* What forbids the whole message?  true and *st. */
static bool
unfit(const struct client *c, const struct transaction *t, struct status *st)
{
	if (c->caps.size && c->caps.size_limit > 0 &&
	    t->size > c->caps.size_limit)
		status_set(st, NEVER, 0, "5.3.4",
		    "the message has %llu octets, the server takes %llu",
		    (unsigned long long)t->size,
		    (unsigned long long)c->caps.size_limit);
	else if (t->env->utf8 && !c->caps.smtputf8)
		status_set(st, NEVER, 0, "5.6.7",
		    "the message needs SMTPUTF8, which the server lacks");
	else if (!sendable(
		     sender(t), t->env->utf8, ADDRESS_EMPTY | ADDRESS_BARE))
		status_set(st, NEVER, 0, "5.1.7", "malformed sender address");
	else
		return false;
	return true;
}

/* Recipients that cannot be written into a command. */
static void
tell_strange(struct client *c, struct flight *f)
{
	const struct transaction *t = f->t;
	struct status st;
	for (size_t i = 0; i < t->nrcpts; i++) {
		const struct address *a = &t->env->rcpts[t->rcpts[i]].addr;
		if (f->legs[i].state != LEG_OPEN ||
		    sendable(a->text, t->env->utf8, ADDRESS_BARE))
			continue;
		if (address_is_utf8(a))
			status_set(&st, NEVER, 0, "5.6.7",
			    "the address needs SMTPUTF8, which the server "
			    "lacks");
		else
			status_set(&st, NEVER, 0, "5.1.3",
			    "malformed recipient address");
		tell(c, f, i, &st, false);
	}
}

void
client_start(struct client *c, struct transaction *t)
{
	struct flight f = {.t = t, .open = t->nrcpts};
	struct status st;
	f.legs = alloc_zero(t->nrcpts + 1, sizeof(*f.legs));
	stuff_init(&f.stuff);
	if (unfit(c, t, &st))
		tell_all(c, &f, &st, false);
	tell_strange(c, &f);
	/* Last, because a hook may have given up the connection. */
	if (c->broken || c->quitting || c->nflights == FLIGHTS_MAX) {
		status_set(&st, LATER, 0, "4.4.2", "the connection ended");
		tell_all(c, &f, &st, true);
	}
	if (f.open == 0) {
		free(f.legs);
		c->hooks.finished(c->arg, t);
		return;
	}
	f.first = c->transactions++ == 0;
	c->flights[c->nflights++] = f;
}

void
client_quit(struct client *c)
{
	c->quitting = true;
}

const char *
client_stage(const struct client *c)
{
	static const char *const names[] = {[EXPECT_MAIL] = "MAIL",
	    [EXPECT_RCPT] = "RCPT",
	    [EXPECT_DATA] = "DATA",
	    [EXPECT_DOT] = "dot",
	    [EXPECT_RSET] = "RSET",
	    [EXPECT_QUIT] = "QUIT"};
	if (c->nexpected == 0)
		return c->nflights > 0 ? "MAIL" : c->quitting ? "QUIT" : "";
	const struct expectation *e = &c->expected[c->first_expected];
	if (e->kind == EXPECT_DOT && e->at > c->sent)
		return "body";
	return names[e->kind];
}

int
client_input(struct client *c, const char *data, size_t len)
{
	while (len > 0 && !c->broken) {
		size_t used = 0;
		int r = reply_feed(&c->reply, data, len, &used);
		if (r == 0)
			break;
		if (r < 0) {
			struct status st;
			status_set(&st, LATER, 0, "4.5.0",
			    "protocol fault: garbage instead of a reply");
			client_abort(c, &st);
			break;
		}
		data += used;
		len -= used;
		c->replies++;
		client_reply(c);
		reply_reset(&c->reply);
	}
	return c->broken ? -1 : 0;
}

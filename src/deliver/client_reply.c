/* SPDX-License-Identifier: ISC */
/*
 * What a reply means for the transaction that it belongs to.
 *
 * The table (HAZARDS K06-K20): a 2xx to the dot is DONE, whatever its
 * digits; 5xx is NEVER but for codes that speak of the session and not of
 * the mail; everything else is LATER.  A reply that cannot be meant for the
 * command in turn ends the connection, and then nothing is DONE or NEVER
 * that was not proven before.
 */
#include "deliver/client_internal.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"

/* Something that no server may say here: believe nothing unproven. */
static void
fault(struct client *c, const char *what)
{
	struct status st;
	status_set(&st, LATER, 0, "4.5.0", "protocol fault: %s: %d %.300s",
	    what, c->reply.code, c->reply.text);
	if (c->nflights > 0 && !c->flights[0].go)
		c->flights[0].proven = false;
	client_break(c, &st);
}

/* Does the code speak of our session (sequence, AUTH) and not of the mail? */
static bool
about_session(int code)
{
	static const int codes[] = {500, 502, 503, 530, 534, 535, 538};
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i] == code)
			return true;
	return false;
}

/* The status of a refusal: never DONE. */
static void
refusal_status(const struct client *c, struct status *st)
{
	reply_status(&c->reply, st);
	if (st->verdict == DONE || about_session(c->reply.code))
		status_set(
		    st, LATER, c->reply.code, "4.5.0", "%s", c->reply.text);
}

/* "Too many recipients", as RFC 5321 section 4.5.3.1.10 has it: send these
 * and then the rest (A41). */
static bool
too_many(const struct reply *r)
{
	if (r->code != 452 && r->code != 552)
		return false;
	if (r->enhanced[0] != '\0')
		return strcmp(r->enhanced + 1, ".5.3") == 0;
	return r->code == 452 || strcasestr(r->text, "too many rec") != NULL;
}

static bool
is_2xx(const struct client *c)
{
	return c->reply.code >= 200 && c->reply.code <= 299;
}

static bool
is_3xx(const struct client *c)
{
	return c->reply.code >= 300 && c->reply.code <= 399;
}

/* MAIL or DATA was refused: RSET, then go on. */
static void
refuse_all(struct client *c, struct flight *f)
{
	if (!f->ended)
		refusal_status(c, &f->refused);
	f->ended = true;
}

static void
on_mail(struct client *c, struct flight *f)
{
	f->mail_answered = true;
	if (is_3xx(c)) {
		fault(c, "reply to MAIL");
	} else if (!is_2xx(c)) {
		refuse_all(c, f);
		/* DATA may be out already: its reply has to come first. */
		if (f->writing < WRITE_WAIT)
			f->writing = WRITE_RSET;
	}
}

static void
on_rcpt(struct client *c, struct flight *f)
{
	while (f->legs[f->answered].state == LEG_TOLD)
		f->answered++;
	struct leg *l = &f->legs[f->answered++];
	if (is_3xx(c)) {
		fault(c, "reply to RCPT");
	} else if (f->ended) {
		return; /* what MAIL was told holds */
	} else if (is_2xx(c)) {
		l->state = LEG_ACCEPTED;
		f->open--;
		f->accepted++;
	} else {
		l->state = LEG_REFUSED;
		f->open--;
		l->refusal = alloc_zero(1, sizeof(*l->refusal));
		refusal_status(c, &l->refusal->status);
		if (f->accepted > 0 && too_many(&c->reply)) {
			l->refusal->status.verdict = LATER;
			l->refusal->unsent = true;
		}
	}
}

static void
on_data(struct client *c, struct flight *f)
{
	if (c->reply.code == 354 && !f->ended) {
		f->go = f->proven = true;
		/* Nobody wants it and still 354: a lone dot. */
		f->writing = f->accepted > 0 ? WRITE_BODY : WRITE_DOT;
		c->raw_off = c->raw_end = 0;
		client_expect(c, EXPECT_DOT, NOT_WRITTEN);
		return;
	}
	if (is_2xx(c) || is_3xx(c)) {
		fault(c, "reply to DATA");
		return;
	}
	refuse_all(c, f);
	f->writing = WRITE_RSET;
}

/* at: where the dot ends in what we send. */
static void
on_dot(struct client *c, uint64_t at)
{
	struct status st;
	bool early = c->sent < at;
	if (is_3xx(c) || (early && is_2xx(c))) {
		fault(c, early ? "reply before the dot" : "reply to the dot");
		return;
	}
	if (is_2xx(c))
		reply_status(&c->reply, &st);
	else
		refusal_status(c, &st);
	if (!early) {
		client_finish(c, &st, false);
		return;
	}
	/* It refuses in mid-body: the connection cannot go on. */
	c->broken = true;
	c->why = st;
	client_finish(c, &st, false);
	status_set(&st, LATER, 0, "4.4.2",
	    "the connection ended with the message before");
	client_break(c, &st);
}

static void
on_rset(struct client *c, struct flight *f)
{
	struct status st;
	if (is_3xx(c)) {
		fault(c, "reply to RSET");
		return;
	}
	if (!is_2xx(c)) {
		refusal_status(c, &st);
		st.verdict = LATER;
		client_break(c, &st);
		return;
	}
	if (f->t->trial)
		status_set(&st, DONE, c->reply.code, NULL, "accepted");
	else
		status_set(&st, LATER, 0, NULL, "not sent");
	f->proven = true;
	client_finish(c, &st, false);
}

/* Nothing was asked, or not yet: the server speaks out of turn. */
static void
unasked(struct client *c)
{
	struct status st;
	if (c->reply.code == 421) {
		refusal_status(c, &st);
		client_break(c, &st);
	} else {
		fault(c, "reply without a command");
	}
}

static void
show_reply(struct client *c)
{
	char text[STATUS_TEXT_MAX + ENHANCED_MAX + 8];
	const struct reply *r = &c->reply;
	if (c->hooks.line == NULL)
		return;
	int n = snprintf(text, sizeof(text), "%d %s%s%s", r->code, r->enhanced,
	    r->enhanced[0] ? " " : "", r->text);
	client_show(
	    c, c->nflights > 0 ? c->flights[0].t : NULL, '<', text, (size_t)n);
}

void
client_reply(struct client *c)
{
	show_reply(c);
	if (c->reply.mismatch)
		log_event(LOG_WARNING, "reply-mismatch",
		    LOG_STR("stage", client_stage(c)),
		    LOG_NUM("code", c->reply.code),
		    LOG_STR("text", c->reply.text));
	const struct expectation *front = client_expected(c);
	if (front == NULL || c->reply.code == 421 ||
	    (front->at > c->sent && front->kind != EXPECT_DOT)) {
		unasked(c);
		return;
	}
	struct expectation e = *front;
	c->first_expected = (c->first_expected + 1) % c->cap;
	c->nexpected--;
	struct flight *f = &c->flights[0];
	switch (e.kind) {
	case EXPECT_MAIL:
		on_mail(c, f);
		break;
	case EXPECT_RCPT:
		on_rcpt(c, f);
		break;
	case EXPECT_DATA:
		on_data(c, f);
		break;
	case EXPECT_DOT:
		on_dot(c, e.at);
		break;
	case EXPECT_RSET:
		on_rset(c, f);
		break;
	case EXPECT_QUIT:
		status_set(&c->why, DONE, 0, NULL, "closed");
		c->broken = true;
		break;
	}
}

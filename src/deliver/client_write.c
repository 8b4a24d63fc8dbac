/* SPDX-License-Identifier: ISC */
/*
 * What the client writes: commands, parameters, the body, the dot.  Not
 * when a transaction ends.
 *
 * With PIPELINING everything up to DATA goes out at once, and the next
 * transaction behind the dot; without it a command waits until nothing is
 * owed to us.  Invariant: a command is written whole into one chunk, and
 * holds nothing that was not validated in this process.
 */
#include "deliver/client_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

/* Append to the chunk; the caller made sure of COMMAND_MAX octets. */
static void PRINTF_LIKE(2, 3) put(struct client *c, const char *fmt, ...)
{
	va_list ap;
	size_t room = CHUNK_SIZE - c->end;
	va_start(ap, fmt);
	int n = vsnprintf(c->chunk + c->end, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room)
		die("an SMTP command outgrew its chunk");
	c->end += (size_t)n;
	c->written += (uint64_t)n;
}

/* End a command, which starts there in the chunk, and expect its reply. */
static void
ask(struct client *c, const struct flight *f, enum expect kind, size_t start)
{
	client_show(c, f->t, '>', c->chunk + start, c->end - start);
	put(c, "\r\n");
	client_expect(c, kind, c->written);
}

static void
write_mail(struct client *c, struct flight *f)
{
	const struct transaction *t = f->t;
	const struct envelope *env = t->env;
	/* Nobody can be misread when nothing else is owed to us. */
	f->proven = c->nexpected == 0;
	size_t start = c->end;
	put(c, "MAIL FROM:<%s>", t->mail_from ? t->mail_from : env->from.text);
	if (c->caps.size)
		put(c, " SIZE=%llu", (unsigned long long)t->size);
	if (env->eight_bit && c->caps.eight_bit)
		put(c, " BODY=8BITMIME");
	if (env->utf8)
		put(c, " SMTPUTF8");
	if (env->tls == WISH_REQUIRETLS && c->caps.require_tls)
		put(c, " REQUIRETLS");
	if (c->caps.dsn && env->ret != RET_NONE)
		put(c, " RET=%s", env->ret == RET_FULL ? "FULL" : "HDRS");
	if (c->caps.dsn && env->envid != NULL &&
	    xtext_valid(env->envid, strlen(env->envid), ENVID_MAX))
		put(c, " ENVID=%s", env->envid);
	ask(c, f, EXPECT_MAIL, start);
	f->writing = WRITE_RCPT;
}

static void
put_notify(struct client *c, unsigned notify)
{
	static const struct {
		unsigned bit;
		const char *name;
	} names[] = {
	    {NOTIFY_NEVER, "NEVER"},
	    {NOTIFY_SUCCESS, "SUCCESS"},
	    {NOTIFY_FAILURE, "FAILURE"},
	    {NOTIFY_DELAY, "DELAY"},
	};
	const char *before = " NOTIFY=";
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!(notify & names[i].bit))
			continue;
		put(c, "%s%s", before, names[i].name);
		before = ",";
	}
}

/* The next RCPT; when there is none any more, on to DATA. */
static void
write_rcpt(struct client *c, struct flight *f)
{
	const struct transaction *t = f->t;
	while (f->written < t->nrcpts && f->legs[f->written].state == LEG_TOLD)
		f->written++;
	if (f->written == t->nrcpts) {
		f->writing = WRITE_DATA;
		return;
	}
	const struct rcpt *r = &t->env->rcpts[t->rcpts[f->written++]];
	size_t start = c->end;
	put(c, "RCPT TO:<%s>", r->addr.text);
	if (c->caps.dsn) {
		put_notify(c, r->notify);
		if (r->orcpt != NULL && strlen(r->orcpt) <= ORCPT_MAX &&
		    orcpt_valid(r->orcpt, strlen(r->orcpt)))
			put(c, " ORCPT=%s", r->orcpt);
	}
	ask(c, f, EXPECT_RCPT, start);
}

static void
write_data(struct client *c, struct flight *f)
{
	if (f->t->trial || (f->open == 0 && f->accepted == 0)) {
		f->writing = WRITE_RSET;
		return;
	}
	size_t start = c->end;
	put(c, "DATA");
	ask(c, f, EXPECT_DATA, start);
	f->writing = WRITE_WAIT;
}

/* The message cannot be sent on: leave before the dot. */
static bool
give_up(struct client *c, const char *why)
{
	struct status st;
	status_set(&st, LATER, 0, "4.3.0", "%s", why);
	client_break(c, &st);
	return false;
}

/* Read more of the body, or go on to the dot. */
static bool
read_body(struct client *c, struct flight *f)
{
	uint64_t left = f->t->size - f->offset;
	if (left == 0) {
		if (!stuff_at_line_start(&f->stuff))
			return give_up(c, "the message has no final CRLF");
		f->writing = WRITE_DOT;
		return true;
	}
	size_t want = left < sizeof(c->raw) ? (size_t)left : sizeof(c->raw);
	ssize_t n = c->hooks.body(c->arg, f->t, f->offset, c->raw, want);
	if (n <= 0 || (size_t)n > want)
		return give_up(c, "the message cannot be read now");
	f->offset += (uint64_t)n;
	c->raw_off = 0;
	c->raw_end = (size_t)n;
	return true;
}

static bool
write_body(struct client *c, struct flight *f)
{
	if (c->raw_off == c->raw_end)
		return read_body(c, f);
	size_t used = 0;
	size_t n =
	    stuff_copy(&f->stuff, c->raw + c->raw_off, c->raw_end - c->raw_off,
		&used, c->chunk + c->end, CHUNK_SIZE - c->end);
	c->raw_off += used;
	c->end += n;
	c->written += n;
	return n > 0 || used > 0;
}

/* Write the next piece for a flight.  false: nothing more for now. */
static bool
write_flight(struct client *c, struct flight *f)
{
	bool may_ask = c->caps.pipelining || c->nexpected == 0;
	size_t start;
	if (!may_ask && f->writing != WRITE_BODY && f->writing != WRITE_DOT)
		return false;
	switch (f->writing) {
	case WRITE_MAIL:
		write_mail(c, f);
		return true;
	case WRITE_RCPT:
		write_rcpt(c, f);
		return true;
	case WRITE_DATA:
		write_data(c, f);
		return true;
	case WRITE_BODY:
		return write_body(c, f);
	case WRITE_DOT:
		client_show(c, f->t, '>', ".", 1);
		put(c, ".\r\n");
		/* Since the 354 this is all that is owed to us. */
		client_expected(c)->at = c->written;
		f->writing = WRITE_NOTHING;
		return true;
	case WRITE_RSET:
		start = c->end;
		put(c, "RSET");
		ask(c, f, EXPECT_RSET, start);
		f->writing = WRITE_NOTHING;
		return true;
	case WRITE_WAIT:
	case WRITE_NOTHING:
		break;
	}
	return false;
}

static bool
write_more(struct client *c)
{
	for (size_t i = 0; i < c->nflights; i++)
		if (c->flights[i].writing != WRITE_NOTHING)
			return write_flight(c, &c->flights[i]);
	if (!c->quitting || c->quit_written ||
	    (!c->caps.pipelining && c->nexpected > 0))
		return false;
	client_show(c, NULL, '>', "QUIT", 4);
	put(c, "QUIT\r\n");
	client_expect(c, EXPECT_QUIT, c->written);
	c->quit_written = true;
	return true;
}

size_t
client_output(struct client *c, const char **data)
{
	if (c->off == c->end) {
		c->off = c->end = 0;
		while (!c->broken && CHUNK_SIZE - c->end >= COMMAND_MAX &&
		       write_more(c))
			;
	}
	*data = c->chunk + c->off;
	return c->end - c->off;
}

void
client_sent(struct client *c, size_t n)
{
	if (n > c->end - c->off)
		die("more was sent than there was");
	c->off += n;
	c->sent += n;
}

/* SPDX-License-Identifier: ISC */
/*
 * The dialogue.  One command at a time: on a unix socket a turn costs some
 * 20 microseconds.  The listener adds Received and the uid that the kernel
 * tells it; the message itself goes as the queue would have got it.
 *
 * All or nothing: the first recipient that is refused ends it, before a
 * letter was sent to anybody (A21).
 *
 * Invariant: DONE is said only when the listener said 2xx to the dot.
 */
#include "talk.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "mail/wire.h"

#define REPLY_MS (60 * 1000)       /* to a command, and for octets to go */
#define DURABLE_MS (5 * 60 * 1000) /* the dot: a disk may be busy */
#define LINE_MAX_OCTETS 2048

struct talk {
	struct line line;
	struct talk_offer offer;
	struct buf out; /* the command at hand */
	bool greeted;
};

const char *
talk_path(const struct conf *c)
{
	for (size_t i = 0; i < c->nlisteners; i++)
		if (c->listeners[i].address != NULL &&
		    c->listeners[i].address[0] == '/')
			return c->listeners[i].address;
	return TALK_SOCKET;
}

static int
lost(const struct talk *t, struct status *st, const char *what)
{
	status_set(st, LATER, 0, t->greeted ? TALK_LOST : TALK_UNREACHED,
	    "%s: %s", what, strerror(errno));
	return -1;
}

/* Hear whether the listener says 2xx, or 354 where that is meant. */
static int
heed(struct talk *t, bool go_ahead, int64_t deadline, const char *what,
    struct status *st)
{
	if (line_hear(&t->line, deadline) != 0)
		return lost(t, st, what);
	reply_status(&t->line.reply, st);
	if (go_ahead ? t->line.reply.code == 354 : st->verdict == DONE)
		return 0;
	if (st->verdict == DONE) /* nonsense: nothing is proven by it */
		status_set(st, LATER, 0, "4.5.0", "an answer out of order");
	return -1;
}

/* The command in t->out, and its answer.  That it could not be sent is no
 * news: what the listener said before it hung up is. */
static int
command(struct talk *t, bool go_ahead, const char *what, struct status *st)
{
	int64_t deadline = clock_mono_ms() + REPLY_MS;
	if (line_say(&t->line, t->out.data, t->out.len, deadline) != 0 &&
	    errno == ETIMEDOUT)
		return lost(t, st, what);
	buf_clear(&t->out);
	return heed(t, go_ahead, deadline, what, st);
}

/* Until here nothing was said about the mail, so nothing is final. */
static int
greet(struct talk *t, const struct conf *c, struct status *st)
{
	const char *path = talk_path(c);
	int64_t deadline = clock_mono_ms() + TALK_GREETING_MS;
	if (line_open(&t->line, path, deadline) != 0)
		return lost(t, st, path);
	int result = heed(t, false, deadline, path, st);
	if (result == 0) {
		(void)buf_addf(&t->out, "EHLO %s\r\n",
		    c->hostname != NULL ? c->hostname : "localhost");
		result = command(t, false, path, st);
		talk_offer(&t->offer, t->line.reply.text);
	}
	if (result != 0)
		st->verdict = LATER;
	t->greeted = result == 0;
	return result;
}

static int
envelope(struct talk *t, const struct submit_letter *l, struct status *st)
{
	const struct envelope *e = l->envelope;
	if (e->utf8 && !t->offer.utf8) {
		status_set(st, NEVER, 553, "5.6.7",
		    "the listener takes no addresses beyond ASCII");
		return -1;
	}
	talk_mail_line(&t->out, e, &t->offer, l->head_len + l->body_len);
	if (command(t, false, "no answer to the sender", st) != 0)
		return -1;
	for (size_t i = 0; i < e->nrcpts; i++) {
		talk_rcpt_line(&t->out, &e->rcpts[i], &t->offer);
		if (command(t, false, "no answer to a recipient", st) != 0)
			return -1;
	}
	(void)buf_adds(&t->out, "DATA\r\n");
	return command(t, true, "no answer to DATA", st);
}

/* Wire form, dots doubled.  0; -1 when it takes no more. */
static int
send_octets(struct talk *t, struct stuff *s, const char *p, size_t len)
{
	char piece[CHUNK_SIZE];
	while (len > 0) {
		size_t used;
		size_t n = stuff_copy(s, p, len, &used, piece, sizeof(piece));
		if (line_say(&t->line, piece, n, clock_mono_ms() + REPLY_MS) !=
		    0)
			return -1;
		p += used;
		len -= used;
	}
	return 0;
}

static int
content(struct talk *t, const struct submit_letter *l, struct status *st)
{
	static const char dot[] = ".\r\n";
	static const char stuck[] = "the listener takes no more octets";
	static const char late[] = "no answer to the message, which may be "
				   "queued nevertheless";
	struct stuff s;
	stuff_init(&s);
	int result = send_octets(t, &s, l->head, l->head_len);
	if (result == 0)
		result = send_octets(t, &s, l->body, l->body_len);
	if (result != 0 && errno == ETIMEDOUT)
		return lost(t, st, stuck);
	int64_t deadline = clock_mono_ms() + DURABLE_MS;
	/* From here on the mail may be safe: the alarm would say it is not. */
	if (result == 0) {
		(void)alarm(0);
		result = line_say(&t->line, dot, sizeof(dot) - 1, deadline);
	}
	if (heed(t, false, deadline, result == 0 ? late : stuck, st) != 0)
		return -1;
	return result == 0 ? 0 : lost(t, st, stuck);
}

void
talk_letter(
    const struct conf *c, const struct submit_letter *letter, struct status *st)
{
	static const char quit[] = "QUIT\r\n";
	struct talk t = {.line.fd = -1};
	buf_init(&t.out, LINE_MAX_OCTETS);
	if (greet(&t, c, st) == 0 && envelope(&t, letter, st) == 0)
		(void)content(&t, letter, st);
	/* Nobody waits for the farewell. */
	if (t.line.fd >= 0 && line_say(&t.line, quit, sizeof(quit) - 1, 0) != 0)
		errno = 0;
	line_close(&t.line);
	buf_free(&t.out);
}

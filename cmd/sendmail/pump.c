/* SPDX-License-Identifier: ISC */
/*
 * Octets both ways.  Understands none of them; the deadlines of a session
 * are the listener's.  Invariant: what one side sent is read no further
 * than the other takes it, and an end is passed on behind the last octet.
 */
#include "pump.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "talk.h"

/* No more than a pipe takes at once when poll(2) says that it takes some. */
#define PIECE_SIZE 4096

struct flow {
	int from, to;
	char data[PIECE_SIZE];
	size_t at, len;
	bool ended; /* nothing more comes */
	bool shut;  /* and the receiver knows */
};

static short
wanted(const struct flow *f, bool reading)
{
	if (reading)
		return f->len == 0 && !f->ended ? POLLIN : 0;
	return f->len > 0 ? POLLOUT : 0;
}

/* 0; -1 when it cannot go on. */
static int
take(struct flow *f)
{
	ssize_t n = read(f->from, f->data, sizeof(f->data));
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	f->at = 0;
	f->len = (size_t)n;
	f->ended = n == 0;
	return 0;
}

static int
give(struct flow *f)
{
	ssize_t n = write(f->to, f->data + f->at, f->len);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	f->at += (size_t)n;
	f->len -= (size_t)n;
	return 0;
}

/* One turn.  1: go on; 0: the listener has ended; -1: the caller is gone. */
static int
turn(struct flow *in, struct flow *out)
{
	struct pollfd p[4] = {
	    {.fd = in->from, .events = wanted(in, true)},
	    {.fd = in->to, .events = wanted(in, false)},
	    {.fd = out->from, .events = wanted(out, true)},
	    {.fd = out->to, .events = wanted(out, false)},
	};
	for (size_t i = 0; i < 4; i++)
		if (p[i].events == 0)
			p[i].fd = -1; /* a hang-up there is no news yet */
	if (poll(p, 4, -1) < 0)
		return errno == EINTR ? 1 : -1;
	if (p[0].revents != 0 && take(in) != 0)
		return -1;
	/* What it said last is still to be read: in is over, not out. */
	if (p[1].revents != 0 && give(in) != 0) {
		in->len = 0;
		in->ended = in->shut = true;
	}
	if (p[2].revents != 0 && take(out) != 0)
		out->ended = true;
	if (p[3].revents != 0 && give(out) != 0)
		return -1;
	if (in->ended && in->len == 0 && !in->shut) {
		(void)shutdown(in->to, SHUT_WR);
		in->shut = true;
	}
	return out->ended && out->len == 0 ? 0 : 1;
}

int
pump_run(const struct conf *c, struct status *st)
{
	struct line l;
	const char *path = talk_path(c);
	int64_t deadline = clock_mono_ms() + TALK_GREETING_MS;
	if (line_open(&l, path, deadline) != 0 ||
	    line_await(&l, deadline) != 0) {
		status_set(st, LATER, 0, TALK_UNREACHED, "%s: %s", path,
		    strerror(errno));
		line_close(&l);
		return EX_TEMPFAIL;
	}
	struct flow in = {.from = STDIN_FILENO, .to = l.fd};
	struct flow out = {.from = l.fd, .to = STDOUT_FILENO};
	int more = 1;
	(void)alarm(0);
	while (more == 1)
		more = turn(&in, &out);
	line_close(&l);
	return more == 0 ? EX_OK : EX_IOERR;
}

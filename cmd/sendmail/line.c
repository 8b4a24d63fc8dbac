/* SPDX-License-Identifier: ISC */
/*
 * Octets to and from the listener.  Knows nothing of mail.
 *
 * A listener that hung up may have said why first: what is lost when
 * sending is not told before everything that came has been read.
 */
#include "line.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"

#define FULL_PAUSE_MS 50

/* 0; -1 with ETIMEDOUT, or another error of poll(2). */
static int
wait_for(int fd, short what, int64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = what};
	for (;;) {
		int64_t left = deadline - clock_mono_ms();
		int n = poll(&p, 1, left > 0 ? (int)left : 0);
		if (n > 0)
			return 0;
		if (n == 0)
			errno = ETIMEDOUT;
		if (n == 0 || errno != EINTR)
			return -1;
	}
}

/* A queue of connections that is full is no answer: others are served, or
 * nobody is. */
static int
connect_by(int fd, const struct sockaddr_un *sa, int64_t deadline)
{
	while (connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) != 0) {
		if (errno != EAGAIN && errno != EINTR)
			return -1;
		if (clock_mono_ms() >= deadline) {
			errno = ETIMEDOUT;
			return -1;
		}
		(void)poll(NULL, 0, FULL_PAUSE_MS);
	}
	return 0;
}

int
line_open(struct line *l, const char *path, int64_t deadline)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	memset(l, 0, sizeof(*l));
	l->fd = -1;
	if (strlen(path) >= sizeof(sa.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(sa.sun_path, path, strlen(path) + 1);
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return -1;
	if (connect_by(l->fd, &sa, deadline) == 0)
		return 0;
	int saved = errno;
	line_close(l);
	errno = saved;
	return -1;
}

void
line_close(struct line *l)
{
	if (l->fd >= 0)
		(void)close(l->fd);
	l->fd = -1;
}

int
line_say(struct line *l, const char *data, size_t len, int64_t deadline)
{
	while (len > 0) {
		ssize_t n = send(l->fd, data, len, MSG_NOSIGNAL);
		if (n >= 0) {
			data += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			if (wait_for(l->fd, POLLOUT, deadline) != 0)
				return -1;
		} else if (errno != EINTR) {
			return -1;
		}
	}
	return 0;
}

int
line_await(const struct line *l, int64_t deadline)
{
	return wait_for(l->fd, POLLIN, deadline);
}

static int
fill(struct line *l, int64_t deadline)
{
	if (wait_for(l->fd, POLLIN, deadline) != 0)
		return -1;
	ssize_t n = io_read(l->fd, l->in, sizeof(l->in));
	if (n == 0)
		errno = ECONNRESET;
	if (n <= 0)
		return -1;
	l->at = 0;
	l->len = (size_t)n;
	return 0;
}

int
line_hear(struct line *l, int64_t deadline)
{
	int whole = 0;
	reply_reset(&l->reply);
	while (whole == 0) {
		size_t used = 0;
		if (l->len == 0 && fill(l, deadline) != 0)
			return -1;
		whole = reply_feed(&l->reply, l->in + l->at, l->len, &used);
		l->at += used;
		l->len -= used;
	}
	if (whole < 0)
		errno = EPROTO;
	return whole < 0 ? -1 : 0;
}

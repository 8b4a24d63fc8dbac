/* SPDX-License-Identifier: ISC */
/*
 * A connection to the listener's unix socket: octets out, replies in, and
 * never a wait without an end.  Deadlines are of clock_mono_ms().
 */
#ifndef SENDMAIL_LINE_H
#define SENDMAIL_LINE_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "deliver/reply.h"

struct line {
	int fd; /* non-blocking; -1 when not open */
	char in[2048];
	size_t at, len; /* octets of in that no reply has taken */
	struct reply reply;
};

/* Connect.  0; -1 with errno, ETIMEDOUT included. */
int line_open(struct line *l, const char *path, int64_t deadline) MUST_CHECK;
void line_close(struct line *l);

/* Send all of it.  0; -1 with errno. */
int line_say(
    struct line *l, const char *data, size_t len, int64_t deadline) MUST_CHECK;

/* The next whole reply, in l->reply.  0; -1 with errno: ECONNRESET when
 * the listener hung up, EPROTO when it does not speak SMTP. */
int line_hear(struct line *l, int64_t deadline) MUST_CHECK;

/* Is there something to read before the deadline?  0; -1 with errno. */
int line_await(const struct line *l, int64_t deadline) MUST_CHECK;

#endif

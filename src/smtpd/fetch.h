/* SPDX-License-Identifier: ISC */
/*
 * A worker asks its parent to open a file that its sandbox keeps from it: a
 * file like /etc/aliases that was replaced, of whose directory nothing else
 * may be read, or one in a place that a new configuration names.  The parent
 * opens what its own configuration names and nothing else, so that a worker
 * that was taken over learns no more than it could at its start.
 */
#ifndef SMTPD_FETCH_H
#define SMTPD_FETCH_H

#include "base/attr.h"
#include "conf/conf.h"

/*
 * In the worker: ask over this socket (SOCK_SEQPACKET, used for nothing
 * else) and wait for the answer; the parent waits for nobody.  A descriptor
 * of a regular file, to be read; -1 with errno: the parent's own, EPERM when
 * its configuration does not name path, EPIPE when it is gone.
 */
int fetch_ask(int socket, const char *path) MUST_CHECK;

/* In the parent: answer one question, if there is one.  0; -1 when the
 * worker is gone or cannot be answered: look at this socket no more. */
int fetch_answer(int socket, const struct conf *c) MUST_CHECK;

#endif

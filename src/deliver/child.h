/* SPDX-License-Identifier: ISC */
/*
 * A command of the administrator's that prints something, run beside the
 * event loop: /bin/sh -c, as this process's user, in a session of its own
 * and in "/", with an environment made anew (PATH, HOME, USER, LOGNAME,
 * LC_ALL), nothing on standard input and no other descriptor of ours.
 * Nothing of a message ever gets into its words.
 */
#ifndef DELIVER_CHILD_H
#define DELIVER_CHILD_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct child;
struct event_base;

struct child_result {
	/* NULL: it exited 0 in time and printed no more than allowed; else
	 * what happened, a part of a sentence.  Holds nothing it printed. */
	const char *why;
	const char *out; /* borrowed; wiped after the call */
	size_t len;
	const char *complaint; /* its first line on standard error, or "" */
};

typedef void (*child_fn)(void *arg, const struct child_result *r);

/* Run it for at most ms.  fn is called once from the event loop, never from
 * within this call, when the command has ended or was killed. */
struct child *child_run(struct event_base *base, const char *command,
    int64_t ms, child_fn fn, void *arg) MUST_CHECK;

/* Kill it; fn is not called any more.  For a process that ends: what is left
 * of the child is init's.  NULL is fine; not from within fn. */
void child_cancel(struct child *c);

#endif

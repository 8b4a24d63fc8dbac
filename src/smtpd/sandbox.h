/* SPDX-License-Identifier: ISC */
/*
 * What a worker can still do when its parser has been taken over: make and
 * commit queue files, read the configuration, answer on its sockets, ask
 * name servers.  No program is run, no file but these is opened, nothing is
 * connected to by TCP but name servers (N05, N17, N18).
 */
#ifndef SMTPD_SANDBOX_H
#define SMTPD_SANDBOX_H

#include <stdbool.h>

#include "base/attr.h"
#include "conf/conf.h"

/*
 * Enter it, for good: before the first thread is started (Landlock binds
 * one thread and those it starts) and behind the first look at all that is
 * opened only once.  0; -1 and a line in the log when it cannot be entered.
 * A kernel without Landlock or seccomp is told of in the log, and is no
 * error.
 */
int sandbox_enter(const struct conf *c) MUST_CHECK;

/* Does c name this file for a worker to read, or is it one of the system's
 * that libraries read? */
bool sandbox_names(const struct conf *c, const char *path) MUST_CHECK;

/*
 * Can the files that a (new) configuration names be opened from inside,
 * by reach_open()?  False: the sandbox was not made for them and the parent
 * did not help.  Then this worker can follow the configuration no further
 * and another has to take its place.
 */
bool sandbox_reaches(const struct conf *c) MUST_CHECK;

#endif

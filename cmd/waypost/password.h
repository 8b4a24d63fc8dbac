/* SPDX-License-Identifier: ISC */
/* A new password from the terminal, or from a pipe; never from argv. */
#ifndef WAYPOST_PASSWORD_H
#define WAYPOST_PASSWORD_H

#include "base/attr.h"
#include "base/limits.h"
#include "conf/users.h"

/*
 * The password of v->name: asked for twice, without echo, when standard
 * input is a terminal; else its first line.  It is turned into salt and keys
 * of *v and wiped.  0, or an exit code; the cause is told.
 */
int password_read(struct verifier *v) MUST_CHECK;

#endif

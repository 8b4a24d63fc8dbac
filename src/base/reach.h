/* SPDX-License-Identifier: ISC */
/*
 * Files that the administrator wrote, opened to be read.  A process in a
 * sandbox may be kept from one that was replaced; somebody outside then
 * opens it instead, if it is one of those that he knows of.
 */
#ifndef BASE_REACH_H
#define BASE_REACH_H

#include "base/attr.h"

/* A descriptor, close-on-exec and not blocked by a FIFO; -1 with errno. */
int reach_open(const char *path) MUST_CHECK;

/*
 * From now on ask fn for what open(2) denies with EACCES; it returns as
 * reach_open().  Once, where the process enters its sandbox, which is as
 * much a state of the whole process as this.  Not for several threads.
 */
void reach_by(int (*fn)(void *arg, const char *path), void *arg);

#endif

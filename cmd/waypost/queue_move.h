/* SPDX-License-Identifier: ISC */
/* waypost queue export and import: the queue of a dead host, on another. */
#ifndef WAYPOST_QUEUE_MOVE_H
#define WAYPOST_QUEUE_MOVE_H

#include <stdbool.h>

#include "base/attr.h"
#include "conf/conf.h"

/* Write all that is still owed to standard output as a parcel; held
 * recipients only if asked.  Changes nothing but what a start of waypostd
 * does (recovery).  0 or an exit code, told: 69 while waypostd runs, 65 when
 * a damaged file was left out. */
int queue_export(const struct conf *c, bool held) MUST_CHECK;

/* Take a parcel from standard input, each batch under its own id unless it
 * is here already.  0: all of it is durable; or an exit code, told: 65 when it
 * is no whole parcel, of which nothing was taken. */
int queue_import(const struct conf *c) MUST_CHECK;

#endif

/* SPDX-License-Identifier: ISC */
/* waypost queue requeue: badmail into the queue again. */
#ifndef WAYPOST_REQUEUE_H
#define WAYPOST_REQUEUE_H

#include "conf/conf.h"

/* The names as in SPOOL/badmail, with or without ".eml", or
 * "corrupt/NAME" (salvage.h).  Each is durable in
 * the queue before its files go; after a crash in between, the same again
 * only lets them go.  0 or the exit
 * code of the last that failed, told. */
int requeue(const struct conf *c, char **names, int n);

#endif

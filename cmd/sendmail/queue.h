/* SPDX-License-Identifier: ISC */
/* The queue's door: open, barred, or out of order; and the words for it. */
#ifndef SENDMAIL_QUEUE_H
#define SENDMAIL_QUEUE_H

#include <stdbool.h>

#include "base/attr.h"
#include "conf/conf.h"
#include "mail/verdict.h"
#include "options.h"
#include "queue/store.h"

/* Open it for writing.  0, or an errno. */
int queue_open(struct store *s, const struct conf *c) MUST_CHECK;

/* Is this errno one that says that the queue is not for this process, so
 * that the listener is to be asked? */
bool queue_barred(int error);

/* One line on standard error; the exit code. */
int queue_tell_fault(
    const struct options *o, const struct conf *c, int error) MUST_CHECK;

/* The same when the listener was not reached either, as st says. */
int queue_tell_unreached(const struct options *o, const struct conf *c,
    int error, const struct status *st) MUST_CHECK;

/* A queue that nobody serves is not to be forgotten. */
void queue_tell_accepted(
    const struct options *o, const struct store *store, const char *id);

#endif

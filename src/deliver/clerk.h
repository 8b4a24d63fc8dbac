/* SPDX-License-Identifier: ISC */
/*
 * The carrier's clerk: a thread that makes findings durable and removes
 * queue files that are finished, so that a slow disk does not stop
 * deliveries.  Records go first; files go when no records wait, for nobody
 * waits for them.  The event loop hears when something ended.
 */
#ifndef DELIVER_CLERK_H
#define DELIVER_CLERK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "deliver/schedule.h"
#include "queue/journal.h"
#include "queue/store.h"

struct clerk;
struct event_base;

/* news(arg) is called from the event loop when a commit or removals have
 * ended; then ask the two below. */
struct clerk *clerk_new(struct event_base *base, struct journal *j,
    struct store *s, void (*news)(void *arg), void *arg) MUST_CHECK;

/* Finishes the commit under way; leaves files that are still to go.  NULL is
 * fine. */
void clerk_free(struct clerk *k);

/* A commit is under way, or its result was not taken. */
bool clerk_committing(const struct clerk *k);

/* Start to write what is pending in the journal; not while committing. */
void clerk_commit(struct clerk *k);

/* true: the commit has ended and *error is 0 or its errno; told once.  With
 * wait, waits for it. */
bool clerk_committed(struct clerk *k, bool wait, int *error);

/* Remove the file of a finished bundle; its records are durable. */
void clerk_remove(struct clerk *k, struct bundle *b);

/* The next bundle whose file is gone, or NULL; *error is the errno when it
 * could not be removed. */
struct bundle *clerk_removed(struct clerk *k, int *error);

/* Nothing is under way or untold. */
bool clerk_idle(const struct clerk *k);

#endif

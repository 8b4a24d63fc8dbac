/* SPDX-License-Identifier: ISC */
/*
 * The pickup door: claims files of the pickup directory by rename, queues
 * them through submit, removes them; bad ones go to badmail with a reason.
 *
 * A claim is named for the batch id that it will have, so that a crash
 * between queueing and removing leaves no duplicate: a claim whose id is in
 * the queue is only removed (J08).
 */
#ifndef DELIVER_PICKUP_H
#define DELIVER_PICKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/conf.h"
#include "queue/store.h"
#include "submit/alias.h"

struct bulky;
struct pickup;

/* Open (and make, 1733) the directory that c names and its claim/ folder,
 * finish what an earlier run claimed, start to watch.  Large files are b's
 * business (bulky.h); NULL: settled with the others.  NULL with errno. */
struct pickup *pickup_open(
    const struct conf *c, struct store *s, struct bulky *b) MUST_CHECK;
void pickup_close(struct pickup *p);

/* For the event loop: inotify; -1: poll. */
int pickup_fd(const struct pickup *p);

/* Take what inotify says and queue at most max files; c and a may be newer
 * than at open.  true: there is more to do now. */
bool pickup_run(
    struct pickup *p, struct conf *c, const struct alias *a, unsigned max);

/* Look at the whole directory at the next run (timer, start, overflow). */
void pickup_rescan(struct pickup *p);

/* Milliseconds until files can be taken that stayed because their owner has
 * too many (pickup.rate-per-user): rescan then.  -1: there are none. */
int64_t pickup_wait(const struct pickup *p);

#endif

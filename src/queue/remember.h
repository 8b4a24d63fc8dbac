/* SPDX-License-Identifier: ISC */
/*
 * Batches that are not in the queue, or not yet, and whose outcomes the
 * journal must not forget: those in SPOOL/corrupt, and those that a list in
 * SPOOL/state/remember/ID names, because somebody may queue them once more
 * under the id that they have (waypost queue import, requeue).
 *
 *   "waypost-remember 1\n"
 *   "BATCH-ID\n"         per batch
 *   "END n cccccccc\n"   n: batches; c: CRC32C of all before this line
 *
 * A list is placed before the first of its batches is queued.  So what is
 * neither in new/ nor final in the journal was never queued (J28).
 */
#ifndef QUEUE_REMEMBER_H
#define QUEUE_REMEMBER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "queue/store.h"

/* --- doors: with the rights of the spool's owner --- */

/* Place a list as state/remember/NAME, durable; name is a batch id.  At most
 * REMEMBER_IDS_MAX.  0; -1 with errno. */
int remember_place(const char *spool, const char *name,
    const char (*ids)[BATCH_ID_LEN + 1], size_t n) MUST_CHECK;

/* Is there a list of this name? */
bool remember_known(const char *spool, const char *name);

/* Its batches will not come again. */
void remember_drop(const char *spool, const char *name);

/* --- waypostd --- */

struct remembered;

/* All lists and what lies in corrupt/; lists of more than REMEMBER_SECONDS
 * go.  Never NULL: what cannot be read is told and left out. */
struct remembered *remember_read(const char *spool) MUST_CHECK;
bool remember_any(const struct remembered *r);
bool remember_has(const struct remembered *r, const char *batch);
void remember_free(struct remembered *r);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Local delivery: one .eml file per message in the drop directory
 * ("x-sender:", "x-receiver:" lines, Received, the message), or one file
 * per recipient in a maildir.  Atomic: temporary name, fsync, rename, fsync
 * of the directory.  Delivering the same message id again replaces the
 * file: no duplicate after a crash.
 */
#ifndef DELIVER_DROP_H
#define DELIVER_DROP_H

#include "base/attr.h"
#include "conf/conf.h"
#include "mail/verdict.h"
#include "queue/batch.h"

/*
 * Deliver to the recipients of env with these indices, all covered by the
 * local entry d of c.  One status for each in st: DONE, LATER (disk, quota
 * 4.2.2, rights), NEVER (5.1.1: maildir does not exist).
 */
void drop_deliver(const struct conf *c, const struct domain *d, struct batch *b,
    const struct batch_entry *e, const struct envelope *env, const char *id,
    const uint32_t *rcpts, size_t n, struct status *st);

/* Is the drop directory SPOOL/drop, which is made when it is missing (0750)?
 * Another one that is missing makes mail wait. */
bool drop_is_own(const struct conf *c);

/* What a fault of the system means for a local delivery: LATER, told as
 * "what: reason"; EDQUOT is 4.2.2, a full disk 4.3.1. */
void drop_fault(struct status *st, const char *what, int error);

#endif

/* SPDX-License-Identifier: ISC */
/* A file that becomes mail once more, exactly once however often it is
 * asked for. */
#ifndef WAYPOST_AGAIN_H
#define WAYPOST_AGAIN_H

#include "base/attr.h"
#include "queue/store.h"

/*
 * The id under which an open file of this name is queued: always the same
 * for the same file.  1: it was queued under it before, by somebody who did
 * not come to remove the file.  0: queue it; waypostd will not forget its
 * outcome before again_end().  -1 with errno.
 */
int again_begin(const char *spool, struct store *s, int fd, const char *name,
    char id[BATCH_ID_LEN + 1]) MUST_CHECK;

/* The file is gone, durably. */
void again_end(const char *spool, const char *id);

#endif

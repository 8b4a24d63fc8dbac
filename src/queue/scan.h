/* SPDX-License-Identifier: ISC */
/*
 * The bell: which batches are in new/, and which arrive.  inotify with a
 * full listing as the fall-back for overflow or a missing watch (H17).
 */
#ifndef QUEUE_SCAN_H
#define QUEUE_SCAN_H

#include <stdint.h>

#include "base/attr.h"
#include "queue/store.h"

struct scan {
	struct store *store;
	int fd; /* inotify, non-blocking; -1 when there is none: poll */
	uint32_t foreign; /* digest of the foreign names last logged */
};

/* Called for each batch id seen; may be called twice for the same. */
typedef void (*scan_fn)(void *arg, const char *batch);

/* Watch first, so that a listing made afterwards misses nothing. */
void scan_open(struct scan *sc, struct store *s);
void scan_close(struct scan *sc);

/* List new/ in order of arrival.  Foreign names are skipped and logged
 * once (I17).  The number of batches, or -1 with errno. */
int scan_list(struct scan *sc, scan_fn fn, void *arg) MUST_CHECK;

/* Take what inotify has to say.  1: overflow, list again.  0; -1 errno. */
int scan_read(struct scan *sc, scan_fn fn, void *arg) MUST_CHECK;

#endif

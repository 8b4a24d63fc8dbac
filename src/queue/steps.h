/* SPDX-License-Identifier: ISC */
/*
 * The single steps on disk that the moves of a batch are made of.  Private
 * to the room.  Each: 0, or -1 with errno.
 */
#ifndef QUEUE_STEPS_H
#define QUEUE_STEPS_H

#include <stdbool.h>

#include "base/attr.h"
#include "queue/store.h"

/* A new file, 0640 whatever the umask (B14), with an OFD write lock that
 * says "somebody writes here" until it is closed.  The descriptor. */
int step_create(int dirfd, const char *name) MUST_CHECK;

/* Contents durable, descriptor closed (in any case), both believed only
 * when the kernel says so (I06, I07). */
int step_seal(int *fd) MUST_CHECK;

/* Rename, never over another file: EEXIST. */
int step_move(
    int from, const char *name, int to, const char *target) MUST_CHECK;

bool step_exists(int dirfd, const char *name);

/* Put a small file in place, by way of ".NAME.tmp": data, then name, then
 * directory, each durable; 0600. */
int step_place(
    int dirfd, const char *name, const char *data, size_t len) MUST_CHECK;

/* Does another descriptor hold the lock of step_create()?  An error counts
 * as yes. */
bool step_locked(int fd);

/* What became of the file of a writer that is gone. */
enum recovered {
	RECOVERED_PROMOTED, /* whole: it is in new/, durable after a sync */
	RECOVERED_TORN,     /* no whole batch; still there */
	RECOVERED_OLD,      /* the same, and nobody will finish it */
	RECOVERED_NEWER,    /* of a version unknown here; still there */
	RECOVERED_HELD,     /* a living writer has it */
	RECOVERED_GONE,     /* not there any more */
	RECOVERED_ERROR,    /* errno; still there */
};

/* Settle one file of tmp/, wanted as new/ID. */
enum recovered recover_file(struct store *s, const char *name, const char *id);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * The queue directory: SPOOL/queue/{tmp,new}, lock, SPOOL/state,
 * SPOOL/corrupt.  States S0..S4 are those of INTERNALS.md; only the
 * functions here move a batch from one to the next.
 */
#ifndef QUEUE_STORE_H
#define QUEUE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/limits.h"
#include "queue/batch.h"

#define BATCH_ID_LEN 19 /* 9 of time, 10 random; base 32, sorts by time */

struct store {
	int queue_fd, tmp_fd, new_fd; /* O_DIRECTORY | O_CLOEXEC, or -1 */
	int corrupt_fd;               /* waypostd only, else -1 */
	int lock_fd;
};

/* Open SPOOL/queue and its tmp and new for a door.  0; -1 with errno. */
int store_open(struct store *s, const char *spool) MUST_CHECK;

/* May a batch be made here and moved into new?  Asks, changes nothing.  0;
 * -1 with errno: EACCES, EROFS... */
int store_writable(const struct store *s) MUST_CHECK;

/* Open everything for the carrier, too: makes missing directories of its
 * own (state, corrupt), takes the lock.  0; -1 with errno: EWOULDBLOCK
 * when another waypostd holds the lock. */
int store_open_carrier(struct store *s, const char *spool) MUST_CHECK;
void store_close(struct store *s);

/* A file without a name on the file system of tmp/ (or in memory, where that
 * cannot be): the descriptor, for reading and writing; -1 with errno. */
int store_scratch(int tmp_fd) MUST_CHECK;

/* Does a running waypostd hold the lock?  Asks without taking it (B22). */
bool store_served(const struct store *s);

/* A fresh batch id, NUL behind. */
void store_make_id(char id[BATCH_ID_LEN + 1]);
bool batch_id_valid(const char *s, size_t len);

/* The id of a moment (wall clock) and 50 bits that nobody can choose. */
void store_derive_id(char id[BATCH_ID_LEN + 1], int64_t at_ms, uint64_t noise);

/* "BATCH" for the first message, "BATCH.2" and so on for the others. */
void message_id_make(
    char out[QUEUE_ID_MAX + 1], const char *batch, uint32_t seq);
int message_id_parse(const char *s, size_t len, char batch[BATCH_ID_LEN + 1],
    uint32_t *seq) MUST_CHECK;

/* --- S0 -> S1 -> S2 --- */

/* A batch being written. */
struct draft {
	struct store *store;
	char id[BATCH_ID_LEN + 1];
	int fd;
	bool guarded; /* the one that draft_emergency_unlink() knows */
	struct batch_writer writer;
};

/*
 * S0 -> S1: create tmp/ID (0640, locked while it is written, so that
 * recovery knows a live writer).  id NULL takes a fresh one.  For a given
 * one (pickup) what a dead writer left in tmp is settled first: EEXIST says
 * that new holds it durably, so that its source may go; EBUSY that a living
 * writer is at it.  0; -1 with errno.
 */
int draft_create(struct store *s, struct draft *d, const char *id) MUST_CHECK;

/*
 * S1 -> S2: finish, fsync, rename into new without replacing, fsync the
 * directory.  0: accepted, we owe an answer.  -1 with errno: not accepted,
 * and the draft is discarded.  Either way d is closed.
 */
int draft_commit(struct draft *d) MUST_CHECK;

/* S1 -> S0: close and unlink. */
void draft_discard(struct draft *d);

/* The name of the live draft for a signal handler: async-signal-safe
 * unlink of tmp/ID, or of new/ID before draft_commit() has returned, if one is
 * open (B17): what was not accepted is not sent, unless the carrier was
 * faster.  Of several drafts at a time it knows one; recovery takes care of
 * the others. */
void draft_emergency_unlink(void);

/* --- the carrier's moves --- */

/* S3 -> S4; done already is fine.  0; -1 with errno. */
int store_remove(struct store *s, const char *batch) MUST_CHECK;

/* Move new/BATCH to corrupt/ and log why; never deletes. */
int store_quarantine(
    struct store *s, const char *batch, const char *why) MUST_CHECK;

/*
 * Rewrite a batch to hold only the recipients that keep() says are still
 * open (messages without any are left out).  Atomic and durable: tmp,
 * fsync, rename over new, fsync directory.  Numbers stay.  0; -1 with errno:
 * the old or the new file stands, so forget no outcome; ENODATA when no
 * recipient would be left (store_remove is what you want).
 */
int store_rewrite(struct store *s, const char *batch, batch_keep_fn keep,
    void *arg) MUST_CHECK;

/*
 * At start, or at any time: promote complete temporary files of dead writers
 * (J05), remove torn ones past TORN_AGE_SECONDS, leave the others.
 * Idempotent (J23).  The number promoted, or -1 with errno.
 */
int store_recover(struct store *s) MUST_CHECK;

/* The same for files past TORN_AGE_SECONDS only: now and then, while the
 * doors are open (B12). */
int store_recover_old(struct store *s) MUST_CHECK;

/* fsync of new/: unlinks become durable; before a journal forgets them. */
int store_sync(struct store *s) MUST_CHECK;

#endif

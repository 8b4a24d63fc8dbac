/* SPDX-License-Identifier: ISC */
/*
 * The outcome journal, SPOOL/state/journal: append-only, one line a
 * finding, committed in groups.  Only waypostd writes; mailq reads.
 *
 *   "cccccccc R time id rcpt verdict code enhanced attempts next host text\n"
 *
 * c: CRC32C of what follows it; times in ms since 1970; host is who said it,
 * or "-"; text is the rest of the line.  "H" in place of "R": held, not to be
 * tried until released; else the finding before it, or with 0 attempts none.  First line "waypost-journal 1\n".  A torn tail is cut off at
 * replay; a broken line inside is skipped and logged; another version is
 * refused with EPROTONOSUPPORT (J27).
 */
#ifndef QUEUE_JOURNAL_H
#define QUEUE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "mail/verdict.h"
#include "queue/store.h"

struct record {
	char batch[BATCH_ID_LEN + 1];
	uint32_t seq;
	uint32_t rcpt;
	int64_t at_ms;        /* wall clock of the finding */
	int64_t next_ms;      /* wall clock of the next try; 0 when final */
	uint32_t attempts;    /* so far */
	bool held;            /* by the operator; verdict LATER */
	struct status status; /* verdict LATER is not final */
	char remote[REMOTE_TEXT_MAX + 1]; /* "host[ip]:port", or "" */
};

struct journal {
	int dir_fd, fd;     /* fd -1: not writable now */
	struct buf pending; /* appended, not yet committed */
	unsigned pending_records;
	uint64_t size;    /* octets on disk */
	uint64_t records; /* lines on disk */
};

typedef void (*journal_fn)(void *arg, const struct record *r);

/* Replay SPOOL/state/journal in order.  Missing: nothing.  For any reader.
 * 0; -1 with errno. */
int journal_replay(const char *spool, journal_fn fn, void *arg) MUST_CHECK;

/* Open for appending (after a replay); makes it if missing; cuts a torn
 * tail.  0; -1 with errno. */
int journal_open(struct journal *j, const char *spool) MUST_CHECK;
void journal_close(struct journal *j);

/* Add to the pending group; touches no disk. */
void journal_append(struct journal *j, const struct record *r);

/*
 * Make the pending group durable: one write, one fdatasync.  0; -1 with
 * errno: this file is never trusted again (R2), fd is closed, the pending
 * records stay; journal_compact() from memory is the way back (I12).
 */
int journal_commit(struct journal *j) MUST_CHECK;

/*
 * The same in three steps, so that a thread can do the slow one: take the
 * pending group; write it (touches the file and nothing else; 0 or an
 * errno); tell how that went, on the owner's thread again.
 */
struct journal_group {
	struct buf lines;
	unsigned records;
};
void journal_take(struct journal *j, struct journal_group *g);
int journal_write(
    const struct journal *j, const struct journal_group *g) MUST_CHECK;
void journal_wrote(struct journal *j, struct journal_group *g, int error);

/*
 * Write a new journal and put it in place atomically: begin, put each
 * record worth keeping, end.  Pending records are dropped by a successful
 * end: the caller puts what it knows, which includes them.  The caller has
 * made unlinks durable before (store_sync), else a removed batch could
 * come back without its outcomes.  0; -1 with errno: the old one stands, or,
 * when only the last step failed, fd is -1 and another compaction is due.
 */
struct journal_rewrite;
struct journal_rewrite *journal_compact_begin(struct journal *j) MUST_CHECK;
void journal_compact_put(struct journal_rewrite *w, const struct record *r);
int journal_compact_end(struct journal_rewrite *w) MUST_CHECK;

/* One line to a record and back; also fuzzed.  Line without its LF. */
void journal_format(struct buf *out, const struct record *r);
int journal_parse(const char *line, size_t len, struct record *r) MUST_CHECK;

#endif

/* SPDX-License-Identifier: ISC */
/*
 * The carrier's index of the queue: which message has which recipients
 * open, and when each is due.  In memory only; made from the queue files
 * and the journal, and small: about 200 octets for a message (H07).
 *
 * Due times and ages are monotonic and survive jumps of the wall clock; the
 * journal keeps wall-clock ones, which are clamped when they are read: time
 * in which no carrier looked counts for a day at most (R7, H11).
 */
#ifndef DELIVER_SCHEDULE_H
#define DELIVER_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "deliver/intern.h"
#include "queue/envelope.h"
#include "queue/journal.h"
#include "queue/store.h"

enum slot_state {
	SLOT_WAITING, /* due at next */
	SLOT_ACTIVE,  /* part of a job */
	SLOT_FINAL,   /* answered; nothing is owed */
	SLOT_HELD,    /* by the operator, until released; never due */
};

/* One recipient. */
struct slot {
	struct name *domain;   /* lower case; "" for a bare address */
	struct reason *reason; /* the last finding, or NULL */
	int64_t next;          /* monotonic ms, while WAITING */
	uint32_t number;       /* as in the envelope */
	uint32_t tried;        /* seconds from arrival to the last try */
	uint16_t attempts;
	uint8_t state;
	uint8_t unsent; /* times in a row that a job had no effect */
	bool expanded;  /* an alias to report on (NOTIFY_EXPANDED) */
};

/* One batch file. */
struct bundle {
	struct hash_link link;
	struct letter *letters; /* list by sibling */
	struct bundle *next;    /* in a list of finished ones */
	int error;              /* errno of removing the file */
	uint32_t nletters;
	uint32_t open; /* letters with open recipients */
	bool lost;     /* its file is gone or broken: only forget it */
	bool ending;   /* finished: on its way out */
	char id[BATCH_ID_LEN + 1];
};

/* One message. */
struct letter {
	struct bundle *bundle;
	struct letter *sibling;
	struct name *sender;
	uint64_t offset;    /* of its entry in the file */
	int64_t arrived_ms; /* wall clock, by the envelope */
	int64_t born;       /* monotonic ms: what its age counts from */
	int64_t due; /* monotonic ms, the earliest of its WAITING slots */
	uint32_t seq;
	uint32_t heap; /* place in the heap + 1; 0: not in it */
	uint32_t open; /* slots not FINAL */
	uint32_t nslots;
	uint32_t lag; /* seconds since arrival that are not in its age */
	bool watched; /* somebody waits for the outcome */
	uint8_t wish; /* enum tls_wish, as it decides the way */
	struct slot slots[];
};

struct schedule {
	struct interns interns;
	struct hash bundles;
	struct letter **heap; /* by due time, earliest first */
	size_t nheap, cap;
	size_t letters; /* with open recipients */
};

void schedule_init(struct schedule *s);
void schedule_free(struct schedule *s);

struct bundle *schedule_find(const struct schedule *s, const char *batch);

/* A new bundle (not known before), then each of its messages. */
struct bundle *schedule_bundle(
    struct schedule *s, const char *batch) MUST_CHECK;
struct letter *schedule_letter(struct schedule *s, struct bundle *b,
    const struct envelope *env, uint64_t offset);

/* Apply one journal record; unknown batches are nobody's. */
void schedule_replay(struct schedule *s, const struct record *r);

/* (Re)enter a letter by its earliest waiting slot; none: stays out. */
void schedule_enter(struct schedule *s, struct letter *l);

/* Take it out of the order of due times, if it is in it. */
void schedule_leave(struct schedule *s, struct letter *l);

/* Take out the next letter that is due, or NULL. */
struct letter *schedule_due(struct schedule *s, int64_t now);

/* When the next one is due: monotonic ms, or -1. */
int64_t schedule_next(const struct schedule *s);

/* All waiting recipients are due now (waypostd --flush). */
void schedule_flush(struct schedule *s, int64_t now);

/*
 * A finding for one slot: counts the attempt, keeps the reason and who said
 * it ("": nobody), makes it WAITING until next (monotonic) or FINAL, and
 * fills in the record for the journal.
 */
void schedule_settle(struct schedule *s, struct letter *l, struct slot *sl,
    const struct status *st, const char *remote, int64_t next,
    struct record *out);

/* Hold a slot that is WAITING, or make it or a HELD one due at next, and fill
 * in the record.  The caller enters the letter again. */
void slot_hold(const struct letter *l, struct slot *sl, struct record *out);
void slot_release(
    const struct letter *l, struct slot *sl, int64_t next, struct record *out);

/* The message with this number, or NULL. */
struct letter *bundle_letter(const struct bundle *b, uint32_t seq);

/* Milliseconds, for expiry and notices; never negative. */
int64_t letter_age(const struct letter *l, int64_t now);

/* The slot with this recipient number, or NULL. */
struct slot *letter_slot(struct letter *l, uint32_t number);

/* The record of a slot as it stands; false if there is nothing to say. */
bool slot_record(
    const struct letter *l, const struct slot *sl, struct record *out);

/* The batch was rewritten to its open recipients: forget the others, and
 * take the new places of what is left (seq, offset) one by one. */
void schedule_moved(struct bundle *b, uint32_t seq, uint64_t offset);

/* Its file is gone or broken: nothing of it that waits is tried again. */
void schedule_lose(struct schedule *s, struct bundle *b);

/* Forget a batch. */
void schedule_forget(struct schedule *s, struct bundle *b);

/* Milliseconds to wait after the n-th failed attempt (n >= 1), with +-10 %
 * of jitter, by the table of queue.retry. */
int64_t retry_delay(const int64_t *table, size_t n_table, unsigned n);

#endif

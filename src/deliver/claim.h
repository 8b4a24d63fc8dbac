/* SPDX-License-Identifier: ISC */
/*
 * One file of the pickup directory: taken by a rename into claim/, queued,
 * removed.  The door (pickup.h) finds the names and decides when.
 */
#ifndef DELIVER_CLAIM_H
#define DELIVER_CLAIM_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/attr.h"
#include "conf/conf.h"
#include "mail/verdict.h"
#include "queue/store.h"
#include "submit/alias.h"

#define CLAIM_DIRECTORY "claim"

struct door {
	int dir_fd, claim_fd;
	struct store *store;
	const atomic_bool *stop; /* or NULL: read no further while it is true */
};

struct claim {
	char id[BATCH_ID_LEN + 1]; /* its name in claim/, its batch id to be */
	char name[NAME_MAX + 1];   /* where it came from; "" after a crash */
	bool fresh; /* nothing of an earlier run is in the way of its id */
};

enum claim_result {
	CLAIM_GONE,  /* settled: queued, in badmail, or not there any more */
	CLAIM_BUSY,  /* somebody is writing it: soon again */
	CLAIM_ODD,   /* cannot be served: told, and left alone for longer */
	CLAIM_LATER, /* the queue takes nothing now */
	CLAIM_WAITS, /* not tried, because of another's LATER */
};

/* Why a file of this kind is never taken; NULL if it may be. */
const char *claim_refusal(const struct stat *sb);

/*
 * Open a file and say whether it may be taken.  GONE: yes, *fd is open and
 * *sb describes it.  Else st says why not, and *fd is -1.  Never blocks.
 */
enum claim_result claim_look(
    int dir_fd, const char *name, int *fd, struct stat *sb, struct status *st);

/* Put text into st; returns result. */
enum claim_result claim_say(
    struct status *st, enum claim_result result, const char *text);

/* Rename NAME into claim/.  0; -1 with errno. */
int claim_take(
    const struct door *d, const char *name, struct claim *cl) MUST_CHECK;

/*
 * What an earlier run may have done with a claim, unless it is fresh.  GONE:
 * it is still to be queued, unless its id is empty then; the id may be
 * another.  LATER and st: not now.
 */
enum claim_result claim_freshen(
    const struct door *d, struct claim *cl, struct status *st);

/*
 * Queue and remove a claim, or move it to badmail.  Durable before GONE but
 * for the removal from claim/, whose fsync is left to the caller.  For any
 * other result it is still in claim/, and *why says why.
 */
enum claim_result claim_settle(const struct door *d, const struct conf *c,
    const struct alias *a, struct claim *cl, struct status *st);

/* Give it its name back, if that is free.  0; -1 and it stays. */
int claim_back(const struct door *d, const struct claim *cl) MUST_CHECK;

/* At start, before any delivery: remove the claims whose batch is queued. */
void claim_sweep(const struct door *d);

#endif

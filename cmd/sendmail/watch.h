/* SPDX-License-Identifier: ISC */
/* Waiting for what becomes of a message, by its transcript
 * (queue/transcript.h). */
#ifndef SENDMAIL_WATCH_H
#define SENDMAIL_WATCH_H

#include "base/attr.h"
#include "conf/conf.h"
#include "options.h"
#include "queue/store.h"

struct watch {
	int fd; /* of the transcript; -1: nothing is watched */
	char id[BATCH_ID_LEN + 1];
};

/* Make the transcript, before the message is committed.  If it cannot be
 * made, or nobody serves the queue, nothing is watched. */
void watch_begin(struct watch *w, struct store *s);

/*
 * The message is queued: show the dialogue (-v) until each recipient was
 * tried once.  The exit code: 0 unless -odi asks for the outcome; then that
 * of the first failure for good, else EX_TEMPFAIL if anybody is still to be
 * reached.
 */
int watch_wait(struct watch *w, const struct options *o, const struct conf *c,
    const struct store *s) MUST_CHECK;

void watch_end(struct watch *w, struct store *s);

#endif

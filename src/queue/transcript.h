/* SPDX-License-Identifier: ISC */
/*
 * The transcript of a delivery, for one who waits for its outcome
 * (sendmail -v, -odi): a file in tmp/ that the door makes before it commits
 * the message, that the envelope names ("watch"), and that waypostd appends
 * lines to.  No promise hangs on it: it is never synced, and recovery takes
 * it for a torn batch and removes it when it is old.
 *
 * Lines: "* where to", "> what we said", "< what was answered",
 * "= VERDICT CODE ENHANCED ADDRESS TEXT" for a recipient, and "." when each
 * recipient was tried once.
 */
#ifndef QUEUE_TRANSCRIPT_H
#define QUEUE_TRANSCRIPT_H

#include "base/attr.h"
#include "queue/store.h"

/* A fresh one, readable and writable by its owner (the caller alone) and
 * the group of the queue; its name in id.  The descriptor; -1 with errno. */
int transcript_create(struct store *s, char id[BATCH_ID_LEN + 1]) MUST_CHECK;

/* For waypostd: to append to.  -1: there is none, or it is not to be trusted
 * (no plain file, another name, not writable for the group). */
int transcript_open(struct store *s, const char *id) MUST_CHECK;

void transcript_remove(struct store *s, const char *id);

/*
 * Append one line; control octets become '?'.  A transcript that has grown
 * to TRANSCRIPT_MAX takes '=' and '.' only.  What cannot be written is lost.
 */
void transcript_add(int fd, char kind, const char *text, size_t len);

#endif

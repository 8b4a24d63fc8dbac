/* SPDX-License-Identifier: ISC */
/*
 * Group commit: a thread makes all messages that ended in the same window
 * durable in one batch with one pair of syncs, and then their 250s go out.
 * A message that streamed into a draft of its own is committed by the same
 * thread.
 */
#ifndef SMTPD_COMMIT_H
#define SMTPD_COMMIT_H

#include "base/attr.h"
#include "base/limits.h"
#include "mail/verdict.h"
#include "queue/store.h"
#include "submit/submit.h"

struct event_base;
struct commit;

struct commit *commit_new(struct event_base *base, struct store *s) MUST_CHECK;
void commit_free(struct commit *c); /* waits for what was given */

/* id is "" unless st is DONE.  From the event loop, once. */
typedef void (*commit_fn)(void *arg, const char *id, const struct status *st);

/*
 * Take over a submission that was sealed (submit_seal); what its options
 * borrow must live until fn is called.
 */
void commit_give(struct commit *c, struct submit *s, commit_fn fn, void *arg);

/*
 * The same at once, in the caller's thread, for a letter that nothing else
 * waits beside: it is spared two changes of thread.  false, and s is still
 * the caller's: give it, for others are being committed, it is large, or the
 * disk was slow the last time.
 */
bool commit_now(struct commit *c, struct submit *s, char id[QUEUE_ID_MAX + 1],
    struct status *st) MUST_CHECK;

#endif

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

#endif

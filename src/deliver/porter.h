/* SPDX-License-Identifier: ISC */
/*
 * The carrier's porter: a thread that does what takes long with a large
 * message, one errand after another, so that the event loop goes on with the
 * others.  What is small is done in the loop, by the same functions: two
 * changes of thread cost more than it does.
 *
 * An errand owns, or holds a reference to, all that its work() touches; of
 * the rest of the carrier a thread may see nothing.  To log, to open, read
 * and write files, and to submit is fine.
 */
#ifndef DELIVER_PORTER_H
#define DELIVER_PORTER_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/attr.h"
#include "deliver/keyring.h"

struct event_base;
struct porter;

/* The first member of what it is about. */
struct errand {
	struct errand *next;
	void (*work)(struct errand *e); /* in the thread */
	void (*done)(
	    struct errand *e); /* in the loop; e is the owner's again */
	atomic_bool cancelled; /* work() should end, the sooner the better */
};

struct porter *porter_new(struct event_base *base) MUST_CHECK;

/* Nothing is under way any more: see porter_idle().  NULL is fine. */
void porter_free(struct porter *p);

/* With work and done set, and all else zero. */
void porter_send(struct porter *p, struct errand *e);

/* Its work is not wanted any more: done() comes soon, perhaps without
 * work(). */
void porter_cancel(struct porter *p, struct errand *e);
void porter_cancel_all(struct porter *p);

/* Every done() was called. */
bool porter_idle(const struct porter *p);

/* Keys that are the thread's own, for work(). */
struct keyring *porter_keys(struct porter *p);

#endif

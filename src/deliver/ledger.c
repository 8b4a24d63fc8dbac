/* SPDX-License-Identifier: ISC */
/*
 * Findings become durable: commits by the clerk, removal of what they
 * finish, a new journal now and then, and the halt when the journal cannot
 * be written.  Invariant: a batch is removed only when the records of all
 * its recipients are durable (J16).
 */
#include <errno.h>
#include <event2/event.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "deliver/carrier.h"
#include "queue/remember.h"

/* The journal is rewritten when it has grown to twice what a new one had,
 * and by this many lines. */
#define JOURNAL_SLACK 20000
/* Finished files that may wait for their removal. */
#define REMOVALS_HELD_MAX 10000
/* The loop slept that long: the network is waited for, not the disk. */
#define REMOVALS_LULL_MS 3
#define REMOVALS_PER_LULL 8

struct history {
	struct carrier *carrier;
	struct journal_rewrite *rewrite;
	struct remembered *remembered;
};

/* An attempt before the last one, of a recipient that is still open; or the
 * end of one whose batch may be queued once more (queue/remember.h). */
static void
keep_record(void *arg, const struct record *r)
{
	const struct history *h = arg;
	const struct bundle *b = schedule_find(&h->carrier->schedule, r->batch);
	if (b == NULL && r->status.verdict != LATER &&
	    remember_has(h->remembered, r->batch))
		journal_compact_put(h->rewrite, r);
	struct letter *l = b != NULL ? bundle_letter(b, r->seq) : NULL;
	const struct slot *sl = l != NULL ? letter_slot(l, r->rcpt) : NULL;
	if (sl != NULL && sl->state != SLOT_FINAL && !r->held &&
	    r->attempts > 0 && r->attempts < sl->attempts &&
	    r->attempts + ATTEMPTS_KEPT > sl->attempts)
		journal_compact_put(h->rewrite, r);
}

static bool
was_tried_again(const struct carrier *c)
{
	for (size_t i = 0; i < c->schedule.bundles.cap; i++) {
		const struct hash_link *link = c->schedule.bundles.slots[i];
		for (; link != NULL; link = link->next) {
			const struct letter *l =
			    ((const struct bundle *)link)->letters;
			for (; l != NULL; l = l->sibling)
				for (uint32_t k = 0; k < l->nslots; k++)
					if (l->slots[k].attempts > 1 &&
					    l->slots[k].state != SLOT_FINAL)
						return true;
		}
	}
	return false;
}

/* What was tried before is only in the old journal: memory has the last
 * attempt of each recipient that is in the queue.  A journal that cannot be
 * read any more must not be in the way of a new one. */
static void
keep_history(struct carrier *c, struct journal_rewrite *w)
{
	struct history h = {c, w, remember_read(c->spool)};
	if ((was_tried_again(c) || remember_any(h.remembered)) &&
	    journal_replay(c->spool, keep_record, &h) != 0)
		log_text(LOG_WARNING, "earlier attempts are forgotten: %s",
		    strerror(errno));
	remember_free(h.remembered);
}

bool
ledger_compact(struct carrier *c)
{
	if (store_sync(&c->store) != 0)
		return false;
	struct journal_rewrite *w = journal_compact_begin(&c->journal);
	if (w == NULL)
		return false;
	keep_history(c, w);
	for (size_t i = 0; i < c->schedule.bundles.cap; i++) {
		struct hash_link *link = c->schedule.bundles.slots[i];
		for (; link != NULL; link = link->next) {
			struct letter *l = ((struct bundle *)link)->letters;
			for (; l != NULL; l = l->sibling)
				for (uint32_t k = 0; k < l->nslots; k++) {
					struct record r;
					if (slot_record(l, &l->slots[k], &r))
						journal_compact_put(w, &r);
				}
		}
	}
	if (journal_compact_end(w) != 0)
		return false;
	c->journal_new = c->journal.records;
	return true;
}

static void
halt(struct carrier *c, int error)
{
	if (!c->halted)
		log_text(LOG_CRIT,
		    "cannot write the journal (%s): no delivery until it "
		    "can be written again",
		    strerror(error));
	c->halted = true;
	c->retry_journal = clock_mono_ms() + JOURNAL_RETRY_MS;
}

static void
remove_some(struct carrier *c, size_t most)
{
	for (; c->leaving != NULL && most > 0; most--) {
		struct bundle *b = c->leaving;
		c->leaving = b->next;
		c->nleaving--;
		clerk_remove(c->clerk, b);
	}
}

/* The clerk removes files when there is nothing else to do: on some disks
 * that takes a millisecond each and stands in the way of opening others. */
void
ledger_tidy(struct carrier *c)
{
	static const struct timeval lull = {.tv_usec = REMOVALS_LULL_MS * 1000};
	bool quiet = c->pool.waiting == 0 && c->pool.active == 0;
	if (quiet || c->nleaving >= REMOVALS_HELD_MAX)
		remove_some(c, SIZE_MAX);
	else if (c->leaving != NULL)
		(void)evtimer_add(c->lull, &lull); /* anew with each turn */
}

void
ledger_lull(struct carrier *c)
{
	remove_some(c, REMOVALS_PER_LULL);
	ledger_tidy(c);
}

bool
ledger_due(const struct carrier *c)
{
	return c->journal.pending_records > 0 || c->finished != NULL ||
	       orders_uncommitted(c->orders);
}

/* The records of what is in c->committed are durable, so its files may go. */
static void
let_go(struct carrier *c)
{
	struct bundle *b, *next;
	for (b = c->committed; b != NULL; b = next) {
		next = b->next;
		b->next = c->leaving;
		c->leaving = b;
		c->nleaving++;
	}
	c->committed = NULL;
	orders_committed(c->orders);
	ledger_tidy(c);
}

static void
try_again(struct carrier *c)
{
	if (clock_mono_ms() < c->retry_journal)
		return;
	if (!ledger_compact(c)) {
		halt(c, errno);
		return;
	}
	log_text(LOG_NOTICE, "the journal can be written again");
	c->halted = false;
	let_go(c);
	pool_resume(c);
}

/* Files that are gone: S4.  One that could not be removed is known as
 * finished, so it is never sent again while we run, nor after, for the
 * journal says so (I11). */
static void
forget_removed(struct carrier *c)
{
	struct bundle *b;
	int error;
	while ((b = clerk_removed(c->clerk, &error)) != NULL) {
		if (error == 0)
			schedule_forget(&c->schedule, b);
		else
			log_text(LOG_ERR, "cannot remove %s: %s", b->id,
			    strerror(error));
	}
}

/* Take the end of a commit, if there is one. */
static void
end_commit(struct carrier *c, bool wait)
{
	int error;
	if (!clerk_committed(c->clerk, wait, &error))
		return;
	if (error != 0) {
		halt(c, error); /* c->committed waits for a new journal */
		return;
	}
	let_go(c);
	if (c->journal.records > JOURNAL_SLACK + 2 * c->journal_new &&
	    !ledger_compact(c))
		halt(c, errno);
}

void
ledger_news(void *arg)
{
	struct carrier *c = arg;
	end_commit(c, false);
	forget_removed(c);
	if (c->held_back && !c->halted) {
		c->held_back = false;
		pool_resume(c);
	}
	carrier_wake(c);
}

void
ledger_commit(struct carrier *c)
{
	if (clerk_committing(c->clerk))
		return;
	if (c->halted) {
		try_again(c);
		return;
	}
	/* What is finished now is finished by the records of this group. */
	struct bundle **at = &c->committed;
	while (*at != NULL)
		at = &(*at)->next;
	*at = c->finished;
	c->finished = NULL;
	orders_commit(c->orders);
	if (c->journal.pending_records > 0)
		clerk_commit(c->clerk);
	else
		let_go(c);
}

void
ledger_commit_now(struct carrier *c)
{
	for (int i = 0; i < 2; i++) {
		end_commit(c, true);
		ledger_commit(c);
	}
	end_commit(c, true);
	/* Files that the clerk leaves are removed by the next start: the
	 * journal says that they are finished. */
	forget_removed(c);
}

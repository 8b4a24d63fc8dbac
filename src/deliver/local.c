/* SPDX-License-Identifier: ISC */
/*
 * Jobs for this host: recipients of local domains, grouped by the entry of
 * the domain table that covers them (one drop file, or a maildir each).  The
 * files are written in the loop, those of a large message by the porter.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "conf/mailbox.h"
#include "deliver/carrier.h"
#include "deliver/conn.h"
#include "deliver/drop.h"

/* One delivery: statuses by result of the job. */
struct delivery {
	struct errand errand;
	struct carrier *carrier;
	struct job *job;
	struct conf *conf; /* reference */
	char id[QUEUE_ID_MAX + 1];
	const struct domain **entries; /* not local: not delivered */
	struct status *sts;
	bool tried;
	int unreadable; /* errno, or 0 */
	const char *why;
};

/* Deliver to those recipients that this entry covers. */
static void
deliver_entry(struct delivery *l, const struct domain *entry)
{
	struct job *j = l->job;
	struct cargo *g = j->cargo;
	uint32_t *rcpts = alloc_zero(j->n, sizeof(*rcpts));
	struct status *sts = alloc_zero(j->n, sizeof(*sts));
	size_t n = 0;
	for (uint32_t i = 0; i < j->n; i++)
		if (l->entries[i] == entry)
			rcpts[n++] = j->results[i].index;
	drop_deliver(l->conf, entry, &g->batch, &g->entry, &g->env, l->id,
	    rcpts, n, sts);
	n = 0;
	for (uint32_t i = 0; i < j->n; i++)
		if (l->entries[i] == entry)
			l->sts[i] = sts[n++];
	free(sts);
	free(rcpts);
}

/* One entry for all that end in the drop directory: one file, whatever
 * their domains. */
static void
find_entries(struct delivery *l)
{
	const struct job *j = l->job;
	const struct domain *drop = NULL;
	for (uint32_t i = 0; i < j->n; i++) {
		const struct rcpt *r =
		    &j->cargo->env.rcpts[j->results[i].index];
		const struct domain *d = mailbox_domain(l->conf, &r->addr);
		if (domain_is_local(d) && d->maildir == NULL) {
			drop = drop != NULL ? drop : d;
			d = drop;
		}
		l->entries[i] = domain_is_local(d) ? d : NULL;
	}
}

/* In the loop or, for a large message, in the porter's thread. */
static void
work(struct errand *e)
{
	struct delivery *l = (struct delivery *)e;
	if (job_verify(l->job, &l->why) != 0) {
		l->unreadable = errno;
		return;
	}
	l->tried = true;
	for (uint32_t i = 0; i < l->job->n; i++) {
		bool first = l->entries[i] != NULL;
		for (uint32_t k = 0; k < i && first; k++)
			first = l->entries[k] != l->entries[i];
		if (first)
			deliver_entry(l, l->entries[i]);
	}
}

/* Nothing happened to a recipient when the end came first, or the table
 * changed since it was routed: back to the schedule. */
static void
give_results(struct delivery *l)
{
	struct job *j = l->job;
	bool cancelled = atomic_load(&l->errand.cancelled);
	for (uint32_t i = 0; i < j->n; i++) {
		bool answered = l->tried && l->entries[i] != NULL &&
				!(cancelled && l->sts[i].verdict == LATER);
		if (answered)
			job_result(j, &l->carrier->schedule, i, &l->sts[i]);
		else
			j->results[i].kind = RESULT_UNSENT;
	}
	settle_later(l->carrier, j);
}

static void
conclude(struct delivery *l)
{
	if (l->unreadable != 0 && !atomic_load(&l->errand.cancelled)) {
		errno = l->unreadable;
		settle_unreadable(l->carrier, l->job, l->why);
	} else {
		give_results(l);
	}
	conf_unref(l->conf);
	free(l->entries);
	free(l->sts);
	free(l);
}

static void
done(struct errand *e)
{
	struct delivery *l = (struct delivery *)e;
	struct destination *d = l->job->destination;
	l->job->cargo->batch.stop = NULL;
	d->active--;
	l->carrier->pool.active--;
	conclude(l);
	destination_mark(d);
}

void
local_deliver(struct carrier *c, struct job *j)
{
	const char *why;
	if (job_load(j, &c->store, &why) != 0) {
		settle_unreadable(c, j, why);
		return;
	}
	struct delivery *l = alloc_zero(1, sizeof(*l));
	l->errand.work = work;
	l->errand.done = done;
	l->carrier = c;
	l->job = j;
	l->conf = conf_ref(c->conf);
	l->entries = alloc_zero(j->n, sizeof(const struct domain *));
	l->sts = alloc_zero(j->n, sizeof(*l->sts));
	message_id_make(l->id, j->letter->bundle->id, j->letter->seq);
	find_entries(l);
	if (!job_is_large(j)) {
		work(&l->errand);
		conclude(l);
		return;
	}
	j->cargo->batch.stop = &l->errand.cancelled;
	j->destination->active++;
	c->pool.active++;
	porter_send(c->porter, &l->errand);
}

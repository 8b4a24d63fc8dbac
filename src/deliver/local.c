/* SPDX-License-Identifier: ISC */
/*
 * Jobs for this host: recipients of local domains, grouped by the entry of
 * the domain table that covers them (one drop file, or a maildir each).
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "conf/mailbox.h"
#include "deliver/carrier.h"
#include "deliver/drop.h"

/* Deliver to those recipients that this entry covers. */
static void
deliver_entry(struct carrier *c, struct job *j, const struct domain *entry,
    const struct domain *const *entries)
{
	char id[QUEUE_ID_MAX + 1];
	uint32_t *rcpts = alloc_zero(j->n, sizeof(*rcpts));
	struct status *sts = alloc_zero(j->n, sizeof(*sts));
	size_t n = 0;
	for (uint32_t i = 0; i < j->n; i++)
		if (entries[i] == entry)
			rcpts[n++] = j->results[i].index;
	message_id_make(id, j->letter->bundle->id, j->letter->seq);
	drop_deliver(c->conf, entry, &j->cargo->batch, &j->cargo->entry,
	    &j->cargo->env, id, rcpts, n, sts);
	n = 0;
	for (uint32_t i = 0; i < j->n; i++)
		if (entries[i] == entry)
			job_result(j, &c->schedule, i, &sts[n++]);
	free(sts);
	free(rcpts);
}

/* One entry for all that end in the drop directory: one file, whatever
 * their domains. */
static void
find_entries(
    const struct carrier *c, const struct job *j, const struct domain **entries)
{
	const struct domain *drop = NULL;
	for (uint32_t i = 0; i < j->n; i++) {
		const struct rcpt *r =
		    &j->cargo->env.rcpts[j->results[i].index];
		const struct domain *d = mailbox_domain(c->conf, &r->addr);
		if (domain_is_local(d) && d->maildir == NULL) {
			drop = drop != NULL ? drop : d;
			d = drop;
		}
		entries[i] = d;
	}
}

void
local_deliver(struct carrier *c, struct job *j)
{
	const char *why;
	if (job_load(j, &c->store, &why) != 0) {
		settle_unreadable(c, j, why);
		return;
	}
	const struct domain **entries =
	    alloc_zero(j->n, sizeof(const struct domain *));
	find_entries(c, j, entries);
	for (uint32_t i = 0; i < j->n; i++)
		if (domain_is_local(entries[i]) &&
		    j->results[i].kind == RESULT_NONE)
			deliver_entry(c, j, entries[i],
			    (const struct domain *const *)entries);
	/* The table changed since it was routed: back to the schedule. */
	for (uint32_t i = 0; i < j->n; i++)
		if (j->results[i].kind == RESULT_NONE)
			j->results[i].kind = RESULT_UNSENT;
	free(entries);
	settle_later(c, j);
}

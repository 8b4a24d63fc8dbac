/* SPDX-License-Identifier: ISC */
/*
 * Which results of a job are reported on, and as what.  Not who is told,
 * nor how it is said (report.c).
 *
 * A failure is not final without its report (J18), and neither is an alias
 * that was expanded; they are tried again.  What was delivered stays
 * delivered, and a delayed message is still owed: for these a report is a
 * courtesy, and one that cannot be queued is only logged.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "deliver/carrier.h"
#include "deliver/report.h"

/* One report for these results; false when it cannot be queued now. */
static bool
report(struct carrier *c, struct job *j, const struct status *sts,
    const bool *wanted, enum report_action action)
{
	const char *why;
	char id[QUEUE_ID_MAX + 1];
	if (c->stopping && clock_mono_ms() > c->no_reports)
		return false;
	bool ok = job_load(j, &c->store, &why) == 0;
	if (!ok)
		job_broken(j, errno, why);
	message_id_make(id, j->letter->bundle->id, j->letter->seq);
	struct cargo *g = j->cargo;
	struct report_rcpt *v = alloc_zero(j->n, sizeof(*v));
	size_t n = 0;
	for (uint32_t i = 0; i < j->n && ok; i++)
		if (wanted[i])
			v[n++] =
			    (struct report_rcpt){.rcpt = j->results[i].index,
				.status = &sts[i],
				.remote = g->remote[0] ? g->remote : NULL,
				.tls = g->tls[0] ? g->tls : NULL,
				.at_ms = clock_wall_ms()};
	if (ok && n > 0)
		ok = report_send(c->conf, &c->store, &g->batch, &g->entry,
			 &g->env, id, action, v, n) == 0;
	free(v);
	if (ok && n > 0)
		board_add(c->board, COUNT_REPORTS, 1);
	return ok;
}

/* Reports for what fails for good; without one nothing is final. */
void
notice_failures(struct carrier *c, struct job *j, struct status *sts)
{
	bool *wanted = alloc_zero(j->n, sizeof(*wanted));
	bool any = false;
	for (uint32_t i = 0; i < j->n; i++)
		any |= wanted[i] = sts[i].verdict == NEVER;
	if (any && !report(c, j, sts, wanted, REPORT_FAILED)) {
		for (uint32_t i = 0; i < j->n; i++) {
			if (!wanted[i])
				continue;
			char last[STATUS_TEXT_MAX + 1];
			memcpy(last, sts[i].text, sizeof(last));
			status_set(&sts[i], LATER, sts[i].code, "4.3.0",
			    "the report cannot be queued now; about: %s", last);
		}
	}
	free(wanted);
}

bool
notice_is_due(const struct carrier *c, const struct letter *l,
    const struct slot *sl, int64_t now)
{
	/* In seconds, as what is known of the try before. */
	int64_t notice = (c->conf->queue.delay_notice_ms + 999) / 1000;
	return notice > 0 && letter_age(l, now) >= notice * 1000 &&
	       sl->tried < notice;
}

void
notice_delays(struct carrier *c, struct job *j, const struct status *sts)
{
	int64_t now = clock_mono_ms();
	bool *wanted = alloc_zero(j->n, sizeof(*wanted));
	bool any = false;
	for (uint32_t i = 0; i < j->n; i++) {
		struct slot *sl = &j->letter->slots[j->results[i].slot];
		any |= wanted[i] = sts[i].verdict == LATER &&
				   notice_is_due(c, j->letter, sl, now);
	}
	/* A notice is a courtesy: if it fails, the mail is still owed. */
	if (any)
		(void)report(c, j, sts, wanted, REPORT_DELAYED);
	free(wanted);
}

/* Is this a success that the sender wants to hear of?  Asked for every
 * recipient that is delivered, so by a glance. */
static bool
is_awaited(const struct job *j, uint32_t i, const struct status *st)
{
	const struct cargo *g = j->cargo;
	if (st->verdict != DONE)
		return false;
	if (g == NULL)
		return j->letter->slots[j->results[i].slot].expanded;
	return g->env.rcpts[j->results[i].index].notify & NOTIFY_SUCCESS;
}

void
notice_successes(
    struct carrier *c, struct job *j, struct status *sts, const bool *skip)
{
	bool any = false, expanded = false;
	for (uint32_t i = 0; i < j->n; i++)
		any |= !skip[i] && is_awaited(j, i, &sts[i]);
	if (!any)
		return;
	bool *wanted = alloc_zero(j->n, sizeof(*wanted));
	for (uint32_t i = 0; i < j->n; i++) {
		wanted[i] = !skip[i] && is_awaited(j, i, &sts[i]);
		expanded |= j->letter->slots[j->results[i].slot].expanded;
	}
	if (expanded && !report(c, j, sts, wanted, REPORT_EXPANDED)) {
		for (uint32_t i = 0; i < j->n; i++)
			status_set(&sts[i], LATER, 0, "4.3.0",
			    "the report cannot be queued now");
	} else if (!expanded && j->cargo->remote[0] == '\0') {
		(void)report(c, j, sts, wanted, REPORT_DELIVERED);
	} else if (!expanded && !j->cargo->dsn) {
		(void)report(c, j, sts, wanted, REPORT_RELAYED);
	}
	free(wanted);
}

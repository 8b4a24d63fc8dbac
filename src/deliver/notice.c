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
report(struct notice *n, const bool *wanted, enum report_action action)
{
	struct carrier *c = n->carrier;
	struct job *j = n->job;
	const char *why;
	char id[QUEUE_ID_MAX + 1];
	if (n->late)
		return false;
	bool ok = job_load(j, &c->store, &why) == 0 && job_verify(j, &why) == 0;
	if (!ok)
		job_broken(j, errno, why);
	message_id_make(id, j->letter->bundle->id, j->letter->seq);
	struct cargo *g = j->cargo;
	struct report_rcpt *v = alloc_zero(j->n, sizeof(*v));
	size_t count = 0;
	for (uint32_t i = 0; i < j->n && ok; i++)
		if (wanted[i])
			v[count++] =
			    (struct report_rcpt){.rcpt = j->results[i].index,
				.status = &n->sts[i],
				.remote = g->remote[0] ? g->remote : NULL,
				.tls = g->tls[0] ? g->tls : NULL,
				.at_ms = clock_wall_ms()};
	if (ok && count > 0)
		ok = report_send(n->conf, &c->store, &g->batch, &g->entry,
			 &g->env, id, action, v, count) == 0;
	free(v);
	if (ok && count > 0)
		board_add(c->board, COUNT_REPORTS, 1);
	return ok;
}

/* Reports for what fails for good; without one nothing is final. */
static void
tell_failures(struct notice *n, bool *wanted)
{
	bool any = false;
	for (uint32_t i = 0; i < n->job->n; i++)
		any |= wanted[i] = n->sts[i].verdict == NEVER;
	if (!any || report(n, wanted, REPORT_FAILED))
		return;
	for (uint32_t i = 0; i < n->job->n; i++) {
		struct status *st = &n->sts[i];
		if (!wanted[i])
			continue;
		char last[STATUS_TEXT_MAX + 1];
		memcpy(last, st->text, sizeof(last));
		status_set(st, LATER, st->code, "4.3.0",
		    "the report cannot be queued now; about: %s", last);
	}
}

bool
notice_is_due(const struct conf *c, const struct letter *l,
    const struct slot *sl, int64_t now)
{
	/* In seconds, as what is known of the try before. */
	int64_t notice = (c->queue.delay_notice_ms + 999) / 1000;
	return notice > 0 && letter_age(l, now) >= notice * 1000 &&
	       sl->tried < notice;
}

static bool
is_delayed(const struct notice *n, uint32_t i, int64_t now)
{
	const struct letter *l = n->job->letter;
	const struct slot *sl = &l->slots[n->job->results[i].slot];
	return n->sts[i].verdict == LATER && notice_is_due(n->conf, l, sl, now);
}

static void
tell_delays(struct notice *n, bool *wanted)
{
	int64_t now = clock_mono_ms();
	bool any = false;
	for (uint32_t i = 0; i < n->job->n; i++)
		any |= wanted[i] = is_delayed(n, i, now);
	/* A notice is a courtesy: if it fails, the mail is still owed. */
	if (any)
		(void)report(n, wanted, REPORT_DELAYED);
}

/* Is this a success that the sender wants to hear of?  Asked for every
 * recipient that is delivered, so by a glance. */
static bool
is_awaited(const struct notice *n, uint32_t i)
{
	const struct job *j = n->job;
	const struct cargo *g = j->cargo;
	if (n->sts[i].verdict != DONE || n->back[i])
		return false;
	if (j->letter->slots[j->results[i].slot].expanded)
		return true;
	return g != NULL &&
	       g->env.rcpts[j->results[i].index].notify & NOTIFY_SUCCESS;
}

static void
tell_successes(struct notice *n, bool *wanted)
{
	const struct job *j = n->job;
	bool any = false, expanded = false;
	for (uint32_t i = 0; i < j->n; i++)
		any |= wanted[i] = is_awaited(n, i);
	if (!any)
		return;
	for (uint32_t i = 0; i < j->n; i++)
		expanded |= j->letter->slots[j->results[i].slot].expanded;
	if (expanded && !report(n, wanted, REPORT_EXPANDED)) {
		for (uint32_t i = 0; i < j->n; i++)
			status_set(&n->sts[i], LATER, 0, "4.3.0",
			    "the report cannot be queued now");
	} else if (!expanded && j->cargo->remote[0] == '\0') {
		(void)report(n, wanted, REPORT_DELIVERED);
	} else if (!expanded && !j->cargo->dsn) {
		(void)report(n, wanted, REPORT_RELAYED);
	}
}

bool
notice_any(const struct notice *n)
{
	int64_t now = clock_mono_ms();
	for (uint32_t i = 0; i < n->job->n; i++)
		if (n->sts[i].verdict == NEVER || is_delayed(n, i, now) ||
		    is_awaited(n, i))
			return true;
	return false;
}

void
notice_send(struct notice *n)
{
	bool *wanted = alloc_zero(n->job->n, sizeof(*wanted));
	tell_failures(n, wanted);
	tell_delays(n, wanted);
	tell_successes(n, wanted);
	free(wanted);
}

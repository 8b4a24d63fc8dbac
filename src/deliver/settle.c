/* SPDX-License-Identifier: ISC */
/*
 * What an answer means.  Each result of a job becomes one record of the
 * journal: final, or a next try.  The order is the promise: a report is
 * durable before the record that it reports on is written (J18), records
 * are durable before the file that they finish is removed (J16).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "deliver/carrier.h"
#include "deliver/report.h"

/* A job that came back without effect is tried at once this often. */
#define UNSENT_MAX 5

void
settle_later(struct carrier *c, struct job *j)
{
	j->next = c->settled;
	c->settled = j;
	carrier_wake(c);
}

void
settle_unreadable(struct carrier *c, struct job *j, const char *why)
{
	struct status st;
	int error = errno;
	j->broken = error == EBADMSG || error == ENOENT;
	j->why = error == EBADMSG ? why : "the file is gone";
	status_set(&st, LATER, 0, "4.3.0", "cannot read the queue file: %s",
	    error == EBADMSG ? why : strerror(error));
	job_result_all(j, &c->schedule, &st);
	settle_later(c, j);
}

/* What a result comes to, once time and patience are considered. */
static void
judge(struct carrier *c, struct job *j, struct result *r, struct status *st)
{
	struct slot *sl = &j->letter->slots[r->slot];
	if (r->kind == RESULT_STATUS)
		reason_status(r->reason, st);
	else
		status_set(st, LATER, 0, "4.4.2",
		    "the connection ended before the message was sent");
	int64_t age = schedule_wall(&c->schedule) - j->letter->arrived_ms;
	if (st->verdict != LATER || age < c->conf->queue.expire_ms ||
	    sl->attempts < 1)
		return;
	char last[STATUS_TEXT_MAX + 1];
	memcpy(last, st->text, sizeof(last));
	status_set(st, NEVER, st->code, "4.4.7",
	    "not delivered for %lld hours; the last answer was: %s",
	    (long long)(age / 3600000), last);
}

static void
log_attempt(
    struct carrier *c, struct job *j, struct result *r, const struct status *st)
{
	struct letter *l = j->letter;
	const struct cargo *g = j->cargo;
	char id[QUEUE_ID_MAX + 1];
	message_id_make(id, l->bundle->id, l->seq);
	log_event(LOG_INFO, "attempt", LOG_STR("id", id),
	    LOG_STR("to", g != NULL ? g->env.rcpts[r->index].addr.text : NULL),
	    LOG_STR("relay", g != NULL && g->remote[0] ? g->remote : NULL),
	    LOG_STR("tls", g != NULL && g->tls[0] ? g->tls : NULL),
	    LOG_STR("verdict", verdict_name(st->verdict)),
	    LOG_NUM("code", st->code), LOG_STR("status", st->enhanced),
	    LOG_NUM("attempts", l->slots[r->slot].attempts),
	    LOG_NUM(
		"age", (schedule_wall(&c->schedule) - l->arrived_ms) / 1000),
	    LOG_STR("text", st->text));
}

/* One report for these results; false when it cannot be queued now. */
static bool
report(struct carrier *c, struct job *j, const struct status *sts,
    const bool *wanted, enum report_action action)
{
	const char *why;
	char id[QUEUE_ID_MAX + 1];
	struct report_rcpt *v = alloc_zero(j->n, sizeof(*v));
	size_t n = 0;
	bool ok = job_load(j, &c->store, &why) == 0;
	message_id_make(id, j->letter->bundle->id, j->letter->seq);
	struct cargo *g = j->cargo;
	for (uint32_t i = 0; i < j->n && ok; i++)
		if (wanted[i])
			v[n++] =
			    (struct report_rcpt){.rcpt = j->results[i].index,
				.status = &sts[i],
				.remote = g->remote[0] ? g->remote : NULL,
				.at_ms = schedule_wall(&c->schedule)};
	if (ok && n > 0)
		ok = report_send(c->conf, &c->store, &g->batch, &g->entry,
			 &g->env, id, action, v, n) == 0;
	free(v);
	return ok;
}

/* Reports for what fails for good; without one nothing is final. */
static void
report_failures(struct carrier *c, struct job *j, struct status *sts)
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

/* The delay notice goes out with the first try after its time. */
static void
report_delays(struct carrier *c, struct job *j, const struct status *sts)
{
	int64_t notice = c->conf->queue.delay_notice_ms;
	int64_t age = schedule_wall(&c->schedule) - j->letter->arrived_ms;
	if (notice <= 0 || age < notice)
		return;
	bool *wanted = alloc_zero(j->n, sizeof(*wanted));
	bool any = false;
	for (uint32_t i = 0; i < j->n; i++) {
		struct slot *sl = &j->letter->slots[j->results[i].slot];
		any |= wanted[i] = sts[i].verdict == LATER &&
				   sl->attempts > 0 &&
				   (int64_t)sl->tried * 1000 < notice;
	}
	/* A notice is a courtesy: if it fails, the mail is still owed. */
	if (any)
		(void)report(c, j, sts, wanted, REPORT_DELAYED);
	free(wanted);
}

static void
record(
    struct carrier *c, struct job *j, struct result *r, const struct status *st)
{
	struct letter *l = j->letter;
	struct slot *sl = &l->slots[r->slot];
	struct record rec;
	int64_t next =
	    clock_mono_ms() + retry_delay(c->conf->queue.retry_ms,
				  c->conf->queue.nretry, sl->attempts + 1U);
	schedule_settle(&c->schedule, l, sl, st, next, &rec);
	journal_append(&c->journal, &rec);
	log_attempt(c, j, r, st);
}

/* Recipients that nothing happened to wait again, at no cost. */
static bool
give_back(struct carrier *c, struct job *j, struct result *r)
{
	struct slot *sl = &j->letter->slots[r->slot];
	if (r->kind == RESULT_STATUS ||
	    (!c->stopping && sl->unsent >= UNSENT_MAX))
		return false;
	sl->unsent++;
	sl->state = SLOT_WAITING;
	sl->next = clock_mono_ms();
	return true;
}

static void
quarantine(struct carrier *c, struct job *j)
{
	struct bundle *b = j->letter->bundle;
	if (!b->lost && store_quarantine(&c->store, b->id, j->why) != 0 &&
	    errno != ENOENT)
		log_text(LOG_ERR, "cannot move %s to corrupt: %s", b->id,
		    strerror(errno));
	for (uint32_t i = 0; i < j->n; i++)
		j->letter->slots[j->results[i].slot].state = SLOT_WAITING;
	schedule_lose(&c->schedule, b);
}

static void
settle(struct carrier *c, struct job *j)
{
	struct status *sts = alloc_zero(j->n, sizeof(*sts));
	bool *back = alloc_zero(j->n, sizeof(*back));
	for (uint32_t i = 0; i < j->n; i++) {
		back[i] = give_back(c, j, &j->results[i]);
		if (!back[i])
			judge(c, j, &j->results[i], &sts[i]);
	}
	report_failures(c, j, sts);
	report_delays(c, j, sts);
	for (uint32_t i = 0; i < j->n; i++)
		if (!back[i])
			record(c, j, &j->results[i], &sts[i]);
	free(back);
	free(sts);
}

static void
after(struct carrier *c, struct letter *l)
{
	struct bundle *b = l->bundle;
	schedule_enter(&c->schedule, l);
	if (l->open == 0) {
		char id[QUEUE_ID_MAX + 1];
		message_id_make(id, b->id, l->seq);
		log_event(LOG_INFO, "gone", LOG_STR("id", id),
		    LOG_NUM("age",
			(schedule_wall(&c->schedule) - l->arrived_ms) / 1000));
	}
	if (b->open == 0)
		settle_finished(c, b);
}

void
settle_run(struct carrier *c)
{
	/* The list was built by pushing: settle in order of arrival. */
	struct job *j = c->settled, *next, *ordered = NULL;
	c->settled = NULL;
	for (; j != NULL; j = next) {
		next = j->next;
		j->next = ordered;
		ordered = j;
	}
	for (j = ordered; j != NULL; j = next) {
		next = j->next;
		if (j->broken)
			quarantine(c, j);
		else
			settle(c, j);
		after(c, j->letter);
		job_free(j, &c->schedule);
	}
}

void
settle_finished(struct carrier *c, struct bundle *b)
{
	if (b->ending)
		return;
	b->ending = true;
	b->next = c->finished;
	c->finished = b;
}

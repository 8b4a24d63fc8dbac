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
#include "deliver/watched.h"

/* A job that came back without effect is tried at once this often. */
#define UNSENT_MAX 5

void
settle_later(struct carrier *c, struct job *j)
{
	j->next = NULL;
	*c->settled_end = j;
	c->settled_end = &j->next;
	c->unsettled++;
	carrier_wake(c);
}

bool
settle_room(const struct carrier *c)
{
	return c->unsettled < UNSETTLED_MAX;
}

void
settle_unreadable(struct carrier *c, struct job *j, const char *why)
{
	struct status st;
	int error = errno;
	job_broken(j, error, why);
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
	int64_t age = letter_age(j->letter, clock_mono_ms());
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
log_attempt(struct job *j, struct result *r, const struct status *st)
{
	struct letter *l = j->letter;
	const struct cargo *g = j->cargo;
	char id[QUEUE_ID_MAX + 1];
	message_id_make(id, l->bundle->id, l->seq);
	log_event(LOG_INFO, "attempt", LOG_STR("id", id),
	    LOG_STR("to", g != NULL ? g->env.rcpts[r->index].addr.text : NULL),
	    LOG_STR(
		"domain", g == NULL ? l->slots[r->slot].domain->text : NULL),
	    LOG_STR("relay", g != NULL && g->remote[0] ? g->remote : NULL),
	    LOG_STR("tls", g != NULL && g->tls[0] ? g->tls : NULL),
	    LOG_STR("verdict", verdict_name(st->verdict)),
	    LOG_NUM("code", st->code), LOG_STR("status", st->enhanced),
	    LOG_NUM("attempts", l->slots[r->slot].attempts),
	    LOG_NUM("age", letter_age(l, clock_mono_ms()) / 1000),
	    LOG_STR("text", st->text));
}

static void
count(struct carrier *c, const struct letter *l, const struct status *st)
{
	static const enum board_count which[] = {[DONE] = COUNT_DELIVERED,
	    [LATER] = COUNT_DEFERRED,
	    [NEVER] = COUNT_FAILED};
	board_add(c->board, which[st->verdict], 1);
	if (st->verdict == DONE)
		board_speed(c->board, letter_age(l, clock_mono_ms()) / 1000);
}

/* When a recipient is tried again.  Those of a job that were tried equally
 * often share the moment, and so the next transaction. */
struct again {
	unsigned attempts;
	int64_t next;
};

static void
record(struct carrier *c, struct job *j, struct result *r,
    const struct status *st, struct again *again)
{
	struct letter *l = j->letter;
	struct slot *sl = &l->slots[r->slot];
	struct record rec;
	if (again->attempts != sl->attempts + 1U) {
		again->attempts = sl->attempts + 1U;
		again->next = clock_mono_ms() +
			      retry_delay(c->conf->queue.retry_ms,
				  c->conf->queue.nretry, again->attempts);
	}
	/* Who took it is in the log; who did not is told in the queue. */
	const char *remote =
	    st->verdict != DONE && j->cargo != NULL ? j->cargo->remote : "";
	schedule_settle(&c->schedule, l, sl, st, remote, again->next, &rec);
	journal_append(&c->journal, &rec);
	log_attempt(j, r, st);
	count(c, l, st);
}

/* Did the message reach anybody?  Then the server took what it could. */
static bool
progress(const struct job *j)
{
	for (uint32_t i = 0; i < j->n; i++)
		if (j->results[i].kind == RESULT_STATUS &&
		    j->results[i].reason->verdict == DONE)
			return true;
	return false;
}

/* Recipients that nothing happened to wait again, at no cost: those beyond
 * what the server takes at a time as often as it takes (A41). */
static bool
give_back(struct carrier *c, struct job *j, struct result *r, bool free_of_cost)
{
	struct slot *sl = &j->letter->slots[r->slot];
	if (r->kind == RESULT_STATUS ||
	    (!c->stopping && !free_of_cost && sl->unsent >= UNSENT_MAX))
		return false;
	if (!free_of_cost)
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

void
settle_letter(struct carrier *c, struct letter *l)
{
	struct bundle *b = l->bundle;
	schedule_enter(&c->schedule, l);
	if (l->open == 0) {
		char id[QUEUE_ID_MAX + 1];
		message_id_make(id, b->id, l->seq);
		log_event(LOG_INFO, "gone", LOG_STR("id", id),
		    LOG_NUM("age", letter_age(l, clock_mono_ms()) / 1000));
	}
	if (b->open == 0)
		settle_finished(c, b);
}

/* Nobody has it any more. */
static void
let_go(struct carrier *c, struct job *j)
{
	settle_letter(c, j->letter);
	job_free(j, &c->schedule);
	c->unsettled--;
	/* When the last one is gone, not with each: all destinations are
	 * looked at. */
	if (c->answers_wait && c->unsettled == 0) {
		c->answers_wait = false;
		pool_resume(c);
	}
}

/* Everybody who is owed a report has it: now for the records. */
static void
conclude(struct notice *n)
{
	struct carrier *c = n->carrier;
	struct job *j = n->job;
	struct again again = {0};
	if (j->broken)
		quarantine(c, j);
	for (uint32_t i = 0; i < j->n && !j->broken; i++)
		if (!n->back[i])
			record(c, j, &j->results[i], &n->sts[i], &again);
	if (j->letter->watched && !j->broken)
		watched_settled(c, j, n->sts, n->back);
	let_go(c, j);
	conf_unref(n->conf);
	free(n->back);
	free(n->sts);
	free(n);
}

static void
work(struct errand *e)
{
	notice_send((struct notice *)e);
}

static void send_next(struct carrier *c);

static void
done(struct errand *e)
{
	struct notice *n = (struct notice *)e;
	struct carrier *c = n->carrier;
	c->noticing = false;
	conclude(n);
	send_next(c);
	carrier_wake(c);
}

/* Reports on large messages, one after another: their files are open, and
 * there may be many. */
static void
send_next(struct carrier *c)
{
	struct notice *n;
	const char *why;
	while (!c->noticing && (n = TAILQ_FIRST(&c->notices)) != NULL) {
		TAILQ_REMOVE(&c->notices, n, link);
		n->late = c->stopping && clock_mono_ms() > c->no_reports;
		if (n->late || job_load(n->job, &c->store, &why) != 0) {
			notice_send(n);
			conclude(n);
			continue;
		}
		n->errand.work = work;
		n->errand.done = done;
		c->noticing = true;
		porter_send(c->porter, &n->errand);
	}
}

/* May the porter send the reports?  A file that was not open before is
 * closed again, until its turn comes. */
static bool
is_large(struct carrier *c, struct job *j)
{
	const char *why;
	bool loaded = j->cargo != NULL;
	if (job_load(j, &c->store, &why) != 0 || !job_is_large(j))
		return false;
	if (!loaded)
		job_unload(j);
	return true;
}

static void
settle(struct carrier *c, struct job *j, bool now)
{
	struct notice *n = alloc_zero(1, sizeof(*n));
	n->carrier = c;
	n->conf = conf_ref(c->conf);
	n->job = j;
	n->sts = alloc_zero(j->n, sizeof(*n->sts));
	n->back = alloc_zero(j->n, sizeof(*n->back));
	n->late = c->stopping && clock_mono_ms() > c->no_reports;
	bool moved = progress(j);
	for (uint32_t i = 0; i < j->n; i++) {
		n->back[i] = give_back(c, j, &j->results[i], moved);
		if (!n->back[i])
			judge(c, j, &j->results[i], &n->sts[i]);
	}
	if (!notice_any(n)) {
		conclude(n);
	} else if (now || n->late || !is_large(c, j)) {
		notice_send(n);
		conclude(n);
	} else {
		TAILQ_INSERT_TAIL(&c->notices, n, link);
		send_next(c);
	}
}

void
settle_run(struct carrier *c, bool all)
{
	int64_t end = clock_mono_ms() + SETTLE_TURN_MS;
	struct job *j;
	while ((j = c->settled) != NULL && (all || clock_mono_ms() < end)) {
		c->settled = j->next;
		if (c->settled == NULL)
			c->settled_end = &c->settled;
		if (!j->broken) {
			settle(c, j, all);
			continue;
		}
		quarantine(c, j);
		let_go(c, j);
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

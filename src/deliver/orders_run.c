/* SPDX-License-Identifier: ISC */
/*
 * What the operator's orders do, between two turns of the loop.  Not where
 * they come from (orders.c).
 *
 * Invariant: an effect is a change of slots and the records of it, or
 * nothing.  Recipients that are under way are waited for; all others of a
 * hold or a removal are called back first, and nothing is dispatched between
 * that and the effect.  What is removed is kept or told before the record.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "deliver/carrier.h"
#include "deliver/orders_internal.h"
#include "deliver/report.h"

static struct letter *
find_letter(struct carrier *c, const struct order_target *t)
{
	/* It may have come in after the bell was heard last. */
	intake_batch(c, t->batch);
	struct bundle *b = schedule_find(&c->schedule, t->batch);
	return b != NULL && !b->lost ? bundle_letter(b, t->seq) : NULL;
}

/* One recipient; false: it is under way, ask again. */
static bool
move_slot(struct carrier *c, const struct pending *p, struct letter *l,
    struct slot *sl)
{
	struct record r;
	int64_t now = clock_mono_ms();
	switch (p->order.verb) {
	case ORDER_HOLD:
		if (sl->state == SLOT_ACTIVE)
			return false;
		if (sl->state != SLOT_WAITING)
			return true;
		slot_hold(l, sl, &r);
		break;
	case ORDER_RELEASE:
		if (sl->state != SLOT_HELD)
			return true;
		slot_release(l, sl, now, &r);
		break;
	case ORDER_RETRY:
	case ORDER_REMOVE:
	case ORDER_FLUSH:
		if (sl->state != SLOT_WAITING || sl->next <= now)
			return true;
		slot_release(l, sl, now, &r);
		break;
	}
	journal_append(&c->journal, &r);
	return true;
}

/* The removed recipients of one message, told and kept as it was ordered;
 * false: not possible now. */
static bool
keep_removed(struct carrier *c, struct job *j, const struct order *o,
    const struct status *st)
{
	char id[QUEUE_ID_MAX + 1];
	const struct cargo *g = j->cargo;
	struct report_rcpt *v = alloc_zero(j->n, sizeof(*v));
	size_t n = 0;
	message_id_make(id, j->letter->bundle->id, j->letter->seq);
	for (uint32_t i = 0; i < j->n; i++)
		if (g->env.rcpts[j->results[i].index].notify != NOTIFY_EXPANDED)
			v[n++] =
			    (struct report_rcpt){.rcpt = j->results[i].index,
				.status = st,
				.at_ms = clock_wall_ms()};
	bool ok = n == 0 || o->purge ||
		  report_keep(c->conf, &j->cargo->batch, &g->entry, &g->env, id,
		      v, n, "removed from the queue by the operator") == 0;
	if (ok && n > 0 && o->report && !address_is_null(&g->env.from))
		ok = report_send(c->conf, &c->store, &j->cargo->batch,
			 &g->entry, &g->env, id, REPORT_FAILED, v, n) == 0;
	free(v);
	return ok;
}

static void
finish_removed(struct carrier *c, struct job *j, const struct status *st)
{
	char id[QUEUE_ID_MAX + 1];
	message_id_make(id, j->letter->bundle->id, j->letter->seq);
	for (uint32_t i = 0; i < j->n; i++) {
		struct record r;
		struct slot *sl = &j->letter->slots[j->results[i].slot];
		schedule_settle(&c->schedule, j->letter, sl, st, "", 0, &r);
		journal_append(&c->journal, &r);
		log_event(LOG_NOTICE, "removed", LOG_STR("id", id),
		    LOG_STR("to",
			j->cargo->env.rcpts[j->results[i].index].addr.text));
	}
}

static bool
remove_job(struct carrier *c, const struct order *o, struct job *j)
{
	const char *why;
	struct status st;
	status_set(&st, NEVER, 0, "5.0.0", "removed by the operator");
	if (job_load(j, &c->store, &why) != 0 || job_verify(j, &why) != 0) {
		log_text(LOG_ERR, "cannot remove %s now: %s",
		    j->letter->bundle->id,
		    errno == EBADMSG ? why : strerror(errno));
		return false;
	}
	if (!keep_removed(c, j, o, &st)) {
		log_text(LOG_ERR, "cannot keep %s, so it is not removed now",
		    j->letter->bundle->id);
		return false;
	}
	finish_removed(c, j, &st);
	return true;
}

/* Targets of one message, from v on; how many there are is in *n.  False: ask
 * again. */
static bool
remove_some(struct carrier *c, struct pending *p, const struct order_target *v,
    size_t left, size_t *n)
{
	struct letter *l = find_letter(c, v);
	struct job *j = NULL;
	bool busy = false;
	uint8_t before[ORDER_MESSAGE_MAX];
	for (*n = 0; *n < left && *n < ORDER_MESSAGE_MAX &&
		     v[*n].seq == v->seq && strcmp(v[*n].batch, v->batch) == 0;
	     (*n)++) {
		struct slot *sl = l != NULL ? letter_slot(l, v[*n].rcpt) : NULL;
		if (sl == NULL || sl->state == SLOT_FINAL)
			continue;
		if (sl->state == SLOT_ACTIVE) {
			busy = true;
			continue;
		}
		if (j == NULL)
			j = job_new(NULL, l);
		before[j->n] = sl->state;
		job_add(j, (uint32_t)(sl - l->slots));
	}
	if (j == NULL)
		return !busy;
	bool ok = remove_job(c, &p->order, j);
	if (!ok)
		p->again = clock_mono_ms() + ORDER_RETRY_MS;
	for (uint32_t i = 0; i < j->n && !ok; i++)
		l->slots[j->results[i].slot].state = before[i];
	job_free(j, &c->schedule);
	settle_letter(c, l);
	return ok && !busy;
}

static bool
move_one(
    struct carrier *c, const struct pending *p, const struct order_target *t)
{
	struct letter *l = find_letter(c, t);
	struct slot *sl = l != NULL ? letter_slot(l, t->rcpt) : NULL;
	if (sl == NULL)
		return true;
	bool done = move_slot(c, p, l, sl);
	schedule_enter(&c->schedule, l);
	return done;
}

/* Carry out what is possible; the targets that are left stay.  True: none. */
static bool
apply(struct carrier *c, struct pending *p)
{
	struct order *o = &p->order;
	size_t kept = 0;
	if (o->verb == ORDER_FLUSH)
		schedule_flush(&c->schedule, clock_mono_ms());
	for (size_t i = 0, n = 1; i < o->n; i += n) {
		bool done = o->verb == ORDER_REMOVE
				? remove_some(c, p, o->v + i, o->n - i, &n)
				: move_one(c, p, &o->v[i]);
		if (done)
			continue;
		memmove(o->v + kept, o->v + i, n * sizeof(*o->v));
		kept += n;
	}
	o->n = kept;
	return kept == 0;
}

static void
run(struct carrier *c, struct pending *p)
{
	enum order_verb v = p->order.verb;
	if (!p->recalled) {
		p->recalled = true;
		log_event(LOG_NOTICE, "order", LOG_STR("order", p->id),
		    LOG_STR("verb", order_verb_name(v)),
		    LOG_NUM("rcpts", p->order.n));
		pool_recall(c, v != ORDER_HOLD && v != ORDER_REMOVE);
	}
	p->again = 0;
	if (apply(c, p))
		p->stage = STAGE_DONE;
}

void
orders_run(struct carrier *c)
{
	if (c->halted || c->stopping)
		return;
	/* In their order: a release after a hold, not before it. */
	for (struct pending *p = c->orders->list; p != NULL; p = p->next) {
		if (p->stage == STAGE_OPEN && p->again <= clock_mono_ms())
			run(c, p);
		if (p->stage == STAGE_OPEN)
			return;
	}
}

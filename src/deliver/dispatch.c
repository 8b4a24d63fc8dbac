/* SPDX-License-Identifier: ISC */
/*
 * From due messages to jobs.  Routing is decided here, at delivery time and
 * by the current configuration, so that edits reach queued mail (R27, A34).
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "deliver/carrier.h"
#include "deliver/idn.h"
#include "deliver/watched.h"

/* Messages looked at in one turn of the loop. */
#define DISPATCH_PER_TURN 1000
/* Recipients due this soon ride along. */
#define DISPATCH_SLACK_MS 1000

/* Destinations touched by the message in hand. */
struct touched {
	struct destination **v;
	size_t n, cap;
	struct job *answered; /* of the message: what is not tried now */
};

static void
touch(struct touched *t, struct destination *d)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 8;
		t->v = alloc_grow(t->v, t->cap, sizeof(*t->v));
	}
	t->v[t->n++] = d;
}

/* During a back-off nobody is asked; but who has waited long enough for an
 * answer gets the last one that there was: the first, the one that makes the
 * delay notice, the one that ends it. */
static bool
is_owed_answer(const struct carrier *c, const struct letter *l,
    const struct slot *sl, int64_t now)
{
	return sl->reason == NULL || notice_is_due(c->conf, l, sl, now) ||
	       letter_age(l, now) >= c->conf->queue.expire_ms;
}

/* false: it is only put off. */
static bool
answer_instead(struct carrier *c, struct letter *l, uint32_t i, int64_t now,
    const struct destination *d, struct job **answered)
{
	struct slot *sl = &l->slots[i];
	struct status st;
	if (!is_owed_answer(c, l, sl, now)) {
		/* One probe for all: spread the rest over a tenth. */
		int64_t left = d->retry_at - now;
		sl->next =
		    d->retry_at + (left > 10 ? random() % (left / 10) : 0);
		return false;
	}
	if (*answered == NULL)
		*answered = job_new(NULL, l);
	job_add(*answered, i);
	reason_status(d->why, &st);
	job_result(*answered, &c->schedule, (*answered)->n - 1, &st);
	return true;
}

/* false: put off, its destination is not to be bothered now. */
static bool
dispatch_slot(struct carrier *c, struct letter *l, uint32_t i, int64_t now,
    struct touched *t)
{
	struct slot *sl = &l->slots[i];
	struct route route;
	char ascii[DOMAIN_MAX + 1];
	const char *domain = sl->domain->text;
	if (*domain == '\0')
		domain = conf_origin(c->conf);
	route_find(c->conf, domain, l->sender->text, &route);
	/* For the DNS, and one destination whatever it is written in.  What
	 * libidn2 refuses waits: a newer one may know its characters. */
	if (idn_to_ascii(domain, strlen(domain), ascii) == 0)
		domain = ascii;
	struct destination *d =
	    destination_find(c, &route, domain, (enum tls_wish)l->wish);
	if (destination_backs_off(d, now))
		return answer_instead(c, l, i, now, d, &t->answered);
	unsigned most = c->conf->outbound.recipients_per_message;
	bool joins = d->building > 0 && (most == 0 || d->building < most);
	if (d->building == 0)
		touch(t, d);
	destination_queue(d, l, i, joins);
	d->building = joins ? d->building + 1 : 1;
	return true;
}

/* Aliases of which the sender wants to hear go nowhere: they are done, and
 * settling them makes the report. */
static void
dispatch_expanded(struct carrier *c, struct letter *l, int64_t now)
{
	struct status st;
	struct job *j = NULL;
	for (uint32_t i = 0; i < l->nslots; i++) {
		const struct slot *sl = &l->slots[i];
		if (!sl->expanded || sl->state != SLOT_WAITING ||
		    sl->next > now + DISPATCH_SLACK_MS)
			continue;
		if (j == NULL)
			j = job_new(NULL, l);
		job_add(j, i);
	}
	if (j == NULL)
		return;
	status_set(&st, DONE, 250, "2.0.0", "expanded to its recipients");
	job_result_all(j, &c->schedule, &st);
	settle_later(c, j);
}

static void
dispatch_letter(
    struct carrier *c, struct letter *l, int64_t now, struct touched *t)
{
	bool put_off = false;
	t->n = 0;
	dispatch_expanded(c, l, now);
	for (uint32_t i = 0; i < l->nslots; i++)
		if (l->slots[i].state == SLOT_WAITING &&
		    l->slots[i].next <= now + DISPATCH_SLACK_MS)
			put_off |= !dispatch_slot(c, l, i, now, t);
	for (size_t i = 0; i < t->n; i++)
		t->v[i]->building = 0;
	if (t->answered != NULL)
		settle_later(c, t->answered);
	t->answered = NULL;
	if (put_off && l->watched)
		watched_put_off(c, l, now);
	schedule_enter(&c->schedule, l);
}

bool
dispatch_due(struct carrier *c)
{
	struct touched t = {0};
	int64_t now = clock_mono_ms();
	unsigned n = 0;
	struct letter *l = NULL;
	while (n < DISPATCH_PER_TURN && settle_room(c) &&
	       (l = schedule_due(&c->schedule, now)) != NULL) {
		dispatch_letter(c, l, now, &t);
		n++;
	}
	free(t.v);
	return l != NULL && settle_room(c);
}

/* SPDX-License-Identifier: ISC */
/*
 * Destinations and what waits at them.  Connections live in conn.c.
 * Invariants: a job is in exactly one place: a connection, the porter's
 * hands or the carrier's settled list; a recipient that waits here is in
 * exactly one run and counts as ACTIVE.
 */
#include "deliver/destination.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "deliver/carrier.h"
#include "deliver/conn.h"

/* Never cut: two destinations with one key would share credentials. */
#define KEY_MAX (1024 * 1024)

static bool
same_key(const struct hash_link *l, const void *key)
{
	return strcmp(((const struct destination *)l)->key, key) == 0;
}

void
destination_mark(struct destination *d)
{
	if (!d->is_dirty) {
		d->is_dirty = true;
		TAILQ_INSERT_TAIL(&d->carrier->pool.dirty, d, dirty_link);
	}
	carrier_wake(d->carrier);
}

static void
changed(void *arg)
{
	destination_mark(arg);
}

/* Follow the current configuration. */
static void
adopt(struct destination *d, const struct route *route, const char *domain)
{
	conf_unref(d->conf);
	d->conf = conf_ref(d->carrier->conf);
	d->route = *route;
	free(d->domain);
	d->domain = alloc_string(domain, strlen(domain));
	targets_route(
	    d->targets, d->carrier->resolver, d->conf, &d->route, d->domain);
}

struct destination *
destination_find(struct carrier *c, const struct route *route,
    const char *domain, enum tls_wish wish)
{
	static const char *const wishes[] = {[WISH_NONE] = "",
	    [WISH_REQUIRETLS] = " requiretls",
	    [WISH_TLS_OPTIONAL] = " tls-optional"};
	struct buf key;
	buf_init(&key, KEY_MAX);
	route_key(route, domain, &key);
	/* Such mail finds its own hosts fit or not. */
	if (route->way != WAY_LOCAL)
		(void)buf_adds(&key, wishes[wish]);
	uint64_t hash = hash_bytes(buf_str(&key), key.len);
	struct destination *d = (struct destination *)hash_find(
	    &c->pool.destinations, hash, same_key, buf_str(&key));
	if (d == NULL) {
		d = alloc_zero(1, sizeof(*d));
		d->key = alloc_string(buf_str(&key), key.len);
		d->carrier = c;
		d->wish = wish;
		d->window = 1;
		TAILQ_INIT(&d->conns);
		d->targets = targets_new(c->breakers, changed, d);
		hash_add(&c->pool.destinations, &d->link, hash);
	}
	if (d->conf != c->conf)
		adopt(d, route, domain);
	buf_free(&key);
	return d;
}

void
destination_free(struct carrier *c, struct destination *d)
{
	hash_remove(&c->pool.destinations, &d->link);
	if (d->is_dirty)
		TAILQ_REMOVE(&c->pool.dirty, d, dirty_link);
	if (d->is_starved) {
		TAILQ_REMOVE(&c->pool.starved, d, starved_link);
		c->pool.nstarved--;
	}
	if (d->is_probed)
		TAILQ_REMOVE(&c->pool.probed, d, probed_link);
	if (d->failures > 0)
		board_well(c->board, d->key);
	intern_drop_reason(&c->schedule.interns, d->why);
	intern_drop_reason(&c->schedule.interns, d->answer);
	runs_free(&d->runs);
	targets_free(d->targets);
	conf_unref(d->conf);
	free(d->domain);
	free(d->key);
	free(d);
}

bool
destination_backs_off(const struct destination *d, int64_t now)
{
	return d->retry_at > now && d->nready == 0;
}

static void
one_more_waits(struct destination *d)
{
	d->waiting++;
	d->carrier->pool.waiting++;
	destination_mark(d);
}

void
destination_queue(
    struct destination *d, struct letter *l, uint32_t slot, bool joins)
{
	runs_add(&d->runs, l, slot, joins);
	l->slots[slot].state = SLOT_ACTIVE;
	if (!joins)
		one_more_waits(d);
}

void
destination_return(struct destination *d, struct job *j)
{
	for (uint32_t i = j->n; i > 0; i--)
		runs_put_back(
		    &d->runs, j->letter, j->results[i - 1].slot, i > 1);
	one_more_waits(d);
	job_free(j, &d->carrier->schedule);
}

static void
set_answer(struct destination *d, struct reason *answer)
{
	intern_drop_reason(&d->carrier->schedule.interns, d->answer);
	d->answer = answer;
}

struct job *
destination_take(struct destination *d)
{
	struct run r;
	const struct run *next;
	if (!runs_take(&d->runs, &r))
		return NULL;
	struct job *j = job_new(d, r.letter);
	for (;;) {
		for (uint32_t i = 0; i < r.n; i++)
			job_add(j, r.first + i);
		next = runs_first(&d->runs);
		if (next == NULL || !next->joins || !runs_take(&d->runs, &r))
			break;
	}
	d->waiting--;
	d->carrier->pool.waiting--;
	if (d->waiting == 0)
		set_answer(d, NULL); /* what comes next asks anew */
	return j;
}

/* Everything that waits gets the answer, as far as there is room. */
static void
answer_waiting(struct destination *d)
{
	struct carrier *c = d->carrier;
	struct status st;
	struct job *j;
	reason_status(d->answer, &st);
	while (settle_room(c) && (j = destination_take(d)) != NULL) {
		job_result_all(j, &c->schedule, &st);
		settle_later(c, j);
	}
	if (d->waiting > 0)
		c->answers_wait = true;
}

void
destination_failed(struct destination *d, const struct status *why)
{
	struct carrier *c = d->carrier;
	struct status copy = *why, *st = &copy;
	if (st->verdict == LATER) {
		d->failures++;
		int64_t now = clock_mono_ms();
		int64_t delay = retry_delay(c->conf->queue.retry_ms,
		    c->conf->queue.nretry, d->failures);
		if (delay > BREAKER_OPEN_MAX_MS)
			delay = BREAKER_OPEN_MAX_MS;
		/* Not before any of its addresses may be tried. */
		int64_t opens = targets_opens(d->targets, now);
		if (opens > now)
			delay = opens - now;
		d->retry_at = now + delay;
		struct reason *old = d->why;
		d->why = intern_reason(&c->schedule.interns, st, "");
		intern_drop_reason(&c->schedule.interns, old);
		log_event(LOG_WARNING, "unreachable", LOG_STR("dest", d->key),
		    LOG_NUM("waiting", d->waiting),
		    LOG_NUM("failures", d->failures),
		    LOG_NUM("retry-in", delay / 1000),
		    LOG_STR("text", st->text));
		board_ill(c->board, d->key, st->text, clock_wall_ms() + delay,
		    d->failures);
	}
	d->window = 1;
	d->lost = 0;
	targets_revive(d->targets);
	if (d->waiting == 0)
		return;
	set_answer(d, intern_reason(&c->schedule.interns, st, ""));
	answer_waiting(d);
}

void
destination_reached(struct destination *d)
{
	if (d->failures > 0) {
		log_event(LOG_NOTICE, "reachable", LOG_STR("dest", d->key));
		board_well(d->carrier->board, d->key);
	}
	d->failures = 0;
	d->retry_at = 0;
	d->refusals = 0;
	set_answer(d, NULL);
	destination_grows(d);
}

void
destination_grows(struct destination *d)
{
	if (d->window >= d->carrier->conf->outbound.per_destination)
		return;
	d->window++;
	destination_mark(d);
}

static bool
may_deliver(const struct destination *d)
{
	return d->active < LOCAL_LARGE_MAX && conn_may_send(d->carrier);
}

/* Deliver here; a few, then let others have a turn. */
static void
pump_local(struct destination *d)
{
	for (unsigned i = 0; i < LOCAL_JOBS_PER_TURN && may_deliver(d); i++) {
		struct job *j = destination_take(d);
		if (j == NULL)
			return;
		local_deliver(d->carrier, j);
	}
	if (d->waiting > 0 && may_deliver(d))
		destination_mark(d);
}

void
destination_pump(struct destination *d)
{
	if (d->answer != NULL)
		answer_waiting(d);
	if (d->answer != NULL)
		return;
	if (d->route.way == WAY_LOCAL) {
		pump_local(d);
		return;
	}
	struct conn *conn;
	TAILQ_FOREACH(conn, &d->conns, of_destination)
	conn_feed(conn);
	if (d->nready == 0 && d->retry_at > clock_mono_ms()) {
		destination_give_back(d);
		return;
	}
	while (d->waiting > 0 && conn_open_one(d))
		;
}

/* What waits here is waiting in the schedule again, due at once. */
void
destination_give_back(struct destination *d)
{
	struct carrier *c = d->carrier;
	int64_t now = clock_mono_ms();
	struct run r;
	while (runs_take(&d->runs, &r)) {
		for (uint32_t i = 0; i < r.n; i++) {
			struct slot *sl = &r.letter->slots[r.first + i];
			sl->state = SLOT_WAITING;
			sl->next = now;
		}
		schedule_enter(&c->schedule, r.letter);
	}
	c->pool.waiting -= d->waiting;
	d->waiting = 0;
	set_answer(d, NULL);
}

/* SPDX-License-Identifier: ISC */
/*
 * Destinations and their jobs.  Connections live in conn.c.  Invariant: a
 * job is in exactly one place: the queue of its destination, a connection,
 * or the carrier's settled list.
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
		d->tail = &d->head;
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

void
destination_add(struct destination *d, struct job *j, bool front)
{
	if (front) {
		j->next = d->head;
		d->head = j;
		if (j->next == NULL)
			d->tail = &j->next;
	} else {
		j->next = NULL;
		*d->tail = j;
		d->tail = &j->next;
	}
	d->waiting++;
	d->carrier->pool.waiting++;
	destination_mark(d);
}

struct job *
destination_take(struct destination *d)
{
	struct job *j = d->head;
	if (j == NULL)
		return NULL;
	d->head = j->next;
	if (d->head == NULL)
		d->tail = &d->head;
	j->next = NULL;
	d->waiting--;
	d->carrier->pool.waiting--;
	return j;
}

/* Everything that waits gets this answer. */
static void
answer_waiting(struct destination *d, const struct status *st)
{
	struct job *j;
	while ((j = destination_take(d)) != NULL) {
		job_result_all(j, &d->carrier->schedule, st);
		settle_later(d->carrier, j);
	}
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
	answer_waiting(d, st);
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

/* A waiting job becomes waiting recipients again, due at once. */
void
destination_give_back(struct destination *d)
{
	struct carrier *c = d->carrier;
	struct job *j;
	while ((j = destination_take(d)) != NULL) {
		for (uint32_t i = 0; i < j->n; i++) {
			struct slot *sl = &j->letter->slots[j->results[i].slot];
			sl->state = SLOT_WAITING;
			sl->next = clock_mono_ms();
		}
		schedule_enter(&c->schedule, j->letter);
		job_free(j, &c->schedule);
	}
}

/* SPDX-License-Identifier: ISC */
/*
 * All destinations of a carrier: who has a turn, who is forgotten, and what
 * a new configuration, an order or the end means for them.  Not what one
 * destination does (destination.c).  Invariant: a destination with jobs,
 * connections or a place among the dirty ones is never freed.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "deliver/carrier.h"
#include "deliver/conn.h"

void
pool_init(struct pool *p)
{
	*p = (struct pool){0};
	TAILQ_INIT(&p->idle);
	TAILQ_INIT(&p->dirty);
	TAILQ_INIT(&p->starved);
	TAILQ_INIT(&p->probed);
}

void
pool_pump(struct carrier *c)
{
	if (c->halted || c->stopping)
		return;
	/* What becomes dirty meanwhile has its turn later: no starvation. */
	struct destination_list now = TAILQ_HEAD_INITIALIZER(now);
	TAILQ_CONCAT(&now, &c->pool.dirty, dirty_link);
	struct destination *d;
	while ((d = TAILQ_FIRST(&now)) != NULL) {
		TAILQ_REMOVE(&now, d, dirty_link);
		d->is_dirty = false;
		destination_pump(d);
		if (d->waiting == 0 && d->nconns == 0 && d->active == 0 &&
		    d->failures == 0 && !d->is_dirty)
			destination_free(c, d);
	}
	/* Who was released may not have wanted it any more. */
	if (c->pool.conns < c->conf->outbound.connections)
		pool_release(c);
}

static void
resume_one(void *arg, struct hash_link *link)
{
	struct destination *d = (struct destination *)link;
	(void)arg;
	if (d->waiting > 0)
		destination_mark(d);
}

void
pool_resume(struct carrier *c)
{
	hash_each(&c->pool.destinations, resume_one, c);
	carrier_wake(c);
}

void
pool_release(struct carrier *c)
{
	struct destination *d = TAILQ_FIRST(&c->pool.starved);
	if (d == NULL)
		return;
	TAILQ_REMOVE(&c->pool.starved, d, starved_link);
	c->pool.nstarved--;
	d->is_starved = false;
	destination_mark(d);
}

/* Not all destinations: ten thousand probes that end would look at each
 * other's ten thousand. */
void
pool_probed(struct carrier *c)
{
	struct destination *d;
	while ((d = TAILQ_FIRST(&c->pool.probed)) != NULL) {
		TAILQ_REMOVE(&c->pool.probed, d, probed_link);
		d->is_probed = false;
		destination_mark(d);
	}
}

static void
reroute_one(void *arg, struct hash_link *link)
{
	struct carrier *c = arg;
	struct destination *d = (struct destination *)link;
	destination_give_back(d);
	board_well(c->board, d->key);
	d->failures = 0;
	d->retry_at = 0;
	d->hold = 0;
	conn_retire(d);
	/* What still goes on there must not delay what follows. */
	d->window = d->nconns + 1;
	/* Its old look-ups belong to the old resolver. */
	targets_route(d->targets, c->resolver, d->conf,
	    &(struct route){.way = WAY_LOCAL}, "");
	conf_unref(d->conf);
	d->conf = NULL;
	if (d->nconns == 0 && d->active == 0)
		destination_free(c, d);
}

void
pool_reroute(struct carrier *c)
{
	hash_each(&c->pool.destinations, reroute_one, c);
	breakers_expire(c->breakers, clock_mono_ms());
	carrier_wake(c);
}

static void
recall_one(void *arg, struct hash_link *link)
{
	struct destination *d = (struct destination *)link;
	const bool *now = arg;
	destination_give_back(d);
	if (!*now)
		return;
	d->retry_at = 0;
	d->hold = 0;
	if (d->nconns == 0)
		targets_revive(d->targets);
}

void
pool_recall(struct carrier *c, bool now)
{
	hash_each(&c->pool.destinations, recall_one, &now);
	if (now)
		breakers_expire(c->breakers, clock_mono_ms());
}

static void
sweep_one(void *arg, struct hash_link *link)
{
	struct destination *d = (struct destination *)link;
	/* How often it failed in a row is the length of its back-off: to be
	 * known for as long as mail for it may be waiting. */
	int64_t kept = d->failures > 0 ? d->retry_at + BREAKER_KEEP_MS : 0;
	if (d->waiting == 0 && d->active == 0 && d->nconns == 0 &&
	    !d->is_dirty && kept <= clock_mono_ms())
		destination_free(arg, d);
}

void
pool_sweep(struct carrier *c)
{
	hash_each(&c->pool.destinations, sweep_one, c);
	breakers_sweep(c->breakers, clock_mono_ms());
}

static void
stop_one(void *arg, struct hash_link *link)
{
	(void)arg;
	destination_give_back((struct destination *)link);
	conn_retire((struct destination *)link);
}

static void
free_one(void *arg, struct hash_link *link)
{
	destination_free(arg, (struct destination *)link);
}

void
pool_stop(struct carrier *c, bool force)
{
	hash_each(&c->pool.destinations, stop_one, c);
	if (force)
		conn_abort_all(c);
}

void
pool_free(struct carrier *c)
{
	hash_each(&c->pool.destinations, free_one, c);
	hash_free(&c->pool.destinations);
	sessions_free(&c->pool.sessions);
}

/* SPDX-License-Identifier: ISC */
/*
 * Connections between destinations and hops: opened, fed, let go.  What an
 * end means is conn_end.c's.  Invariant: conn->idle is true exactly while it
 * is in pool.idle.
 */
#include "deliver/conn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "deliver/carrier.h"
#include "deliver/watched.h"

/* Towards hosts found by MX: encrypt when it is offered (RFC 7435). */
static const struct session_conf direct_session = {.tls = TLS_OPPORTUNISTIC};

static void
set_idle(struct conn *conn, bool idle)
{
	struct pool *p = &conn->destination->carrier->pool;
	if (conn->idle == idle)
		return;
	conn->idle = idle;
	if (idle) {
		conn->idle_since = clock_mono_ms();
		TAILQ_INSERT_TAIL(&p->idle, conn, of_idle);
		carrier_wake(conn->destination->carrier);
	} else {
		TAILQ_REMOVE(&p->idle, conn, of_idle);
	}
}

static void
give(struct conn *conn, struct job *j)
{
	struct destination *d = conn->destination;
	struct carrier *c = d->carrier;
	const struct hop_target *peer = &conn->target;
	char ip[IP_TEXT_MAX];
	struct status st;
	ip_format(&peer->ip, ip);
	(void)snprintf(j->cargo->remote, sizeof(j->cargo->remote), "%s[%s]:%u",
	    peer->host, ip, peer->port);
	(void)snprintf(
	    j->cargo->tls, sizeof(j->cargo->tls), "%s", hop_tls(conn->hop));
	j->cargo->dsn = hop_dsn(conn->hop);
	if (job_is_large(j)) {
		prepare(conn, j);
	} else if (job_render(j, c->conf, c->keyring, &c->store,
		       hop_caps(conn->hop), &st) != 0) {
		job_result_all(j, &c->schedule, &st);
		settle_later(c, j);
	} else {
		conn_send(conn, j);
	}
}

void
conn_send(struct conn *conn, struct job *j)
{
	struct destination *d = conn->destination;
	watched_session(j->cargo, conn->given > 0 ? NULL : hop_said(conn->hop));
	set_idle(conn, false);
	conn->given++;
	d->active++;
	d->carrier->pool.active++;
	hop_start(conn->hop, &j->cargo->transaction);
}

bool
conn_may_send(struct carrier *c)
{
	if (c->halted || c->stopping)
		return false;
	if (c->journal.pending_records < UNDURABLE_MAX)
		return true;
	c->held_back = true;
	return false;
}

static void
leave(struct conn *conn)
{
	if (!conn->leaving)
		conn->destination->carrier->pool.leaving++;
	conn->leaving = conn->retired = true;
}

/* Has it done its share?  Others that have no connection at all come before
 * one that has several. */
static bool
spent(struct conn *conn)
{
	const struct destination *d = conn->destination;
	const struct pool *p = &d->carrier->pool;
	unsigned most = d->carrier->conf->outbound.messages_per_connection;
	if (conn->given > 0 && d->nconns > 1 && p->leaving < p->nstarved)
		leave(conn);
	return conn->retired || (most != 0 && conn->given >= most);
}

void
conn_feed(struct conn *conn)
{
	struct destination *d = conn->destination;
	struct carrier *c = d->carrier;
	if (!conn->ready)
		return;
	while (d->waiting > 0 && conn->preparing == NULL && conn_may_send(c) &&
	       !spent(conn) && hop_can_take(conn->hop)) {
		const char *why;
		struct job *j = destination_take(d);
		if (job_load(j, &c->store, &why) != 0)
			settle_unreadable(c, j, why);
		else
			give(conn, j);
	}
	bool idle = hop_idle(conn->hop) && conn->preparing == NULL;
	if (idle && (spent(conn) || c->stopping)) {
		set_idle(conn, false);
		hop_quit(conn->hop);
	} else {
		set_idle(conn, idle);
	}
}

/* --- hooks --- */

static void
on_ready(void *arg, struct hop *h)
{
	struct conn *conn = arg;
	(void)h;
	conn->ready = true;
	conn->destination->nready++;
	sessions_begin(
	    &conn->destination->carrier->pool.sessions, &conn->target);
	board_add(conn->destination->carrier->board, COUNT_SESSIONS, 1);
	breaker_reached(conn->destination->carrier->breakers, &conn->target);
	destination_reached(conn->destination);
	if (conn->probe)
		pool_probed(conn->destination->carrier);
	conn->probe = false;
	destination_mark(conn->destination);
}

static void
on_room(void *arg, struct hop *h)
{
	(void)h;
	conn_feed(arg);
}

static void
on_outcome(void *arg, struct transaction *t, size_t i, const struct status *st,
    bool unsent)
{
	struct conn *conn = arg;
	struct job *j = t->cookie;
	if (unsent) {
		j->results[i].kind = RESULT_UNSENT;
		return;
	}
	if (st->verdict != LATER || (st->code >= 400 && st->code != 421))
		conn->achieved = true;
	/* Not when it wanted no more of us once. */
	if (st->verdict == DONE && conn->destination->hold == 0)
		destination_grows(conn->destination);
	job_result(j, &conn->destination->carrier->schedule, (uint32_t)i, st);
}

static void
on_finished(void *arg, struct transaction *t)
{
	struct conn *conn = arg;
	struct destination *d = conn->destination;
	d->active--;
	d->carrier->pool.active--;
	settle_later(d->carrier, t->cookie);
}

static ssize_t
on_body(
    void *arg, struct transaction *t, uint64_t offset, char *out, size_t room)
{
	(void)arg;
	return job_body(t->cookie, offset, out, room);
}

static void
on_closed(void *arg, struct hop *h, const struct status *st, bool was_ready)
{
	struct conn *conn = arg;
	struct destination *d = conn->destination;
	struct carrier *c = d->carrier;
	(void)h;
	set_idle(conn, false);
	prepare_forget(conn);
	TAILQ_REMOVE(&d->conns, conn, of_destination);
	d->nconns--;
	c->pool.conns--;
	if (conn->leaving)
		c->pool.leaving--;
	if (was_ready) {
		d->nready--;
		sessions_end(&c->pool.sessions, &conn->target);
	}
	conn_ended(conn, st, was_ready);
	free(conn);
	pool_release(c);
	destination_mark(d);
}

static const struct hop_hooks hooks = {
    .ready = on_ready,
    .room = on_room,
    .closed = on_closed,
    .client = {.outcome = on_outcome,
	.finished = on_finished,
	.body = on_body,
	.line = watched_line},
};

/* --- opening --- */

static void
open_to(struct destination *d, const struct target *t)
{
	struct carrier *c = d->carrier;
	const struct run *first = runs_first(&d->runs);
	const struct session_conf *session =
	    t->session != NULL ? t->session : &direct_session;
	struct hop_options o = {.target = t->hop,
	    .session = session,
	    .helo = session->helo != NULL ? session->helo : c->conf->hostname,
	    .source_address = c->conf->outbound.source_address,
	    .connect_timeout_ms = c->conf->outbound.connect_timeout_ms,
	    .timeout_ms = c->conf->outbound.timeout_ms,
	    .trust = {.resolver = c->conf->outbound.dane ? c->resolver : NULL,
		.sts = c->conf->outbound.mta_sts && !t->ours ? c->sts : NULL,
		.domain = t->domain,
		.ca_file = c->conf->outbound.ca_file,
		.wish = d->wish},
	    .watched = first != NULL && first->letter->watched};
	struct conn *conn = alloc_zero(1, sizeof(*conn));
	conn->destination = d;
	conn->target = t->hop;
	conn->session = t->session;
	conn->probe = breaker_begin(c->breakers, &t->hop);
	TAILQ_INSERT_TAIL(&d->conns, conn, of_destination);
	d->nconns++;
	c->pool.conns++;
	conn->hop = hop_open(c->hops, &o, &hooks, conn);
}

/* All connections are taken: wait in line, and let an idle one go. */
static void
starve(struct destination *d)
{
	struct pool *p = &d->carrier->pool;
	if (!d->is_starved) {
		d->is_starved = true;
		TAILQ_INSERT_TAIL(&p->starved, d, starved_link);
		p->nstarved++;
	}
	struct conn *oldest = TAILQ_FIRST(&p->idle);
	if (oldest != NULL && p->leaving < p->nstarved) {
		leave(oldest);
		set_idle(oldest, false);
		hop_quit(oldest->hop);
	}
}

/* Somebody's probe may open what is closed to us now. */
static void
await_probe(struct destination *d)
{
	if (d->is_probed)
		return;
	d->is_probed = true;
	TAILQ_INSERT_TAIL(&d->carrier->pool.probed, d, probed_link);
}

bool
conn_open_one(struct destination *d)
{
	struct carrier *c = d->carrier;
	int64_t now = clock_mono_ms();
	unsigned most = c->conf->outbound.per_destination;
	if (d->nconns >= (d->window < most ? d->window : most) ||
	    d->nconns - d->nready >= d->waiting)
		return false;
	/* Only beside others: with none left nobody would look again. */
	if (d->nready > 0 && d->hold > now)
		return false;
	if (c->pool.conns >= c->conf->outbound.connections) {
		starve(d);
		return false;
	}
	struct target *t;
	struct status st;
	switch (targets_pick(d->targets, now, &t, &st)) {
	case PICK_TARGET:
		open_to(d, t);
		return true;
	case PICK_WAIT:
		return false;
	case PICK_PROBED:
		await_probe(d);
		return false;
	case PICK_NONE:
		if (d->nconns == 0)
			destination_failed(d, &st);
		else
			await_probe(d);
		return false;
	}
	return false;
}

int64_t
pool_idle(struct carrier *c, int64_t now)
{
	struct conn *conn;
	while ((conn = TAILQ_FIRST(&c->pool.idle)) != NULL) {
		int64_t left = conn->idle_since + CONN_IDLE_MS - now;
		if (left > 0 && !c->stopping)
			return left;
		set_idle(conn, false);
		hop_quit(conn->hop);
	}
	return -1;
}

void
conn_retire(struct destination *d)
{
	struct conn *conn;
	TAILQ_FOREACH(conn, &d->conns, of_destination)
	{
		conn->retired = true;
		prepare_forget(conn);
		if (!conn->ready || hop_idle(conn->hop)) {
			set_idle(conn, false);
			hop_quit(conn->hop);
		}
	}
}

static void
abort_one(void *arg, struct hash_link *link)
{
	struct destination *d = (struct destination *)link;
	struct conn *conn, *next;
	(void)arg;
	struct status st;
	status_set(&st, LATER, 0, "4.3.2", "this host is stopping");
	for (conn = TAILQ_FIRST(&d->conns); conn != NULL; conn = next) {
		next = TAILQ_NEXT(conn, of_destination);
		hop_abort(conn->hop, &st);
	}
}

void
conn_abort_all(struct carrier *c)
{
	hash_each(&c->pool.destinations, abort_one, c);
}

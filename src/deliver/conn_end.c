/* SPDX-License-Identifier: ISC */
/*
 * What the end of a connection says about its address, its user and its
 * destination.  A connection failing before it is ready says something about
 * the address; one that ends later says something only when several in a row
 * achieve nothing; a refused login is about the user, wherever it is tried.
 * Not how connections are opened and fed (conn.c).
 */
#include "deliver/conn.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "deliver/carrier.h"

bool
target_lives(const struct destination *d, const struct hop_target *t)
{
	const struct conn *conn;
	TAILQ_FOREACH(conn, &d->conns, of_destination)
	if (conn->ready && conn->target.port == t->port &&
	    ip_equal(&conn->target.ip, &t->ip))
		return true;
	return false;
}

/* The login was refused.  Temporary, but loud: nothing goes out until
 * somebody sees to it, unless it was a token that a command renews. */
static void
no_login(struct conn *conn, const struct status *st)
{
	struct destination *d = conn->destination;
	int64_t until = clock_mono_ms() + LOGIN_DEAD_MS;
	d->refusals++;
	log_event(LOG_ERR, "login-refused", LOG_STR("dest", d->key),
	    LOG_STR("user", conn->session->user), LOG_NUM("times", d->refusals),
	    LOG_NUM("waiting", d->waiting), LOG_STR("text", st->text));
	targets_refused(d->targets, conn->session, until, st);
	d->hold = until;
}

static void
no_session(struct conn *conn, const struct status *st)
{
	struct destination *d = conn->destination;
	int64_t now = clock_mono_ms();
	if (conn->retired)
		return; /* our own doing */
	if (conn->session != NULL && hop_refused(conn->hop)) {
		no_login(conn, st);
		return;
	}
	board_add(d->carrier->board, COUNT_NO_SESSIONS, 1);
	log_event(LOG_INFO, "no-session", LOG_STR("dest", d->key),
	    LOG_STR("host", conn->target.host), LOG_STR("text", st->text));
	if (!target_lives(d, &conn->target)) {
		/* One that serves others wants no more of us; that is not
		 * for others to suffer from. */
		if (hop_unreached(conn->hop) &&
		    !sessions_has(&d->carrier->pool.sessions, &conn->target))
			breaker_failed(d->carrier->breakers, &conn->target,
			    d->carrier->conf, now, st);
		targets_failed(
		    d->targets, &conn->target, now + TARGET_DEAD_MS, st);
		if (hop_forbidden(conn->hop))
			targets_forbidden(d->targets);
		return;
	}
	/* The host lives; it only wants no more of us. */
	d->window = d->nconns > 0 ? d->nconns : 1;
	d->hold = now + CONN_HOLD_MS;
}

/* The host talks and then achieves nothing: go to another one if there is
 * one.  Not from the domain's own hosts to a smart host: a message may have
 * been taken here (A25). */
static void
host_is_ill(struct conn *conn, const struct status *why)
{
	struct destination *d = conn->destination;
	struct target *t;
	struct status st = *why, none;
	int64_t now = clock_mono_ms();
	st.verdict = LATER;
	if (st.enhanced[0] != '4')
		memcpy(st.enhanced, "4.4.2", sizeof("4.4.2"));
	d->lost = 0;
	d->window = 1;
	if (d->route.way != WAY_DIRECT_FIRST) {
		targets_failed(
		    d->targets, &conn->target, now + TARGET_DEAD_MS, &st);
		if (targets_pick(d->targets, now, &t, &none) != PICK_NONE)
			return;
	}
	destination_failed(d, &st);
}

void
conn_ended(struct conn *conn, const struct status *st, bool was_ready)
{
	struct destination *d = conn->destination;
	struct carrier *c = d->carrier;
	if (!was_ready) {
		if (hop_greeted(conn->hop))
			breaker_reached(c->breakers, &conn->target);
		no_session(conn, st);
		if (conn->probe) {
			breaker_let_go(c->breakers, &conn->target);
			pool_probed(c);
		}
	} else if (conn->achieved)
		d->lost = 0;
	else if (conn->given > 0 && !d->carrier->stopping && !conn->retired &&
		 st->verdict != DONE && ++d->lost >= CONN_LOST_MAX)
		host_is_ill(conn, st);
}

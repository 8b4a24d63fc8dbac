/* SPDX-License-Identifier: ISC */
/*
 * The event loop of waypostd.  Each turn: settle what was answered, take
 * from the pickup directory, dispatch what is due, pump destinations,
 * commit findings, set the timer for what comes next.  Sleeps without a
 * wake-up until then.
 */
#include "deliver/carrier.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "deliver/alert.h"

#define PICKUP_PER_TURN 16

void
carrier_wake(struct carrier *c)
{
	/* By a timer of zero, not event_active(): sockets come first. */
	static const struct timeval now = {0, 0};
	if (c->work != NULL && !evtimer_pending(c->work, NULL))
		(void)evtimer_add(c->work, &now);
}

static void
set_timer(struct event *ev, int64_t ms)
{
	if (ms < 0)
		ms = 0;
	struct timeval tv = {
	    .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
	(void)evtimer_add(ev, &tv);
}

static void
earlier(int64_t *ms, int64_t candidate)
{
	if (candidate >= 0 && (*ms < 0 || candidate < *ms))
		*ms = candidate;
}

/* When the loop must turn again by itself. */
static void
rearm(struct carrier *c)
{
	int64_t now = clock_mono_ms();
	int64_t wait = pool_idle(c, now);
	if (c->halted)
		earlier(&wait, c->retry_journal - now);
	if (ledger_due(c) && !clerk_committing(c->clerk) && !c->halted)
		earlier(&wait, COMMIT_INTERVAL_MS);
	earlier(&wait, orders_wait(c->orders, now));
	int64_t due = schedule_next(&c->schedule);
	if (due >= 0 && !c->halted && !c->stopping && settle_room(c))
		earlier(&wait, due > now ? due - now : 0);
	if (wait < 0)
		(void)evtimer_del(c->timer);
	else
		set_timer(c->timer, wait);
}

static void
commit_when_due(struct carrier *c)
{
	int64_t now = clock_mono_ms();
	if (c->halted) {
		ledger_commit(c);
		return;
	}
	if (!ledger_due(c) || clerk_committing(c->clerk))
		return;
	if (c->commit_at == 0)
		c->commit_at = now + COMMIT_INTERVAL_MS;
	if (c->journal.pending_records >= COMMIT_RECORDS ||
	    now >= c->commit_at || c->stopping) {
		ledger_commit(c);
		c->commit_at = 0;
	}
}

static bool
drained(struct carrier *c, bool more)
{
	int64_t due = schedule_next(&c->schedule);
	return c->drain && !more && c->pool.waiting == 0 &&
	       c->pool.active == 0 && c->settled == NULL && !ledger_due(c) &&
	       c->leaving == NULL && clerk_idle(c->clerk) &&
	       porter_idle(c->porter) && (due < 0 || due > clock_mono_ms());
}

static void
end_if_stopped(struct carrier *c)
{
	if (c->pool.conns == 0 && c->pool.active == 0 && c->settled == NULL &&
	    porter_idle(c->porter))
		(void)event_base_loopbreak(c->base);
}

static bool
take_pickup(struct carrier *c)
{
	if (!c->pickup_ready || c->pickup == NULL || c->stopping)
		return false;
	c->pickup_ready =
	    pickup_run(c->pickup, c->conf, c->aliases, PICKUP_PER_TURN);
	if (!c->pickup_ready && pickup_wait(c->pickup) >= 0)
		live_arm_rescan(c);
	/* What was queued rings the bell only when the loop polls again;
	 * a drain must not end before. */
	live_scan(c);
	return c->pickup_ready;
}

static void
on_work(evutil_socket_t fd, short what, void *arg)
{
	struct carrier *c = arg;
	(void)fd;
	(void)what;
	settle_run(c, false);
	orders_run(c);
	bool more = take_pickup(c);
	if (!c->halted && !c->stopping)
		more |= dispatch_due(c);
	pool_pump(c);
	commit_when_due(c);
	ledger_tidy(c);
	if (more || c->settled != NULL)
		carrier_wake(c);
	board_set(c->board, COUNT_WAITING_NOW, c->schedule.letters);
	board_set(c->board, COUNT_SESSIONS_NOW, c->pool.conns);
	if (!c->stopping && drained(c, more))
		carrier_stop(c);
	if (c->stopping)
		end_if_stopped(c);
	alert_look(c->alert);
	rearm(c);
}

static void
on_lull(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	ledger_lull(arg);
}

static void
on_patience(evutil_socket_t fd, short what, void *arg)
{
	struct carrier *c = arg;
	(void)fd;
	(void)what;
	log_text(LOG_NOTICE, "stopping with %zu deliveries under way",
	    c->pool.active);
	porter_cancel_all(c->porter);
	pool_stop(c, true);
	carrier_wake(c);
}

void
carrier_stop(struct carrier *c)
{
	if (c->stopping)
		return;
	c->stopping = true;
	c->no_reports = clock_mono_ms() + STOP_PATIENCE_MS;
	live_mute(c);
	pool_stop(c, false);
	set_timer(c->patience, STOP_PATIENCE_MS);
	carrier_wake(c);
}

static void
on_stop_signal(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	log_event(LOG_NOTICE, "stopping", LOG_NUM("signal", fd));
	carrier_stop(arg);
}

static struct event *
new_timer(struct carrier *c, event_callback_fn fn)
{
	struct event *ev = evtimer_new(c->base, fn, c);
	if (ev == NULL)
		die("out of memory");
	return ev;
}

static bool
open_loop(struct carrier *c)
{
	c->base = event_base_new();
	if (c->base == NULL)
		return false;
	c->work = new_timer(c, on_work);
	c->timer = new_timer(c, on_work);
	c->lull = new_timer(c, on_lull);
	c->patience = new_timer(c, on_patience);
	c->term = evsignal_new(c->base, SIGTERM, on_stop_signal, c);
	c->interrupt = evsignal_new(c->base, SIGINT, on_stop_signal, c);
	if (c->term == NULL || c->interrupt == NULL)
		die("out of memory");
	(void)event_add(c->term, NULL);
	(void)event_add(c->interrupt, NULL);
	return true;
}

static void
close_loop(struct carrier *c)
{
	struct event **all[] = {&c->work, &c->timer, &c->lull, &c->patience,
	    &c->term, &c->interrupt};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (*all[i] != NULL)
			event_free(*all[i]);
		*all[i] = NULL;
	}
	if (c->base != NULL)
		event_base_free(c->base);
}

static void
last_words(struct carrier *c)
{
	settle_run(c, true);
	ledger_commit_now(c);
	log_event(
	    LOG_NOTICE, "stopped", LOG_NUM("queued", c->schedule.letters));
}

int
carrier_run(const struct carrier_options *o)
{
	struct carrier c = {.conf_path = o->conf_path, .drain = o->drain};
	c.settled_end = &c.settled;
	TAILQ_INIT(&c.notices);
	/* Jitter need not be secret, only differ from host to host. */
	srandom((unsigned)(clock_wall_ms() ^ getpid()));
	/* Until it means "read the configuration again". */
	(void)signal(SIGHUP, SIG_IGN);
	pool_init(&c.pool);
	schedule_init(&c.schedule);
	int code = live_open(&c);
	if (code == 0 && !open_loop(&c)) {
		log_text(LOG_ERR, "cannot start the event loop");
		code = EX_OSERR;
	}
	if (code == 0)
		code = live_start(&c);
	if (code == 0) {
		if (o->flush)
			schedule_flush(&c.schedule, clock_mono_ms());
		carrier_wake(&c);
		(void)event_base_dispatch(c.base);
		pool_stop(&c, true);
		last_words(&c);
	}
	live_close(&c);
	close_loop(&c);
	return code;
}

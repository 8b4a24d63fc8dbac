/* SPDX-License-Identifier: ISC */
/*
 * AUTH between the session and libgsasl's front end.  A failed login is
 * answered late, by a timer: nobody else waits for it (F13).
 */
#include <event2/event.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "smtpd/visit.h"

static void
end_exchange(struct visit *v)
{
	if (v->exchange != NULL)
		auth_end(v->exchange);
	v->exchange = NULL;
	site_unref(v->exchange_site);
	v->exchange_site = NULL;
}

static void
say_failed(evutil_socket_t fd, short what, void *arg)
{
	struct visit *v = arg;
	(void)fd;
	(void)what;
	session_auth_answer(v->session, AUTH_FAILED, NULL, &v->auth_status);
	visit_pump(v);
}

/* A failure is answered late, the later the more of them (F13). */
static enum auth_step
failed(struct visit *v, const struct status *st)
{
	char ip[IP_TEXT_MAX];
	ip_format(&v->peer.ip, ip);
	int64_t wait =
	    guard_auth_failed(v->worker->guard, &v->counts_as, clock_mono_ms());
	struct timeval tv = {.tv_sec = wait / 1000,
	    .tv_usec = (suseconds_t)(wait % 1000) * 1000};
	log_event(LOG_NOTICE, "auth-failed", LOG_STR("client", ip),
	    LOG_STR("user", auth_claimed(v->exchange)),
	    LOG_NUM("delay-ms", wait), LOG_STR("text", st->text));
	board_add(v->worker->board, COUNT_AUTH_FAILED, 1);
	v->auth_status = *st;
	end_exchange(v);
	if (++v->auth_failures >= AUTH_FAILURES_MAX) {
		status_set(&v->auth_status, LATER, 421, "4.7.0",
		    "Too many failed logins");
	}
	if (v->late == NULL)
		v->late = evtimer_new(v->worker->base, say_failed, v);
	if (v->late == NULL || evtimer_add(v->late, &tv) != 0)
		die("out of memory");
	return AUTH_PENDING;
}

static enum auth_step
stepped(struct visit *v, enum auth_step step, const struct status *st)
{
	if (step == AUTH_DONE) {
		session_set_user(v->session, auth_user(v->exchange));
		guard_auth_done(v->worker->guard, &v->counts_as);
		board_add(v->worker->board, COUNT_AUTH_DONE, 1);
		end_exchange(v);
	} else if (step == AUTH_FAILED && st->code == 535) {
		return failed(v, st);
	} else if (step == AUTH_FAILED) {
		end_exchange(v);
	}
	return step;
}

static void
on_auth_answer(void *arg, enum auth_step step, const struct buf *out,
    const struct status *st)
{
	struct visit *v = arg;
	step = stepped(v, step, st);
	if (step == AUTH_PENDING)
		return;
	session_auth_answer(v->session, step, out, st);
	visit_pump(v);
}

enum auth_step
visit_auth_next(void *arg, const char *response, size_t len, struct buf *out,
    struct status *st)
{
	struct visit *v = arg;
	return stepped(v, auth_feed(v->exchange, response, len, out, st), st);
}

enum auth_step
visit_auth_start(void *arg, const char *mechanism, const char *initial,
    size_t len, struct buf *out, struct status *st)
{
	struct visit *v = arg;
	struct worker *w = v->worker;
	end_exchange(v);
	v->exchange_site = site_ref(w->site);
	v->exchange = auth_begin(w->auth, w->site->conf, w->site->users,
	    &v->channel, mechanism, on_auth_answer, v);
	return visit_auth_next(v, initial, len, out, st);
}

void
visit_auth_cancel(void *arg)
{
	end_exchange(arg);
}

/* SPDX-License-Identifier: ISC */
/*
 * The parent's loop: signals, changes of the configuration, and the end.
 * The workers are in hands.c.  Invariants: every live worker has the sockets
 * of doors.c; one that is started anew begins with the last configuration
 * that was whole.
 */
#include "smtpd/parent.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/identity.h"
#include "base/log.h"
#include "conf/watch.h"
#include "queue/board.h"
#include "smtpd/doors.h"
#include "smtpd/guard.h"
#include "smtpd/parent_internal.h"

#define GUARD_ENTRIES 65536
#define STOP_PATIENCE_MS 9000
#define BIND_AGAIN_MS 5000
#define POLL_MS 1000

void
parent_call_in(struct event *timer, int64_t ms)
{
	const struct timeval tv = {
	    .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
	(void)evtimer_add(timer, &tv);
}

static void
follow_doors(struct parent *p)
{
	if (doors_follow(p->doors, p->site->conf) > 0)
		parent_call_in(p->bind_again, BIND_AGAIN_MS);
	else
		(void)evtimer_del(p->bind_again);
}

static void
on_bind_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	follow_doors(arg);
}

static void
reload(struct parent *p)
{
	if (p->stopping)
		return;
	struct site *fresh = site_load(p->conf_path, p->site, SITE_TELL);
	if (fresh == NULL) {
		log_event(LOG_ERR, "configuration",
		    LOG_STR("text", "not reloaded, the old one stays"));
		return;
	}
	const struct handover change = {.kind = HANDOVER_RELOAD, .fd = -1};
	site_unref(p->site);
	p->site = fresh;
	hands_tell(p, &change);
	follow_doors(p);
	if (watch_follow(p->watch, fresh->conf) != 0)
		log_text(LOG_WARNING, "cannot watch the configuration: %s",
		    strerror(errno));
}

/* SIGHUP asks for it anyway. */
static void
on_change(evutil_socket_t fd, short what, void *arg)
{
	struct parent *p = arg;
	(void)fd;
	if (watch_changed(p->watch) == 1 || (what & EV_SIGNAL))
		reload(p);
}

/* Without inotify (H17). */
static void
on_poll(evutil_socket_t fd, short what, void *arg)
{
	struct parent *p = arg;
	on_change(fd, what, arg);
	parent_call_in(p->poll, POLL_MS);
}

static void
on_patience(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	hands_signal(arg, SIGKILL);
}

static void
on_stop(evutil_socket_t fd, short what, void *arg)
{
	struct parent *p = arg;
	(void)fd;
	(void)what;
	p->stopping = true;
	(void)evtimer_del(p->bind_again);
	doors_free(p->doors); /* nobody waits in vain to be accepted */
	p->doors = NULL;
	hands_signal(p, SIGTERM);
	parent_call_in(p->patience, STOP_PATIENCE_MS);
	if (p->alive == 0)
		(void)event_base_loopbreak(p->base);
}

static struct event *
new_timer(struct parent *p, event_callback_fn fn, void *arg)
{
	struct event *ev = evtimer_new(p->base, fn, arg);
	if (ev == NULL)
		die("out of memory");
	return ev;
}

static struct event *
follow(struct parent *p, int fd, short what, event_callback_fn fn)
{
	struct event *ev = event_new(p->base, fd, what | EV_PERSIST, fn, p);
	if (ev == NULL || event_add(ev, NULL) != 0)
		die("cannot start the event loop");
	return ev;
}

/* Low ports need the rights that we start with; what is in the files must
 * be readable by who we become. */
static int
open_and_load(struct parent *p)
{
	struct faults f;
	faults_init(&f);
	struct conf *c = conf_load(p->conf_path, 0, &f);
	faults_log(&f);
	faults_free(&f);
	if (c == NULL)
		return EX_CONFIG;
	p->doors = doors_new(hands_tell, p);
	int code = EX_OK;
	if (doors_follow(p->doors, c) > 0 && doors_count(p->doors) == 0)
		code = EX_OSERR;
	else if (identity_become_owner(c->spool, true) != 0)
		code = EX_OSERR;
	conf_unref(c);
	if (code != EX_OK)
		return code;
	p->site = site_load(p->conf_path, NULL, SITE_TELL);
	return p->site == NULL ? EX_CONFIG : EX_OK;
}

static void
start_events(struct parent *p)
{
	p->watch = watch_open(p->site->conf);
	p->events[0] = follow(p, SIGTERM, EV_SIGNAL, on_stop);
	p->events[1] = follow(p, SIGINT, EV_SIGNAL, on_stop);
	p->events[2] = follow(p, SIGHUP, EV_SIGNAL, on_change);
	p->events[3] = follow(p, SIGCHLD, EV_SIGNAL, hands_on_child);
	p->events[5] = p->patience = new_timer(p, on_patience, p);
	p->events[6] = p->bind_again = new_timer(p, on_bind_again, p);
	p->events[7] = p->poll = new_timer(p, on_poll, p);
	if (watch_fd(p->watch) >= 0)
		p->events[4] =
		    follow(p, watch_fd(p->watch), EV_READ, on_change);
	else
		on_poll(-1, 0, p);
	/* Those that could not be bound yet, and a change since the load. */
	follow_doors(p);
	if (watch_changed(p->watch) == 1)
		reload(p);
}

static int
start(struct parent *p)
{
	int code = open_and_load(p);
	if (code != EX_OK)
		return code;
	p->guard = guard_new(GUARD_ENTRIES);
	p->board = board_open(p->site->conf->spool, BOARD_LISTENER);
	p->base = event_base_new();
	if (p->guard == NULL || p->base == NULL)
		return EX_OSERR;
	start_events(p);
	hands_start(p);
	return EX_OK;
}

static void
free_parent(struct parent *p)
{
	hands_free(p);
	for (size_t i = 0; i < sizeof(p->events) / sizeof(p->events[0]); i++)
		if (p->events[i] != NULL)
			event_free(p->events[i]);
	if (p->base != NULL)
		event_base_free(p->base);
	watch_close(p->watch);
	guard_free(p->guard);
	board_close(p->board);
	doors_free(p->doors);
	site_unref(p->site);
	free(p);
}

int
parent_run(const struct parent_options *o)
{
	struct parent *p = alloc_zero(1, sizeof(*p));
	p->conf_path = o->conf_path;
	int code = start(p);
	if (code == EX_OK) {
		(void)event_base_dispatch(p->base);
		log_event(LOG_NOTICE, "stopped", LOG_NUM("workers", p->nhands));
	}
	free_parent(p);
	return code;
}

/* SPDX-License-Identifier: ISC */
/*
 * The parent's loop.  Invariants: every live worker has the sockets of
 * doors.c; a worker that dies is replaced after a pause that grows while it
 * keeps dying, and starts with the last configuration that was whole.
 */
#include "smtpd/parent.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/identity.h"
#include "base/log.h"
#include "conf/watch.h"
#include "smtpd/doors.h"
#include "smtpd/guard.h"
#include "smtpd/worker.h"

#define WORKERS_MAX 64
#define WORKERS_DEFAULT_MAX 4
#define GUARD_ENTRIES 65536
#define RESTART_MS 100 /* doubles up to the next */
#define RESTART_MAX_MS 30000
#define HEALTHY_MS 60000 /* lived that long: the pause starts anew */
#define STOP_PATIENCE_MS 9000
#define BIND_AGAIN_MS 5000
#define POLL_MS 1000

struct hand { /* one worker, seen from here */
	struct parent *parent;
	pid_t pid; /* 0: none now */
	int control;
	int64_t started, pause;
	struct event *restart;
};

struct parent {
	const char *conf_path;
	struct site *site;
	struct watch *watch;
	struct event_base *base;
	struct guard *guard;
	struct board *board;
	struct doors *doors;
	struct hand hands[WORKERS_MAX];
	unsigned nhands, alive;
	struct event *events[8]; /* all but those of the hands */
	struct event *patience, *bind_again, *poll;
	bool stopping;
};

static void
call_in(struct event *timer, int64_t ms)
{
	const struct timeval tv = {
	    .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
	(void)evtimer_add(timer, &tv);
}

static void
tell_one(void *arg, const struct handover *h)
{
	struct hand *hand = arg;
	if (hand->pid != 0 && handover_send(hand->control, h) != 0)
		log_text(LOG_ERR, "cannot tell worker %d of a change: %s",
		    (int)hand->pid, strerror(errno));
}

static void
tell_all(void *arg, const struct handover *h)
{
	struct parent *p = arg;
	for (unsigned i = 0; i < p->nhands; i++)
		tell_one(&p->hands[i], h);
}

static void
follow_doors(struct parent *p)
{
	if (doors_follow(p->doors, p->site->conf) > 0)
		call_in(p->bind_again, BIND_AGAIN_MS);
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
be_worker(struct hand *h, int control)
{
	struct parent *p = h->parent;
	struct worker_options o = {.number = (unsigned)(h - p->hands),
	    .conf_path = p->conf_path,
	    .site = p->site,
	    .guard = p->guard,
	    .board = p->board,
	    .control = control};
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	identity_drop_capabilities();
	for (unsigned i = 0; i < p->nhands; i++)
		if (p->hands[i].pid != 0)
			(void)close(p->hands[i].control);
	doors_free(p->doors);
	/* The parent's loop is not ours; libevent forgets its signals. */
	(void)event_reinit(p->base);
	event_base_free(p->base);
	watch_close(p->watch);
	_exit(worker_run(&o));
}

static void
start_worker(struct hand *h)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		die("socketpair: %s", strerror(errno));
	pid_t pid = fork();
	if (pid == 0) {
		(void)close(pair[0]);
		be_worker(h, pair[1]);
	}
	(void)close(pair[1]);
	h->started = clock_mono_ms();
	if (pid < 0) {
		log_text(LOG_ERR, "fork: %s", strerror(errno));
		(void)close(pair[0]);
		call_in(h->restart, RESTART_MAX_MS);
		return;
	}
	h->pid = pid;
	h->control = pair[0];
	h->parent->alive++;
	doors_each(h->parent->doors, tell_one, h);
}

static void
on_restart(evutil_socket_t fd, short what, void *arg)
{
	struct hand *h = arg;
	(void)fd;
	(void)what;
	if (!h->parent->stopping)
		start_worker(h);
}

static void
worker_ended(struct hand *h, int status)
{
	struct parent *p = h->parent;
	int64_t lived = clock_mono_ms() - h->started;
	(void)close(h->control);
	board_add(p->board, COUNT_CLIENTS_NOW,
	    -(int64_t)guard_worker_died(p->guard, (unsigned)(h - p->hands)));
	h->pid = 0;
	p->alive--;
	if (p->stopping)
		return;
	if (lived >= HEALTHY_MS || h->pause == 0)
		h->pause = RESTART_MS;
	else if (h->pause < RESTART_MAX_MS)
		h->pause *= 2;
	log_event(LOG_ERR, "worker-died",
	    LOG_NUM("status", WIFEXITED(status) ? WEXITSTATUS(status) : -1),
	    LOG_NUM("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0),
	    LOG_NUM("restart-ms", h->pause));
	call_in(h->restart, h->pause);
}

static void
on_child(evutil_socket_t fd, short what, void *arg)
{
	struct parent *p = arg;
	int status;
	pid_t pid;
	(void)fd;
	(void)what;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (unsigned i = 0; i < p->nhands; i++)
			if (p->hands[i].pid == pid)
				worker_ended(&p->hands[i], status);
	if (p->stopping && p->alive == 0)
		(void)event_base_loopbreak(p->base);
}

static void
signal_workers(struct parent *p, int sig)
{
	for (unsigned i = 0; i < p->nhands; i++)
		if (p->hands[i].pid != 0)
			(void)kill(p->hands[i].pid, sig);
}

static void
reload(struct parent *p)
{
	if (p->stopping)
		return;
	struct site *fresh = site_load(p->conf_path, SITE_TELL);
	if (fresh == NULL) {
		log_event(LOG_ERR, "configuration",
		    LOG_STR("text", "not reloaded, the old one stays"));
		return;
	}
	const struct handover change = {.kind = HANDOVER_RELOAD, .fd = -1};
	site_unref(p->site);
	p->site = fresh;
	tell_all(p, &change);
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
	call_in(p->poll, POLL_MS);
}

static void
on_patience(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	signal_workers(arg, SIGKILL);
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
	signal_workers(p, SIGTERM);
	call_in(p->patience, STOP_PATIENCE_MS);
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

static unsigned
workers_wanted(const struct conf *c)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = c->workers;
	if (n == 0)
		n = cores < 1                     ? 1
		    : cores > WORKERS_DEFAULT_MAX ? WORKERS_DEFAULT_MAX
						  : (unsigned)cores;
	return n > WORKERS_MAX ? WORKERS_MAX : n;
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
	p->doors = doors_new(tell_all, p);
	int code = EX_OK;
	if (doors_follow(p->doors, c) > 0 && doors_count(p->doors) == 0)
		code = EX_OSERR;
	else if (identity_become_owner(c->spool, true) != 0)
		code = EX_OSERR;
	conf_unref(c);
	if (code != EX_OK)
		return code;
	p->site = site_load(p->conf_path, SITE_TELL);
	return p->site == NULL ? EX_CONFIG : EX_OK;
}

static void
start_events(struct parent *p)
{
	p->watch = watch_open(p->site->conf);
	p->events[0] = follow(p, SIGTERM, EV_SIGNAL, on_stop);
	p->events[1] = follow(p, SIGINT, EV_SIGNAL, on_stop);
	p->events[2] = follow(p, SIGHUP, EV_SIGNAL, on_change);
	p->events[3] = follow(p, SIGCHLD, EV_SIGNAL, on_child);
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
	p->nhands = workers_wanted(p->site->conf);
	for (unsigned i = 0; i < p->nhands; i++) {
		p->hands[i].parent = p;
		p->hands[i].restart = new_timer(p, on_restart, &p->hands[i]);
		start_worker(&p->hands[i]);
	}
	return EX_OK;
}

static void
free_parent(struct parent *p)
{
	for (unsigned i = 0; i < p->nhands; i++)
		event_free(p->hands[i].restart);
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

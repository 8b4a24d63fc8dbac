/* SPDX-License-Identifier: ISC */
/*
 * The parent's loop.  Invariants: every listener of the configuration that
 * could be bound has one open socket here, and every live worker was given
 * it; a worker that dies is replaced after a pause that grows while it keeps
 * dying.
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
#include "conf/conf.h"
#include "conf/watch.h"
#include "smtpd/bind.h"
#include "smtpd/guard.h"
#include "smtpd/handover.h"
#include "smtpd/worker.h"

#define WORKERS_MAX 64
#define WORKERS_DEFAULT_MAX 4
#define GUARD_ENTRIES 65536
#define RESTART_MS 100 /* doubles up to the next */
#define RESTART_MAX_MS 30000
#define HEALTHY_MS 60000 /* lived that long: the pause starts anew */
#define STOP_PATIENCE_MS 9000

struct hand { /* one worker, seen from here */
	struct parent *parent;
	pid_t pid; /* 0: none now */
	int control;
	int64_t started, pause;
	struct event *restart;
};

struct socket {
	struct socket *next;
	char *name, *address;
	int fd;
};

struct parent {
	const char *conf_path;
	struct conf *conf;
	struct watch *watch;
	struct event_base *base;
	struct guard *guard;
	struct socket *sockets;
	struct hand hands[WORKERS_MAX];
	unsigned nhands, alive;
	struct event *events[6];
	struct event *patience;
	bool stopping;
};

/* --- configuration --- */

static struct conf *
load(const char *path)
{
	struct faults f;
	faults_init(&f);
	struct conf *c = conf_load(path, 0, &f);
	if (c == NULL)
		log_event(LOG_ERR, "configuration",
		    LOG_MEM("fault", buf_str(&f.text),
			strcspn(buf_str(&f.text), "\n")));
	faults_free(&f);
	return c;
}

static const struct listener *
section_of(const struct conf *c, const struct socket *s)
{
	for (size_t i = 0; i < c->nlisteners; i++)
		if (strcmp(c->listeners[i].name, s->name) == 0 &&
		    strcmp(c->listeners[i].address, s->address) == 0)
			return &c->listeners[i];
	return NULL;
}

static bool
is_bound(const struct parent *p, const struct listener *l)
{
	for (const struct socket *s = p->sockets; s != NULL; s = s->next)
		if (strcmp(s->name, l->name) == 0 &&
		    strcmp(s->address, l->address) == 0)
			return true;
	return false;
}

/* --- sockets --- */

static void
hand_socket(struct hand *h, const struct socket *s)
{
	struct handover o = {.fd = s->fd};
	memcpy(o.name, s->name, strnlen(s->name, sizeof(o.name) - 1));
	memcpy(
	    o.address, s->address, strnlen(s->address, sizeof(o.address) - 1));
	if (h->pid != 0 && handover_send(h->control, &o) != 0)
		log_text(LOG_ERR, "cannot hand %s to worker %d: %s", s->name,
		    (int)h->pid, strerror(errno));
}

static void
close_gone(struct parent *p)
{
	struct socket **at = &p->sockets;
	while (*at != NULL) {
		struct socket *s = *at;
		if (section_of(p->conf, s) != NULL) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		log_event(LOG_NOTICE, "closed", LOG_STR("listener", s->name),
		    LOG_STR("address", s->address));
		(void)close(s->fd);
		free(s->name);
		free(s->address);
		free(s);
	}
}

/* 0; -1 when any could not be bound. */
static int
open_new(struct parent *p)
{
	int result = 0;
	for (size_t i = 0; i < p->conf->nlisteners; i++) {
		const struct listener *l = &p->conf->listeners[i];
		const char *why;
		if (is_bound(p, l))
			continue;
		int fd = bind_listener(l, &why);
		if (fd < 0) {
			log_text(LOG_ERR, "listener %s on %s: %s: %s", l->name,
			    l->address, why, strerror(errno));
			result = -1;
			continue;
		}
		struct socket *s = alloc_zero(1, sizeof(*s));
		s->name = alloc_string(l->name, strlen(l->name));
		s->address = alloc_string(l->address, strlen(l->address));
		s->fd = fd;
		s->next = p->sockets;
		p->sockets = s;
		log_event(LOG_NOTICE, "listening", LOG_STR("listener", l->name),
		    LOG_STR("address", l->address));
		for (unsigned k = 0; k < p->nhands; k++)
			hand_socket(&p->hands[k], s);
	}
	return result;
}

/* --- workers --- */

static void
be_worker(struct hand *h, int control)
{
	struct parent *p = h->parent;
	struct worker_options o = {.number = (unsigned)(h - p->hands),
	    .conf_path = p->conf_path,
	    .guard = p->guard,
	    .control = control};
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	identity_drop_capabilities();
	for (unsigned i = 0; i < p->nhands; i++)
		if (p->hands[i].pid != 0)
			(void)close(p->hands[i].control);
	for (struct socket *s = p->sockets; s != NULL; s = s->next)
		(void)close(s->fd);
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
		const struct timeval tv = {.tv_sec = RESTART_MAX_MS / 1000};
		(void)evtimer_add(h->restart, &tv);
		return;
	}
	h->pid = pid;
	h->control = pair[0];
	h->parent->alive++;
	for (struct socket *s = h->parent->sockets; s != NULL; s = s->next)
		hand_socket(h, s);
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
	guard_worker_died(p->guard, (unsigned)(h - p->hands));
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
	const struct timeval tv = {.tv_sec = h->pause / 1000,
	    .tv_usec = (suseconds_t)(h->pause % 1000) * 1000};
	(void)evtimer_add(h->restart, &tv);
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

/* --- events --- */

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
	struct conf *c = load(p->conf_path);
	if (c == NULL)
		return; /* the workers say so, too: the old one stays */
	conf_unref(p->conf);
	p->conf = c;
	close_gone(p);
	(void)open_new(p);
	if (watch_follow(p->watch, c) != 0)
		log_text(LOG_WARNING, "cannot watch the configuration: %s",
		    strerror(errno));
}

static void
on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct parent *p = arg;
	(void)fd;
	(void)what;
	if (watch_changed(p->watch) == 1)
		reload(p);
}

static void
on_hangup(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	signal_workers(arg, SIGHUP);
	reload(arg);
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
	const struct timeval tv = {.tv_sec = STOP_PATIENCE_MS / 1000};
	(void)fd;
	(void)what;
	p->stopping = true;
	signal_workers(p, SIGTERM);
	(void)evtimer_add(p->patience, &tv);
	if (p->alive == 0)
		(void)event_base_loopbreak(p->base);
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

static int
start(struct parent *p)
{
	p->conf = load(p->conf_path);
	if (p->conf == NULL)
		return EX_CONFIG;
	if (open_new(p) != 0 && p->sockets == NULL)
		return EX_OSERR;
	if (identity_become_owner(p->conf->spool, true) != 0)
		return EX_OSERR;
	p->guard = guard_new(GUARD_ENTRIES);
	p->base = event_base_new();
	if (p->guard == NULL || p->base == NULL)
		return EX_OSERR;
	p->watch = watch_open(p->conf);
	p->events[0] = follow(p, SIGTERM, EV_SIGNAL, on_stop);
	p->events[1] = follow(p, SIGINT, EV_SIGNAL, on_stop);
	p->events[2] = follow(p, SIGHUP, EV_SIGNAL, on_hangup);
	p->events[3] = follow(p, SIGCHLD, EV_SIGNAL, on_child);
	if (watch_fd(p->watch) >= 0)
		p->events[4] = follow(p, watch_fd(p->watch), EV_READ, on_watch);
	p->patience = evtimer_new(p->base, on_patience, p);
	p->nhands = workers_wanted(p->conf);
	for (unsigned i = 0; i < p->nhands; i++) {
		p->hands[i].parent = p;
		p->hands[i].restart =
		    evtimer_new(p->base, on_restart, &p->hands[i]);
		if (p->patience == NULL || p->hands[i].restart == NULL)
			die("out of memory");
		start_worker(&p->hands[i]);
	}
	return 0;
}

int
parent_run(const struct parent_options *o)
{
	struct parent *p = alloc_zero(1, sizeof(*p));
	p->conf_path = o->conf_path;
	int code = start(p);
	if (code != 0)
		return code;
	(void)event_base_dispatch(p->base);
	log_event(LOG_NOTICE, "stopped", LOG_NUM("workers", p->nhands));
	return EX_OK;
}

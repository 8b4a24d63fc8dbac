/* SPDX-License-Identifier: ISC */
/*
 * The workers as their parent sees them: started, told of changes, and
 * started again when they die, after a pause that grows while they keep
 * dying.  What is to be told is for parent.c and doors.c.  Invariant: a hand
 * whose pid is not 0 has a control socket, and its worker was told of every
 * door.
 */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/identity.h"
#include "base/log.h"
#include "conf/watch.h"
#include "queue/board.h"
#include "smtpd/doors.h"
#include "smtpd/fetch.h"
#include "smtpd/guard.h"
#include "smtpd/parent_internal.h"
#include "smtpd/worker.h"

#define WORKERS_DEFAULT_MAX 4
#define RESTART_MS 100 /* doubles up to the next */
#define RESTART_MAX_MS 30000
#define HEALTHY_MS 60000 /* lived that long: the pause starts anew */

static void
tell_one(void *arg, const struct handover *h)
{
	struct hand *hand = arg;
	if (hand->pid != 0 && handover_send(hand->control, h) != 0)
		log_text(LOG_ERR, "cannot tell worker %d of a change: %s",
		    (int)hand->pid, strerror(errno));
}

void
hands_tell(void *arg, const struct handover *h)
{
	struct parent *p = arg;
	for (unsigned i = 0; i < p->nhands; i++)
		tell_one(&p->hands[i], h);
}

static void
close_sockets(struct hand *h)
{
	(void)close(h->control);
	(void)close(h->files);
}

/* Its sandbox keeps a file from it. */
static void
on_asked(evutil_socket_t fd, short what, void *arg)
{
	struct hand *h = arg;
	(void)what;
	if (fetch_answer(fd, h->parent->site->conf) != 0)
		(void)event_del(h->asked);
}

static void
be_worker(struct hand *h, int control, int files)
{
	struct parent *p = h->parent;
	struct worker_options o = {.number = (unsigned)(h - p->hands),
	    .conf_path = p->conf_path,
	    .site = p->site,
	    .guard = p->guard,
	    .board = p->board,
	    .control = control,
	    .files = files};
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	identity_drop_capabilities();
	/* The parent's loop is not ours; libevent forgets its signals.  While
	 * what it watches is still open: it would complain. */
	(void)event_reinit(p->base);
	for (unsigned i = 0; i < p->nhands; i++)
		if (p->hands[i].pid != 0)
			close_sockets(&p->hands[i]);
	doors_free(p->doors);
	event_base_free(p->base);
	watch_close(p->watch);
	_exit(worker_run(&o));
}

/* Our end into *ours; the worker's. */
static int
socket_pair(int *ours)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		die("socketpair: %s", strerror(errno));
	*ours = pair[0];
	return pair[1];
}

static void
pause_longer(struct hand *h, int64_t lived)
{
	if (lived >= HEALTHY_MS || h->pause == 0)
		h->pause = RESTART_MS;
	else if (h->pause < RESTART_MAX_MS)
		h->pause *= 2;
}

static void
start_worker(struct hand *h)
{
	int control = socket_pair(&h->control);
	int files = socket_pair(&h->files);
	pid_t pid = fork();
	int failure = errno;
	if (pid == 0) {
		close_sockets(h);
		be_worker(h, control, files);
	}
	(void)close(control);
	(void)close(files);
	h->started = clock_mono_ms();
	if (pid < 0) {
		pause_longer(h, 0);
		log_event(LOG_ERR, "not-started",
		    LOG_STR("text", strerror(failure)),
		    LOG_NUM("restart-ms", h->pause));
		close_sockets(h);
		parent_call_in(h->restart, h->pause);
		return;
	}
	h->pid = pid;
	h->asked = event_new(
	    h->parent->base, h->files, EV_READ | EV_PERSIST, on_asked, h);
	if (h->asked == NULL || event_add(h->asked, NULL) != 0)
		die("out of memory");
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
	event_free(h->asked);
	close_sockets(h);
	board_add(p->board, COUNT_CLIENTS_NOW,
	    -(int64_t)guard_worker_died(p->guard, (unsigned)(h - p->hands)));
	h->pid = 0;
	p->alive--;
	if (p->stopping)
		return;
	pause_longer(h, lived);
	log_event(LOG_ERR, "worker-died",
	    LOG_NUM("status", WIFEXITED(status) ? WEXITSTATUS(status) : -1),
	    LOG_NUM("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0),
	    LOG_NUM("restart-ms", h->pause));
	parent_call_in(h->restart, h->pause);
}

void
hands_on_child(evutil_socket_t fd, short what, void *arg)
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

void
hands_signal(struct parent *p, int sig)
{
	for (unsigned i = 0; i < p->nhands; i++)
		if (p->hands[i].pid != 0)
			(void)kill(p->hands[i].pid, sig);
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

void
hands_start(struct parent *p)
{
	p->nhands = workers_wanted(p->site->conf);
	for (unsigned i = 0; i < p->nhands; i++) {
		p->hands[i].parent = p;
		p->hands[i].restart =
		    evtimer_new(p->base, on_restart, &p->hands[i]);
		if (p->hands[i].restart == NULL)
			die("out of memory");
		start_worker(&p->hands[i]);
	}
}

void
hands_free(struct parent *p)
{
	for (unsigned i = 0; i < p->nhands; i++)
		event_free(p->hands[i].restart);
}

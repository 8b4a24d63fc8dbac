/* SPDX-License-Identifier: ISC */
/*
 * A loop over one signal at a time, all of them blocked in between, so that
 * nothing happens in a handler.  Not an init: it knows its children from the
 * start, and needs no configuration.  Invariant: once it is stopping nothing
 * is started, and it does not return before its last child is reaped.
 */
#include "run_children.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define RESTART_MS 100 /* doubles up to the next */
#define RESTART_MAX_MS 30000
#define HEALTHY_MS 60000       /* lived that long: the pause starts anew */
#define STOP_PATIENCE_MS 15000 /* they promise 10 s */

struct child {
	const struct run_child *what;
	pid_t pid; /* 0: not running */
	int64_t started, pause;
	int64_t due; /* when to start it, or to kill it if stopping */
};

struct crew {
	struct child children[RUN_CHILDREN_MAX];
	size_t n, alive;
	bool stopping;
	int code;
	sigset_t signals;
};

static _Noreturn void
become(const struct child *c, pid_t parent)
{
	sigset_t none;
	(void)sigemptyset(&none);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(EX_OK);
	/* One that comes before its handler stands is no end of it: what it
	 * would read again it has yet to read. */
	(void)signal(SIGHUP, SIG_IGN);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)execv(c->what->path, c->what->argv);
	log_event(LOG_ERR, "not-started", LOG_STR("daemon", c->what->path),
	    LOG_STR("text", strerror(errno)));
	_exit(EX_OSERR);
}

static void
put_off(struct child *c, int64_t now)
{
	if (c->pause == 0 || now - c->started >= HEALTHY_MS)
		c->pause = RESTART_MS;
	else
		c->pause = c->pause > RESTART_MAX_MS / 2 ? RESTART_MAX_MS
							 : c->pause * 2;
	c->due = now + c->pause;
}

static void
start(struct crew *crew, struct child *c)
{
	pid_t self = getpid();
	c->started = clock_mono_ms();
	pid_t pid = fork();
	if (pid == 0)
		become(c, self);
	if (pid < 0) {
		put_off(c, c->started);
		log_event(LOG_ERR, "not-started",
		    LOG_STR("daemon", c->what->name),
		    LOG_STR("text", strerror(errno)),
		    LOG_NUM("restart-ms", c->pause));
		return;
	}
	c->pid = pid;
	crew->alive++;
	log_event(LOG_INFO, "started", LOG_STR("daemon", c->what->name),
	    LOG_NUM("pid", pid));
}

static void
tell_all(struct crew *crew, int sig)
{
	for (size_t i = 0; i < crew->n; i++)
		if (crew->children[i].pid != 0)
			(void)kill(crew->children[i].pid, sig);
}

static void
stop(struct crew *crew, int sig)
{
	if (!crew->stopping)
		for (size_t i = 0; i < crew->n; i++)
			crew->children[i].due =
			    clock_mono_ms() + STOP_PATIENCE_MS;
	crew->stopping = true;
	tell_all(crew, sig);
}

static void
ended(struct crew *crew, struct child *c, int status)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	c->pid = 0;
	crew->alive--;
	if (crew->stopping) {
		log_event(LOG_INFO, "ended", LOG_STR("daemon", c->what->name),
		    LOG_NUM("status", code), LOG_NUM("signal", sig));
		return;
	}
	if (code == EX_CONFIG) {
		log_event(LOG_ERR, "ended", LOG_STR("daemon", c->what->name),
		    LOG_NUM("status", code),
		    LOG_STR("text", "its configuration has a fault, which it "
				    "told; all stops"));
		crew->code = EX_CONFIG;
		stop(crew, SIGTERM);
		return;
	}
	put_off(c, clock_mono_ms());
	log_event(LOG_ERR, "ended", LOG_STR("daemon", c->what->name),
	    LOG_NUM("status", code), LOG_NUM("signal", sig),
	    LOG_NUM("restart-ms", c->pause));
}

/* Orphans of others as well. */
static void
reap(struct crew *crew)
{
	pid_t pid;
	int status;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < crew->n; i++)
			if (crew->children[i].pid == pid)
				ended(crew, &crew->children[i], status);
}

/* Start, or kill when stopping, what is due; milliseconds until the next is,
 * or -1. */
static int64_t
act(struct crew *crew)
{
	int64_t next = -1, now = clock_mono_ms();
	for (size_t i = 0; i < crew->n; i++) {
		struct child *c = &crew->children[i];
		bool waits = (c->pid != 0) == crew->stopping;
		if (waits && c->due <= now) {
			if (crew->stopping) {
				(void)kill(c->pid, SIGKILL);
				c->due = now + STOP_PATIENCE_MS;
			} else {
				start(crew, c);
				waits = c->pid == 0;
			}
		}
		if (waits && (next < 0 || c->due - now < next))
			next = c->due - now;
	}
	return next;
}

static void
await(struct crew *crew, int64_t ms)
{
	const struct timespec wait = {
	    .tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
	int sig = ms < 0 ? sigwaitinfo(&crew->signals, NULL)
			 : sigtimedwait(&crew->signals, NULL, &wait);
	switch (sig) {
	case SIGTERM:
	case SIGINT:
		stop(crew, SIGTERM);
		break;
	case SIGHUP:
		tell_all(crew, SIGHUP);
		break;
	default:
		break;
	}
	/* Signals of several children may have become one. */
	reap(crew);
}

int
run_children(const struct run_child *children, size_t n)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
	struct crew crew = {.n = n};
	(void)sigemptyset(&crew.signals);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		(void)sigaddset(&crew.signals, signals[i]);
	(void)sigprocmask(SIG_BLOCK, &crew.signals, NULL);
	/* Ignored by who started us, it would not be sent at all. */
	(void)signal(SIGCHLD, SIG_DFL);
	for (size_t i = 0; i < n; i++)
		crew.children[i].what = &children[i];
	do
		await(&crew, act(&crew));
	while (!crew.stopping || crew.alive > 0);
	return crew.code;
}

/* SPDX-License-Identifier: ISC */
/*
 * Running a command beside the event loop.  posix_spawn(3) and not fork(2):
 * there are threads, and much memory whose page tables nobody wants to copy.
 * Its end is seen by a pidfd, so that no signal handler is needed and no
 * other child is reaped.  What it was for (secrets.c) is not known here.
 *
 * Invariant: a child that is not finished has its time limit armed, and
 * one that is killed goes with its whole session.
 */
#include "deliver/child.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/io.h"
#include "base/limits.h"
#include "base/log.h"

enum { END_READ, END_WRITE };

struct child {
	child_fn fn;
	void *arg;
	pid_t pid; /* of its session, too; 0: never ran, or reaped */
	int out_fd, err_fd, pid_fd;
	struct event out_event, err_event, end_event, timer;
	const char *why;
	char text[80]; /* why, when it is made */
	char out[CHILD_OUTPUT_MAX + 1];
	size_t len;
	char complaint[256];
	size_t complaint_len;
};

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* Silence it, and forget what it said. */
static void
release(struct child *c)
{
	event_del(&c->out_event);
	event_del(&c->err_event);
	event_del(&c->end_event);
	evtimer_del(&c->timer);
	if (c->pid > 0)
		(void)kill(-c->pid, SIGKILL);
	close_fd(&c->out_fd);
	close_fd(&c->err_fd);
	close_fd(&c->pid_fd);
	explicit_bzero(c, sizeof(*c));
	free(c);
}

/* Its first line on standard error, as it may stand in a log. */
static void
end_complaint(struct child *c)
{
	size_t n = strcspn(c->complaint, "\r\n");
	c->complaint[n] = '\0';
}

static void
finish(struct child *c)
{
	end_complaint(c);
	struct child_result r = {
	    .why = c->why, .len = c->len, .complaint = c->complaint};
	r.out = c->out;
	c->fn(c->arg, &r);
	release(c);
}

/* Kill it; its end follows.  The loop does not wait for a process that even
 * so does not die. */
static void
put_down(struct child *c, const char *why)
{
	struct timeval tv = {1, 0};
	c->why = why;
	(void)kill(-c->pid, SIGKILL);
	event_del(&c->out_event);
	event_del(&c->err_event);
	evtimer_add(&c->timer, &tv);
}

/* Take what there is.  false: nothing more will come. */
static bool
take(int fd, char *to, size_t room, size_t *len)
{
	char spare[512];
	for (;;) {
		bool full = *len >= room;
		ssize_t n = full ? io_read(fd, spare, sizeof(spare))
				 : io_read(fd, to + *len, room - *len);
		if (n <= 0) {
			explicit_bzero(spare, sizeof(spare));
			return n < 0 && errno == EAGAIN;
		}
		if (full) {
			explicit_bzero(spare, sizeof(spare));
			return true; /* one octet over tells the caller */
		}
		*len += (size_t)n;
	}
}

static void
on_output(evutil_socket_t fd, short what, void *arg)
{
	struct child *c = arg;
	(void)what;
	if (!take((int)fd, c->out, sizeof(c->out), &c->len))
		event_del(&c->out_event);
	if (c->len > CHILD_OUTPUT_MAX)
		put_down(c, "it prints too much");
}

static void
on_complaint(evutil_socket_t fd, short what, void *arg)
{
	struct child *c = arg;
	(void)what;
	if (!take((int)fd, c->complaint, sizeof(c->complaint) - 1,
		&c->complaint_len))
		event_del(&c->err_event);
}

static void
judge_end(struct child *c, int status)
{
	if (c->len > CHILD_OUTPUT_MAX)
		c->why = "it prints too much";
	if (c->why != NULL || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
		return;
	if (WIFSIGNALED(status))
		(void)snprintf(c->text, sizeof(c->text), "signal %d ended it",
		    WTERMSIG(status));
	else
		(void)snprintf(c->text, sizeof(c->text), "it exited with %d%s",
		    WEXITSTATUS(status),
		    WEXITSTATUS(status) == 127 ? " (no such command)" : "");
	c->why = c->text;
}

/* It has ended; what it said is in the pipes. */
static void
on_end(evutil_socket_t fd, short what, void *arg)
{
	struct child *c = arg;
	int status = 0;
	(void)fd;
	(void)what;
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	c->pid = 0;
	(void)take(c->out_fd, c->out, sizeof(c->out), &c->len);
	(void)take(c->err_fd, c->complaint, sizeof(c->complaint) - 1,
	    &c->complaint_len);
	judge_end(c, status);
	finish(c);
}

/* Out of time; or killed a while ago; or never started. */
static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct child *c = arg;
	(void)fd;
	(void)what;
	if (c->why == NULL)
		put_down(c, "it did not end in time");
	else
		finish(c);
}

/* --- starting --- */

/* Environment strings; v is filled and ended.  What they point to is freed
 * by free_environment(). */
static void
make_environment(char *v[6])
{
	const struct passwd *pw = getpwuid(geteuid());
	const char *home = pw != NULL ? pw->pw_dir : "/";
	const char *name = pw != NULL ? pw->pw_name : "waypost";
	const char *const of[][2] = {
	    {"PATH=", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:"
		      "/bin"},
	    {"HOME=", home},
	    {"USER=", name},
	    {"LOGNAME=", name},
	    {"LC_ALL=", "C.UTF-8"},
	};
	for (size_t i = 0; i < 5; i++) {
		size_t n = strlen(of[i][0]) + strlen(of[i][1]) + 1;
		v[i] = alloc_zero(n, 1);
		(void)snprintf(v[i], n, "%s%s", of[i][0], of[i][1]);
	}
	v[5] = NULL;
}

static void
free_environment(char *v[6])
{
	for (size_t i = 0; i < 5; i++)
		free(v[i]);
}

/* 0, or an errno. */
static int
prepare(posix_spawn_file_actions_t *fa, posix_spawnattr_t *at, int out, int err)
{
	sigset_t none, all;
	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	int e = posix_spawn_file_actions_addopen(
	    fa, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (e == 0)
		e = posix_spawn_file_actions_adddup2(fa, out, STDOUT_FILENO);
	if (e == 0)
		e = posix_spawn_file_actions_adddup2(fa, err, STDERR_FILENO);
	if (e == 0)
		e = posix_spawn_file_actions_addclosefrom_np(fa, 3);
	if (e == 0)
		e = posix_spawn_file_actions_addchdir_np(fa, "/");
	if (e == 0)
		e = posix_spawnattr_setsigmask(at, &none);
	if (e == 0)
		e = posix_spawnattr_setsigdefault(at, &all);
	if (e == 0)
		e = posix_spawnattr_setflags(at, POSIX_SPAWN_SETSID |
						     POSIX_SPAWN_SETSIGMASK |
						     POSIX_SPAWN_SETSIGDEF);
	return e;
}

/* 0, or an errno. */
static int
spawn(struct child *c, const char *command, int out, int err)
{
	char *text = alloc_string(command, strlen(command));
	char sh[] = "sh", dash_c[] = "-c", end[] = "--", *environment[6];
	char *argv[] = {sh, dash_c, end, text, NULL};
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	(void)posix_spawn_file_actions_init(&fa);
	(void)posix_spawnattr_init(&at);
	make_environment(environment);
	int e = prepare(&fa, &at, out, err);
	if (e == 0)
		e = posix_spawn(
		    &c->pid, "/bin/sh", &fa, &at, argv, environment);
	if (e != 0)
		c->pid = 0;
	free_environment(environment);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&at);
	free(text);
	return e;
}

/* Two pipes, the child, its pidfd.  0, or an errno. */
static int
start(struct child *c, const char *command)
{
	int out[2] = {-1, -1}, err[2] = {-1, -1};
	int e = 0;
	if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0 ||
	    fcntl(out[END_READ], F_SETFL, O_NONBLOCK) != 0 ||
	    fcntl(err[END_READ], F_SETFL, O_NONBLOCK) != 0)
		e = errno;
	c->out_fd = out[END_READ];
	c->err_fd = err[END_READ];
	if (e == 0)
		e = spawn(c, command, out[END_WRITE], err[END_WRITE]);
	close_fd(&out[END_WRITE]);
	close_fd(&err[END_WRITE]);
	if (e == 0) {
		c->pid_fd = pidfd_open(c->pid, 0);
		e = c->pid_fd < 0 ? errno : 0;
	}
	return e;
}

struct child *
child_run(struct event_base *base, const char *command, int64_t ms, child_fn fn,
    void *arg)
{
	struct child *c = alloc_zero(1, sizeof(*c));
	struct timeval tv = {ms / 1000, ms % 1000 * 1000};
	c->fn = fn;
	c->arg = arg;
	c->out_fd = c->err_fd = c->pid_fd = -1;
	int e = start(c, command);
	event_assign(
	    &c->out_event, base, c->out_fd, EV_READ | EV_PERSIST, on_output, c);
	event_assign(&c->err_event, base, c->err_fd, EV_READ | EV_PERSIST,
	    on_complaint, c);
	event_assign(&c->end_event, base, c->pid_fd, EV_READ, on_end, c);
	evtimer_assign(&c->timer, base, on_timer, c);
	evtimer_add(&c->timer, &tv);
	if (e != 0) {
		c->why = c->text;
		(void)snprintf(c->text, sizeof(c->text),
		    "it cannot be started: %.40s", strerror(e));
		event_active(&c->timer, EV_TIMEOUT, 0);
		return c;
	}
	event_add(&c->out_event, NULL);
	event_add(&c->err_event, NULL);
	event_add(&c->end_event, NULL);
	return c;
}

void
child_cancel(struct child *c)
{
	if (c != NULL)
		release(c);
}

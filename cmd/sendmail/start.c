/* SPDX-License-Identifier: ISC */
/*
 * Hostile ground: descriptors, environment, signals, limits and umask of a
 * set-gid program are its caller's.  Everything that is inherited is either
 * replaced here or harmless (HAZARDS B01-B21).
 *
 * Invariant: when start_clean() returns, descriptors 0-2 are open and no
 * others, the environment is empty, no signal but KILL ends the process
 * without the draft being removed, and it ends by itself in an hour.
 */
#include "start.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "queue/store.h"

/* Async-signal-safe (B17). */
static void
on_end(int signal_number)
{
	static const char late[] = "sendmail: no end within an hour; what was "
				   "not accepted is not queued\n";
	draft_emergency_unlink();
	if (signal_number == SIGALRM &&
	    write(STDERR_FILENO, late, sizeof(late) - 1) < 0)
		_exit(EX_TEMPFAIL);
	_exit(EX_TEMPFAIL);
}

/* A closed 0, 1 or 2 would be the queue file's number soon.  Descriptor 0
 * is opened for writing only: reading from it is an error, not an empty
 * message (B08, C14). */
static void
open_standard(void)
{
	struct pollfd fds[] = {{.fd = 0}, {.fd = 1}, {.fd = 2}};
	if (poll(fds, 3, 0) < 0)
		_exit(EX_OSERR);
	for (int fd = 0; fd < 3; fd++) {
		if (!(fds[fd].revents & POLLNVAL))
			continue;
		if (open("/dev/null", fd == 0 ? O_WRONLY : O_RDWR) != fd)
			_exit(EX_OSERR);
	}
}

static void
set_signals(void)
{
	static const int ends[] = {SIGALRM, SIGTERM, SIGHUP, SIGINT, SIGQUIT};
	struct sigaction ignore = {.sa_handler = SIG_IGN}, old;
	struct sigaction end = {.sa_handler = on_end};
	sigset_t none;
	(void)sigemptyset(&none);
	(void)sigfillset(&end.sa_mask);
	(void)sigaction(SIGPIPE, &ignore, NULL);
	(void)sigaction(SIGXFSZ, &ignore, NULL);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		if (sigaction(ends[i], &end, &old) != 0)
			_exit(EX_OSERR);
		/* nohup(1) and background jobs mean it. */
		if (old.sa_handler == SIG_IGN && ends[i] != SIGALRM &&
		    ends[i] != SIGTERM)
			(void)sigaction(ends[i], &ignore, NULL);
	}
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

void
start_clean(void)
{
	(void)clearenv();
	open_standard();
	(void)close_range(STDERR_FILENO + 1, ~0U, 0);
	if (start_privileged() && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		_exit(EX_OSERR);
	(void)umask(077);
	(void)alarm(WRITER_ALARM_SECONDS);
	set_signals();
	die_first(draft_emergency_unlink);
}

/* The kernel's word, given at exec: ids that differ, or capabilities. */
bool
start_privileged(void)
{
	return getauxval(AT_SECURE) != 0;
}

void
start_drop_group(void)
{
	if (!start_privileged())
		return;
	gid_t gid = getgid();
	if (setresgid(gid, gid, gid) != 0)
		_exit(EX_OSERR);
}

/* SPDX-License-Identifier: ISC */
/*
 * Reads the transcript as waypostd writes it.  The mail is safe by then:
 * whatever goes wrong here, and however long it takes, changes nothing but
 * what the caller is told.
 *
 * Invariant: it ends, by the transcript's last line, with waypostd, or after
 * WATCH_MAX_MS.
 */
#include "watch.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "outcome.h"
#include "queue/transcript.h"
#include "tell.h"

#define LINE_ROOM 2048
#define PAUSE_MS 1000 /* look at waypostd, and at the file without inotify */

struct reading {
	const struct options *options;
	char line[LINE_ROOM];
	size_t len;
	bool ended;    /* each was tried */
	int failed;    /* an exit code, or EX_OK */
	bool deferred; /* somebody */
};

void
watch_begin(struct watch *w, struct store *s)
{
	w->fd = store_served(s) ? transcript_create(s, w->id) : -1;
}

void
watch_end(struct watch *w, struct store *s)
{
	if (w->fd < 0)
		return;
	transcript_remove(s, w->id);
	(void)close(w->fd);
	w->fd = -1;
}

/* "= VERDICT CODE ENHANCED ADDRESS TEXT" */
static void
take_outcome(struct reading *r)
{
	struct status st = {.verdict = DONE};
	char verdict[16], address[256];
	int at = 0;
	if (sscanf(r->line, "= %15s %d %11s %255s %n", verdict, &st.code,
		st.enhanced, address, &at) != 4 ||
	    at == 0)
		return;
	if (strcmp(verdict, "later") == 0) {
		r->deferred = true;
	} else if (strcmp(verdict, "never") == 0) {
		st.verdict = NEVER;
		if (r->failed == EX_OK)
			r->failed = outcome_exit(&st);
	}
	if (r->options->verbose || st.verdict == NEVER ||
	    r->options->delivery == DELIVERY_WAIT)
		tell(r->options->program, "%s: %s: %d %s %s", address,
		    strcmp(verdict, "done") == 0    ? "delivered"
		    : strcmp(verdict, "later") == 0 ? "stays in the queue"
						    : "failed",
		    st.code, st.enhanced, r->line + at);
}

static void
take_line(struct reading *r)
{
	r->line[r->len] = '\0';
	if (r->line[0] == '.')
		r->ended = true;
	else if (r->line[0] == '=')
		take_outcome(r);
	else if (r->options->verbose)
		(void)printf("%s\n", r->line);
	r->len = 0;
}

/* What is there by now. */
static void
take_all(struct reading *r, int fd)
{
	char data[4096];
	ssize_t n;
	while (!r->ended && (n = io_read(fd, data, sizeof(data))) > 0)
		for (ssize_t i = 0; i < n && !r->ended; i++) {
			if (data[i] == '\n')
				take_line(r);
			else if (r->len < LINE_ROOM - 1)
				r->line[r->len++] = data[i];
		}
	(void)fflush(stdout);
}

/* An inotify descriptor that tells when the file grows, or -1. */
static int
notice(const struct watch *w, const struct conf *c)
{
	char path[4096 + 64];
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	int n =
	    snprintf(path, sizeof(path), "%s/queue/tmp/%s", c->spool, w->id);
	if (fd >= 0 && n > 0 && (size_t)n < sizeof(path) &&
	    inotify_add_watch(fd, path, IN_MODIFY) >= 0)
		return fd;
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

static void
pause_for_more(int inotify)
{
	char events[1024];
	struct pollfd p = {.fd = inotify, .events = POLLIN};
	if (poll(&p, 1, PAUSE_MS) > 0 &&
	    read(inotify, events, sizeof(events)) < 0)
		return; /* then it is asked again */
}

/* The mail is queued: a signal ends the waiting as it ends any program. */
static void
let_signals_end_it(void)
{
	static const int ends[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT};
	struct sigaction now, normal = {.sa_handler = SIG_DFL};
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (sigaction(ends[i], NULL, &now) == 0 &&
		    now.sa_handler != SIG_IGN)
			(void)sigaction(ends[i], &normal, NULL);
	(void)alarm(0);
}

int
watch_wait(struct watch *w, const struct options *o, const struct conf *c,
    const struct store *s)
{
	struct reading r = {.options = o, .failed = EX_OK};
	bool waits = o->delivery == DELIVERY_WAIT;
	int64_t end = clock_mono_ms() + WATCH_MAX_MS;
	if (w->fd < 0)
		return waits ? EX_TEMPFAIL : EX_OK;
	let_signals_end_it();
	int inotify = notice(w, c);
	take_all(&r, w->fd);
	while (!r.ended && clock_mono_ms() < end && store_served(s)) {
		pause_for_more(inotify);
		take_all(&r, w->fd);
	}
	if (!r.ended)
		tell(o->program, "no outcome yet; the message stays in the "
				 "queue");
	if (inotify >= 0)
		(void)close(inotify);
	if (!waits)
		return EX_OK;
	if (r.failed != EX_OK)
		return r.failed;
	return r.deferred || !r.ended ? EX_TEMPFAIL : EX_OK;
}

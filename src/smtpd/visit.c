/* SPDX-License-Identifier: ISC */
/*
 * Octets and time of one client.  Decides nothing about mail.  Invariants:
 * octets are read only while the session wants them (back-pressure, H03);
 * every stage has a deadline that the client's octets alone do not move
 * (H02); a visit whose letter is being committed outlives its socket.
 */
#include "smtpd/visit.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define READ_SIZE VISIT_IN_MAX
#define READ_PER_TURN (256 * 1024) /* then others have a turn */
#define LAST_CALL_MS 5000          /* to read our 421 */
#define DATA_RATE 500              /* octets per second at least (H02) */

/* --- the end --- */

void
visit_free(struct visit *v)
{
	session_free(v->session);
	visit_drop_letter(v);
	buf_free(&v->in);
	free(v->listener);
	free(v);
}

void
visit_close(struct visit *v)
{
	struct worker *w = v->worker;
	LIST_REMOVE(v, link);
	if (v->name_query != NULL)
		names_cancel(v->name_query);
	v->name_query = NULL;
	if (v->exchange != NULL)
		auth_end(v->exchange);
	v->exchange = NULL;
	site_unref(v->exchange_site);
	v->exchange_site = NULL;
	if (v->counted) {
		guard_leave(w->guard, w->number, &v->counts_as);
		board_add(w->board, COUNT_CLIENTS_NOW, -1);
	}
	event_free(v->readable);
	event_free(v->writable);
	event_free(v->timer);
	if (v->late != NULL)
		event_free(v->late);
	if (v->secure != NULL)
		secure_free(v->secure);
	v->secure = NULL;
	secure_context_unref(v->tls_context);
	(void)close(v->fd);
	v->gone = true;
	if (!v->committing)
		visit_free(v);
	worker_left(w);
}

/* --- time --- */

void
visit_deadline(struct visit *v, int64_t at)
{
	int64_t wait = at - clock_mono_ms();
	if (wait < 1)
		wait = 1;
	v->deadline = v->armed = at;
	struct timeval tv = {.tv_sec = wait / 1000,
	    .tv_usec = (suseconds_t)(wait % 1000) * 1000};
	(void)evtimer_add(v->timer, &tv);
}

/* A command was answered, or message octets came. */
void
visit_progress(struct visit *v)
{
	int64_t now = clock_mono_ms();
	int64_t idle = v->worker->site->conf->limits.idle_timeout_ms;
	int64_t at = now + idle;
	if (session_in_data(v->session)) {
		if (v->data_since == 0)
			v->data_since = now;
		int64_t rate = v->data_since + idle +
			       (int64_t)(v->data_octets * 1000 / DATA_RATE);
		if (rate < at)
			at = rate;
	} else {
		v->data_since = 0;
		v->data_octets = 0;
	}
	/* A later one is seen when the timer comes; most never do. */
	v->deadline = at;
	if (at < v->armed)
		visit_deadline(v, at);
}

void
visit_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct visit *v = arg;
	(void)fd;
	(void)what;
	int64_t now = clock_mono_ms();
	if (session_wants(v->session) == SESSION_ANSWER)
		v->deadline = now + VISIT_SETUP_MS; /* we are the slow ones */
	if (now < v->deadline) {
		visit_deadline(v, v->deadline);
		return;
	}
	if (v->stage != STAGE_SESSION || v->last_call) {
		visit_close(v);
		return;
	}
	v->last_call = true;
	session_end(v->session, "4.4.2", "Timeout");
	visit_deadline(v, now + LAST_CALL_MS);
	visit_pump(v);
}

/* --- octets --- */

static enum secure_result
read_some(struct visit *v, char *out, size_t room, size_t *n)
{
	if (v->secure != NULL)
		return secure_read(v->secure, out, room, n);
	ssize_t got = recv(v->fd, out, room, 0);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? SECURE_WANT_READ
							 : SECURE_FAILED;
	*n = (size_t)got;
	v->drained = got > 0 && *n < room;
	return got == 0 ? SECURE_EOF : SECURE_OK;
}

static enum secure_result
write_some(struct visit *v, const char *data, size_t len, size_t *n)
{
	if (v->secure != NULL)
		return secure_write(v->secure, data, len, n);
	ssize_t put = send(v->fd, data, len, MSG_NOSIGNAL);
	if (put < 0)
		return errno == EAGAIN || errno == EINTR ? SECURE_WANT_WRITE
							 : SECURE_FAILED;
	*n = (size_t)put;
	return SECURE_OK;
}

/* For nothing else: what may be read but is not wanted now would wake us
 * over and over. */
static void
wait_for(struct visit *v, short what)
{
	if (what == EV_READ) {
		(void)event_add(v->readable, NULL);
	} else {
		(void)event_del(v->readable);
		(void)event_add(v->writable, NULL);
	}
}

enum flushed { FLUSHED, FLUSH_WAITS, FLUSH_FAILED };

static enum flushed
flush(struct visit *v)
{
	struct buf *out = session_output(v->session);
	while (out->len > 0) {
		size_t n = 0;
		switch (write_some(v, out->data, out->len, &n)) {
		case SECURE_OK:
			buf_drop(out, n);
			break;
		case SECURE_WANT_WRITE:
			wait_for(v, EV_WRITE);
			return FLUSH_WAITS;
		case SECURE_WANT_READ:
			wait_for(v, EV_READ);
			return FLUSH_WAITS;
		default:
			return FLUSH_FAILED;
		}
	}
	/* The next burst is rarely as large. */
	if (out->cap > 4096)
		buf_free(out);
	return FLUSHED;
}

/* Give octets; what is not taken is kept. */
static void
feed(struct visit *v, const char *data, size_t len)
{
	struct buf *out = session_output(v->session);
	size_t said = out->len;
	size_t used = session_input(v->session, data, len);
	if (session_in_data(v->session))
		v->data_octets += used;
	if (out->len != said || session_in_data(v->session))
		visit_progress(v);
	if (used < len)
		(void)buf_add(&v->in, data + used, len - used);
}

static void
feed_kept(struct visit *v)
{
	struct buf kept = v->in;
	buf_init(&v->in, VISIT_IN_MAX);
	feed(v, kept.data, kept.len);
	buf_free(&kept);
}

/* true: octets or an end were taken; false: wait for the event. */
static bool
read_more(struct visit *v, size_t *total)
{
	static char scratch[READ_SIZE]; /* one loop, one reader at a time */
	size_t n = 0;
	switch (read_some(v, scratch, sizeof(scratch), &n)) {
	case SECURE_OK:
		*total += n;
		feed(v, scratch, n);
		/* It may have held a password (F15). */
		if (!session_in_data(v->session))
			explicit_bzero(scratch, n);
		return true;
	case SECURE_WANT_READ:
		wait_for(v, EV_READ);
		return false;
	case SECURE_WANT_WRITE:
		wait_for(v, EV_WRITE);
		return false;
	case SECURE_EOF:
		session_eof(v->session);
		return true;
	default:
		session_eof(v->session);
		buf_clear(session_output(v->session));
		return true;
	}
}

void
visit_pump(struct visit *v)
{
	size_t total = 0;
	for (;;) {
		enum session_want want = session_wants(v->session);
		if (want == SESSION_INPUT && v->in.len > 0)
			feed_kept(v);
		enum flushed f = flush(v);
		if (f == FLUSH_FAILED) {
			visit_close(v);
			return;
		}
		want = session_wants(v->session);
		/* Few say a word while they wait for an answer: the event
		 * stays until one does (visit_on_socket). */
		if (f == FLUSH_WAITS || want == SESSION_ANSWER)
			return;
		if (want == SESSION_CLOSE) {
			visit_close(v);
			return;
		}
		if (want == SESSION_TLS) {
			visit_start_tls(v);
			return;
		}
		if (v->in.len > 0)
			continue;
		if (total >= READ_PER_TURN) {
			event_active(v->readable, EV_READ, 0);
			return;
		}
		if (v->drained) {
			wait_for(v, EV_READ);
			return;
		}
		if (!read_more(v, &total))
			return;
	}
}

/* --- all of them --- */

void
visits_review(struct worker *w)
{
	struct visit *v;
	LIST_FOREACH(v, &w->visits, link)
	{
		v->welcome = NULL;
		if (v->stage == STAGE_SESSION)
			(void)visit_find_name(v);
	}
}

void
visits_stop(struct worker *w, bool force)
{
	struct visit *v, *next;
	for (v = LIST_FIRST(&w->visits); v != NULL; v = next) {
		next = LIST_NEXT(v, link);
		if (v->stage != STAGE_SESSION) {
			visit_close(v);
			continue;
		}
		if (session_in_data(v->session) && !force)
			continue;
		/* An answer that is waited for is given first. */
		session_end(v->session, "4.3.2", VISIT_STOPPING);
		visit_pump(v);
	}
}

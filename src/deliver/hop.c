/* SPDX-License-Identifier: ISC */
/*
 * One connection's life: opened, taken over from libcurl once its session
 * stands, ended.  Not how a session is set up (hop_setup.c) and not how
 * octets move (hop_pump.c).
 *
 * Traps handled here: the first recv at once (2.2), and our own deadlines,
 * because libcurl's act no more (C10).
 *
 * Invariant: a hop is freed from the event loop only, never from below a
 * hook or a callback; closed() comes exactly once.
 */
#include "deliver/hop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "deliver/hop_internal.h"

void
hop_timer(struct hop *h, int64_t ms)
{
	struct timeval tv = {ms / 1000, ms % 1000 * 1000};
	evtimer_add(&h->timer, &tv);
}

/* Begin the end: open transactions are answered now, the rest follows from
 * the event loop. */
void
hop_end(struct hop *h, const struct status *st)
{
	if (h->state == HOP_ENDING)
		return;
	h->state = HOP_ENDING;
	h->end = *st;
	policy_cancel(h);
	login_forget(h);
	event_active(&h->end_event, EV_TIMEOUT, 0);
	if (h->client != NULL && !client_broken(h->client))
		client_abort(h->client, st);
}

void
hop_lost(struct hop *h, const char *enhanced, const char *why)
{
	struct status st;
	status_set(&st, LATER, 0, enhanced, "%.255s: %s", h->target.host, why);
	hop_end(h, &st);
}

void
hop_finish(struct hop *h)
{
	/* Our events first: libcurl closes the socket. */
	event_del(&h->read_event);
	event_del(&h->write_event);
	evtimer_del(&h->timer);
	evtimer_del(&h->end_event);
	client_free(h->client);
	h->client = NULL;
	lane_remove(h);
	curl_easy_cleanup(h->easy);
	curl_slist_free_all(h->connect_to);
	X509_STORE_free(h->store);
	TAILQ_REMOVE(&h->hops->all, h, of_engine);
	h->hooks.closed(h->arg, h, &h->end, h->was_ready);
	buf_free(&h->said);
	dane_free(h->dane);
	free(h->domain);
	free(h->ca_file);
	free(h->sts_ca_file);
	free(h->user);
	free(h->command);
	free(h);
}

static void
on_end(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	hop_finish(arg);
}

/* --- the client's hooks --- */

static void
on_outcome(void *arg, struct transaction *t, size_t i, const struct status *st,
    bool unsent)
{
	struct hop *h = arg;
	h->hooks.client.outcome(h->arg, t, i, st, unsent);
}

static void
on_finished(void *arg, struct transaction *t)
{
	struct hop *h = arg;
	h->room_due = true;
	h->hooks.client.finished(h->arg, t);
}

static ssize_t
on_body(
    void *arg, struct transaction *t, uint64_t offset, char *out, size_t room)
{
	struct hop *h = arg;
	return h->hooks.client.body(h->arg, t, offset, out, room);
}

static void
on_line(void *arg, struct transaction *t, char direction, const char *text,
    size_t len)
{
	struct hop *h = arg;
	if (h->hooks.client.line != NULL)
		h->hooks.client.line(h->arg, t, direction, text, len);
}

/* --- set-up --- */

static void
connect_now(struct hop *h)
{
	struct status st;
	hop_timer(h, h->connect_timeout_ms);
	h->tried = true;
	if (lane_add(h) == 0)
		return;
	h->tried = false;
	setup_status(h, "libcurl refuses the connection", "4.3.0", &st);
	hop_end(h, &st);
}

static void
try_in_clear(struct hop *h)
{
	lane_remove(h);
	connect_now(h);
}

/* The questions had deadlines of their own; from here on ours counts. */
void
hop_begin(struct hop *h)
{
	struct status st;
	status_set(&st, LATER, 0, "4.3.0", "libcurl refuses its options");
	if (setup_secure(h, &st) != 0)
		hop_end(h, &st);
	else
		connect_now(h);
}

/* The session stands: from here on the socket is ours. */
static void
take_over(struct hop *h)
{
	static const struct client_hooks hooks = {
	    on_outcome, on_finished, on_body, on_line};
	curl_socket_t fd = CURL_SOCKET_BAD;
	struct status st;
	curl_easy_getinfo(h->easy, CURLINFO_ACTIVESOCKET, &fd);
	h->client = client_new(&h->setup.caps, &hooks, h);
	if (fd == CURL_SOCKET_BAD) {
		hop_lost(h, "4.4.2", "the server closed the connection");
		return;
	}
	struct event_base *base = h->hops->base;
	event_assign(&h->read_event, base, fd, EV_READ | EV_PERSIST, hop_io, h);
	event_assign(&h->write_event, base, fd, EV_WRITE, hop_io, h);
	/* At once: this ties the connection to the handle (2.2, 3). */
	if (!hop_read(h))
		return;
	if (setup_check(h, &st) != 0) {
		hop_end(h, &st);
		return;
	}
	login_forget(h);
	evtimer_del(&h->timer);
	h->state = HOP_OPEN;
	h->was_ready = h->could_take = true;
	event_add(&h->read_event, NULL);
	h->hooks.ready(h->arg, h);
	hop_kick(h);
}

void
hop_done(struct hop *h, CURLcode code)
{
	struct status st;
	if (h->state != HOP_SETUP)
		return;
	if (code == CURLE_OK) {
		take_over(h);
	} else if (setup_fall_back(h)) {
		try_in_clear(h);
	} else {
		setup_failed(h, code, &st);
		hop_end(h, &st);
	}
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct hop *h = arg;
	char why[80];
	struct status st;
	(void)fd;
	(void)what;
	if (h->state == HOP_ENDING)
		return;
	if (h->state == HOP_SETUP) {
		if (setup_fall_back(h)) {
			try_in_clear(h);
			return;
		}
		setup_status(h, "timeout", "4.4.2", &st);
		hop_end(h, &st);
		return;
	}
	if (h->quit_timed) {
		status_set(&st, DONE, 0, NULL, "closed; no reply to QUIT");
		hop_end(h, &st);
		return;
	}
	if (!hop_busy(h))
		return;
	int64_t left = h->since + h->timeout_ms - clock_mono_ms();
	if (left > 0) {
		hop_timer(h, left);
		return;
	}
	(void)snprintf(
	    why, sizeof(why), "timeout at %s", client_stage(h->client));
	hop_lost(h, "4.4.2", why);
}

struct hop *
hop_open(struct hops *hs, const struct hop_options *o,
    const struct hop_hooks *hooks, void *arg)
{
	struct hop *h = alloc_zero(1, sizeof(*h));
	struct status st;
	h->hops = hs;
	h->target = o->target;
	h->hooks = *hooks;
	h->arg = arg;
	h->connect_timeout_ms = o->connect_timeout_ms;
	h->timeout_ms = o->timeout_ms;
	buf_init(&h->said, o->watched ? SAID_MAX : 0);
	memcpy(h->tls, "none", 5);
	TAILQ_INSERT_TAIL(&hs->all, h, of_engine);
	evtimer_assign(&h->timer, hs->base, on_timer, h);
	evtimer_assign(&h->end_event, hs->base, on_end, h);
	event_assign(&h->read_event, hs->base, -1, 0, hop_io, h);
	event_assign(&h->write_event, hs->base, -1, 0, hop_io, h);
	if (setup_prepare(h, o, &st) != 0)
		hop_end(h, &st);
	else if (h->question == NULL)
		policy_ask(h);
	return h;
}

bool
hop_greeted(const struct hop *h)
{
	/* It is in clear after a first try that came as far as STARTTLS. */
	return h->setup.greeted || h->in_clear;
}

bool
hop_unreached(const struct hop *h)
{
	return h->tried && !hop_greeted(h) &&
	       strcmp(h->end.enhanced, "4.7.5") != 0;
}

bool
hop_forbidden(const struct hop *h)
{
	bool published = h->records || h->proof == PROOF_STS;
	return h->refused_first ||
	       (published && (strcmp(h->end.enhanced, "4.7.5") == 0 ||
				 strcmp(h->end.enhanced, "5.7.10") == 0));
}

bool
hop_refused(const struct hop *h)
{
	return h->refused;
}

bool
hop_can_take(const struct hop *h)
{
	return h->state == HOP_OPEN && client_ready(h->client);
}

void
hop_start(struct hop *h, struct transaction *t)
{
	if (h->client == NULL)
		die("a transaction was given to a connection without session");
	if (client_idle(h->client))
		h->since = clock_mono_ms();
	client_start(h->client, t);
	h->could_take = hop_can_take(h);
	hop_kick(h);
}

bool
hop_idle(const struct hop *h)
{
	return h->client == NULL || client_idle(h->client);
}

void
hop_quit(struct hop *h)
{
	if (h->state == HOP_SETUP) {
		hop_lost(h, "4.4.2", "not needed any more");
	} else if (h->state == HOP_OPEN) {
		h->state = HOP_QUIT;
		client_quit(h->client);
		hop_kick(h);
	}
}

void
hop_abort(struct hop *h, const struct status *why)
{
	hop_end(h, why);
}

const struct client_caps *
hop_caps(const struct hop *h)
{
	return &h->setup.caps;
}

const char *
hop_tls(const struct hop *h)
{
	return h->tls;
}

bool
hop_dsn(const struct hop *h)
{
	return h->setup.caps.dsn;
}

const char *
hop_found(const struct hop *h)
{
	return h->found;
}

const struct hop_target *
hop_peer(const struct hop *h)
{
	return &h->target;
}

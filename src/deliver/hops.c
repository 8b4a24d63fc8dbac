/* SPDX-License-Identifier: ISC */
/*
 * The engine: libcurl's multi interface on libevent, for as long as
 * connections are being set up.  Not what happens on them afterwards: once
 * a session stands, libcurl lets go of the socket and hop.c has it.
 *
 * Invariant: hooks of the owner are never called from within a callback of
 * libcurl.  Nothing here repeats: idle, no timer is armed.
 */
#include "deliver/hop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/log.h"
#include "deliver/hop_internal.h"

/* A socket that libcurl wants to be told about. */
struct watch {
	struct lane *lane;
	struct event event;
};

/* Hand out the results of what has been set up. */
static void
collect(struct lane *l)
{
	CURLMsg *m;
	int left;
	while ((m = curl_multi_info_read(l->multi, &left)) != NULL) {
		struct hop *h = NULL;
		if (m->msg != CURLMSG_DONE)
			continue;
		/* m is libcurl's and gone once the handle is removed. */
		CURLcode code = m->data.result;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &h);
		hop_done(h, code);
	}
}

static void
act(struct lane *l, curl_socket_t fd, int what)
{
	int running;
	CURLMcode r = curl_multi_socket_action(l->multi, fd, what, &running);
	if (r != CURLM_OK)
		log_text(LOG_WARNING, "libcurl: %s", curl_multi_strerror(r));
	collect(l);
}

static void
on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;
	act(w->lane, fd,
	    (what & EV_READ ? CURL_CSELECT_IN : 0) |
		(what & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void
on_lane_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct lane *l = arg;
	struct watch *w = known;
	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w != NULL)
			event_del(&w->event);
		free(w);
		return 0;
	}
	if (w == NULL) {
		w = alloc_zero(1, sizeof(*w));
		w->lane = l;
		curl_multi_assign(l->multi, fd, w);
	} else {
		event_del(&w->event);
	}
	short flags = EV_PERSIST;
	if (what & CURL_POLL_IN)
		flags |= EV_READ;
	if (what & CURL_POLL_OUT)
		flags |= EV_WRITE;
	event_assign(&w->event, l->hops->base, fd, flags, on_watch, w);
	event_add(&w->event, NULL);
	return 0;
}

static int
on_timeout(CURLM *multi, long ms, void *arg)
{
	struct lane *l = arg;
	(void)multi;
	if (ms < 0) {
		evtimer_del(&l->timer);
	} else {
		struct timeval tv = {ms / 1000, ms % 1000 * 1000};
		evtimer_add(&l->timer, &tv);
	}
	return 0;
}

static struct lane *
lane_new(struct hops *hs)
{
	CURLM *multi = curl_multi_init();
	if (multi == NULL)
		return NULL;
	struct lane *l = alloc_zero(1, sizeof(*l));
	l->hops = hs;
	l->multi = multi;
	l->next = hs->lanes;
	hs->lanes = l;
	evtimer_assign(&l->timer, hs->base, on_lane_timer, l);
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, l);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timeout);
	curl_multi_setopt(multi, CURLMOPT_TIMERDATA, l);
	return l;
}

int
lane_add(struct hop *h)
{
	struct lane *l = h->hops->lanes;
	while (l != NULL && l->users >= MULTI_CONNECTIONS_MAX)
		l = l->next;
	if (l == NULL)
		l = lane_new(h->hops);
	if (l == NULL || curl_multi_add_handle(l->multi, h->easy) != CURLM_OK)
		return -1;
	h->lane = l;
	l->users++;
	return 0;
}

void
lane_remove(struct hop *h)
{
	if (h->lane == NULL)
		return;
	curl_multi_remove_handle(h->lane->multi, h->easy);
	h->lane->users--;
	h->lane = NULL;
}

struct hops *
hops_new(struct event_base *base)
{
	/* NOSIGNAL keeps libcurl from touching signals, and OpenSSL writes
	 * with write(2): a closed connection must not kill us. */
	(void)signal(SIGPIPE, SIG_IGN);
	/* libcurl would write session keys there (C18). */
	(void)unsetenv("SSLKEYLOGFILE");
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		errno = ENOSYS;
		return NULL;
	}
	struct hops *hs = alloc_zero(1, sizeof(*hs));
	hs->base = base;
	TAILQ_INIT(&hs->all);
	if (lane_new(hs) == NULL) {
		free(hs);
		curl_global_cleanup();
		errno = ENOMEM;
		return NULL;
	}
	hs->trust = trust_new();
	hs->secrets = secrets_new(base);
	return hs;
}

void
hops_free(struct hops *hs)
{
	struct status st;
	struct hop *h;
	if (hs == NULL)
		return;
	status_set(&st, LATER, 0, "4.3.2", "this host is stopping");
	while ((h = TAILQ_FIRST(&hs->all)) != NULL) {
		hop_abort(h, &st);
		hop_finish(h);
	}
	struct lane *l, *next;
	for (l = hs->lanes; l != NULL; l = next) {
		next = l->next;
		curl_multi_cleanup(l->multi);
		evtimer_del(&l->timer);
		free(l);
	}
	trust_free(hs->trust);
	secrets_free(hs->secrets);
	free(hs);
	curl_global_cleanup();
}

void
hops_forget_secrets(struct hops *hs)
{
	secrets_forget(hs->secrets);
}

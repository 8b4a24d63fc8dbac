/* SPDX-License-Identifier: ISC */
/*
 * libcurl's sockets and its one timer, as libevent events.  Not what is
 * transferred (hops.c, sts_fetch.c).
 *
 * Invariant: the owner is never called from within a callback of libcurl.
 * Nothing here repeats: idle, no timer is armed.
 */
#include "deliver/multi.h"

#include <stdlib.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/log.h"

struct multi {
	struct event_base *base;
	CURLM *curl;
	struct event timer;
	multi_fn fn;
	void *arg;
};

/* A socket that libcurl wants to be told about. */
struct watch {
	struct multi *multi;
	struct event event;
};

/* Hand out the results of what has ended. */
static void
collect(struct multi *m)
{
	CURLMsg *msg;
	int left;
	while ((msg = curl_multi_info_read(m->curl, &left)) != NULL) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		/* msg is libcurl's and gone once the handle is removed. */
		CURL *easy = msg->easy_handle;
		CURLcode code = msg->data.result;
		m->fn(m->arg, easy, code);
	}
}

static void
act(struct multi *m, curl_socket_t fd, int what)
{
	int running;
	CURLMcode r = curl_multi_socket_action(m->curl, fd, what, &running);
	if (r != CURLM_OK)
		log_text(LOG_WARNING, "libcurl: %s", curl_multi_strerror(r));
	collect(m);
}

static void
on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;
	act(w->multi, fd,
	    (what & EV_READ ? CURL_CSELECT_IN : 0) |
		(what & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct multi *m = arg;
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
		w->multi = m;
		curl_multi_assign(m->curl, fd, w);
	} else {
		event_del(&w->event);
	}
	short flags = EV_PERSIST;
	if (what & CURL_POLL_IN)
		flags |= EV_READ;
	if (what & CURL_POLL_OUT)
		flags |= EV_WRITE;
	event_assign(&w->event, m->base, fd, flags, on_watch, w);
	event_add(&w->event, NULL);
	return 0;
}

static int
on_timeout(CURLM *curl, long ms, void *arg)
{
	struct multi *m = arg;
	(void)curl;
	if (ms < 0) {
		evtimer_del(&m->timer);
	} else {
		struct timeval tv = {ms / 1000, ms % 1000 * 1000};
		evtimer_add(&m->timer, &tv);
	}
	return 0;
}

struct multi *
multi_new(struct event_base *base, multi_fn fn, void *arg)
{
	CURLM *curl = curl_multi_init();
	if (curl == NULL)
		return NULL;
	struct multi *m = alloc_zero(1, sizeof(*m));
	m->base = base;
	m->curl = curl;
	m->fn = fn;
	m->arg = arg;
	evtimer_assign(&m->timer, base, on_timer, m);
	curl_multi_setopt(curl, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(curl, CURLMOPT_SOCKETDATA, m);
	curl_multi_setopt(curl, CURLMOPT_TIMERFUNCTION, on_timeout);
	curl_multi_setopt(curl, CURLMOPT_TIMERDATA, m);
	return m;
}

void
multi_free(struct multi *m)
{
	if (m == NULL)
		return;
	curl_multi_cleanup(m->curl);
	evtimer_del(&m->timer);
	free(m);
}

int
multi_add(struct multi *m, CURL *easy)
{
	return curl_multi_add_handle(m->curl, easy) == CURLM_OK ? 0 : -1;
}

void
multi_remove(struct multi *m, CURL *easy)
{
	curl_multi_remove_handle(m->curl, easy);
}

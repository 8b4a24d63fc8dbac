/* SPDX-License-Identifier: ISC */
/*
 * A wire of some length: forwards one TCP port of 127.0.0.1 to another and
 * delivers each way's octets half a round trip later, to the microsecond,
 * however many are under way.  The set-up of TCP itself takes no time.
 *
 *   wire LISTEN TARGET ROUND-TRIP-MS
 */
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sysexits.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/log.h"

/* What came at one moment; no octets: the end. */
struct piece {
	STAILQ_ENTRY(piece) link;
	int64_t due; /* monotonic us */
	struct evbuffer *octets;
};

/* One direction, towards its socket. */
struct way {
	struct bufferevent *to;
	struct way *back;
	struct event *timer;
	STAILQ_HEAD(, piece) under_way;
	bool last;  /* nothing comes behind what was written */
	bool ended; /* ... and that has left */
};

static struct event_base *base;
static struct sockaddr_in target;
static int64_t half_us;

static void
arm(struct way *w)
{
	struct piece *p = STAILQ_FIRST(&w->under_way);
	if (p == NULL)
		return;
	int64_t left = p->due - clock_mono_us();
	if (left < 0)
		left = 0;
	const struct timeval tv = {
	    .tv_sec = left / 1000000, .tv_usec = left % 1000000};
	(void)evtimer_add(w->timer, &tv);
}

/* Both ends are gone. */
static void
forget(struct way *w)
{
	bufferevent_free(w->to);
	event_free(w->timer);
	free(w);
}

static void
end(struct way *w)
{
	w->ended = true;
	(void)shutdown(bufferevent_getfd(w->to), SHUT_WR);
	if (w->back->ended && STAILQ_EMPTY(&w->back->under_way)) {
		forget(w->back);
		forget(w);
	}
}

/* All that was written has left. */
static void
on_written(struct bufferevent *to, void *arg)
{
	struct way *w = arg;
	(void)to;
	if (w->last && !w->ended)
		end(w);
}

static void
on_due(evutil_socket_t fd, short what, void *arg)
{
	struct way *w = arg;
	struct piece *p;
	(void)fd;
	(void)what;
	while ((p = STAILQ_FIRST(&w->under_way)) != NULL &&
	       p->due <= clock_mono_us()) {
		STAILQ_REMOVE_HEAD(&w->under_way, link);
		w->last = evbuffer_get_length(p->octets) == 0;
		(void)bufferevent_write_buffer(w->to, p->octets);
		evbuffer_free(p->octets);
		free(p);
	}
	arm(w);
	if (evbuffer_get_length(bufferevent_get_output(w->to)) == 0)
		on_written(w->to, w);
}

/* From the other end of this way, whatever there is. */
static void
send_off(struct way *w, struct bufferevent *from)
{
	struct piece *p = alloc_zero(1, sizeof(*p));
	p->due = clock_mono_us() + half_us;
	p->octets = evbuffer_new();
	if (p->octets == NULL || bufferevent_read_buffer(from, p->octets) != 0)
		errx(EX_OSERR, "out of memory");
	bool idle = STAILQ_EMPTY(&w->under_way);
	STAILQ_INSERT_TAIL(&w->under_way, p, link);
	if (idle)
		arm(w);
}

static void
on_octets(struct bufferevent *from, void *arg)
{
	struct way *w = arg;
	send_off(w->back, from);
}

static void
on_end(struct bufferevent *from, short what, void *arg)
{
	struct way *w = arg;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		send_off(w->back, from);
}

static struct way *
way_to(struct bufferevent *to)
{
	struct way *w = alloc_zero(1, sizeof(*w));
	w->to = to;
	w->timer = evtimer_new(base, on_due, w);
	if (to == NULL || w->timer == NULL)
		errx(EX_OSERR, "out of memory");
	STAILQ_INIT(&w->under_way);
	bufferevent_setcb(to, on_octets, on_written, on_end, w);
	return w;
}

static void
quickly(struct bufferevent *b)
{
	const int one = 1;
	(void)setsockopt(
	    bufferevent_getfd(b), IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)bufferevent_enable(b, EV_READ | EV_WRITE);
}

static void
on_client(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa,
    int len, void *arg)
{
	(void)l;
	(void)sa;
	(void)len;
	(void)arg;
	struct way *here =
	    way_to(bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE));
	struct way *there =
	    way_to(bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE));
	here->back = there;
	there->back = here;
	if (bufferevent_socket_connect(
		there->to, (struct sockaddr *)&target, sizeof(target)) != 0)
		err(EX_UNAVAILABLE, "connect");
	quickly(here->to);
	quickly(there->to);
}

static struct sockaddr_in
local_port(const char *text)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)atoi(text)),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int
main(int argc, char **argv)
{
	if (argc != 4)
		errx(EX_USAGE, "usage: wire LISTEN TARGET ROUND-TRIP-MS");
	struct sockaddr_in here = local_port(argv[1]);
	target = local_port(argv[2]);
	half_us = atoll(argv[3]) * 500;
	struct event_config *config = event_config_new();
	if (config == NULL ||
	    event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER) != 0 ||
	    (base = event_base_new_with_config(config)) == NULL)
		errx(EX_OSERR, "cannot start the event loop");
	if (evconnlistener_new_bind(base, on_client, NULL,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, -1,
		(struct sockaddr *)&here, sizeof(here)) == NULL)
		err(EX_UNAVAILABLE, "port %s", argv[1]);
	return event_base_dispatch(base) < 0 ? EX_OSERR : EX_OK;
}

/* SPDX-License-Identifier: ISC */
/*
 * What comes before the first command: who is there (PROXY header, unix
 * socket, reverse name), may it come in (guard), TLS, the greeting.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "smtpd/proxy.h"
#include "smtpd/visit.h"

static void shake_hands(struct visit *v);

/* STARTTLS: whatever came behind it in clear is forgotten (F01). */
void
visit_start_tls(struct visit *v)
{
	buf_free(&v->in);
	v->drained = false;
	(void)event_del(v->readable);
	v->secure = secure_accept(v->tls_context, v->fd);
	v->stage = STAGE_HANDSHAKE;
	visit_deadline(v, clock_mono_ms() + VISIT_SETUP_MS);
	shake_hands(v);
}

static void
greet(struct visit *v)
{
	char one;
	bool early = v->in.len > 0 ||
		     (v->secure == NULL &&
			 recv(v->fd, &one, 1, MSG_PEEK | MSG_DONTWAIT) > 0);
	v->drained = !early && v->secure == NULL;
	v->stage = STAGE_SESSION;
	session_greet(v->session, early);
	visit_progress(v);
	visit_pump(v);
}

static void
shake_hands(struct visit *v)
{
	switch (secure_handshake(v->secure)) {
	case SECURE_OK:
		secure_channel(v->secure, &v->channel);
		session_secured(v->session);
		board_add(v->worker->board, COUNT_TLS, 1);
		v->stage = STAGE_SESSION;
		if (v->implicit) {
			greet(v);
		} else {
			visit_progress(v);
			visit_pump(v);
		}
		break;
	case SECURE_WANT_READ:
		(void)event_add(v->readable, NULL);
		break;
	case SECURE_WANT_WRITE:
		(void)event_add(v->writable, NULL);
		break;
	default: {
		char ip[IP_TEXT_MAX];
		ip_format(&v->peer.ip, ip);
		log_event(LOG_INFO, "no-tls", LOG_STR("client", ip),
		    LOG_STR("text", secure_describe(v->secure)));
		visit_close(v);
		break;
	}
	}
}

static void
named(struct visit *v)
{
	if (!v->implicit)
		greet(v);
	else if (v->tls_context == NULL)
		visit_close(v); /* no key: nothing can be said */
	else
		visit_start_tls(v);
}

static void
on_name(void *arg, const char *name)
{
	struct visit *v = arg;
	v->name_query = NULL;
	(void)snprintf(v->peer.name, sizeof(v->peer.name), "%s", name);
	v->peer.name_known = true;
	if (!v->in_hook)
		named(v);
}

/* The client's true address is known. */
static void
admit(struct visit *v)
{
	struct worker *w = v->worker;
	struct status st;
	char line[STATUS_TEXT_MAX + 32];
	board_add(w->board, COUNT_CLIENTS, 1);
	v->counts_as = v->peer.ip;
	if (v->peer.local_socket)
		guard_user(v->peer.uid, &v->counts_as);
	guard_enter(w->guard, w->site->conf, w->number, &v->counts_as,
	    clock_mono_ms(), &st);
	v->counted = st.verdict == DONE;
	if (!v->counted) {
		board_add(w->board, COUNT_CLIENTS_TURNED_AWAY, 1);
		int n = snprintf(line, sizeof(line), "%d %s %s\r\n", st.code,
		    st.enhanced, st.text);
		(void)send(v->fd, line, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
		visit_close(v);
		return;
	}
	board_add(w->board, COUNT_CLIENTS_NOW, 1);
	if (!v->peer.local_socket && relay_needs_name(w->site->conf)) {
		v->stage = STAGE_NAME;
		v->in_hook = true;
		v->name_query = names_find(
		    w->names, &v->peer.ip, clock_mono_ms(), on_name, v);
		v->in_hook = false;
		if (v->name_query != NULL)
			return;
	}
	named(v);
}

static void
read_proxy_header(struct visit *v)
{
	char data[PROXY_HEADER_MAX];
	struct proxy_result r;
	ssize_t n = recv(v->fd, data, sizeof(data), MSG_PEEK);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	int used = n > 0 ? proxy_parse(data, (size_t)n, &r) : -1;
	if (used < 0) {
		log_text(LOG_WARNING, "a listed proxy sent no PROXY header");
		visit_close(v);
		return;
	}
	/* Wake up when there is more than was seen, not for what was. */
	const int one = 1, more = (int)n + 1;
	(void)setsockopt(v->fd, SOL_SOCKET, SO_RCVLOWAT,
	    used == 0 ? &more : &one, sizeof(int));
	if (used == 0)
		return;
	/* Take the header's octets only: what follows is for TLS or SMTP. */
	if (recv(v->fd, data, (size_t)used, 0) != used) {
		visit_close(v);
		return;
	}
	(void)event_del(v->readable);
	if (!r.local) {
		v->peer.ip = r.ip;
		v->peer.port = r.port;
	}
	admit(v);
}

void
visit_on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct visit *v = arg;
	(void)fd;
	switch (v->stage) {
	case STAGE_PROXY:
		read_proxy_header(v);
		break;
	case STAGE_HANDSHAKE:
		shake_hands(v);
		break;
	case STAGE_SESSION:
		/* It talks while it waits for us: heard after the answer. */
		if ((what & EV_READ) &&
		    session_wants(v->session) == SESSION_ANSWER)
			(void)event_del(v->readable);
		v->drained = false;
		visit_pump(v);
		break;
	case STAGE_NAME:
		break;
	}
}

static void
who_is_there(struct visit *v, const struct sockaddr_storage *from)
{
	struct ucred cred = {.uid = (uid_t)-1};
	socklen_t len = sizeof(cred);
	if (v->peer.local_socket) {
		(void)getsockopt(v->fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
		v->peer.uid = (unsigned)cred.uid;
		v->peer.name_known = true;
	} else {
		ip_from_sockaddr(from, &v->peer.ip, &v->peer.port);
	}
}

static bool
is_proxy(const struct listener *l, const struct peer *p)
{
	return l != NULL && !p->local_socket && relay_listed(&l->proxies, p);
}

void
visit_begin(struct entrance *e, int fd, const struct sockaddr_storage *from)
{
	struct worker *w = e->worker;
	const struct listener *l = entrance_conf(e);
	struct visit *v = alloc_zero(1, sizeof(*v));
	v->worker = w;
	v->fd = fd;
	v->listener = alloc_string(e->name, strlen(e->name));
	v->tls_context = secure_context_ref(e->tls);
	v->implicit = l != NULL && l->tls == LISTEN_IMPLICIT;
	v->peer.local_socket = e->unix_socket;
	buf_init(&v->in, VISIT_IN_MAX);
	v->session = session_new(&visit_hooks, v);
	v->readable =
	    event_new(w->base, fd, EV_READ | EV_PERSIST, visit_on_socket, v);
	v->writable = event_new(w->base, fd, EV_WRITE, visit_on_socket, v);
	v->timer = evtimer_new(w->base, visit_on_timer, v);
	if (v->readable == NULL || v->writable == NULL || v->timer == NULL)
		die("out of memory");
	LIST_INSERT_HEAD(&w->visits, v, link);
	w->nvisits++;
	who_is_there(v, from);
	visit_deadline(v, clock_mono_ms() + VISIT_SETUP_MS);
	if (is_proxy(l, &v->peer)) {
		v->stage = STAGE_PROXY;
		(void)event_add(v->readable, NULL);
	} else {
		admit(v);
	}
}

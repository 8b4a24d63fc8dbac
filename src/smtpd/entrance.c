/* SPDX-License-Identifier: ISC */
/*
 * Listening sockets of a worker.  They come from the parent, which binds
 * them; here they are only accepted from.  When descriptors run out the
 * socket rests for a moment instead of spinning (H04).  The first worker that
 * has time takes a client: what ends together in one worker is one commit,
 * and only that one need have woken.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "smtpd/worker.h"

#define ACCEPTS_PER_TURN 32
#define PAUSE_MS 200
#define STAND_BACK_MS 5 /* the second worker; the third twice as long */

const struct listener *
entrance_conf(const struct entrance *e)
{
	const struct conf *c = e->worker->site->conf;
	for (size_t i = 0; i < c->nlisteners; i++)
		if (strcmp(c->listeners[i].name, e->name) == 0)
			return &c->listeners[i];
	return NULL;
}

static void
rest(struct entrance *e, unsigned ms)
{
	const struct timeval tv = {
	    .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
	(void)event_del(e->event);
	(void)evtimer_add(e->pause, &tv);
}

static void
accept_some(struct entrance *e)
{
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		struct sockaddr_storage sa = {0};
		socklen_t len = sizeof(sa);
		int client = accept4(e->fd, (struct sockaddr *)&sa, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (client >= 0) {
			visit_begin(e, client, &sa);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM) {
			log_text(LOG_WARNING, "%s: cannot accept: %s", e->name,
			    strerror(errno));
			rest(e, PAUSE_MS);
		}
		if (errno != EINTR && errno != ECONNABORTED)
			return;
	}
}

/* A later worker leaves it to those before, unless they are too busy, stuck
 * or gone. */
static void
on_client(evutil_socket_t fd, short what, void *arg)
{
	struct entrance *e = arg;
	(void)fd;
	(void)what;
	if (e->worker->number == 0)
		accept_some(e);
	else
		rest(e, STAND_BACK_MS * e->worker->number);
}

static void
on_rested(evutil_socket_t fd, short what, void *arg)
{
	struct entrance *e = arg;
	(void)fd;
	(void)what;
	(void)event_add(e->event, NULL);
	accept_some(e);
}

/* NULL, and a line in the log. */
static struct secure_context *
load_one(const struct listener *l, const char *certificate, const char *key)
{
	const char *why;
	struct secure_context *s = secure_context_new(
	    certificate, key, l->profile, l->client_ca, &why);
	if (s == NULL)
		log_event(LOG_ERR, "tls", LOG_STR("listener", l->name),
		    LOG_STR("certificate", certificate), LOG_STR("text", why));
	return s;
}

/* The listener's own certificate or the common one, and those for other
 * names.  False when one does not load; without the first there is none. */
static bool
load_all(const struct conf *c, const struct listener *l,
    struct secure_context **loaded)
{
	const char *certificate =
	    l->certificate != NULL ? l->certificate : c->tls.certificate;
	const char *key = l->key != NULL ? l->key : c->tls.key;
	bool all = true;
	*loaded = NULL;
	if (l->tls == LISTEN_PLAIN || certificate == NULL || key == NULL)
		return true;
	*loaded = load_one(l, certificate, key);
	for (size_t i = 0; *loaded != NULL && i < c->ncertificates; i++) {
		const struct certificate *more = &c->certificates[i];
		struct secure_context *s =
		    load_one(l, more->certificate, more->key);
		if (s != NULL)
			secure_context_add(*loaded, s);
		else
			all = false;
	}
	return all && *loaded != NULL;
}

void
entrance_load_tls(struct entrance *e)
{
	const struct listener *l = entrance_conf(e);
	struct secure_context *fresh;
	if (l == NULL)
		return;
	/* With a broken one the old ones go on (F08); where there are none
	 * yet, those that load are better than no TLS. */
	bool all = load_all(e->worker->site->conf, l, &fresh);
	if (!all && e->tls != NULL) {
		secure_context_unref(fresh);
		return;
	}
	secure_context_unref(e->tls);
	e->tls = fresh;
}

void
entrance_open(struct worker *w, const char *name, const char *address, int fd)
{
	struct entrance *e = alloc_zero(1, sizeof(*e));
	e->worker = w;
	e->name = alloc_string(name, strlen(name));
	e->address = alloc_string(address, strlen(address));
	e->fd = fd;
	e->unix_socket = address[0] == '/';
	e->event = event_new(w->base, fd, EV_READ | EV_PERSIST, on_client, e);
	e->pause = evtimer_new(w->base, on_rested, e);
	if (e->event == NULL || e->pause == NULL)
		die("out of memory");
	LIST_INSERT_HEAD(&w->entrances, e, link);
	entrance_load_tls(e);
	if (!w->stopping)
		(void)event_add(e->event, NULL);
}

void
entrance_close(struct entrance *e)
{
	LIST_REMOVE(e, link);
	event_free(e->event);
	event_free(e->pause);
	(void)close(e->fd);
	secure_context_unref(e->tls);
	free(e->name);
	free(e->address);
	free(e);
}

void
entrances_review(struct worker *w)
{
	struct entrance *e;
	LIST_FOREACH(e, &w->entrances, link)
	entrance_load_tls(e);
}

void
entrances_close(struct worker *w, const char *name, const char *address)
{
	struct entrance *e, *next;
	for (e = LIST_FIRST(&w->entrances); e != NULL; e = next) {
		next = LIST_NEXT(e, link);
		if (strcmp(e->name, name) == 0 &&
		    strcmp(e->address, address) == 0)
			entrance_close(e);
	}
}

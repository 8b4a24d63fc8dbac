/* SPDX-License-Identifier: ISC */
/*
 * Which sockets are open, by the name and the address of their section.
 * Reads nothing from them.  Invariants: what was told as open is open until
 * it is told as closed; no listener that could be bound before is without a
 * socket because its new address cannot be.
 */
#include "smtpd/doors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "smtpd/bind.h"

struct door {
	LIST_ENTRY(door) link;
	char *name, *address;
	int fd;
};

/* An address that could not be bound, and was told so. */
struct trouble {
	LIST_ENTRY(trouble) link;
	char *address;
	int error;
	bool still;
};

struct doors {
	LIST_HEAD(, door) open;
	LIST_HEAD(, trouble) troubles;
	doors_fn fn;
	void *arg;
};

struct doors *
doors_new(doors_fn fn, void *arg)
{
	struct doors *d = alloc_zero(1, sizeof(*d));
	LIST_INIT(&d->open);
	LIST_INIT(&d->troubles);
	d->fn = fn;
	d->arg = arg;
	return d;
}

static void
free_door(struct door *o)
{
	LIST_REMOVE(o, link);
	(void)close(o->fd);
	free(o->name);
	free(o->address);
	free(o);
}

static void
free_trouble(struct trouble *t)
{
	LIST_REMOVE(t, link);
	free(t->address);
	free(t);
}

void
doors_free(struct doors *d)
{
	if (d == NULL)
		return;
	while (!LIST_EMPTY(&d->open))
		free_door(LIST_FIRST(&d->open));
	while (!LIST_EMPTY(&d->troubles))
		free_trouble(LIST_FIRST(&d->troubles));
	free(d);
}

static bool
belongs(const struct door *o, const struct listener *l)
{
	return strcmp(o->name, l->name) == 0 &&
	       strcmp(o->address, l->address) == 0;
}

static const struct listener *
section_of(const struct conf *c, const struct door *o)
{
	for (size_t i = 0; i < c->nlisteners; i++)
		if (belongs(o, &c->listeners[i]))
			return &c->listeners[i];
	return NULL;
}

static bool
is_open(const struct doors *d, const struct listener *l)
{
	const struct door *o;
	LIST_FOREACH(o, &d->open, link)
	if (belongs(o, l))
		return true;
	return false;
}

/* Its section has an address that could not be bound. */
static bool
must_stay(const struct doors *d, const struct conf *c, const struct door *o)
{
	for (size_t i = 0; i < c->nlisteners; i++)
		if (strcmp(c->listeners[i].name, o->name) == 0)
			return !is_open(d, &c->listeners[i]);
	return false;
}

static void
tell(doors_fn fn, void *arg, const struct door *o, int fd)
{
	struct handover h = {
	    .kind = fd >= 0 ? HANDOVER_OPEN : HANDOVER_CLOSE, .fd = fd};
	memcpy(h.name, o->name, strnlen(o->name, sizeof(h.name) - 1));
	memcpy(
	    h.address, o->address, strnlen(o->address, sizeof(h.address) - 1));
	fn(arg, &h);
}

static void
close_door(struct doors *d, struct door *o)
{
	log_event(LOG_NOTICE, "closed", LOG_STR("listener", o->name),
	    LOG_STR("address", o->address));
	tell(d->fn, d->arg, o, -1);
	free_door(o);
}

static void
rename_door(struct door *o, const struct listener *l)
{
	free(o->name);
	free(o->address);
	o->name = alloc_string(l->name, strlen(l->name));
	o->address = alloc_string(l->address, strlen(l->address));
}

/* The section got another name: the same socket under it. */
static bool
take_over(struct doors *d, const struct conf *c, const struct listener *l)
{
	struct door *o;
	LIST_FOREACH(o, &d->open, link)
	if (section_of(c, o) == NULL && strcmp(o->address, l->address) == 0)
		break;
	if (o == NULL)
		return false;
	log_event(LOG_NOTICE, "listening", LOG_STR("listener", l->name),
	    LOG_STR("address", l->address), LOG_STR("was", o->name));
	tell(d->fn, d->arg, o, -1);
	rename_door(o, l);
	tell(d->fn, d->arg, o, o->fd);
	return true;
}

/* Those that are gone may overlap with what is opened: "0.0.0.0:25" and
 * "192.0.2.1:25".  They go only when that succeeded, and meanwhile workers
 * have them open, too. */
static void
allow_overlap(struct doors *d, const struct conf *c, int on)
{
	struct door *o;
	LIST_FOREACH(o, &d->open, link)
	if (section_of(c, o) == NULL && o->address[0] != '/')
		(void)setsockopt(
		    o->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
}

/* 0; -1 with errno and *why. */
static int
open_door(struct doors *d, const struct conf *c, const struct listener *l,
    const char **why)
{
	int fd = bind_listener(l, false, why);
	if (fd < 0 && errno == EADDRINUSE) {
		if (take_over(d, c, l))
			return 0;
		allow_overlap(d, c, 1);
		fd = bind_listener(l, true, why);
		int error = errno;
		allow_overlap(d, c, 0);
		errno = error;
	}
	if (fd < 0)
		return -1;
	struct door *o = alloc_zero(1, sizeof(*o));
	o->fd = fd;
	rename_door(o, l);
	LIST_INSERT_HEAD(&d->open, o, link);
	log_event(LOG_NOTICE, "listening", LOG_STR("listener", l->name),
	    LOG_STR("address", l->address));
	tell(d->fn, d->arg, o, fd);
	return 0;
}

static void
complain(struct doors *d, const struct listener *l, const char *why, int error)
{
	struct trouble *t;
	LIST_FOREACH(t, &d->troubles, link)
	if (strcmp(t->address, l->address) == 0)
		break;
	if (t == NULL) {
		t = alloc_zero(1, sizeof(*t));
		t->address = alloc_string(l->address, strlen(l->address));
		LIST_INSERT_HEAD(&d->troubles, t, link);
	}
	if (t->error != error)
		log_text(LOG_ERR, "listener %s on %s: %s: %s", l->name,
		    l->address, why, strerror(error));
	t->error = error;
	t->still = true;
}

static void
forget_troubles(struct doors *d)
{
	struct trouble *t, *next;
	for (t = LIST_FIRST(&d->troubles); t != NULL; t = next) {
		next = LIST_NEXT(t, link);
		if (!t->still)
			free_trouble(t);
		else
			t->still = false;
	}
}

static void
close_gone(struct doors *d, const struct conf *c)
{
	struct door *o, *next;
	for (o = LIST_FIRST(&d->open); o != NULL; o = next) {
		next = LIST_NEXT(o, link);
		if (section_of(c, o) == NULL && !must_stay(d, c, o))
			close_door(d, o);
	}
}

size_t
doors_follow(struct doors *d, const struct conf *c)
{
	size_t failed = 0;
	const char *why;
	for (size_t i = 0; i < c->nlisteners; i++) {
		const struct listener *l = &c->listeners[i];
		if (is_open(d, l) || open_door(d, c, l, &why) == 0)
			continue;
		complain(d, l, why, errno);
		failed++;
	}
	close_gone(d, c);
	forget_troubles(d);
	return failed;
}

size_t
doors_count(const struct doors *d)
{
	const struct door *o;
	size_t n = 0;
	LIST_FOREACH(o, &d->open, link)
	n++;
	return n;
}

void
doors_each(const struct doors *d, doors_fn fn, void *arg)
{
	const struct door *o;
	LIST_FOREACH(o, &d->open, link)
	tell(fn, arg, o, o->fd);
}

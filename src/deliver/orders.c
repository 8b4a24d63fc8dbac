/* SPDX-License-Identifier: ISC */
/*
 * The files of the operator's orders: found, read, removed.  Not what they
 * do (orders_run.c), nor their form (queue/order.h).
 *
 * Invariant: an order's file goes after the records of its effect are
 * durable, so that a crash at any point carries it out once more, which
 * changes nothing (J28).
 */
#include "deliver/orders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "deliver/orders_internal.h"

/* --- the directory --- */

struct orders *
orders_open(const char *spool)
{
	char path[64];
	struct orders *o = alloc_zero(1, sizeof(*o));
	o->bell_fd = -1;
	o->dir_fd = order_directory(spool);
	if (o->dir_fd < 0) {
		log_text(LOG_ERR, "orders are not served: %s", strerror(errno));
		return o;
	}
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", o->dir_fd);
	o->bell_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (o->bell_fd >= 0 &&
	    inotify_add_watch(o->bell_fd, path, IN_MOVED_TO | IN_ONLYDIR) < 0) {
		(void)close(o->bell_fd);
		o->bell_fd = -1;
	}
	return o;
}

static void
drop_pending(struct pending *p)
{
	order_free(&p->order);
	free(p);
}

void
orders_close(struct orders *o)
{
	if (o == NULL)
		return;
	for (struct pending *p = o->list, *next; p != NULL; p = next) {
		next = p->next;
		drop_pending(p);
	}
	if (o->dir_fd >= 0)
		(void)close(o->dir_fd);
	if (o->bell_fd >= 0)
		(void)close(o->bell_fd);
	free(o);
}

int
orders_fd(const struct orders *o)
{
	return o->bell_fd;
}

/* No order, and never one: out of the way, for a person to look at. */
static void
set_aside(struct orders *o, const char *id)
{
	char name[BATCH_ID_LEN + 8];
	(void)snprintf(name, sizeof(name), ".bad-%s", id);
	log_event(LOG_ERR, "order", LOG_STR("order", id),
	    LOG_STR("error", "not a whole order"), LOG_STR("kept", name));
	(void)renameat(o->dir_fd, id, o->dir_fd, name);
}

static void
take(struct orders *o, const char *id)
{
	struct pending **at = &o->list;
	while (*at != NULL && strcmp((*at)->id, id) < 0)
		at = &(*at)->next;
	if (*at != NULL && strcmp((*at)->id, id) == 0)
		return;
	struct pending *p = alloc_zero(1, sizeof(*p));
	if (order_read(o->dir_fd, id, &p->order) != 0) {
		if (errno == EBADMSG)
			set_aside(o, id);
		else
			log_text(LOG_ERR, "cannot read order %s: %s", id,
			    strerror(errno));
		free(p);
		return;
	}
	memcpy(p->id, id, BATCH_ID_LEN);
	p->next = *at;
	*at = p;
}

void
orders_look(struct orders *o)
{
	char events[4096];
	while (
	    o->bell_fd >= 0 && io_read(o->bell_fd, events, sizeof(events)) > 0)
		;
	DIR *dir = o->dir_fd < 0 ? NULL : io_opendir(o->dir_fd, ".");
	if (dir == NULL)
		return;
	for (struct dirent *e; (e = readdir(dir)) != NULL;)
		if (batch_id_valid(e->d_name, strlen(e->d_name)))
			take(o, e->d_name);
	(void)closedir(dir);
}

int64_t
orders_wait(const struct orders *o, int64_t now)
{
	for (const struct pending *p = o->list; p != NULL; p = p->next)
		if (p->stage == STAGE_OPEN && p->again > now)
			return p->again - now;
	return -1;
}

bool
orders_uncommitted(const struct orders *o)
{
	for (const struct pending *p = o->list; p != NULL; p = p->next)
		if (p->stage == STAGE_DONE)
			return true;
	return false;
}

void
orders_commit(struct orders *o)
{
	for (struct pending *p = o->list; p != NULL; p = p->next)
		if (p->stage == STAGE_DONE)
			p->stage = STAGE_COMMITTING;
}

void
orders_committed(struct orders *o)
{
	bool any = false;
	struct pending **at = &o->list, *p;
	while ((p = *at) != NULL) {
		if (p->stage != STAGE_COMMITTING) {
			at = &p->next;
			continue;
		}
		any = true;
		if (unlinkat(o->dir_fd, p->id, 0) != 0 && errno != ENOENT)
			log_text(LOG_ERR, "cannot remove order %s: %s", p->id,
			    strerror(errno));
		*at = p->next;
		drop_pending(p);
	}
	/* Oldest first and durable: a later order must not be forgotten
	 * before the one that it changed. */
	if (any && io_fsync(o->dir_fd) != 0)
		log_text(LOG_ERR, "orders: %s", strerror(errno));
}

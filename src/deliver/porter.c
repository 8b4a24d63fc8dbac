/* SPDX-License-Identifier: ISC */
/*
 * The porter's thread and its two lists: what is to be done, and what was.
 * Knows nothing of mail.
 *
 * Invariant: an errand is in one list, or it is the thread's current one, or
 * it is its owner's; done() is called once for each, from the event loop.
 */
#include "deliver/porter.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"

struct line {
	struct errand *head, **tail;
};

struct porter {
	struct keyring *keys;
	int wake; /* eventfd */
	struct event *event;
	pthread_t thread;
	size_t given;         /* the loop's view: errands not told yet */
	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t changed;
	struct line todo, ended;
	struct errand *current;
	bool leaving;
};

static void
line_put(struct line *l, struct errand *e)
{
	e->next = NULL;
	*l->tail = e;
	l->tail = &e->next;
}

static struct errand *
line_take(struct line *l)
{
	struct errand *e = l->head;
	if (e == NULL)
		return NULL;
	l->head = e->next;
	if (l->head == NULL)
		l->tail = &l->head;
	return e;
}

/* false: it is not there. */
static bool
line_remove(struct line *l, const struct errand *e)
{
	for (struct errand **at = &l->head; *at != NULL; at = &(*at)->next) {
		if (*at != e)
			continue;
		*at = e->next;
		if (e->next == NULL)
			l->tail = at;
		return true;
	}
	return false;
}

/* --- the thread; called with the lock, which is left for the work --- */

static void
put_ended(struct porter *p, struct errand *e)
{
	const uint64_t one = 1;
	line_put(&p->ended, e);
	(void)pthread_cond_broadcast(&p->changed);
	if (write(p->wake, &one, sizeof(one)) != sizeof(one))
		die("eventfd: %s", strerror(errno));
}

static void *
run(void *arg)
{
	struct porter *p = arg;
	(void)pthread_mutex_lock(&p->lock);
	while (!p->leaving) {
		struct errand *e = line_take(&p->todo);
		if (e == NULL) {
			(void)pthread_cond_wait(&p->changed, &p->lock);
			continue;
		}
		p->current = e;
		(void)pthread_mutex_unlock(&p->lock);
		e->work(e);
		(void)pthread_mutex_lock(&p->lock);
		p->current = NULL;
		put_ended(p, e);
	}
	(void)pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* --- the event loop --- */

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct porter *p = arg;
	struct errand *e;
	uint64_t n;
	(void)what;
	if (read(fd, &n, sizeof(n)) != sizeof(n))
		return;
	do {
		(void)pthread_mutex_lock(&p->lock);
		e = line_take(&p->ended);
		(void)pthread_mutex_unlock(&p->lock);
		if (e == NULL)
			return;
		p->given--;
		e->done(e);
	} while (true);
}

struct porter *
porter_new(struct event_base *base)
{
	struct porter *p = alloc_zero(1, sizeof(*p));
	p->keys = keyring_new();
	p->todo.tail = &p->todo.head;
	p->ended.tail = &p->ended.head;
	p->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (p->wake < 0)
		die("eventfd: %s", strerror(errno));
	p->event = event_new(base, p->wake, EV_READ | EV_PERSIST, on_wake, p);
	if (p->event == NULL || event_add(p->event, NULL) != 0)
		die("cannot watch the porter");
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_cond_init(&p->changed, NULL);
	if (pthread_create(&p->thread, NULL, run, p) != 0)
		die("cannot start the porter's thread");
	return p;
}

void
porter_free(struct porter *p)
{
	if (p == NULL)
		return;
	(void)pthread_mutex_lock(&p->lock);
	p->leaving = true;
	(void)pthread_cond_broadcast(&p->changed);
	(void)pthread_mutex_unlock(&p->lock);
	(void)pthread_join(p->thread, NULL);
	event_free(p->event);
	(void)close(p->wake);
	(void)pthread_mutex_destroy(&p->lock);
	(void)pthread_cond_destroy(&p->changed);
	keyring_free(p->keys);
	free(p);
}

void
porter_send(struct porter *p, struct errand *e)
{
	p->given++;
	(void)pthread_mutex_lock(&p->lock);
	line_put(&p->todo, e);
	(void)pthread_cond_broadcast(&p->changed);
	(void)pthread_mutex_unlock(&p->lock);
}

void
porter_cancel(struct porter *p, struct errand *e)
{
	atomic_store(&e->cancelled, true);
	(void)pthread_mutex_lock(&p->lock);
	if (line_remove(&p->todo, e))
		put_ended(p, e);
	(void)pthread_mutex_unlock(&p->lock);
}

void
porter_cancel_all(struct porter *p)
{
	struct errand *e;
	(void)pthread_mutex_lock(&p->lock);
	if (p->current != NULL)
		atomic_store(&p->current->cancelled, true);
	while ((e = line_take(&p->todo)) != NULL) {
		atomic_store(&e->cancelled, true);
		put_ended(p, e);
	}
	(void)pthread_mutex_unlock(&p->lock);
}

bool
porter_idle(const struct porter *p)
{
	return p->given == 0;
}

struct keyring *
porter_keys(struct porter *p)
{
	return p->keys;
}

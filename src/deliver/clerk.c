/* SPDX-License-Identifier: ISC */
/*
 * The clerk's thread.  While it commits, the event loop leaves the journal's
 * file alone.  Invariant: no file is removed before the records that finish
 * it are durable (J16): the loop gives it only then.
 */
#include "deliver/clerk.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"

/* Removals between two looks at whether records wait, and between two
 * wake-ups of the loop. */
#define REMOVALS_PER_TURN 8
#define REMOVALS_PER_NEWS 256

enum commit_state { COMMIT_NONE, COMMIT_ASKED, COMMIT_ENDED };

/* Bundles by their `next`, first in first out. */
struct line {
	struct bundle *head, **tail;
	size_t n;
};

struct clerk {
	struct journal *journal;
	struct store *store;
	void (*news)(void *arg);
	void *arg;
	int wake; /* eventfd */
	struct event *event;
	pthread_t thread;
	struct journal_group group;
	bool committing;      /* the loop's view */
	size_t given;         /* the loop's view: bundles not told yet */
	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t changed;
	enum commit_state commit;
	int error;
	struct line todo, gone;
	bool leaving;
};

static void
line_init(struct line *l)
{
	*l = (struct line){.tail = &l->head};
}

static void
line_put(struct line *l, struct bundle *b)
{
	b->next = NULL;
	*l->tail = b;
	l->tail = &b->next;
	l->n++;
}

static struct bundle *
line_take(struct line *l)
{
	struct bundle *b = l->head;
	if (b == NULL)
		return NULL;
	l->head = b->next;
	if (l->head == NULL)
		l->tail = &l->head;
	l->n--;
	return b;
}

/* --- the thread; called with the lock, which they leave while they work --- */

static void
ring(struct clerk *k)
{
	const uint64_t one = 1;
	(void)pthread_cond_broadcast(&k->changed);
	if (write(k->wake, &one, sizeof(one)) != sizeof(one))
		die("eventfd: %s", strerror(errno));
}

static void
commit(struct clerk *k)
{
	(void)pthread_mutex_unlock(&k->lock);
	int error = journal_write(k->journal, &k->group);
	(void)pthread_mutex_lock(&k->lock);
	k->error = error;
	k->commit = COMMIT_ENDED;
	ring(k);
}

static void
remove_some(struct clerk *k)
{
	struct bundle *v[REMOVALS_PER_TURN];
	size_t n = 0;
	while (n < REMOVALS_PER_TURN && (v[n] = line_take(&k->todo)) != NULL)
		n++;
	(void)pthread_mutex_unlock(&k->lock);
	for (size_t i = 0; i < n; i++) {
		v[i]->error =
		    v[i]->lost || store_remove(k->store, v[i]->id) == 0 ? 0
									: errno;
	}
	(void)pthread_mutex_lock(&k->lock);
	for (size_t i = 0; i < n; i++)
		line_put(&k->gone, v[i]);
	if (k->todo.n == 0 || k->gone.n >= REMOVALS_PER_NEWS)
		ring(k);
}

static void *
run(void *arg)
{
	struct clerk *k = arg;
	(void)pthread_mutex_lock(&k->lock);
	for (;;) {
		if (k->commit == COMMIT_ASKED)
			commit(k);
		else if (k->leaving)
			break;
		else if (k->todo.n > 0)
			remove_some(k);
		else
			(void)pthread_cond_wait(&k->changed, &k->lock);
	}
	(void)pthread_mutex_unlock(&k->lock);
	return NULL;
}

/* --- the event loop --- */

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct clerk *k = arg;
	uint64_t n;
	(void)what;
	if (read(fd, &n, sizeof(n)) == sizeof(n))
		k->news(k->arg);
}

struct clerk *
clerk_new(struct event_base *base, struct journal *j, struct store *s,
    void (*news)(void *arg), void *arg)
{
	struct clerk *k = alloc_zero(1, sizeof(*k));
	k->journal = j;
	k->store = s;
	k->news = news;
	k->arg = arg;
	line_init(&k->todo);
	line_init(&k->gone);
	k->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (k->wake < 0)
		die("eventfd: %s", strerror(errno));
	k->event = event_new(base, k->wake, EV_READ | EV_PERSIST, on_wake, k);
	if (k->event == NULL || event_add(k->event, NULL) != 0)
		die("cannot watch the clerk");
	(void)pthread_mutex_init(&k->lock, NULL);
	(void)pthread_cond_init(&k->changed, NULL);
	if (pthread_create(&k->thread, NULL, run, k) != 0)
		die("cannot start the clerk's thread");
	return k;
}

void
clerk_free(struct clerk *k)
{
	int error;
	if (k == NULL)
		return;
	(void)pthread_mutex_lock(&k->lock);
	k->leaving = true;
	(void)pthread_cond_broadcast(&k->changed);
	(void)pthread_mutex_unlock(&k->lock);
	(void)pthread_join(k->thread, NULL);
	(void)clerk_committed(k, false, &error);
	event_free(k->event);
	(void)close(k->wake);
	(void)pthread_mutex_destroy(&k->lock);
	(void)pthread_cond_destroy(&k->changed);
	free(k);
}

bool
clerk_committing(const struct clerk *k)
{
	return k->committing;
}

void
clerk_commit(struct clerk *k)
{
	journal_take(k->journal, &k->group);
	k->committing = true;
	(void)pthread_mutex_lock(&k->lock);
	k->commit = COMMIT_ASKED;
	(void)pthread_cond_broadcast(&k->changed);
	(void)pthread_mutex_unlock(&k->lock);
}

bool
clerk_committed(struct clerk *k, bool wait, int *error)
{
	if (!k->committing)
		return false;
	(void)pthread_mutex_lock(&k->lock);
	while (wait && k->commit == COMMIT_ASKED)
		(void)pthread_cond_wait(&k->changed, &k->lock);
	bool ended = k->commit == COMMIT_ENDED;
	*error = k->error;
	if (ended)
		k->commit = COMMIT_NONE;
	(void)pthread_mutex_unlock(&k->lock);
	if (ended) {
		k->committing = false;
		journal_wrote(k->journal, &k->group, *error);
	}
	return ended;
}

void
clerk_remove(struct clerk *k, struct bundle *b)
{
	k->given++;
	(void)pthread_mutex_lock(&k->lock);
	line_put(&k->todo, b);
	(void)pthread_cond_broadcast(&k->changed);
	(void)pthread_mutex_unlock(&k->lock);
}

struct bundle *
clerk_removed(struct clerk *k, int *error)
{
	if (k->given == 0)
		return NULL;
	(void)pthread_mutex_lock(&k->lock);
	struct bundle *b = line_take(&k->gone);
	(void)pthread_mutex_unlock(&k->lock);
	if (b == NULL)
		return NULL;
	k->given--;
	*error = b->error;
	return b;
}

bool
clerk_idle(const struct clerk *k)
{
	return !k->committing && k->given == 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * Group commit.  The window is the time that the commit before took: what
 * ended meanwhile becomes durable together.  One thread, so that syncs do not
 * stop the event loop; it touches nothing but the letters it was given.
 * A letter that is alone is spared the way to the thread and back, as long as
 * the disk answers quickly.
 * Invariant: a ticket is in one list (waiting, the thread's hands, done)
 * until its answer was given.
 */
#include "smtpd/commit.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

/* Letters in one batch, at most. */
#define GROUP_MAX 256

/* A disk that took longer for the last commit is not waited for in the loop. */
#define QUICK_US 20000

/* A disk that is quicker is better kept busy than waited for. */
#define GATHER_FROM_US 3000

/* How long a group waits for more letters, at most. */
#define GATHER_US_MAX 5000

struct ticket {
	STAILQ_ENTRY(ticket) link;
	struct submit *submit;
	commit_fn fn;
	void *arg;
	char id[QUEUE_ID_MAX + 1];
	struct status st;
};

STAILQ_HEAD(tickets, ticket);

struct commit {
	struct store *store;
	struct event *ready;
	int wake; /* eventfd: some are done */
	pthread_t thread;
	pthread_mutex_t lock; /* for the six below */
	pthread_cond_t work;
	struct tickets waiting, done;
	unsigned nwaiting;
	unsigned before; /* in the last group */
	unsigned usual;  /* the larger one of the last two */
	bool ending;
	unsigned given;  /* and not answered yet; the loop's */
	int64_t took_us; /* the last commit; the thread's while any is given */
};

static void
answer(struct ticket *t, int error)
{
	submit_free(t->submit);
	t->submit = NULL;
	if (error == 0) {
		status_set(
		    &t->st, DONE, 250, "2.0.0", "Ok: queued as %s", t->id);
		return;
	}
	bool full = error == ENOSPC || error == EDQUOT;
	t->id[0] = '\0';
	status_set(&t->st, LATER, full ? 452 : 451, full ? "4.3.1" : "4.3.0",
	    "Cannot write to the queue: %s", strerror(error));
}

static void
commit_own(struct ticket *t, struct draft *d)
{
	message_id_make(t->id, d->id, 1);
	answer(t, draft_commit(d) == 0 ? 0 : errno);
}

/* All of them into one batch.  0, or the errno of what failed. */
static int
join_all(struct commit *c, struct ticket **v, size_t n)
{
	struct draft d;
	if (draft_create(c->store, &d, NULL) != 0)
		return errno;
	for (size_t i = 0; i < n; i++) {
		if (submit_join(v[i]->submit, &d, v[i]->id) != 0) {
			int error = errno != 0 ? errno : EIO;
			draft_discard(&d);
			return error;
		}
	}
	return draft_commit(&d) == 0 ? 0 : errno;
}

/* A group that fails is tried letter by letter, so that one that cannot be
 * written harms no other. */
static void
commit_group(struct commit *c, struct ticket **v, size_t n)
{
	int error = join_all(c, v, n);
	for (size_t i = 0; i < n; i++)
		answer(
		    v[i], error == 0 || n == 1 ? error : join_all(c, &v[i], 1));
}

static void
commit_all(struct commit *c, struct tickets *some)
{
	int64_t begun = clock_mono_us();
	struct ticket *t, *group[GROUP_MAX];
	size_t n = 0;
	STAILQ_FOREACH(t, some, link)
	{
		struct draft *own = submit_own(t->submit);
		if (own != NULL) {
			commit_own(t, own);
			continue;
		}
		group[n++] = t;
		if (n == GROUP_MAX) {
			commit_group(c, group, n);
			n = 0;
		}
	}
	if (n > 0)
		commit_group(c, group, n);
	c->took_us = clock_mono_us() - begun;
}

/*
 * With the lock.  Clients that were answered together come back together, and
 * the first of them would have a commit to itself while all others wait for
 * the next: on a slow disk, half the time of a commit is waited for as many
 * as came before.
 */
static void
gather(struct commit *c)
{
	int64_t us =
	    c->took_us / 2 < GATHER_US_MAX ? c->took_us / 2 : GATHER_US_MAX;
	us += clock_mono_us();
	const struct timespec until = {
	    .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
	while (c->took_us >= GATHER_FROM_US && c->nwaiting < c->usual &&
	       !c->ending)
		if (pthread_cond_timedwait(&c->work, &c->lock, &until) != 0)
			break;
	c->usual = c->nwaiting > c->before ? c->nwaiting : c->before;
	c->before = c->nwaiting;
	c->nwaiting = 0;
}

static void *
run(void *arg)
{
	struct commit *c = arg;
	struct tickets some;
	const uint64_t one = 1;
	(void)pthread_mutex_lock(&c->lock);
	for (;;) {
		while (STAILQ_EMPTY(&c->waiting) && !c->ending)
			(void)pthread_cond_wait(&c->work, &c->lock);
		if (STAILQ_EMPTY(&c->waiting))
			break;
		gather(c);
		STAILQ_INIT(&some);
		STAILQ_CONCAT(&some, &c->waiting);
		(void)pthread_mutex_unlock(&c->lock);
		commit_all(c, &some);
		(void)pthread_mutex_lock(&c->lock);
		STAILQ_CONCAT(&c->done, &some);
		(void)pthread_mutex_unlock(&c->lock);
		if (write(c->wake, &one, sizeof(one)) != sizeof(one))
			die("eventfd: %s", strerror(errno));
		(void)pthread_mutex_lock(&c->lock);
	}
	(void)pthread_mutex_unlock(&c->lock);
	return NULL;
}

static void
give_answers(struct commit *c)
{
	struct tickets done = STAILQ_HEAD_INITIALIZER(done);
	struct ticket *t;
	(void)pthread_mutex_lock(&c->lock);
	STAILQ_CONCAT(&done, &c->done);
	(void)pthread_mutex_unlock(&c->lock);
	while ((t = STAILQ_FIRST(&done)) != NULL) {
		STAILQ_REMOVE_HEAD(&done, link);
		c->given--;
		t->fn(t->arg, t->id, &t->st);
		free(t);
	}
}

static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	uint64_t n;
	(void)what;
	if (read(fd, &n, sizeof(n)) == sizeof(n))
		give_answers(arg);
}

struct commit *
commit_new(struct event_base *base, struct store *s)
{
	struct commit *c = alloc_zero(1, sizeof(*c));
	c->store = s;
	STAILQ_INIT(&c->waiting);
	STAILQ_INIT(&c->done);
	c->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (c->wake < 0)
		die("eventfd: %s", strerror(errno));
	c->ready = event_new(base, c->wake, EV_READ | EV_PERSIST, on_ready, c);
	if (c->ready == NULL || event_add(c->ready, NULL) != 0)
		die("cannot watch the commit thread");
	(void)pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_t attr;
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&c->work, &attr);
	(void)pthread_condattr_destroy(&attr);
	if (pthread_create(&c->thread, NULL, run, c) != 0)
		die("cannot start the commit thread");
	return c;
}

void
commit_free(struct commit *c)
{
	(void)pthread_mutex_lock(&c->lock);
	c->ending = true;
	(void)pthread_cond_signal(&c->work);
	(void)pthread_mutex_unlock(&c->lock);
	(void)pthread_join(c->thread, NULL);
	give_answers(c);
	event_free(c->ready);
	(void)close(c->wake);
	(void)pthread_mutex_destroy(&c->lock);
	(void)pthread_cond_destroy(&c->work);
	free(c);
}

void
commit_give(struct commit *c, struct submit *s, commit_fn fn, void *arg)
{
	struct ticket *t = alloc_zero(1, sizeof(*t));
	t->submit = s;
	t->fn = fn;
	t->arg = arg;
	c->given++;
	(void)pthread_mutex_lock(&c->lock);
	STAILQ_INSERT_TAIL(&c->waiting, t, link);
	c->nwaiting++;
	bool due = c->nwaiting == 1 || c->nwaiting >= c->usual;
	(void)pthread_mutex_unlock(&c->lock);
	/* Behind it, or the thread would wake only to wait for the lock. */
	if (due)
		(void)pthread_cond_signal(&c->work);
}

bool
commit_now(struct commit *c, struct submit *s, char id[QUEUE_ID_MAX + 1],
    struct status *st)
{
	struct ticket one = {.submit = s};
	struct ticket *group = &one;
	if (c->given > 0 || c->took_us > QUICK_US || !submit_in_memory(s))
		return false;
	int64_t begun = clock_mono_us();
	commit_group(c, &group, 1);
	c->took_us = clock_mono_us() - begun;
	memcpy(id, one.id, sizeof(one.id));
	*st = one.st;
	return true;
}

/* SPDX-License-Identifier: ISC */
/*
 * Errands that settle claims.  Not how a claim is settled (claim.c), nor
 * what is claimed (pickup.c).
 *
 * Invariant: an errand has descriptors of its own for the door, so the
 * directory may be closed at any time; and while it is in the list nobody
 * indexes its batch.  It leaves the list when the removal of the claim is
 * on disk.
 */
#include "deliver/bulky.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/io.h"
#include "base/limits.h"
#include "base/log.h"

struct load {
	struct errand errand;
	TAILQ_ENTRY(load) link;
	struct bulky *bulky;
	struct pickup *pickup; /* NULL: closed */
	struct door door;
	struct conf *conf; /* reference */
	struct claim claim;
	enum claim_result result;
	struct status st;
};

struct bulky {
	struct porter *porter;
	void (*news)(void *arg, const char *id);
	void *arg;
	TAILQ_HEAD(, load) loads;
	unsigned n;
};

struct bulky *
bulky_new(
    struct porter *porter, void (*news)(void *arg, const char *id), void *arg)
{
	struct bulky *b = alloc_zero(1, sizeof(*b));
	b->porter = porter;
	b->news = news;
	b->arg = arg;
	TAILQ_INIT(&b->loads);
	return b;
}

void
bulky_free(struct bulky *b)
{
	free(b);
}

bool
bulky_room(const struct bulky *b)
{
	return b->n < PICKUP_LARGE_MAX;
}

bool
bulky_has(const struct bulky *b, const char *id)
{
	const struct load *l;
	TAILQ_FOREACH(l, &b->loads, link)
	if (strcmp(l->claim.id, id) == 0)
		return true;
	return false;
}

static void
work(struct errand *e)
{
	struct load *l = (struct load *)e;
	struct faults f;
	faults_init(&f);
	struct alias *aliases = alias_load(l->conf->aliases, &f);
	l->result = claim_settle(&l->door, l->conf, aliases, &l->claim, &l->st);
	if (io_fsync(l->door.claim_fd) != 0)
		log_text(LOG_ERR, "pickup: claim/: %s", strerror(errno));
	alias_free(aliases);
	faults_free(&f);
}

static void
done(struct errand *e)
{
	struct load *l = (struct load *)e;
	struct bulky *b = l->bulky;
	TAILQ_REMOVE(&b->loads, l, link);
	b->n--;
	if (atomic_load(&e->cancelled) && l->result != CLAIM_GONE)
		l->result = CLAIM_WAITS;
	/* What cannot be put back is found in claim/ by the next pass. */
	if (l->pickup != NULL)
		pickup_settled(l->pickup, &l->claim, l->result, l->st.text);
	else if (l->result != CLAIM_GONE &&
		 claim_back(&l->door, &l->claim) != 0)
		log_text(
		    LOG_WARNING, "pickup: %s stays in claim/", l->claim.id);
	b->news(b->arg, l->claim.id);
	(void)close(l->door.dir_fd);
	(void)close(l->door.claim_fd);
	conf_unref(l->conf);
	free(l);
}

void
bulky_send(struct bulky *b, struct pickup *p, const struct door *d,
    struct conf *c, const struct claim *cl)
{
	struct load *l = alloc_zero(1, sizeof(*l));
	l->errand.work = work;
	l->errand.done = done;
	l->bulky = b;
	l->pickup = p;
	l->door = *d;
	l->door.dir_fd = fcntl(d->dir_fd, F_DUPFD_CLOEXEC, 0);
	l->door.claim_fd = fcntl(d->claim_fd, F_DUPFD_CLOEXEC, 0);
	l->door.stop = &l->errand.cancelled;
	l->conf = conf_ref(c);
	l->claim = *cl;
	l->result = CLAIM_WAITS;
	status_set(&l->st, LATER, 0, NULL, "not tried");
	TAILQ_INSERT_TAIL(&b->loads, l, link);
	b->n++;
	porter_send(b->porter, &l->errand);
}

void
bulky_forget(struct bulky *b, const struct pickup *p)
{
	struct load *l;
	TAILQ_FOREACH(l, &b->loads, link)
	{
		if (l->pickup != p)
			continue;
		l->pickup = NULL;
		porter_cancel(b->porter, &l->errand);
	}
}

/* SPDX-License-Identifier: ISC */
/*
 * A batch on its way into the queue: S0 -> S1 -> S2.
 *
 * The order is the promise: create in tmp/, write, fsync, close, rename into
 * new/, fsync new/; only then may anybody be told that mail was accepted.
 * Each step may fail, and then nothing is accepted and nothing stays: an
 * fsync that failed once is not asked again (R2).  The one thing that may
 * come in between is recovery, which takes the closed file for that of a
 * dead writer and makes the same rename.
 */
#include "queue/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "queue/steps.h"

#define FRESH_TRIES 16

/* What a signal handler may remove.  TAKEN: being filled in or out. */
enum guard { GUARD_FREE, GUARD_TAKEN, GUARD_LIVE };
static struct {
	atomic_int state;
	int tmp_fd, new_fd;
	char id[BATCH_ID_LEN + 1];
} guard;

static void
guard_set(struct draft *d)
{
	int expected = GUARD_FREE;
	if (!atomic_compare_exchange_strong(
		&guard.state, &expected, GUARD_TAKEN))
		return;
	guard.tmp_fd = d->store->tmp_fd;
	guard.new_fd = d->store->new_fd;
	memcpy(guard.id, d->id, sizeof(guard.id));
	d->guarded = true;
	atomic_store(&guard.state, GUARD_LIVE);
}

static void
guard_clear(struct draft *d)
{
	if (d->guarded)
		atomic_store(&guard.state, GUARD_FREE);
	d->guarded = false;
}

void
draft_emergency_unlink(void)
{
	int saved = errno;
	if (atomic_load(&guard.state) == GUARD_LIVE) {
		(void)unlinkat(guard.tmp_fd, guard.id, 0);
		/* Renamed, but nobody was told yet. */
		(void)unlinkat(guard.new_fd, guard.id, 0);
	}
	errno = saved;
}

/* Guarded before the file is there: a signal that comes with the return of
 * openat(2) finds the name.  It is too random to be another's (B17). */
static int
create_fresh(struct draft *d)
{
	for (int i = 0; i < FRESH_TRIES; i++) {
		store_make_id(d->id);
		guard_set(d);
		d->fd = step_create(d->store->tmp_fd, d->id);
		if (d->fd >= 0)
			return 0;
		int saved = errno;
		guard_clear(d);
		errno = saved;
		if (saved != EEXIST)
			return -1;
	}
	return -1;
}

/* new/ID is there; before its source goes it must be there for good. */
static int
already(struct store *s)
{
	if (store_sync(s) == 0)
		errno = EEXIST;
	return -1;
}

/* Somebody left tmp/ID.  0: it is out of the way. */
static int
settle_leftover(struct store *s, const char *id)
{
	if (step_exists(s->new_fd, id))
		return already(s);
	switch (recover_file(s, id, id)) {
	case RECOVERED_PROMOTED:
		return already(s);
	case RECOVERED_TORN:
	case RECOVERED_OLD:
		return unlinkat(s->tmp_fd, id, 0);
	case RECOVERED_GONE:
		return 0;
	case RECOVERED_ERROR:
		return -1;
	case RECOVERED_HELD:
	case RECOVERED_NEWER:
		break;
	}
	errno = EBUSY;
	return -1;
}

static int
create_given(struct draft *d)
{
	struct store *s = d->store;
	d->fd = step_create(s->tmp_fd, d->id);
	if (d->fd < 0 && errno == EEXIST && settle_leftover(s, d->id) == 0)
		d->fd = step_create(s->tmp_fd, d->id);
	if (d->fd < 0)
		return -1;
	/* In this order: who holds tmp/ID is the only one that could bring
	 * another one into new/, so the answer stays true. */
	if (!step_exists(s->new_fd, d->id)) {
		guard_set(d);
		return 0;
	}
	(void)unlinkat(s->tmp_fd, d->id, 0);
	(void)close(d->fd);
	return already(s);
}

int
draft_create(struct store *s, struct draft *d, const char *id)
{
	*d = (struct draft){.store = s, .fd = -1};
	int result;
	if (id == NULL) {
		result = create_fresh(d);
	} else if (batch_id_valid(id, strnlen(id, BATCH_ID_LEN + 1))) {
		memcpy(d->id, id, sizeof(d->id));
		result = create_given(d);
	} else {
		errno = EINVAL;
		result = -1;
	}
	batch_start(&d->writer, d->fd);
	return result;
}

static void
drop(struct draft *d)
{
	if (d->fd >= 0)
		(void)close(d->fd);
	d->fd = -1;
	guard_clear(d);
	batch_writer_free(&d->writer);
}

void
draft_discard(struct draft *d)
{
	int saved = errno;
	(void)unlinkat(d->store->tmp_fd, d->id, 0);
	drop(d);
	errno = saved;
}

static int
place(const struct draft *d)
{
	struct store *s = d->store;
	if (step_move(s->tmp_fd, d->id, s->new_fd, d->id) == 0)
		return 0;
	int saved = errno;
	if ((saved == ENOENT || saved == EEXIST) &&
	    !step_exists(s->tmp_fd, d->id) && step_exists(s->new_fd, d->id))
		return 0; /* recovery was faster */
	errno = saved;
	return -1;
}

int
draft_commit(struct draft *d)
{
	struct store *s = d->store;
	if (batch_finish(&d->writer) != 0 || step_seal(&d->fd) != 0 ||
	    place(d) != 0) {
		draft_discard(d);
		return -1;
	}
	if (store_sync(s) != 0) {
		int saved = errno;
		(void)unlinkat(s->new_fd, d->id, 0);
		drop(d);
		errno = saved;
		return -1;
	}
	drop(d);
	return 0;
}

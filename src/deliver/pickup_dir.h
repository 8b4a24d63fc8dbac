/* SPDX-License-Identifier: ISC */
/*
 * The pickup directory itself: opened, made, watched, and followed when it
 * is removed, made anew or moved.
 */
#ifndef DELIVER_PICKUP_DIR_H
#define DELIVER_PICKUP_DIR_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "deliver/claim.h"

#define PICKUP_EVENTS_SIZE 16384

struct pickup_dir {
	struct door door;    /* dir_fd -1: not attached */
	char *path;          /* owned */
	int watch_fd, watch; /* -1: none */
	bool lost;           /* removed or moved away */
	int told;            /* the errno that was logged last */
	_Alignas(8) char events[PICKUP_EVENTS_SIZE];
	size_t at, len;
};

/* Starts inotify; attaches nothing. */
void pickup_dir_init(struct pickup_dir *d, struct store *s);
void pickup_dir_free(struct pickup_dir *d);

/* Let go of what was attached and open path with its claim/, made if need
 * be and wanted; sweep claims, watch.  0; -1 with errno, logged once. */
int pickup_dir_attach(
    struct pickup_dir *d, const char *path, bool make) MUST_CHECK;

/* Is something else attached than what path names now?  look: ask the file
 * system even when no event said so. */
bool pickup_dir_stale(const struct pickup_dir *d, const char *path, bool look);

/* Read events if none are pending; overflow sets *again. */
void pickup_dir_read(struct pickup_dir *d, bool *again);
bool pickup_dir_pending(const struct pickup_dir *d);

/* Throw away all events: a pass will follow. */
void pickup_dir_drain(struct pickup_dir *d);

/* The next name that an event tells; reads more when needed. */
bool pickup_dir_event(
    struct pickup_dir *d, char name[NAME_MAX + 1], bool *again);

#endif

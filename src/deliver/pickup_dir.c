/* SPDX-License-Identifier: ISC */
/*
 * Attaching to a directory that belongs to the world.  It is opened without
 * following a link, once, and used by its descriptor; claim/ in it counts
 * only when it is a directory of ours that nobody else may enter: anyone
 * may have made a "claim" before us, and then it is moved aside.
 */
#include "deliver/pickup_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"

enum {
	OPEN_DIR = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
	WATCHED = IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF |
		  IN_ONLYDIR,
	ENDED = IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED,
};

void
pickup_dir_init(struct pickup_dir *d, struct store *s)
{
	*d = (struct pickup_dir){
	    .door = {.dir_fd = -1, .claim_fd = -1, .store = s},
	    .watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC),
	    .watch = -1,
	};
	if (d->watch_fd < 0)
		log_text(LOG_WARNING,
		    "pickup: no inotify, looking now and "
		    "then: %s",
		    strerror(errno));
}

static void
detach(struct pickup_dir *d)
{
	if (d->watch >= 0)
		(void)inotify_rm_watch(d->watch_fd, d->watch);
	if (d->door.claim_fd >= 0)
		(void)close(d->door.claim_fd);
	if (d->door.dir_fd >= 0)
		(void)close(d->door.dir_fd);
	d->watch = d->door.claim_fd = d->door.dir_fd = -1;
	d->at = d->len = 0;
}

void
pickup_dir_free(struct pickup_dir *d)
{
	detach(d);
	if (d->watch_fd >= 0)
		(void)close(d->watch_fd);
	free(d->path);
}

/* Open claim/ if it is ours alone.  -1 with errno. */
static int
open_claims(int dir_fd)
{
	struct stat sb;
	int fd = openat(dir_fd, CLAIM_DIRECTORY, OPEN_DIR);
	if (fd < 0)
		return -1;
	if (fstat(fd, &sb) == 0 && sb.st_uid == geteuid() &&
	    (sb.st_mode & (S_IRWXG | S_IRWXO)) == 0)
		return fd;
	(void)close(fd);
	errno = EPERM;
	return -1;
}

static int
make_claims(int dir_fd)
{
	int fd = open_claims(dir_fd);
	if (fd >= 0)
		return fd;
	if (errno != ENOENT) {
		char id[BATCH_ID_LEN + 1], aside[BATCH_ID_LEN + 16];
		store_make_id(id);
		(void)snprintf(aside, sizeof(aside), ".foreign-%s", id);
		log_text(LOG_WARNING,
		    "pickup: there is a \"claim\" that is not ours; now it "
		    "is %s",
		    aside);
		if (renameat(dir_fd, CLAIM_DIRECTORY, dir_fd, aside) != 0)
			return -1;
	}
	if (mkdirat(dir_fd, CLAIM_DIRECTORY, 0700) != 0 && errno != EEXIST)
		return -1;
	return io_fsync(dir_fd) == 0 ? open_claims(dir_fd) : -1;
}

/* 1733, but only after claim/ is in it; a directory that is there keeps
 * the mode that its administrator gave it. */
static int
open_directory(struct door *d, const char *path, bool make)
{
	bool made = make && mkdir(path, 0700) == 0;
	d->dir_fd = open(path, OPEN_DIR);
	if (d->dir_fd < 0)
		return -1;
	d->claim_fd = make_claims(d->dir_fd);
	if (d->claim_fd < 0)
		return -1;
	return made ? fchmod(d->dir_fd, 01733) : 0;
}

static void
watch(struct pickup_dir *d)
{
	char path[64];
	if (d->watch_fd < 0)
		return;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", d->door.dir_fd);
	d->watch = inotify_add_watch(d->watch_fd, path, WATCHED);
	if (d->watch < 0 && errno == ENOENT)
		d->watch = inotify_add_watch(
		    d->watch_fd, d->path, WATCHED | IN_DONT_FOLLOW);
	if (d->watch < 0)
		log_text(LOG_WARNING,
		    "pickup: not watched, looked at now and "
		    "then: %s",
		    strerror(errno));
}

int
pickup_dir_attach(struct pickup_dir *d, const char *path, bool make)
{
	char *copy = alloc_string(path, strlen(path));
	detach(d);
	free(d->path);
	d->path = copy;
	d->lost = false;
	if (open_directory(&d->door, path, make) != 0) {
		int error = errno;
		detach(d);
		if (error != d->told)
			log_text(LOG_ERR, "pickup: %s is not served: %s", path,
			    strerror(error));
		d->told = errno = error;
		return -1;
	}
	d->told = 0;
	watch(d);
	claim_sweep(&d->door);
	return 0;
}

bool
pickup_dir_stale(const struct pickup_dir *d, const char *path, bool look)
{
	struct stat named, held;
	if (strcmp(path, d->path) != 0 || d->lost)
		return true;
	if (!look)
		return false;
	return d->door.dir_fd < 0 || lstat(path, &named) != 0 ||
	       fstat(d->door.dir_fd, &held) != 0 ||
	       named.st_dev != held.st_dev || named.st_ino != held.st_ino;
}

/* --- events --- */

bool
pickup_dir_pending(const struct pickup_dir *d)
{
	return d->at < d->len;
}

void
pickup_dir_read(struct pickup_dir *d, bool *again)
{
	if (pickup_dir_pending(d) || d->watch_fd < 0)
		return;
	ssize_t n = io_read(d->watch_fd, d->events, sizeof(d->events));
	d->at = 0;
	d->len = n > 0 ? (size_t)n : 0;
	for (size_t at = 0; at < d->len;) {
		struct inotify_event e;
		memcpy(&e, d->events + at, sizeof(e));
		at += sizeof(e) + e.len;
		if (e.mask & IN_Q_OVERFLOW)
			*again = true;
		else if (e.wd == d->watch && (e.mask & ENDED) != 0)
			d->lost = true;
	}
}

void
pickup_dir_drain(struct pickup_dir *d)
{
	bool again;
	do {
		d->at = d->len = 0;
		pickup_dir_read(d, &again);
	} while (d->len > 0);
}

bool
pickup_dir_event(struct pickup_dir *d, char name[NAME_MAX + 1], bool *again)
{
	pickup_dir_read(d, again);
	while (pickup_dir_pending(d)) {
		struct inotify_event e;
		const char *text = d->events + d->at + sizeof(e);
		memcpy(&e, d->events + d->at, sizeof(e));
		d->at += sizeof(e) + e.len;
		if (e.len > 0 && e.wd == d->watch &&
		    (e.mask & (IN_MOVED_TO | IN_CLOSE_WRITE)) != 0) {
			(void)snprintf(name, NAME_MAX + 1, "%s", text);
			return true;
		}
		if (!pickup_dir_pending(d))
			pickup_dir_read(d, again);
	}
	return false;
}

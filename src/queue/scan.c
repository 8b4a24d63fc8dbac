/* SPDX-License-Identifier: ISC */
/*
 * Which batches are in new/, and which arrive.  A bell, not a book: it
 * opens nothing, forgets at once what it has said, and may say it twice.
 *
 * Whatever inotify cannot do (no watch left, overflow, another directory in
 * its place) a listing does; the caller makes one at times in any case.
 */
#include "queue/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"

#define READS_MAX 16 /* then let others have their turn */
#define FOREIGN_SHOWN 5

/* IN_CLOSE_WRITE is for a person who copies a batch back (I18). */
#define EVENTS (IN_MOVED_TO | IN_CLOSE_WRITE | IN_ONLYDIR)

struct listing {
	char (*ids)[BATCH_ID_LEN + 1];
	size_t n, cap;
	char foreign[FOREIGN_SHOWN][NAME_MAX + 1];
	size_t nforeign;
	uint32_t digest; /* of the foreign names, in any order */
};

void
scan_open(struct scan *sc, struct store *s)
{
	char path[64];
	*sc = (struct scan){.store = s};
	sc->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	/* The directory that we have open, whatever has its name now. */
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", s->new_fd);
	if (sc->fd >= 0 && inotify_add_watch(sc->fd, path, EVENTS) >= 0)
		return;
	log_text(
	    LOG_WARNING, "queue: cannot watch, polling: %s", strerror(errno));
	scan_close(sc);
}

void
scan_close(struct scan *sc)
{
	if (sc->fd >= 0)
		(void)close(sc->fd);
	sc->fd = -1;
}

static void
list_name(struct listing *l, const char *name)
{
	size_t len = strlen(name);
	if (batch_id_valid(name, len)) {
		if (l->n == l->cap) {
			l->cap = l->cap == 0 ? 256 : l->cap * 2;
			l->ids = alloc_grow(l->ids, l->cap, sizeof(*l->ids));
		}
		memcpy(l->ids[l->n++], name, len + 1);
		return;
	}
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return;
	if (l->nforeign < FOREIGN_SHOWN)
		(void)snprintf(
		    l->foreign[l->nforeign], NAME_MAX + 1, "%s", name);
	l->nforeign++;
	l->digest += io_crc32c(0, name, len) | 1;
}

static int
read_names(int dirfd, struct listing *l)
{
	DIR *dir = io_opendir(dirfd, ".");
	if (dir == NULL)
		return -1;
	errno = 0;
	for (const struct dirent *e; (e = readdir(dir)) != NULL; errno = 0)
		list_name(l, e->d_name);
	int saved = errno;
	(void)closedir(dir);
	errno = saved;
	return saved == 0 ? 0 : -1;
}

/* Once for each set of foreign names, not at every listing (I17). */
static void
log_foreign(struct scan *sc, const struct listing *l)
{
	if (l->digest == sc->foreign)
		return;
	sc->foreign = l->digest;
	for (size_t i = 0; i < l->nforeign && i < FOREIGN_SHOWN; i++)
		log_event(LOG_WARNING, "foreign", LOG_STR("directory", "new"),
		    LOG_STR("name", l->foreign[i]), LOG_NUM("of", l->nforeign));
}

static int
compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, BATCH_ID_LEN);
}

int
scan_list(struct scan *sc, scan_fn fn, void *arg)
{
	struct listing *l = alloc_zero(1, sizeof(*l));
	int result = read_names(sc->store->new_fd, l);
	int saved = errno;
	if (result == 0) {
		log_foreign(sc, l);
		if (l->n > 0)
			qsort(l->ids, l->n, sizeof(*l->ids), compare_ids);
		for (size_t i = 0; i < l->n; i++)
			fn(arg, l->ids[i]);
		result = (int)l->n;
	}
	free(l->ids);
	free(l);
	errno = saved;
	return result;
}

/* One buffer of events.  1: list again. */
static int
take_events(
    struct scan *sc, const char *data, size_t len, scan_fn fn, void *arg)
{
	int again = 0;
	for (size_t at = 0; at < len;) {
		const struct inotify_event *e =
		    (const struct inotify_event *)(const void *)(data + at);
		at += sizeof(*e) + e->len;
		if (e->mask & (IN_Q_OVERFLOW | IN_IGNORED | IN_UNMOUNT))
			again = 1;
		if (e->mask & IN_IGNORED) { /* nothing will come any more */
			scan_close(sc);
			break;
		}
		if (e->len > 0 && batch_id_valid(e->name, strlen(e->name)))
			fn(arg, e->name);
	}
	return again;
}

int
scan_read(struct scan *sc, scan_fn fn, void *arg)
{
	_Alignas(struct inotify_event) char data[CHUNK_SIZE];
	int again = 0;
	for (int i = 0; i < READS_MAX && sc->fd >= 0; i++) {
		ssize_t n = io_read(sc->fd, data, sizeof(data));
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0)
			return -1;
		again |= take_events(sc, data, (size_t)n, fn, arg);
	}
	return again;
}

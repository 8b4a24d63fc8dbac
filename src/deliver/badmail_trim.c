/* SPDX-License-Identifier: ISC */
/*
 * The badmail ring: what is too old or too much leaves, oldest first.
 * Files are counted by the blocks that they take, so that a sparse file of
 * a terabyte does not drive out everything else.
 *
 * Invariant: the newest message stays whatever its size, and each removal
 * is logged.  Age is that of NAME.reason: a moved NAME.eml may carry any
 * time that its writer liked.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "deliver/badmail.h"

enum { LEFTOVER_MS = 24 * 60 * 60 * 1000 };

struct kept {
	char *stem; /* owned */
	int64_t at_ms;
	uint64_t octets;
	bool has_reason;
};

struct kept_list {
	struct kept *v;
	size_t n, cap;
};

static int64_t
milliseconds(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000 + t->tv_nsec / 1000000;
}

static bool
ends_in(const char *name, size_t len, const char *tail)
{
	size_t n = strlen(tail);
	return len > n && memcmp(name + len - n, tail, n) == 0;
}

/* One entry for each file at first: merged when sorted. */
static void
collect(struct kept_list *l, int dir_fd, const char *name, int64_t now)
{
	struct stat sb;
	size_t len = strlen(name);
	if (fstatat(dir_fd, name, &sb, AT_SYMLINK_NOFOLLOW) != 0)
		return;
	if (name[0] == '.') {
		if (ends_in(name, len, ".tmp") &&
		    now - milliseconds(&sb.st_mtim) > LEFTOVER_MS)
			(void)unlinkat(dir_fd, name, 0);
		return;
	}
	bool reason = ends_in(name, len, ".reason");
	if (!reason && !ends_in(name, len, ".eml"))
		return;
	if (l->n == l->cap) {
		l->cap = l->cap == 0 ? 64 : l->cap * 2;
		l->v = alloc_grow(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = (struct kept){
	    .stem =
		alloc_string(name, len - strlen(reason ? ".reason" : ".eml")),
	    .at_ms = milliseconds(reason ? &sb.st_mtim : &sb.st_ctim),
	    .octets = (uint64_t)sb.st_blocks * 512,
	    .has_reason = reason,
	};
}

static int
by_stem(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;
	return strcmp(x->stem, y->stem);
}

static int
by_age(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;
	if (x->at_ms != y->at_ms)
		return x->at_ms < y->at_ms ? -1 : 1;
	return strcmp(x->stem, y->stem);
}

static void
merge(struct kept_list *l)
{
	size_t n = 0;
	qsort(l->v, l->n, sizeof(*l->v), by_stem);
	for (size_t i = 0; i < l->n; i++) {
		struct kept *last = n > 0 ? &l->v[n - 1] : NULL;
		if (last == NULL || strcmp(last->stem, l->v[i].stem) != 0) {
			l->v[n++] = l->v[i];
			continue;
		}
		last->octets += l->v[i].octets;
		if (l->v[i].has_reason)
			last->at_ms = l->v[i].at_ms;
		free(l->v[i].stem);
	}
	l->n = n;
}

static void
out(int dir_fd, const struct kept *k)
{
	char name[NAME_MAX + 16];
	(void)snprintf(name, sizeof(name), "%s.eml", k->stem);
	int rc = unlinkat(dir_fd, name, 0);
	if (rc == 0 || errno == ENOENT) {
		(void)snprintf(name, sizeof(name), "%s.reason", k->stem);
		rc = unlinkat(dir_fd, name, 0);
	}
	if (rc == 0 || errno == ENOENT)
		log_event(LOG_NOTICE, "badmail-out", LOG_STR("name", k->stem),
		    LOG_NUM("octets", k->octets));
	else
		log_event(LOG_ERR, "badmail-out", LOG_STR("name", k->stem),
		    LOG_STR("error", strerror(errno)));
}

static void
trim(const struct conf *c, int dir_fd, struct kept_list *l, int64_t now)
{
	uint64_t sum = 0;
	merge(l);
	for (size_t i = 0; i < l->n; i++)
		sum += l->v[i].octets;
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), by_age);
	for (size_t i = 0; i < l->n; i++) {
		const struct kept *k = &l->v[i];
		bool old = c->queue.badmail_keep_ms > 0 &&
			   now - k->at_ms > c->queue.badmail_keep_ms;
		bool much = c->queue.badmail_max > 0 &&
			    sum > c->queue.badmail_max && i + 1 < l->n;
		if (!old && !much)
			return;
		out(dir_fd, k);
		sum -= k->octets;
	}
}

void
badmail_trim(const struct conf *c)
{
	int dir_fd = badmail_open(c);
	if (dir_fd < 0)
		return;
	DIR *dir = fdopendir(dir_fd);
	if (dir == NULL) {
		(void)close(dir_fd);
		return;
	}
	struct kept_list l = {0};
	int64_t now = clock_wall_ms();
	for (struct dirent *e; (e = readdir(dir)) != NULL;)
		collect(&l, dir_fd, e->d_name, now);
	if (l.n > 0)
		trim(c, dir_fd, &l, now);
	for (size_t i = 0; i < l.n; i++)
		free(l.v[i].stem);
	free(l.v);
	(void)closedir(dir);
}

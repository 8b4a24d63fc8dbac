/* SPDX-License-Identifier: ISC */
/*
 * Live configuration by inotify on directories: the one that holds a file,
 * those that hold a symbolic link on the way to it, and, while something is
 * missing, the last directory that exists.  Events only wake: what counts
 * is whether a file's identity (struct mark) differs.  Not recursive, and
 * loads nothing.
 *
 * Invariant: after each drain the watches fit the paths as they are now,
 * and the files are looked at after that; so a change is either seen by the
 * look or makes an event.
 */
#include "conf/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

#define EVENTS                                                                \
	(IN_CLOSE_WRITE | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM | \
	    IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF)
#define LINKS_MAX 40 /* as the kernel follows */

/* The change time is in it: a file made readable is a change, too. */
struct mark {
	dev_t dev;
	ino_t ino; /* 0: no such file */
	off_t size;
	struct timespec modified, changed;
};

struct file {
	char *path;
	struct mark mark;
};

struct numbers {
	int *v;
	size_t n;
};

struct watch {
	int fd; /* -1: none to be had */
	struct file *files;
	size_t n;
	struct numbers armed; /* watch descriptors */
	int trouble;          /* errno of a watch that failed */
};

static struct mark
look(const char *path)
{
	struct stat st;
	struct mark m = {0};
	if (stat(path, &st) != 0)
		return m;
	m.dev = st.st_dev;
	m.ino = st.st_ino;
	m.size = st.st_size;
	m.modified = st.st_mtim;
	m.changed = st.st_ctim;
	return m;
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool
same_mark(const struct mark *a, const struct mark *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       same_time(&a->modified, &b->modified) &&
	       same_time(&a->changed, &b->changed);
}

static bool
holds(const struct numbers *s, int x)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i] == x)
			return true;
	return false;
}

static void
watch_directory(struct watch *w, struct numbers *now, const char *dir)
{
	int wd = inotify_add_watch(w->fd, dir, EVENTS | IN_ONLYDIR);
	/* Gone since it was looked at: its parent tells. */
	if (wd < 0 && errno != ENOENT && errno != ENOTDIR)
		w->trouble = errno;
	if (wd < 0 || holds(now, wd))
		return;
	now->v = alloc_grow(now->v, now->n + 1, sizeof(*now->v));
	now->v[now->n++] = wd;
}

/* The directory that path[0..len) stands in. */
static void
watch_parent(struct watch *w, struct numbers *now, const char *path, size_t len)
{
	char dir[PATH_MAX];
	while (len > 0 && path[len - 1] != '/')
		len--;
	while (len > 1 && path[len - 1] == '/')
		len--;
	memcpy(dir, path, len);
	dir[len] = '\0';
	watch_directory(w, now, dir);
}

/* Put a link's target in the place of path[0..end), its last component
 * beginning at start.  False when it grows too long. */
static bool
resolve(char path[PATH_MAX], size_t start, size_t end)
{
	char target[PATH_MAX], rest[PATH_MAX], link[PATH_MAX];
	memcpy(link, path, end);
	link[end] = '\0';
	ssize_t n = readlink(link, target, sizeof(target));
	size_t tail = strlen(path + end);
	if (n <= 0)
		return false;
	if (target[0] == '/')
		start = 0;
	if (start + (size_t)n + tail >= PATH_MAX)
		return false;
	memcpy(rest, path + end, tail + 1);
	memcpy(path + start, target, (size_t)n);
	memcpy(path + start + (size_t)n, rest, tail + 1);
	return true;
}

/* Walk down to the first link, and replace it: true.  No link left, or
 * something is missing: false, and all is watched that there is. */
static bool
walk(struct watch *w, struct numbers *now, char path[PATH_MAX])
{
	size_t end = 0;
	for (;;) {
		size_t start = end + strspn(path + end, "/");
		struct stat st;
		end = start + strcspn(path + start, "/");
		char kept = path[end];
		path[end] = '\0';
		int r = lstat(path, &st);
		path[end] = kept;
		bool last = path[end + strspn(path + end, "/")] == '\0';
		bool link = r == 0 && S_ISLNK(st.st_mode);
		if (r != 0 || last || link)
			watch_parent(w, now, path, end);
		if (link)
			return resolve(path, start, end);
		if (r != 0 || last)
			return false;
	}
}

static void
arm(struct watch *w)
{
	struct numbers now = {0};
	w->trouble = 0;
	if (w->fd < 0)
		return;
	for (size_t i = 0; i < w->n; i++) {
		char path[PATH_MAX];
		size_t len = strlen(w->files[i].path);
		if (len >= sizeof(path))
			continue;
		memcpy(path, w->files[i].path, len + 1);
		for (int k = 0; k < LINKS_MAX && walk(w, &now, path); k++)
			;
	}
	for (size_t i = 0; i < w->armed.n; i++)
		if (!holds(&now, w->armed.v[i]))
			(void)inotify_rm_watch(w->fd, w->armed.v[i]);
	free(w->armed.v);
	w->armed = now;
}

/* Take what there is; all kinds of events that were seen. */
static uint32_t
drain(struct watch *w)
{
	_Alignas(struct inotify_event) char room[4096];
	uint32_t seen = 0;
	ssize_t n;
	while ((n = read(w->fd, room, sizeof(room))) > 0 ||
	       (n < 0 && errno == EINTR)) {
		const struct inotify_event *e;
		for (ssize_t at = 0; at < n;
		     at += (ssize_t)(sizeof(*e) + e->len)) {
			e = (const struct inotify_event *)(room + at);
			/* Our own removals are no news. */
			if (e->mask != IN_IGNORED)
				seen |= e->mask;
		}
	}
	return seen;
}

/* Just created, and its writer has not closed it: a whole file is worth
 * the wait for IN_CLOSE_WRITE. */
static bool
unfinished(const struct file *f)
{
	struct stat st;
	return f->mark.ino == 0 && lstat(f->path, &st) == 0 &&
	       S_ISREG(st.st_mode) && st.st_nlink == 1;
}

int
watch_changed(struct watch *w)
{
	uint32_t seen = 0, news = 1;
	int changed = 0;
	/* Again, for what arming itself makes to be read. */
	for (int i = 0; w->fd >= 0 && news != 0 && i < 3; i++) {
		news = drain(w);
		if (news != 0)
			arm(w);
		seen |= news;
	}
	for (size_t i = 0; i < w->n; i++) {
		struct file *f = &w->files[i];
		struct mark m = look(f->path);
		if (same_mark(&m, &f->mark) ||
		    (seen == IN_CREATE && unfinished(f)))
			continue;
		f->mark = m;
		changed = 1;
	}
	return changed;
}

/* Newer than the load of c: then what was loaded is old already. */
static bool
newer(const struct mark *m, const struct conf *c)
{
	return m->ino != 0 && m->changed.tv_sec * INT64_C(1000) +
				      m->changed.tv_nsec / 1000000 >
				  c->loaded_ms;
}

static void
add_file(struct watch *w, const struct conf *c, const char *path,
    const struct watch *before)
{
	if (path == NULL)
		return;
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->files[i].path, path) == 0)
			return;
	w->files = alloc_grow(w->files, w->n + 1, sizeof(*w->files));
	struct file *f = &w->files[w->n++];
	f->path = alloc_string(path, strlen(path));
	f->mark = look(path);
	/* A mark that equals no file: to be told at the first look. */
	if (newer(&f->mark, c))
		f->mark = (struct mark){.size = -1};
	for (size_t i = 0; i < before->n; i++)
		if (strcmp(before->files[i].path, path) == 0)
			f->mark = before->files[i].mark;
}

static void
add_session(struct watch *w, const struct conf *c, const struct session_conf *s,
    const struct watch *before)
{
	add_file(w, c, s->secret_file, before);
	add_file(w, c, s->ca_file, before);
	add_file(w, c, s->client_certificate, before);
	add_file(w, c, s->client_key, before);
}

static void
add_files(struct watch *w, const struct conf *c, const struct watch *before)
{
	add_file(w, c, c->path, before);
	add_file(w, c, c->domains, before);
	add_file(w, c, c->aliases, before);
	add_file(w, c, c->users, before);
	add_file(w, c, c->tls.certificate, before);
	add_file(w, c, c->tls.key, before);
	add_file(w, c, c->dns.trust_anchor, before);
	for (size_t i = 0; i < c->nlisteners; i++) {
		add_file(w, c, c->listeners[i].certificate, before);
		add_file(w, c, c->listeners[i].client_ca, before);
		add_file(w, c, c->listeners[i].key, before);
	}
	for (size_t i = 0; i < c->ncertificates; i++) {
		add_file(w, c, c->certificates[i].certificate, before);
		add_file(w, c, c->certificates[i].key, before);
	}
	for (size_t i = 0; i < c->nsmarthosts; i++)
		add_session(w, c, &c->smarthosts[i].session, before);
}

static void
free_files(struct watch *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->files[i].path);
	free(w->files);
}

struct watch *
watch_open(const struct conf *c)
{
	struct watch *w = alloc_zero(1, sizeof(*w));
	const struct watch nothing = {0};
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	add_files(w, c, &nothing);
	arm(w);
	return w;
}

int
watch_follow(struct watch *w, const struct conf *c)
{
	struct watch before = *w;
	w->files = NULL;
	w->n = 0;
	add_files(w, c, &before);
	free_files(&before);
	arm(w);
	errno = w->trouble;
	return w->trouble != 0 ? -1 : 0;
}

int
watch_fd(const struct watch *w)
{
	return w->fd;
}

void
watch_close(struct watch *w)
{
	if (w == NULL)
		return;
	if (w->fd >= 0)
		(void)close(w->fd);
	free_files(w);
	free(w->armed.v);
	free(w);
}

/* SPDX-License-Identifier: ISC */
/*
 * Writes the outcome journal: groups of lines, each group one write and one
 * fdatasync, and now and then a new journal in place of the old.
 *
 * A file whose write or sync failed once is closed and never appended to
 * again (R2): what the disk has of it is not known any more.  The carrier
 * has everything in memory, and writes a new one when it can.  Until then
 * the old one stands and says less than is true, never more.
 */
#include "queue/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "queue/journal_file.h"

#define PENDING_MAX (64 * 1024 * 1024)
#define WRITE_SIZE (64 * 1024 - 1)

struct journal_rewrite {
	struct journal *journal;
	int fd;
	struct buf out;
	uint64_t size, records;
	int error; /* the first errno; then nothing more is written */
};

static void
close_fd(int *fd)
{
	int saved = errno;
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
	errno = saved;
}

static int
open_state(const char *spool)
{
	int dir = open(spool, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -1;
	int fd = openat(
	    dir, "state", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	close_fd(&dir);
	return fd;
}

/* Count what is there and find the end of the last whole line. */
static int
measure(struct journal *j, uint64_t *total)
{
	char chunk[CHUNK_SIZE];
	ssize_t n;
	*total = 0;
	while ((n = io_read(j->fd, chunk, sizeof(chunk))) > 0) {
		if (*total == 0 && journal_is_newer(chunk, (size_t)n)) {
			errno = EPROTONOSUPPORT;
			return -1;
		}
		const char *p = chunk, *end = chunk + n, *lf;
		while ((lf = memchr(p, '\n', (size_t)(end - p))) != NULL) {
			p = lf + 1;
			j->records++;
			j->size = *total + (uint64_t)(p - chunk);
		}
		*total += (uint64_t)n;
	}
	return (int)n;
}

static int
start_file(struct journal *j)
{
	if (io_write(j->fd, JOURNAL_START, JOURNAL_START_LEN) != 0)
		return -1;
	j->size = JOURNAL_START_LEN;
	return 0;
}

/* Cut what is torn; begin what is empty; make both durable. */
static int
prepare(struct journal *j)
{
	uint64_t total;
	if (measure(j, &total) != 0)
		return -1;
	if (j->records > 0)
		j->records--; /* the first line is none */
	if (j->size == total && total > 0)
		return 0;
	if (j->size < total) {
		log_event(LOG_WARNING, "cut", LOG_STR("file", JOURNAL_NAME),
		    LOG_NUM("octets", total - j->size));
		if (ftruncate(j->fd, (off_t)j->size) != 0)
			return -1;
	}
	if (j->size == 0 && start_file(j) != 0)
		return -1;
	return io_fsync(j->fd) != 0 ? -1 : io_fsync(j->dir_fd);
}

int
journal_open(struct journal *j, const char *spool)
{
	*j = (struct journal){.dir_fd = -1, .fd = -1};
	buf_init(&j->pending, PENDING_MAX);
	j->dir_fd = open_state(spool);
	if (j->dir_fd < 0)
		return -1;
	j->fd = openat(j->dir_fd, JOURNAL_NAME,
	    O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (j->fd >= 0 && prepare(j) == 0)
		return 0;
	int saved = errno;
	journal_close(j);
	errno = saved;
	return -1;
}

void
journal_close(struct journal *j)
{
	close_fd(&j->fd);
	close_fd(&j->dir_fd);
	buf_free(&j->pending);
	j->pending_records = 0;
}

void
journal_append(struct journal *j, const struct record *r)
{
	journal_format(&j->pending, r);
	j->pending_records++;
}

void
journal_take(struct journal *j, struct journal_group *g)
{
	g->lines = j->pending;
	g->records = j->pending_records;
	buf_init(&j->pending, PENDING_MAX);
	j->pending_records = 0;
}

int
journal_write(const struct journal *j, const struct journal_group *g)
{
	if (g->records == 0)
		return 0;
	if (j->fd < 0)
		return EBADF;
	if (!buf_ok(&g->lines))
		return ENOBUFS;
	if (io_write(j->fd, g->lines.data, g->lines.len) != 0 ||
	    fdatasync(j->fd) != 0)
		return errno;
	return 0;
}

void
journal_wrote(struct journal *j, struct journal_group *g, int error)
{
	if (error != 0) {
		close_fd(&j->fd);
	} else {
		j->size += g->lines.len;
		j->records += g->records;
	}
	buf_free(&g->lines);
	g->records = 0;
}

int
journal_commit(struct journal *j)
{
	struct journal_group g;
	if (j->pending_records == 0)
		return 0;
	if (j->fd < 0) {
		errno = EBADF;
		return -1;
	}
	journal_take(j, &g);
	int error = journal_write(j, &g);
	if (error != 0) {
		/* The pending records stay. */
		close_fd(&j->fd);
		j->pending = g.lines;
		j->pending_records = g.records;
		errno = error;
		return -1;
	}
	journal_wrote(j, &g, 0);
	return 0;
}

/* --- a new journal in place of the old --- */

struct journal_rewrite *
journal_compact_begin(struct journal *j)
{
	(void)unlinkat(j->dir_fd, JOURNAL_NEW, 0); /* of a run killed in it */
	int fd = openat(j->dir_fd, JOURNAL_NEW,
	    O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    0600);
	if (fd < 0)
		return NULL;
	struct journal_rewrite *w = alloc_zero(1, sizeof(*w));
	w->journal = j;
	w->fd = fd;
	buf_init(&w->out, WRITE_SIZE);
	(void)buf_add(&w->out, JOURNAL_START, JOURNAL_START_LEN);
	return w;
}

static void
flush(struct journal_rewrite *w)
{
	if (w->error == 0 && w->out.len > 0 &&
	    io_write(w->fd, w->out.data, w->out.len) != 0)
		w->error = errno;
	w->size += w->out.len;
	buf_clear(&w->out);
}

void
journal_compact_put(struct journal_rewrite *w, const struct record *r)
{
	if (w->out.len + JOURNAL_LINE_MAX > WRITE_SIZE)
		flush(w);
	journal_format(&w->out, r);
	w->records++;
}

static int
seal(struct journal_rewrite *w)
{
	flush(w);
	errno = w->error;
	if (w->error != 0 || io_fsync(w->fd) != 0)
		return -1;
	return renameat(
	    w->journal->dir_fd, JOURNAL_NEW, w->journal->dir_fd, JOURNAL_NAME);
}

/* The new file has the name.  Until that is durable neither it nor the old
 * one, which has none now, may be appended to. */
static int
adopt(struct journal_rewrite *w)
{
	struct journal *j = w->journal;
	close_fd(&j->fd);
	if (io_fsync(j->dir_fd) != 0)
		return -1;
	j->fd = w->fd;
	w->fd = -1;
	j->size = w->size;
	j->records = w->records;
	j->pending_records = 0;
	buf_clear(&j->pending);
	return 0;
}

int
journal_compact_end(struct journal_rewrite *w)
{
	int result = seal(w);
	if (result == 0) {
		result = adopt(w);
	} else {
		int saved = errno;
		(void)unlinkat(w->journal->dir_fd, JOURNAL_NEW, 0);
		errno = saved;
	}
	close_fd(&w->fd);
	buf_free(&w->out);
	free(w);
	return result;
}

/* SPDX-License-Identifier: ISC */
/*
 * Files that appear whole.  Not for the queue, which has states of its own
 * and never replaces.  A fault is remembered and told once, at the end, so
 * that writers read straight through.
 *
 * Invariant: no name but the temporary one exists before the octets are on
 * the disk, and no temporary name is left after place or drop.
 */
#include "deliver/newfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"

#define PENDING_MAX (4 * CHUNK_SIZE)

void
newfile_open(struct newfile *f, int dir_fd, const char *temporary, mode_t mode)
{
	*f = (struct newfile){.dir_fd = dir_fd, .fd = -1};
	buf_init(&f->pending, PENDING_MAX);
	size_t len = strlen(temporary);
	if (len >= sizeof(f->temporary)) {
		f->error = ENAMETOOLONG;
		return;
	}
	memcpy(f->temporary, temporary, len + 1);
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	f->fd = openat(dir_fd, temporary, flags, mode);
	if (f->fd < 0 && errno == EEXIST && unlinkat(dir_fd, temporary, 0) == 0)
		f->fd = openat(dir_fd, temporary, flags, mode);
	if (f->fd < 0)
		f->error = errno;
}

static void
flush(struct newfile *f)
{
	if (f->error == 0 && f->pending.len > 0 &&
	    io_write(f->fd, f->pending.data, f->pending.len) != 0)
		f->error = errno;
	buf_clear(&f->pending);
}

static void
put(struct newfile *f, const char *data, size_t len)
{
	while (len > 0 && f->error == 0) {
		size_t room = PENDING_MAX - f->pending.len;
		size_t n = len < room ? len : room;
		(void)buf_add(&f->pending, data, n);
		data += n;
		len -= n;
		if (f->pending.len == PENDING_MAX)
			flush(f);
	}
}

/* A CR waits for what follows, which may come with the next call. */
static void
put_lf(struct newfile *f, const char *data, size_t len)
{
	while (len > 0) {
		if (f->cr && data[0] != '\n')
			put(f, "\r", 1);
		f->cr = false;
		const char *cr = memchr(data, '\r', len);
		size_t n = cr == NULL ? len : (size_t)(cr - data);
		put(f, data, n);
		data += n;
		len -= n;
		if (len > 0) {
			f->cr = true;
			data++;
			len--;
		}
	}
}

void
newfile_add(struct newfile *f, const char *data, size_t len)
{
	if (f->lf)
		put_lf(f, data, len);
	else
		put(f, data, len);
}

void
newfile_message(struct newfile *f, struct batch *b, const struct batch_entry *e)
{
	char chunk[CHUNK_SIZE];
	for (uint64_t at = 0; at < e->data_len && f->error == 0;) {
		ssize_t n = batch_read(b, e, at, chunk, sizeof(chunk));
		if (n <= 0) {
			f->error = n < 0 ? errno : EBADMSG;
			return;
		}
		newfile_add(f, chunk, (size_t)n);
		at += (uint64_t)n;
	}
}

static int
finish(struct newfile *f)
{
	if (f->cr)
		put(f, "\r", 1);
	flush(f);
	if (f->error == 0 && io_fsync(f->fd) != 0)
		f->error = errno;
	if (f->fd >= 0 && close(f->fd) != 0 && f->error == 0)
		f->error = errno;
	bool made = f->fd >= 0;
	f->fd = -1;
	buf_free(&f->pending);
	if (f->error != 0 && made)
		(void)unlinkat(f->dir_fd, f->temporary, 0);
	errno = f->error;
	return f->error == 0 ? 0 : -1;
}

int
newfile_place(struct newfile *f, int to_fd, const char *name)
{
	if (finish(f) != 0)
		return -1;
	if (renameat(f->dir_fd, f->temporary, to_fd, name) != 0) {
		int error = errno;
		(void)unlinkat(f->dir_fd, f->temporary, 0);
		errno = error;
		return -1;
	}
	return io_fsync(to_fd);
}

void
newfile_drop(struct newfile *f)
{
	f->error = f->error == 0 ? ECANCELED : f->error;
	(void)finish(f);
}

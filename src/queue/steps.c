/* SPDX-License-Identifier: ISC */
/*
 * Create, seal, move: the steps between the states of a batch.  No policy:
 * which step may follow which is for draft.c, rewrite.c and recover.c.
 *
 * Invariant: a move never replaces.  Where the file system cannot promise
 * that by itself, it holds because a batch comes into new/ only from
 * tmp/SAME-NAME, which O_EXCL gave to one writer.  link(2) and unlink(2)
 * would not do: a power cut between them leaves a second link, and readers
 * refuse what has two.
 */
#include "queue/steps.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

#define QUEUE_FILE_MODE 0640

static int
set_up(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	if (fchmod(fd, QUEUE_FILE_MODE) != 0)
		return -1;
	return fcntl(fd, F_OFD_SETLK, &lock);
}

int
step_create(int dirfd, const char *name)
{
	int fd = openat(dirfd, name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    QUEUE_FILE_MODE);
	if (fd < 0 || set_up(fd) == 0)
		return fd;
	int saved = errno;
	(void)unlinkat(dirfd, name, 0);
	(void)close(fd);
	errno = saved;
	return -1;
}

int
step_seal(int *fd)
{
	int synced = io_fsync(*fd);
	int saved = errno;
	int closed = close(*fd);
	*fd = -1;
	if (synced != 0)
		errno = saved;
	return synced != 0 || closed != 0 ? -1 : 0;
}

bool
step_exists(int dirfd, const char *name)
{
	struct stat st;
	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int
step_move(int from, const char *name, int to, const char *target)
{
	if (renameat2(from, name, to, target, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
		return -1;
	if (step_exists(to, target)) {
		errno = EEXIST;
		return -1;
	}
	return renameat(from, name, to, target);
}

bool
step_locked(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	return fcntl(fd, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

int
step_place(int dirfd, const char *name, const char *data, size_t len)
{
	char draft[NAME_MAX + 1];
	(void)snprintf(draft, sizeof(draft), ".%.200s.tmp", name);
	/* Left by one that was killed. */
	if (unlinkat(dirfd, draft, 0) != 0 && errno != ENOENT)
		return -1;
	int fd = openat(dirfd, draft,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	int rc = io_write(fd, data, len);
	if (rc == 0)
		rc = step_seal(&fd);
	else
		(void)close(fd);
	if (rc == 0)
		rc = renameat(dirfd, draft, dirfd, name);
	if (rc == 0)
		return io_fsync(dirfd);
	int saved = errno;
	(void)unlinkat(dirfd, draft, 0);
	errno = saved;
	return -1;
}

/* SPDX-License-Identifier: ISC */
/*
 * Which files of the pickup directory may be taken, and which are left:
 * directories, devices, pipes, files with a second name (it could be
 * anybody's, L02), files that are still written to.
 *
 * Invariant: opening never blocks and never follows a link, and an answer
 * is about the file that is open, not about its name.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "deliver/claim.h"

enum { YOUNG_SECONDS = 10 };

const char *
claim_refusal(const struct stat *sb)
{
	if (S_ISDIR(sb->st_mode))
		return "a directory";
	if (!S_ISREG(sb->st_mode))
		return "not a regular file";
	return sb->st_nlink == 1 ? NULL : "has more than one name";
}

/* Just made, nothing written yet: its writer's close will be heard. */
static bool
unborn(const struct stat *sb)
{
	int64_t age = clock_wall_ms() / 1000 - (int64_t)sb->st_mtime;
	return sb->st_size == 0 && age >= 0 && age < YOUNG_SECONDS;
}

/* Does anyone hold a lock on it, or have it open for writing?  The latter
 * is known only of files of our own uid or with CAP_LEASE. */
static bool
in_use(int fd)
{
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	if (flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK)
		return true;
	(void)flock(fd, LOCK_UN);
	if (fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
		return true;
	/* Who breaks the lease must not kill us by a SIGIO. */
	if (fcntl(fd, F_SETSIG, SIGURG) != 0)
		return false;
	if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0)
		return errno == EAGAIN;
	(void)fcntl(fd, F_SETLEASE, F_UNLCK);
	return false;
}

static enum claim_result
look_at(int fd, struct stat *sb, struct status *st)
{
	if (fstat(fd, sb) != 0)
		return claim_say(st, CLAIM_ODD, strerror(errno));
	const char *refusal = claim_refusal(sb);
	if (refusal != NULL)
		return claim_say(st, CLAIM_ODD, refusal);
	if (unborn(sb) || in_use(fd))
		return claim_say(st, CLAIM_BUSY, "in use");
	return CLAIM_GONE;
}

enum claim_result
claim_look(
    int dir_fd, const char *name, int *fd, struct stat *sb, struct status *st)
{
	int opened = openat(dir_fd, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	*fd = -1;
	if (opened < 0 && errno == EWOULDBLOCK)
		return claim_say(st, CLAIM_BUSY, "in use");
	if (opened < 0)
		return claim_say(st, CLAIM_ODD, strerror(errno));
	enum claim_result result = look_at(opened, sb, st);
	if (result == CLAIM_GONE)
		*fd = opened;
	else
		(void)close(opened);
	return result;
}

enum claim_result
claim_say(struct status *st, enum claim_result result, const char *text)
{
	status_set(st, LATER, 0, NULL, "%s", text);
	return result;
}

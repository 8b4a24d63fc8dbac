/* SPDX-License-Identifier: ISC */
/*
 * What writers that died left in tmp/.  Not a cleaner: a file that is whole
 * is mail, whatever its directory, and goes to new/ (after a power cut it
 * may even be mail that somebody was promised, J05).  What is torn was
 * promised to nobody, and goes when no writer can be at it any more (R4).
 *
 * Each file is settled by one rename or one unlink, so recovery may be
 * killed anywhere and started again (J23).  A file of a living writer is
 * known by its lock; between its close and its rename it has none, and then
 * both make the same move, and either is right.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "queue/layout.h"
#include "queue/steps.h"
#include "queue/store.h"

static bool
is_old(const struct stat *st)
{
	int64_t now = clock_wall_ms() / 1000;
	return now - (int64_t)st->st_mtime > TORN_AGE_SECONDS;
}

static bool
is_old_name(const struct store *s, const char *name)
{
	struct stat st;
	return fstatat(s->tmp_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       is_old(&st);
}

/* "waypost-batch" of another version (J27). */
static bool
is_newer(int fd)
{
	char start[LAYOUT_START_LEN];
	ssize_t n = io_pread(fd, start, sizeof(start), 0);
	return n == (ssize_t)sizeof(start) &&
	       memcmp(start, LAYOUT_MAGIC, sizeof(LAYOUT_MAGIC) - 1) == 0 &&
	       memcmp(start, LAYOUT_START, LAYOUT_START_LEN) != 0;
}

/* Is it whole, on the disk and not only in memory? */
static int
is_whole(int dirfd, const char *name)
{
	struct batch b;
	const char *why;
	if (batch_open(&b, dirfd, name, &why) != 0)
		return -1;
	int result = batch_check(&b, &why);
	int saved = errno;
	batch_close(&b);
	errno = saved;
	return result;
}

/* Some file systems show both names after a power cut in a rename. */
static bool
is_second_name(const struct store *s, const char *id, const struct stat *st)
{
	struct stat other;
	return st->st_nlink > 1 &&
	       fstatat(s->new_fd, id, &other, AT_SYMLINK_NOFOLLOW) == 0 &&
	       other.st_dev == st->st_dev && other.st_ino == st->st_ino;
}

/* To new/ID; if another batch has that name, to a fresh one (I20). */
static enum recovered
promote(struct store *s, const char *name, const char *id)
{
	char fresh[BATCH_ID_LEN + 1];
	if (step_move(s->tmp_fd, name, s->new_fd, id) == 0) {
		log_event(LOG_NOTICE, "recovered", LOG_STR("id", id));
		return RECOVERED_PROMOTED;
	}
	if (errno == ENOENT && step_exists(s->new_fd, id))
		return RECOVERED_PROMOTED; /* its writer was alive */
	if (errno != EEXIST)
		return RECOVERED_ERROR;
	store_make_id(fresh);
	if (step_move(s->tmp_fd, name, s->new_fd, fresh) != 0)
		return RECOVERED_ERROR;
	log_event(
	    LOG_NOTICE, "recovered", LOG_STR("id", fresh), LOG_STR("was", id));
	return RECOVERED_PROMOTED;
}

static enum recovered
settle(struct store *s, int fd, const char *name, const char *id)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return RECOVERED_ERROR;
	if (!S_ISREG(st.st_mode)) {
		errno = EBADMSG;
		return RECOVERED_ERROR;
	}
	if (step_locked(fd))
		return RECOVERED_HELD;
	if (is_second_name(s, id, &st))
		return unlinkat(s->tmp_fd, name, 0) == 0 ? RECOVERED_PROMOTED
							 : RECOVERED_ERROR;
	/* Judge what the disk has: its writer may have died of an fsync
	 * error, and memory would not show it. */
	if (io_fsync(fd) != 0)
		return RECOVERED_ERROR;
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	if (is_whole(s->tmp_fd, name) == 0)
		return promote(s, name, id);
	if (errno == ENOENT)
		return RECOVERED_GONE;
	if (errno != EBADMSG)
		return RECOVERED_ERROR;
	if (is_newer(fd))
		return RECOVERED_NEWER;
	return is_old(&st) ? RECOVERED_OLD : RECOVERED_TORN;
}

enum recovered
recover_file(struct store *s, const char *name, const char *id)
{
	int fd = openat(s->tmp_fd, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? RECOVERED_GONE : RECOVERED_ERROR;
	enum recovered result = settle(s, fd, name, id);
	int saved = errno;
	(void)close(fd);
	errno = saved;
	return result;
}

/* One name of tmp/.  1: promoted. */
static int
recover_name(struct store *s, const char *name)
{
	size_t len = strlen(name);
	bool copy = len == BATCH_ID_LEN + 1 && name[BATCH_ID_LEN] == '~';
	char id[BATCH_ID_LEN + 1];
	if (!batch_id_valid(name, copy ? BATCH_ID_LEN : len)) {
		log_event(LOG_WARNING, "foreign", LOG_STR("directory", "tmp"),
		    LOG_STR("name", name));
		return 0;
	}
	memcpy(id, name, BATCH_ID_LEN);
	id[BATCH_ID_LEN] = '\0';
	if (copy && is_whole(s->new_fd, id) == 0) {
		(void)unlinkat(s->tmp_fd, name, 0);
		return 0;
	}
	if (copy && step_exists(s->new_fd, id))
		return 0; /* the better one, perhaps: keep it for a person */
	switch (recover_file(s, name, id)) {
	case RECOVERED_PROMOTED:
		return 1;
	case RECOVERED_OLD:
		log_event(LOG_NOTICE, "torn", LOG_STR("id", name));
		(void)unlinkat(s->tmp_fd, name, 0);
		break;
	case RECOVERED_NEWER:
	case RECOVERED_ERROR:
		log_event(LOG_WARNING, "unrecovered", LOG_STR("id", name));
		break;
	case RECOVERED_TORN:
	case RECOVERED_HELD:
	case RECOVERED_GONE:
		break;
	}
	return 0;
}

/* The directory changes while it is settled: list first. */
static int
list_names(int dirfd, struct buf *names)
{
	DIR *dir = io_opendir(dirfd, ".");
	if (dir == NULL)
		return -1;
	errno = 0;
	for (const struct dirent *e; (e = readdir(dir)) != NULL; errno = 0)
		if (e->d_name[0] != '.' || e->d_name[1] != '\0')
			(void)buf_add(names, e->d_name, strlen(e->d_name) + 1);
	int saved = errno;
	(void)closedir(dir);
	errno = saved;
	return saved == 0 ? 0 : -1;
}

static int
recover(struct store *s, bool only_old)
{
	struct buf names;
	int promoted = 0;
	buf_init(&names, SIZE_MAX / 4);
	int result = list_names(s->tmp_fd, &names);
	for (size_t at = 0; result == 0 && at < names.len;
	     at += strlen(names.data + at) + 1) {
		const char *name = names.data + at;
		if (strcmp(name, "..") == 0 ||
		    (only_old && !is_old_name(s, name)))
			continue;
		promoted += recover_name(s, name);
	}
	buf_free(&names);
	if (result != 0 || (promoted > 0 && store_sync(s) != 0))
		return -1;
	return promoted;
}

int
store_recover(struct store *s)
{
	return recover(s, false);
}

int
store_recover_old(struct store *s)
{
	return recover(s, true);
}

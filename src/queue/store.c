/* SPDX-License-Identifier: ISC */
/*
 * The queue directory: its descriptors, its lock, names of batches, and the
 * moves that need one step.  Everything goes through directory descriptors;
 * nothing below the spool directory is reached through a symbolic link.
 *
 * The lock is an OFD lock on queue/lock, held by the carrier from start to
 * end.  Others only ask about it: nobody waits for anybody (B22).
 */
#include "queue/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "queue/steps.h"

#define OPEN_DIR (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#define TIME_DIGITS 9
#define RANDOM_DIGITS 10

/* In the order of ASCII, so that names sort by time. */
static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

static void
store_init(struct store *s)
{
	*s = (struct store){.queue_fd = -1,
	    .tmp_fd = -1,
	    .new_fd = -1,
	    .corrupt_fd = -1,
	    .lock_fd = -1};
}

static int
open_dir(int dirfd, const char *name)
{
	return openat(dirfd, name, OPEN_DIR | O_NOFOLLOW);
}

/* By one path: a call less for each sendmail. */
static int
open_doors(struct store *s, const char *spool)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/queue", spool);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	s->queue_fd = open_dir(AT_FDCWD, path);
	if (s->queue_fd < 0)
		return -1;
	s->tmp_fd = open_dir(s->queue_fd, "tmp");
	if (s->tmp_fd < 0)
		return -1;
	s->new_fd = open_dir(s->queue_fd, "new");
	return s->new_fd < 0 ? -1 : 0;
}

/* What root makes here belongs to the owner of the parent, and all of it to
 * the group of the parent, which is the doors'; where that is allowed. */
static void
give(int fd, int parent_fd)
{
	struct stat parent;
	if (fstat(parent_fd, &parent) != 0)
		return;
	uid_t owner = geteuid() == 0 ? parent.st_uid : (uid_t)-1;
	if (fchown(fd, owner, parent.st_gid) != 0)
		log_text(LOG_WARNING, "spool: cannot set a group: %s",
		    strerror(errno));
}

/* A queue that anybody may write to is nobody's (I19). */
static int
judge_dir(int fd, const char *name)
{
	struct stat st;
	if (fstat(fd, &st) == 0 && (st.st_mode & S_IWOTH) == 0)
		return fd;
	log_text(LOG_ERR, "spool: %s may be written by anybody", name);
	(void)close(fd);
	errno = EPERM;
	return -1;
}

/* Open what is there; make what is missing. */
static int
make_dir(int dirfd, const char *name, mode_t mode, bool *made)
{
	int fd = open_dir(dirfd, name);
	if (fd >= 0)
		return judge_dir(fd, name);
	if (errno != ENOENT || mkdirat(dirfd, name, 0700) != 0)
		return -1;
	fd = open_dir(dirfd, name);
	if (fd < 0)
		return -1;
	*made = true;
	give(fd, dirfd);
	if (fchmod(fd, mode) == 0)
		return fd;
	int saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

static int
make_dirs(struct store *s, int spool_fd)
{
	bool made = false;
	s->queue_fd = make_dir(spool_fd, "queue", 0750, &made);
	if (s->queue_fd < 0)
		return -1;
	/* setgid: a file made by root, too, is the doors' group's. */
	s->tmp_fd = make_dir(s->queue_fd, "tmp", 03770, &made);
	s->new_fd =
	    s->tmp_fd < 0 ? -1 : make_dir(s->queue_fd, "new", 03770, &made);
	if (s->new_fd < 0)
		return -1;
	s->corrupt_fd = make_dir(spool_fd, "corrupt", 0700, &made);
	int state =
	    s->corrupt_fd < 0 ? -1 : make_dir(spool_fd, "state", 0700, &made);
	if (state < 0)
		return -1;
	(void)close(state);
	if (made && (io_fsync(s->queue_fd) != 0 || io_fsync(spool_fd) != 0))
		return -1;
	/* Where this is not possible no mail can be accepted (I10). */
	return io_fsync(s->new_fd);
}

static int
open_lock(const struct store *s)
{
	const int how = O_RDWR | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(s->queue_fd, "lock", how);
	if (fd >= 0 || errno != ENOENT)
		return fd;
	fd = openat(s->queue_fd, "lock", how | O_CREAT | O_EXCL, 0640);
	if (fd < 0 && errno == EEXIST) /* another one starts right now */
		return openat(s->queue_fd, "lock", how);
	if (fd >= 0)
		give(fd, s->queue_fd);
	return fd;
}

static int
take_lock(struct store *s)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	s->lock_fd = open_lock(s);
	if (s->lock_fd < 0)
		return -1;
	if (fcntl(s->lock_fd, F_OFD_SETLK, &lock) != 0) {
		if (errno == EACCES || errno == EAGAIN)
			errno = EWOULDBLOCK;
		return -1;
	}
	/* Doors that may not read it could not ask; not ours is not ours. */
	return fchmod(s->lock_fd, 0640) == 0 || errno == EPERM ? 0 : -1;
}

static int
finish_open(struct store *s, int spool_fd, int result)
{
	int saved = errno;
	(void)close(spool_fd);
	if (result != 0)
		store_close(s);
	errno = saved;
	return result;
}

int
store_open(struct store *s, const char *spool)
{
	store_init(s);
	if (open_doors(s, spool) == 0)
		return 0;
	int saved = errno;
	store_close(s);
	errno = saved;
	return -1;
}

int
store_writable(const struct store *s)
{
	/* By the effective ids: the group is what a door lives on. */
	if (faccessat(s->tmp_fd, ".", W_OK | X_OK, AT_EACCESS) != 0)
		return -1;
	return faccessat(s->new_fd, ".", W_OK | X_OK, AT_EACCESS);
}

int
store_open_carrier(struct store *s, const char *spool)
{
	store_init(s);
	int spool_fd = open(spool, OPEN_DIR);
	if (spool_fd < 0)
		return -1;
	int result = make_dirs(s, spool_fd) != 0 ? -1 : take_lock(s);
	return finish_open(s, spool_fd, result);
}

void
store_close(struct store *s)
{
	const int fds[] = {
	    s->queue_fd, s->tmp_fd, s->new_fd, s->corrupt_fd, s->lock_fd};
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	store_init(s);
}

int
store_scratch(int tmp_fd)
{
	int fd = openat(tmp_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	/* Not every file system has them. */
	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
		fd = memfd_create("waypost", MFD_CLOEXEC);
	return fd;
}

bool
store_served(const struct store *s)
{
	/* A descriptor of its own each time: doors may open the store before
	 * the carrier first makes the file. */
	int fd = openat(s->queue_fd, "lock", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return false;
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	bool held =
	    fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_WRLCK;
	(void)close(fd);
	return held;
}

static void
put_digits(char *out, size_t n, uint64_t value)
{
	while (n-- > 0) {
		out[n] = alphabet[value & 31];
		value >>= 5;
	}
}

void
store_derive_id(char id[BATCH_ID_LEN + 1], int64_t at_ms, uint64_t noise)
{
	put_digits(id, TIME_DIGITS, (uint64_t)at_ms);
	put_digits(id + TIME_DIGITS, RANDOM_DIGITS, noise);
	id[BATCH_ID_LEN] = '\0';
}

void
store_make_id(char id[BATCH_ID_LEN + 1])
{
	uint64_t noise;
	if (getrandom(&noise, sizeof(noise), 0) != (ssize_t)sizeof(noise))
		die("no random numbers");
	store_derive_id(id, clock_wall_ms(), noise);
}

bool
batch_id_valid(const char *s, size_t len)
{
	if (len != BATCH_ID_LEN)
		return false;
	for (size_t i = 0; i < len; i++)
		if (memchr(alphabet, s[i], sizeof(alphabet) - 1) == NULL)
			return false;
	return true;
}

void
message_id_make(char out[QUEUE_ID_MAX + 1], const char *batch, uint32_t seq)
{
	if (seq == 1)
		(void)snprintf(
		    out, QUEUE_ID_MAX + 1, "%.*s", BATCH_ID_LEN, batch);
	else
		(void)snprintf(
		    out, QUEUE_ID_MAX + 1, "%.*s.%u", BATCH_ID_LEN, batch, seq);
}

int
message_id_parse(
    const char *s, size_t len, char batch[BATCH_ID_LEN + 1], uint32_t *seq)
{
	if (len < BATCH_ID_LEN || !batch_id_valid(s, BATCH_ID_LEN))
		return -1;
	uint32_t value = 1;
	if (len > BATCH_ID_LEN) {
		value = 0;
		if (len < BATCH_ID_LEN + 2 || len > BATCH_ID_LEN + 5 ||
		    s[BATCH_ID_LEN] != '.' || s[BATCH_ID_LEN + 1] == '0')
			return -1;
		for (size_t i = BATCH_ID_LEN + 1; i < len; i++) {
			if (s[i] < '0' || s[i] > '9')
				return -1;
			value = value * 10 + (uint32_t)(s[i] - '0');
		}
		if (value < 2 || value > BATCH_MESSAGES_MAX)
			return -1;
	}
	memcpy(batch, s, BATCH_ID_LEN);
	batch[BATCH_ID_LEN] = '\0';
	*seq = value;
	return 0;
}

int
store_remove(struct store *s, const char *batch)
{
	if (unlinkat(s->new_fd, batch, 0) != 0 && errno != ENOENT)
		return -1;
	return 0;
}

int
store_quarantine(struct store *s, const char *batch, const char *why)
{
	char name[NAME_MAX + 1];
	if (step_move(s->new_fd, batch, s->corrupt_fd, batch) != 0) {
		if (errno != EEXIST)
			return -1;
		(void)snprintf(name, sizeof(name), "%.*s.%lld", BATCH_ID_LEN,
		    batch, (long long)clock_wall_ms());
		if (step_move(s->new_fd, batch, s->corrupt_fd, name) != 0)
			return -1;
	}
	log_event(
	    LOG_ERR, "corrupt", LOG_STR("id", batch), LOG_STR("why", why));
	return 0;
}

int
store_sync(struct store *s)
{
	return io_fsync(s->new_fd);
}

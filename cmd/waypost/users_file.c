/* SPDX-License-Identifier: ISC */
/*
 * The users file on disk: lock, new file, fsync, rename, fsync of the
 * directory.  Not what stands in it (conf/users).  The lock is on the file
 * itself, which others cannot open; since each edit replaces the file, who
 * gets the lock looks whether it still has the name.
 *
 * Invariant: the name always leads to a whole file that users_read() takes,
 * with the owner and mode that it had.
 */
#include "users_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/log.h"
#include "subcommand.h"

#define SALT_KEY_LEN 32
#define TURNS_MAX 1000 /* edits that came first */

static int
tell_errno(const char *path, const char *what)
{
	int e = errno;
	(void)fprintf(stderr, "waypost: %s: %s%s\n", path, what, strerror(e));
	return e == EACCES || e == EPERM ? EX_NOPERM : EX_CANTCREAT;
}

static int
load(const char *path, struct users **u)
{
	struct faults f;
	int code = EX_OK;
	faults_init(&f);
	*u = users_load(path, &f);
	if (*u == NULL) {
		subcommand_faults(&f);
		bool denied = access(path, R_OK) != 0 && errno == EACCES;
		code = denied ? EX_NOPERM : EX_CONFIG;
	}
	faults_free(&f);
	return code;
}

int
users_file_look(const struct conf *c, struct users **u)
{
	return load(c->users, u);
}

/* A file that we make: its group is that of the listener, who is the owner
 * of the spool. */
static int
give_to_listener(int fd, const struct conf *c)
{
	struct stat st;
	if (geteuid() != 0)
		return 0;
	if (stat(c->spool, &st) != 0)
		return tell_errno(c->spool, "");
	const struct passwd *pw = getpwuid(st.st_uid);
	if (fchown(fd, (uid_t)-1, pw != NULL ? pw->pw_gid : st.st_gid) != 0)
		return tell_errno(c->users, "");
	return 0;
}

static int
make(const struct conf *c)
{
	int fd = open(
	    c->users, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
	if (fd < 0)
		return errno == EEXIST ? 0 : tell_errno(c->users, "");
	int code = give_to_listener(fd, c);
	if (code == 0 && fchmod(fd, 0640) != 0)
		code = tell_errno(c->users, "");
	(void)close(fd);
	return code;
}

static int
lock(struct users_file *f)
{
	if (flock(f->fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	(void)fprintf(stderr, "waypost: waiting for another edit\n");
	while (flock(f->fd, LOCK_EX) != 0)
		if (errno != EINTR)
			return -1;
	return 0;
}

/* 1: ours.  0: replaced meanwhile, or missing.  -1: errno. */
static int
try_open(struct users_file *f, const char *path)
{
	struct stat now;
	f->fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (f->fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (lock(f) != 0 || fstat(f->fd, &f->st) != 0)
		return -1;
	if (stat(path, &now) == 0 && now.st_dev == f->st.st_dev &&
	    now.st_ino == f->st.st_ino)
		return 1;
	(void)close(f->fd);
	f->fd = -1;
	return 0;
}

int
users_file_open(struct users_file *f, const struct conf *c, bool create)
{
	int code = 0, got = 0, turns = 0;
	*f = (struct users_file){.fd = -1};
	buf_init(&f->text, USERS_FILE_MAX);
	while (code == 0 && got == 0 && turns++ < TURNS_MAX) {
		got = try_open(f, c->users);
		if (got == 0 && access(c->users, F_OK) != 0) {
			if (!create)
				return 0; /* no file, no users */
			code = make(c);
		}
	}
	if (got < 0)
		return tell_errno(c->users, "");
	if (code != 0)
		return code;
	f->path = realpath(c->users, NULL);
	if (got == 0 || f->path == NULL) /* a link to nowhere, for one */
		return tell_errno(c->users, "");
	code = load(f->path, &f->users);
	if (code == 0 && io_slurp(f->fd, &f->text) != 0)
		code = tell_errno(f->path, "");
	return code;
}

void
users_file_close(struct users_file *f)
{
	if (f->fd >= 0)
		(void)close(f->fd);
	buf_free(&f->text);
	users_free(f->users);
	free(f->path);
}

/* Salts of unknown users follow from it (conf/users.h). */
static int
add_salt_key(const struct users_file *f, struct buf *out)
{
	unsigned char key[SALT_KEY_LEN];
	const unsigned char *have;
	if (users_salt_key(f->users, &have) > 0)
		return 0;
	if (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key))
		return tell_errno("random octets", "");
	(void)buf_adds(out, "# salt-key: ");
	(void)base64_encode(out, key, sizeof(key));
	(void)buf_addc(out, '\n');
	explicit_bzero(key, sizeof(key));
	return 0;
}

/* The whole new text. */
static void
edit(const struct users_file *f, const char *name, const char *line,
    struct buf *out)
{
	size_t name_len = strlen(name);
	const char *p = buf_str(&f->text), *end = p + f->text.len;
	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		const char *next = lf != NULL ? lf + 1 : end;
		bool its = (size_t)(next - p) > name_len &&
			   p[name_len] == ':' && memcmp(p, name, name_len) == 0;
		if (!its)
			(void)buf_add(out, p, (size_t)(next - p));
		if (!its && lf == NULL)
			(void)buf_addc(out, '\n');
		if (its && line != NULL) {
			(void)buf_addf(out, "%s\n", line);
			line = NULL;
		}
		p = next;
	}
	if (line != NULL)
		(void)buf_addf(out, "%s\n", line);
}

/* What we wrote must be what we can read. */
static int
prove(const char *path, const struct buf *text)
{
	struct faults f;
	faults_init(&f);
	struct users *u =
	    buf_ok(text)
		? users_read(path, alloc_string(buf_str(text), text->len),
		      text->len, &f)
		: NULL;
	if (!buf_ok(text))
		(void)fprintf(stderr, "waypost: %s: grows too large\n", path);
	subcommand_faults(&f);
	faults_free(&f);
	int code = u != NULL ? 0 : EX_SOFTWARE;
	users_free(u);
	return code;
}

/* A new file with the owner and mode of the old one, durable. */
static int
write_new(const struct users_file *f, int fd, const struct buf *text)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return -1;
	if ((st.st_uid != f->st.st_uid || st.st_gid != f->st.st_gid) &&
	    fchown(fd, f->st.st_uid, f->st.st_gid) != 0)
		return -1;
	if (fchmod(fd, f->st.st_mode & 07777) != 0 ||
	    io_write(fd, buf_str(text), text->len) != 0)
		return -1;
	return io_fsync(fd);
}

static int
sync_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = alloc_string(path, (size_t)(slash - path) + 1);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result = fd >= 0 ? io_fsync(fd) : -1;
	if (fd >= 0)
		(void)close(fd);
	free(dir);
	return result;
}

static int
replace(const struct users_file *f, const struct buf *text)
{
	struct buf temp;
	int code = 0;
	buf_init(&temp, 65536);
	(void)buf_addf(&temp, "%s.XXXXXX", f->path);
	int fd = mkostemp(temp.data, O_CLOEXEC);
	if (fd < 0) {
		code = tell_errno(f->path, "no new file beside it: ");
		buf_free(&temp);
		return code;
	}
	if (write_new(f, fd, text) != 0 || rename(temp.data, f->path) != 0) {
		code = tell_errno(f->path, "not changed: ");
		(void)unlink(temp.data);
	} else if (sync_directory(f->path) != 0) {
		code = tell_errno(f->path, "changed, but not surely kept: ");
	}
	(void)close(fd);
	buf_free(&temp);
	return code;
}

int
users_file_set(struct users_file *f, const char *name, const char *line)
{
	struct buf text;
	buf_init(&text, USERS_FILE_MAX);
	int code = line != NULL ? add_salt_key(f, &text) : 0;
	if (code == 0) {
		edit(f, name, line, &text);
		code = prove(f->path, &text);
	}
	if (code == 0)
		code = replace(f, &text);
	if (text.data != NULL)
		explicit_bzero(text.data, text.len);
	buf_free(&text);
	return code;
}

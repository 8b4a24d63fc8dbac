/* SPDX-License-Identifier: ISC */
/*
 * A shim for LD_PRELOAD that counts the calls by which a program changes
 * files below one directory, and lets the N-th of them go wrong.  It keeps
 * no state but the count and knows nothing about mail: what must hold after
 * the fault is for the script beside it to say.
 *
 *   FAULT_DIR   directory whose files count
 *   FAULT_LOG   file that gets one line for each counted call: "N call path"
 *   FAULT_AT    N, from 1; without it nothing goes wrong
 *   FAULT_MODE  SIGKILL, SIGTERM, ...: the signal is raised before the call;
 *               ENOSPC, EIO, EINTR, ...: the call fails so, without effect
 *               (but close() closes); short: a write takes half its bytes
 *   FAULT_NET   if set, connect, send and recv count, too
 *
 * One shot.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static const struct {
	const char *name;
	int number;
	bool signal;
} modes[] = {
    {"SIGKILL", SIGKILL, true},
    {"SIGTERM", SIGTERM, true},
    {"SIGINT", SIGINT, true},
    {"SIGHUP", SIGHUP, true},
    {"SIGQUIT", SIGQUIT, true},
    {"ENOSPC", ENOSPC, false},
    {"EIO", EIO, false},
    {"EINTR", EINTR, false},
    {"EACCES", EACCES, false},
    {"EMFILE", EMFILE, false},
    {"EDQUOT", EDQUOT, false},
    {"EXDEV", EXDEV, false},
};

enum verdict { PASS, FAIL, SHORT };

static struct {
	char dir[PATH_MAX]; /* empty: nothing counts */
	size_t dir_len;
	const char *log;
	long at;
	int error, signal;
	bool shorten, net;
} plan;
static atomic_long count;

static void
plan_mode(const char *mode)
{
	plan.shorten = strcmp(mode, "short") == 0;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(mode, modes[i].name) != 0)
			continue;
		if (modes[i].signal)
			plan.signal = modes[i].number;
		else
			plan.error = modes[i].number;
		return;
	}
	if (!plan.shorten)
		abort();
}

__attribute__((constructor)) static void
plan_read(void)
{
	const char *dir = getenv("FAULT_DIR");
	const char *at = getenv("FAULT_AT");
	const char *mode = getenv("FAULT_MODE");

	if (dir == NULL || realpath(dir, plan.dir) == NULL)
		return;
	plan.dir_len = strlen(plan.dir);
	plan.net = getenv("FAULT_NET") != NULL;
	plan.log = getenv("FAULT_LOG");
	if (at != NULL)
		plan.at = strtol(at, NULL, 10);
	if (mode != NULL)
		plan_mode(mode);
}

/* The path behind a name; false when it cannot be told. */
static bool
resolve(char out[PATH_MAX], int fd, const char *name)
{
	char link[64], base[PATH_MAX];
	ssize_t n;
	int len;

	if (name != NULL && name[0] == '/') {
		len = snprintf(out, PATH_MAX, "%s", name);
		return len < PATH_MAX;
	}
	if (fd == AT_FDCWD)
		snprintf(link, sizeof(link), "/proc/self/cwd");
	else
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, base, sizeof(base) - 1);
	if (n < 0)
		return false;
	base[n] = '\0';
	len = snprintf(
	    out, PATH_MAX, "%s%s%s", base, name ? "/" : "", name ? name : "");
	return len < PATH_MAX;
}

/* Opened anew each time: the program may close what it did not open. */
static void
note(long n, const char *call, const char *where)
{
	char line[PATH_MAX + 64];
	int len, fd;

	if (plan.log == NULL)
		return;
	fd = (int)syscall(SYS_openat, AT_FDCWD, plan.log,
	    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	len = snprintf(line, sizeof(line), "%ld %s %s\n", n, call, where);
	(void)!syscall(SYS_write, fd, line, (size_t)len);
	(void)syscall(SYS_close, fd);
}

static enum verdict
counted(const char *call, const char *where)
{
	long n = atomic_fetch_add(&count, 1) + 1;

	note(n, call, where);
	if (n != plan.at)
		return PASS;
	if (plan.signal != 0)
		(void)syscall(SYS_kill, getpid(), plan.signal);
	if (plan.error != 0) {
		errno = plan.error;
		return FAIL;
	}
	return plan.shorten ? SHORT : PASS;
}

/* Count a call on a file; errno stays as it was unless it is to fail. */
static enum verdict
touch(const char *call, int fd, const char *name)
{
	char where[PATH_MAX];
	int saved = errno;
	enum verdict v = PASS;
	bool counts =
	    plan.dir_len > 0 && resolve(where, fd, name) &&
	    strncmp(where, plan.dir, plan.dir_len) == 0 &&
	    (where[plan.dir_len] == '/' || where[plan.dir_len] == '\0');

	errno = saved;
	if (counts)
		v = counted(call, where);
	return v;
}

static enum verdict
touch_net(const char *call)
{
	return plan.net ? counted(call, "socket") : PASS;
}

static void *
behind(const char *name)
{
	void *f = dlsym(RTLD_NEXT, name);

	if (f == NULL)
		abort();
	return f;
}

ssize_t
write(int fd, const void *data, size_t len)
{
	ssize_t (*real)(int, const void *, size_t) = behind("write");
	enum verdict v = touch("write", fd, NULL);

	if (v == FAIL)
		return -1;
	return real(fd, data, v == SHORT && len > 1 ? len / 2 : len);
}

ssize_t
pwrite(int fd, const void *data, size_t len, off_t at)
{
	ssize_t (*real)(int, const void *, size_t, off_t) = behind("pwrite");
	enum verdict v = touch("pwrite", fd, NULL);

	if (v == FAIL)
		return -1;
	return real(fd, data, v == SHORT && len > 1 ? len / 2 : len, at);
}

ssize_t
writev(int fd, const struct iovec *iov, int n)
{
	ssize_t (*real)(int, const struct iovec *, int) = behind("writev");
	enum verdict v = touch("writev", fd, NULL);

	if (v == FAIL)
		return -1;
	return real(fd, iov, v == SHORT && n > 1 ? 1 : n);
}

int
fsync(int fd)
{
	int (*real)(int) = behind("fsync");

	return touch("fsync", fd, NULL) == FAIL ? -1 : real(fd);
}

int
fdatasync(int fd)
{
	int (*real)(int) = behind("fdatasync");

	return touch("fdatasync", fd, NULL) == FAIL ? -1 : real(fd);
}

int
ftruncate(int fd, off_t len)
{
	int (*real)(int, off_t) = behind("ftruncate");

	return touch("ftruncate", fd, NULL) == FAIL ? -1 : real(fd, len);
}

/* A file that was only read cannot fail to close in a way that matters. */
int
close(int fd)
{
	int (*real)(int) = behind("close");
	int flags = fcntl(fd, F_GETFL);
	int saved;

	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
		return real(fd);
	if (touch("close", fd, NULL) != FAIL)
		return real(fd);
	saved = errno;
	(void)real(fd);
	errno = saved;
	return -1;
}

int
rename(const char *from, const char *to)
{
	int (*real)(const char *, const char *) = behind("rename");

	return touch("rename", AT_FDCWD, to) == FAIL ? -1 : real(from, to);
}

int
renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	int (*real)(int, const char *, int, const char *) = behind("renameat");

	return touch("rename", to_fd, to) == FAIL
		   ? -1
		   : real(from_fd, from, to_fd, to);
}

int
renameat2(
    int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
	int (*real)(int, const char *, int, const char *, unsigned) =
	    behind("renameat2");

	return touch("rename", to_fd, to) == FAIL
		   ? -1
		   : real(from_fd, from, to_fd, to, flags);
}

int
linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
	int (*real)(int, const char *, int, const char *, int) =
	    behind("linkat");

	return touch("link", to_fd, to) == FAIL
		   ? -1
		   : real(from_fd, from, to_fd, to, flags);
}

int
unlink(const char *name)
{
	int (*real)(const char *) = behind("unlink");

	return touch("unlink", AT_FDCWD, name) == FAIL ? -1 : real(name);
}

int
unlinkat(int fd, const char *name, int flags)
{
	int (*real)(int, const char *, int) = behind("unlinkat");

	return touch("unlink", fd, name) == FAIL ? -1 : real(fd, name, flags);
}

int
mkdir(const char *name, mode_t mode)
{
	int (*real)(const char *, mode_t) = behind("mkdir");

	return touch("mkdir", AT_FDCWD, name) == FAIL ? -1 : real(name, mode);
}

int
mkdirat(int fd, const char *name, mode_t mode)
{
	int (*real)(int, const char *, mode_t) = behind("mkdirat");

	return touch("mkdir", fd, name) == FAIL ? -1 : real(fd, name, mode);
}

int
openat(int fd, const char *name, int flags, ...)
{
	int (*real)(int, const char *, int, ...) = behind("openat");
	mode_t mode = 0;

	if (flags & O_CREAT) {
		va_list ap;

		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	if ((flags & O_CREAT) && touch("create", fd, name) == FAIL)
		return -1;
	return real(fd, name, flags, mode);
}

int
open(const char *name, int flags, ...)
{
	mode_t mode = 0;

	if (flags & O_CREAT) {
		va_list ap;

		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	return openat(AT_FDCWD, name, flags, mode);
}

int
connect(int fd, const struct sockaddr *to, socklen_t len)
{
	int (*real)(int, const struct sockaddr *, socklen_t) =
	    behind("connect");

	return touch_net("connect") == FAIL ? -1 : real(fd, to, len);
}

ssize_t
send(int fd, const void *data, size_t len, int flags)
{
	ssize_t (*real)(int, const void *, size_t, int) = behind("send");
	enum verdict v = touch_net("send");

	if (v == FAIL)
		return -1;
	return real(fd, data, v == SHORT && len > 1 ? len / 2 : len, flags);
}

ssize_t
recv(int fd, void *data, size_t len, int flags)
{
	ssize_t (*real)(int, void *, size_t, int) = behind("recv");
	enum verdict v = touch_net("recv");

	if (v == FAIL)
		return -1;
	return real(fd, data, v == SHORT && len > 1 ? len / 2 : len, flags);
}

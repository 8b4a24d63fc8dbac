/* SPDX-License-Identifier: ISC */
/*
 * Lock, new file, fsync, rename, fsync of the directory.  Not what stands in
 * the file.  The lock is on the new file, "path~new", which nobody else can
 * open; since an edit renames it away or removes it, who gets the lock looks
 * whether it still has the name.  A crash leaves a draft without a lock,
 * which the next edit takes over.
 *
 * Invariant: the name always leads to the whole old or the whole new file,
 * with the owner and mode that it had.
 */
#include "edited.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "subcommand.h"

#define TURNS_MAX 1000 /* edits that came first */

int
edited_errno(const char *path, const char *what)
{
	int e = errno;
	(void)fprintf(stderr, "waypost: %s: %s%s\n", path, what, strerror(e));
	return e == EACCES || e == EPERM ? EX_NOPERM : EX_CANTCREAT;
}

static char *
join(const char *a, const char *b)
{
	struct buf s;
	buf_init(&s, 2 * (size_t)PATH_MAX);
	(void)buf_addf(&s, "%s%s", a, b);
	return s.data;
}

static int
lock(const struct edited *e)
{
	if (flock(e->fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	(void)fprintf(stderr, "waypost: waiting for another edit\n");
	while (flock(e->fd, LOCK_EX) != 0)
		if (errno != EINTR)
			return -1;
	return 0;
}

/* 1: ours.  0: renamed or removed meanwhile.  -1: errno. */
static int
take_draft(struct edited *e)
{
	struct stat ours, now;
	e->fd = open(e->draft,
	    O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK,
	    0600);
	if (e->fd < 0 || lock(e) != 0 || fstat(e->fd, &ours) != 0)
		return -1;
	if (lstat(e->draft, &now) == 0 && now.st_dev == ours.st_dev &&
	    now.st_ino == ours.st_ino)
		return 1;
	(void)close(e->fd);
	e->fd = -1;
	return 0;
}

static int
read_now(struct edited *e)
{
	int fd = open(e->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return edited_errno(e->path, "");
	int code = 0;
	e->exists = true;
	if (fstat(fd, &e->st) != 0 || io_slurp(fd, &e->text) != 0)
		code = edited_errno(e->path, "");
	(void)close(fd);
	return code;
}

/* What is known before the file is opened.  0, or an exit code. */
static int
start(struct edited *e, const char *path, size_t max)
{
	struct stat st;
	*e = (struct edited){.fd = -1};
	e->st.st_mode = 0644;
	e->st.st_uid = geteuid();
	e->st.st_gid = getegid();
	buf_init(&e->text, max);
	e->path = realpath(path, NULL);
	if (e->path == NULL && (errno != ENOENT || lstat(path, &st) == 0))
		return edited_errno(path, ""); /* a link to nowhere, for one */
	if (e->path == NULL)
		e->path = join(path, "");
	return 0;
}

int
edited_read(struct edited *e, const char *path, size_t max)
{
	int code = start(e, path, max);
	return code == 0 ? read_now(e) : code;
}

int
edited_open(struct edited *e, const char *path, size_t max)
{
	int got = 0, code = start(e, path, max);
	if (code != 0)
		return code;
	e->draft = join(e->path, "~new");
	for (int turn = 0; got == 0 && turn < TURNS_MAX; turn++)
		got = take_draft(e);
	if (got <= 0)
		return edited_errno(e->path, "no new file beside it: ");
	return read_now(e);
}

void
edited_close(struct edited *e)
{
	if (e->fd >= 0) {
		if (e->draft != NULL)
			(void)unlink(e->draft);
		(void)close(e->fd);
	}
	if (e->text.data != NULL)
		explicit_bzero(e->text.data, e->text.len);
	buf_free(&e->text);
	free(e->draft);
	free(e->path);
}

/* The draft with the owner and mode of the old file, durable. */
static int
write_draft(const struct edited *e, const struct buf *text)
{
	struct stat st;
	if (ftruncate(e->fd, 0) != 0 || fstat(e->fd, &st) != 0)
		return -1;
	if ((st.st_uid != e->st.st_uid || st.st_gid != e->st.st_gid) &&
	    fchown(e->fd, e->st.st_uid, e->st.st_gid) != 0)
		return -1;
	if (io_pwrite(e->fd, buf_str(text), text->len, 0) != 0 ||
	    fchmod(e->fd, e->st.st_mode & 07777) != 0)
		return -1;
	return io_fsync(e->fd);
}

static int
sync_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash != NULL
			? alloc_string(path, (size_t)(slash - path) + 1)
			: alloc_string(".", 1);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result = fd >= 0 ? io_fsync(fd) : -1;
	if (fd >= 0)
		(void)close(fd);
	free(dir);
	return result;
}

int
edited_replace(struct edited *e, const struct buf *text)
{
	if (!buf_ok(text)) {
		(void)fprintf(
		    stderr, "waypost: %s: grows too large\n", e->path);
		return EX_DATAERR;
	}
	if (write_draft(e, text) != 0 || rename(e->draft, e->path) != 0)
		return edited_errno(e->path, "not changed: ");
	/* The name is no longer ours to remove. */
	free(e->draft);
	e->draft = NULL;
	if (sync_directory(e->path) != 0)
		return edited_errno(e->path, "changed, but not surely kept: ");
	return 0;
}

/* Lines of s[0..len) behind a sign. */
static void
show_lines(FILE *to, char sign, const char *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		const char *lf = memchr(s + i, '\n', len - i);
		size_t n = lf != NULL ? (size_t)(lf - (s + i)) : len - i;
		(void)fprintf(to, "%c%.*s\n", sign, (int)n, s + i);
		i += n + 1;
	}
}

static unsigned
count_lines(const char *s, size_t len)
{
	unsigned n = 0;
	for (size_t i = 0; i < len; i++)
		n += s[i] == '\n';
	return n;
}

static bool
line_start(const char *s, size_t at)
{
	return at == 0 || s[at - 1] == '\n';
}

void
edited_show(FILE *to, const struct edited *e, const struct buf *text)
{
	const char *a = buf_str(&e->text), *b = buf_str(text);
	size_t na = e->text.len, nb = text->len, p = na, q = nb, start = 0;
	for (size_t i = 0; i < na && i < nb && a[i] == b[i]; i++)
		if (a[i] == '\n')
			start = i + 1;
	while (p > start && q > start && a[p - 1] == b[q - 1]) {
		p--, q--;
		if (line_start(a, p) && line_start(b, q))
			na = p, nb = q;
	}
	if (na == start && nb == start)
		return;
	unsigned line = count_lines(a, start) + 1;
	(void)fprintf(to, "--- %s\n+++ %s\n@@ -%u,%u +%u,%u @@\n", e->path,
	    e->path, line, count_lines(a + start, na - start), line,
	    count_lines(b + start, nb - start));
	show_lines(to, '-', a + start, na - start);
	show_lines(to, '+', b + start, nb - start);
}

int
edited_finish(struct edited *e, const struct buf *text, bool dry_run)
{
	if (!dry_run)
		return edited_replace(e, text);
	edited_show(stdout, e, text);
	return subcommand_flush();
}

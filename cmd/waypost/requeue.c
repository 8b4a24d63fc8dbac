/* SPDX-License-Identifier: ISC */
/*
 * A file of badmail becomes mail again.  Its "x-sender" and "x-receiver"
 * lines are its envelope; a new id, a new life in the queue.
 *
 * Invariant: NAME.eml is removed after the message is durable in the queue,
 * NAME.reason after that; what was queued by one that was killed in between
 * is only removed by the next (again.h).
 */
#include "requeue.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "again.h"
#include "base/io.h"
#include "salvage.h"
#include "submit/submit.h"

static int
tell(const char *name, const char *what)
{
	(void)fprintf(stderr, "waypost: %s: %s\n", name, what);
	return EX_DATAERR;
}

static int
tell_errno(const char *name)
{
	int error = errno;
	(void)tell(name, strerror(error));
	if (error == ENOENT)
		return EX_NOINPUT;
	return error == EACCES || error == EPERM ? EX_NOPERM : EX_IOERR;
}

static int
queue_file(const struct conf *c, struct store *s, int fd, const char *name,
    const char *id)
{
	char chunk[CHUNK_SIZE], source[NAME_MAX + 32];
	struct status st = {.text = "cannot be read"};
	ssize_t n;
	int rc = 0;
	(void)snprintf(source, sizeof(source), "requeue %.200s", name);
	struct submit_options o = {.conf = c,
	    .store = s,
	    .flags = SUBMIT_XLINES,
	    .source = source,
	    .id = id,
	    .comment = "requeued by the operator"};
	char queued[QUEUE_ID_MAX + 1];
	struct submit *m = submit_new(&o);
	while (rc == 0 && (n = io_read(fd, chunk, sizeof(chunk))) != 0)
		rc = n < 0 ? -1 : submit_feed(m, chunk, (size_t)n, &st);
	if (rc == 0)
		rc = submit_commit(m, queued, &st);
	submit_free(m);
	return rc == 0 ? 0 : tell(name, st.text);
}

/* Queued: what is left behind must not be queued once more. */
static int
clear(int dir_fd, const char *stem)
{
	char name[NAME_MAX + 16];
	(void)snprintf(name, sizeof(name), "%s.eml", stem);
	if (unlinkat(dir_fd, name, 0) != 0)
		return tell_errno(name);
	(void)snprintf(name, sizeof(name), "%s.reason", stem);
	if (unlinkat(dir_fd, name, 0) != 0 && errno != ENOENT)
		return tell_errno(name);
	return io_fsync(dir_fd) == 0 ? 0 : tell_errno(name);
}

/* The open file: queued if it was not before, and then it goes. */
static int
move(
    const struct conf *c, struct store *s, int dir_fd, int fd, const char *stem)
{
	char id[BATCH_ID_LEN + 1];
	struct stat sb;
	if (fstat(fd, &sb) != 0 || !S_ISREG(sb.st_mode))
		return tell(stem, "no regular file");
	int before = again_begin(c->spool, s, fd, stem, id);
	if (before < 0)
		return tell_errno(stem);
	int code = before == 0 ? queue_file(c, s, fd, stem, id) : 0;
	if (code == 0)
		code = clear(dir_fd, stem);
	if (code != 0)
		return code;
	again_end(c->spool, id);
	(void)printf("%s: %s as %s\n", stem,
	    before == 0 ? "queued" : "was queued before", id);
	return 0;
}

static int
one(const struct conf *c, struct store *s, int dir_fd, const char *name)
{
	char stem[NAME_MAX + 1], file[NAME_MAX + 16];
	size_t len = strlen(name);
	if (len > 4 && strcmp(name + len - 4, ".eml") == 0)
		len -= 4;
	if (dir_fd < 0) {
		errno = ENOENT;
		return tell_errno(name);
	}
	if (len == 0 || len > NAME_MAX - 8 || memchr(name, '/', len) != NULL ||
	    name[0] == '.')
		return tell(name, "no name of a message in badmail");
	(void)snprintf(stem, sizeof(stem), "%.*s", (int)len, name);
	(void)snprintf(file, sizeof(file), "%s.eml", stem);
	int fd = openat(dir_fd, file,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return tell_errno(file);
	int code = move(c, s, dir_fd, fd, stem);
	(void)close(fd);
	return code;
}

int
requeue(const struct conf *c, char **names, int n)
{
	struct store s;
	int code = EX_OK;
	int spool = open(c->spool, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int dir_fd = spool < 0
			 ? -1
			 : openat(spool, "badmail",
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (spool >= 0)
		(void)close(spool);
	/* No badmail yet is no obstacle to what is in corrupt. */
	if (dir_fd < 0 && errno != ENOENT)
		return tell_errno("badmail");
	if (store_open(&s, c->spool) != 0) {
		code = tell_errno("queue");
		if (dir_fd >= 0)
			(void)close(dir_fd);
		return code;
	}
	for (int i = 0; i < n; i++) {
		int failed = strncmp(names[i], "corrupt/", 8) == 0
				 ? salvage(c, &s, names[i] + 8)
				 : one(c, &s, dir_fd, names[i]);
		code = failed != 0 ? failed : code;
	}
	store_close(&s);
	if (dir_fd >= 0)
		(void)close(dir_fd);
	return code;
}

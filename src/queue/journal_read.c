/* SPDX-License-Identifier: ISC */
/*
 * Reads the journal, for its writer at start and for anybody who wants to
 * know (mailq).  Holds no lock: the writer only appends, or puts another
 * file in its place, and an open one stays what it was.
 *
 * A last line without its end is a torn write, or one that is being made,
 * and says nothing.  A broken line inside is a loss that is logged: then
 * that recipient is tried again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "queue/journal.h"
#include "queue/journal_file.h"

#define READ_SIZE (256 * 1024)

struct replay {
	journal_fn fn;
	void *arg;
	uint64_t lines, broken, first; /* first: line number */
	bool skipping;                 /* inside a line that is too long */
};

bool
journal_is_newer(const char *start, size_t len)
{
	return len >= JOURNAL_START_LEN &&
	       memcmp(start, JOURNAL_MAGIC, sizeof(JOURNAL_MAGIC) - 1) == 0 &&
	       memcmp(start, JOURNAL_START, JOURNAL_START_LEN) != 0;
}

static void
take_line(struct replay *r, const char *line, size_t len)
{
	struct record record;
	r->lines++;
	if (r->lines == 1 && len + 1 == JOURNAL_START_LEN &&
	    memcmp(line, JOURNAL_START, len) == 0)
		return;
	if (!r->skipping && journal_parse(line, len, &record) == 0) {
		r->fn(r->arg, &record);
		return;
	}
	r->skipping = false;
	if (r->broken++ == 0)
		r->first = r->lines;
}

/* All whole lines of data; the octets used. */
static size_t
take_lines(struct replay *r, const char *data, size_t len)
{
	const char *p = data, *end = data + len, *lf;
	while ((lf = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		take_line(r, p, (size_t)(lf - p));
		p = lf + 1;
	}
	if (p == data && len == READ_SIZE) {
		r->skipping = true;
		return len;
	}
	return (size_t)(p - data);
}

static int
replay_fd(struct replay *r, int fd, char *data)
{
	size_t have = 0;
	bool first = true;
	for (;;) {
		ssize_t n = io_read(fd, data + have, READ_SIZE - have);
		if (n <= 0)
			return (int)n;
		have += (size_t)n;
		if (first && journal_is_newer(data, have)) {
			errno = EPROTONOSUPPORT;
			return -1;
		}
		first = false;
		size_t used = take_lines(r, data, have);
		have -= used;
		memmove(data, data + used, have);
	}
}

static int
open_journal(const char *spool)
{
	int dir = open(spool, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -1;
	int fd = openat(
	    dir, "state/" JOURNAL_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int saved = errno;
	(void)close(dir);
	errno = saved;
	return fd;
}

int
journal_replay(const char *spool, journal_fn fn, void *arg)
{
	struct replay r = {.fn = fn, .arg = arg};
	int fd = open_journal(spool);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	char *data = alloc_grow(NULL, READ_SIZE, 1);
	int result = replay_fd(&r, fd, data);
	int saved = errno;
	free(data);
	(void)close(fd);
	if (r.broken > 0)
		log_event(LOG_ERR, "broken", LOG_STR("file", JOURNAL_NAME),
		    LOG_NUM("lines", r.broken), LOG_NUM("first", r.first));
	errno = saved;
	return result;
}

/* SPDX-License-Identifier: ISC */
/*
 * Which batches the journal must remember.  Not what it knows about them
 * (journal.h), nor who asks: the carrier when it writes a new journal.
 *
 * Invariant: a list appears whole and durable, or not at all.  A list that is
 * not whole is told and binds nobody; it can only be somebody else's work.
 */
#include "queue/remember.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/log.h"
#include "queue/steps.h"

#define START "waypost-remember 1\n"
#define START_LEN (sizeof(START) - 1)
#define LINE_LEN (BATCH_ID_LEN + 1)
#define TEXT_MAX ((size_t)REMEMBER_IDS_MAX * LINE_LEN + 256)

/* The directory; with make, made if need be, and its parent.  -1 with
 * errno. */
static int
directory(const char *spool, bool make)
{
	int dir = open(spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -1;
	int fd = -1;
	bool ready = !make;
	if (make) {
		ready = (mkdirat(dir, "state", 0700) == 0 || errno == EEXIST) &&
			(mkdirat(dir, "state/remember", 0700) == 0 ||
			    errno == EEXIST) &&
			io_fsync(dir) == 0;
	}
	if (ready)
		fd = openat(dir, "state/remember",
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int saved = errno;
	(void)close(dir);
	errno = saved;
	return fd;
}

static void
format(struct buf *out, const char (*ids)[BATCH_ID_LEN + 1], size_t n)
{
	(void)buf_adds(out, START);
	for (size_t i = 0; i < n; i++)
		(void)buf_addf(out, "%.*s\n", BATCH_ID_LEN, ids[i]);
	(void)buf_addf(out, "END %zu %08" PRIx32 "\n", n,
	    io_crc32c(0, buf_str(out), out->len));
}

/* --- doors --- */

int
remember_place(const char *spool, const char *name,
    const char (*ids)[BATCH_ID_LEN + 1], size_t n)
{
	struct buf text;
	int dir = directory(spool, true);
	if (dir < 0)
		return -1;
	buf_init(&text, TEXT_MAX);
	format(&text, ids, n);
	errno = EFBIG;
	int rc =
	    buf_ok(&text) ? step_place(dir, name, text.data, text.len) : -1;
	int saved = errno;
	buf_free(&text);
	(void)close(dir);
	errno = saved;
	return rc;
}

bool
remember_known(const char *spool, const char *name)
{
	int dir = directory(spool, false);
	bool known = dir >= 0 && step_exists(dir, name);
	if (dir >= 0)
		(void)close(dir);
	return known;
}

void
remember_drop(const char *spool, const char *name)
{
	int dir = directory(spool, false);
	if (dir < 0)
		return;
	(void)unlinkat(dir, name, 0);
	(void)close(dir);
}

/* --- waypostd --- */

struct entry {
	struct hash_link link;
	char batch[BATCH_ID_LEN + 1];
};

struct remembered {
	struct hash table;
};

static bool
same(const struct hash_link *link, const void *batch)
{
	const struct entry *e = (const struct entry *)link;
	return memcmp(e->batch, batch, BATCH_ID_LEN) == 0;
}

bool
remember_any(const struct remembered *r)
{
	return r->table.n > 0;
}

bool
remember_has(const struct remembered *r, const char *batch)
{
	return hash_find(&r->table, hash_bytes(batch, BATCH_ID_LEN), same,
		   batch) != NULL;
}

static void
add(struct remembered *r, const char *batch)
{
	if (remember_has(r, batch))
		return;
	struct entry *e = alloc_zero(1, sizeof(*e));
	memcpy(e->batch, batch, BATCH_ID_LEN);
	hash_add(&r->table, &e->link, hash_bytes(batch, BATCH_ID_LEN));
}

static bool
parse(struct remembered *r, const struct buf *text)
{
	char want[64];
	const char *line = buf_str(text) + START_LEN;
	const char *last = text->len > START_LEN
			       ? memrchr(line, '\n', text->len - START_LEN - 1)
			       : NULL;
	if (last == NULL || memcmp(text->data, START, START_LEN) != 0)
		return false;
	size_t lines = (size_t)(++last - line);
	int len = snprintf(want, sizeof(want), "END %zu %08" PRIx32 "\n",
	    lines / LINE_LEN, io_crc32c(0, text->data, START_LEN + lines));
	if (lines % LINE_LEN != 0 ||
	    text->len != START_LEN + lines + (size_t)len ||
	    memcmp(last, want, (size_t)len) != 0)
		return false;
	for (; line < last; line += LINE_LEN) {
		if (!batch_id_valid(line, BATCH_ID_LEN))
			return false;
		add(r, line);
	}
	return true;
}

static void
read_list(struct remembered *r, int dir, const char *name)
{
	struct stat st;
	struct buf text;
	int fd = openat(dir, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return;
	buf_init(&text, TEXT_MAX);
	if (fstat(fd, &st) == 0 &&
	    clock_wall_ms() / 1000 - st.st_mtime > REMEMBER_SECONDS)
		(void)unlinkat(dir, name, 0);
	else if (io_slurp(fd, &text) != 0 || !parse(r, &text))
		log_text(LOG_ERR, "state/remember/%s: no whole list", name);
	buf_free(&text);
	(void)close(fd);
}

/* A corrupt file is ID, or ID.DIGITS of a second one; NAME.salvaged is done
 * with. */
static void
read_corrupt(struct remembered *r, int dir, const char *name)
{
	(void)dir;
	if (strlen(name) >= BATCH_ID_LEN &&
	    batch_id_valid(name, BATCH_ID_LEN) &&
	    strstr(name, ".salvaged") == NULL)
		add(r, name);
}

static void
each_name(struct remembered *r, int fd,
    void (*take)(struct remembered *r, int dir, const char *name))
{
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	for (struct dirent *e; (e = readdir(dir)) != NULL;)
		if (e->d_name[0] != '.')
			take(r, dirfd(dir), e->d_name);
	(void)closedir(dir);
}

struct remembered *
remember_read(const char *spool)
{
	struct remembered *r = alloc_zero(1, sizeof(*r));
	int dir = open(spool, O_PATH | O_DIRECTORY | O_CLOEXEC);
	each_name(r, directory(spool, false), read_list);
	if (dir >= 0) {
		each_name(r,
		    openat(dir, "corrupt",
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
		    read_corrupt);
		(void)close(dir);
	}
	return r;
}

static void
free_one(void *arg, struct hash_link *link)
{
	(void)arg;
	free(link);
}

void
remember_free(struct remembered *r)
{
	hash_each(&r->table, free_one, NULL);
	hash_free(&r->table);
	free(r);
}

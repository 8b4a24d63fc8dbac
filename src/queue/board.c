/* SPDX-License-Identifier: ISC */
/*
 * The mapped file behind a board.  It is made anew by each daemon (a new
 * inode, renamed into place), so that a reader never sees the figures of two
 * at once, and locked for life, so that a reader knows whether its daemon
 * is there.
 *
 * Invariant: rows change only while turn is odd; a reader that saw the same
 * even turn before and after has a whole copy.
 */
#include "queue/board.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define MAGIC "waypost-board\n"
#define VERSION 1
#define LOOKS 1000 /* at rows that change all the time */

const unsigned board_speeds[COUNT_SPEEDS - 1] = {
    1, 10, 60, 600, 3600, 14400, 86400};

_Static_assert((unsigned)COUNT_CARRIER_END <= BOARD_COUNTS &&
		   (unsigned)COUNT_LISTENER_END <= BOARD_COUNTS,
    "the board has a place for each counter");

static const char *
name_of(enum board_kind kind)
{
	return kind == BOARD_CARRIER ? "carrier" : "listener";
}

static void
path_of(char *path, size_t size, const char *spool, enum board_kind kind,
    const char *suffix)
{
	(void)snprintf(
	    path, size, "%s/state/%s%s", spool, name_of(kind), suffix);
}

/* A new file in the place of the old one, locked; -1 with errno. */
static int
make(const char *spool, enum board_kind kind)
{
	char path[4096], draft[4096], dir[4096];
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	path_of(path, sizeof(path), spool, kind, "");
	path_of(draft, sizeof(draft), spool, kind, ".new");
	(void)snprintf(dir, sizeof(dir), "%s/state", spool);
	(void)mkdir(dir, 0700); /* the first of the daemons makes it */
	(void)unlink(draft);
	int fd = open(
	    draft, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return -1;
	if (posix_fallocate(fd, 0, sizeof(struct board)) == 0 &&
	    fcntl(fd, F_OFD_SETLK, &whole) == 0 && rename(draft, path) == 0)
		return fd;
	int saved = errno;
	(void)unlink(draft);
	(void)close(fd);
	errno = saved;
	return -1;
}

struct board *
board_open(const char *spool, enum board_kind kind)
{
	int fd = make(spool, kind);
	/* The descriptor stays open: it carries the lock. */
	struct board *b = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE,
	    fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, fd, 0);
	if (fd < 0)
		log_text(LOG_WARNING, "%s/state/%s: no figures to be seen: %s",
		    spool, name_of(kind), strerror(errno));
	if (b == MAP_FAILED)
		die("out of memory");
	memcpy(b->magic, MAGIC, sizeof(MAGIC));
	b->version = VERSION;
	b->kind = (uint32_t)kind;
	b->pid = getpid();
	b->started_ms = clock_wall_ms();
	return b;
}

void
board_close(struct board *b)
{
	if (b != NULL)
		(void)munmap(b, sizeof(*b));
}

void
board_speed(struct board *b, int64_t seconds)
{
	unsigned i = 0;
	while (i < COUNT_SPEEDS - 1 && seconds > (int64_t)board_speeds[i])
		i++;
	board_add(b, COUNT_SPEED + i, 1);
}

/* --- rows --- */

static void
turn(struct board *b)
{
	(void)__atomic_fetch_add(&b->turn, 1, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void
copy_text(char *to, size_t size, const char *from)
{
	(void)snprintf(to, size, "%s", from != NULL ? from : "");
	for (char *p = to; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
}

static struct board_row *
find(struct board *b, const char *key)
{
	char name[sizeof(b->rows[0].key)];
	copy_text(name, sizeof(name), key);
	for (size_t i = 0; i < BOARD_ROWS; i++)
		if (b->rows[i].used && strcmp(b->rows[i].key, name) == 0)
			return &b->rows[i];
	return NULL;
}

static struct board_row *
free_row(struct board *b)
{
	for (size_t i = 0; i < BOARD_ROWS; i++)
		if (!b->rows[i].used)
			return &b->rows[i];
	return NULL;
}

void
board_ill(struct board *b, const char *key, const char *text, int64_t until_ms,
    unsigned failures)
{
	struct board_row *r = find(b, key);
	bool fresh = r == NULL;
	if (fresh && (r = free_row(b)) == NULL) {
		b->nrows_lost++;
		return;
	}
	turn(b);
	if (fresh) {
		copy_text(r->key, sizeof(r->key), key);
		r->since_ms = clock_wall_ms();
		r->used = 1;
	}
	copy_text(r->text, sizeof(r->text), text);
	r->until_ms = until_ms;
	r->failures = failures;
	turn(b);
}

void
board_well(struct board *b, const char *key)
{
	struct board_row *r = find(b, key);
	if (r == NULL)
		return;
	turn(b);
	memset(r, 0, sizeof(*r));
	turn(b);
}

/* --- a reader --- */

/* The rows whole, if they hold still for as long as a copy takes. */
static void
copy_all(struct board *copy, const struct board *b)
{
	for (int i = 0; i < LOOKS; i++) {
		uint32_t before = __atomic_load_n(&b->turn, __ATOMIC_SEQ_CST);
		memcpy(copy, b, sizeof(*copy));
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		uint32_t after = __atomic_load_n(&b->turn, __ATOMIC_SEQ_CST);
		if (before == after && before % 2 == 0)
			return;
	}
	memset(copy->rows, 0, sizeof(copy->rows));
}

static bool
sound(struct board *copy, enum board_kind kind)
{
	for (size_t i = 0; i < BOARD_ROWS; i++) {
		struct board_row *r = &copy->rows[i];
		r->key[sizeof(r->key) - 1] = '\0';
		r->text[sizeof(r->text) - 1] = '\0';
	}
	return memcmp(copy->magic, MAGIC, sizeof(MAGIC)) == 0 &&
	       copy->version == VERSION && copy->kind == (uint32_t)kind;
}

int
board_look(const char *spool, enum board_kind kind, struct board *copy)
{
	char path[4096];
	struct stat st;
	struct flock whole = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	path_of(path, sizeof(path), spool, kind, "");
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -1;
	bool whole_file =
	    fstat(fd, &st) == 0 && st.st_size == (off_t)sizeof(struct board);
	bool running =
	    fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
	void *map = whole_file ? mmap(NULL, sizeof(struct board), PROT_READ,
				     MAP_SHARED, fd, 0)
			       : MAP_FAILED;
	(void)close(fd);
	errno = EPROTO;
	if (map == MAP_FAILED)
		return -1;
	copy_all(copy, map);
	(void)munmap(map, sizeof(struct board));
	errno = EPROTO;
	return !sound(copy, kind) ? -1 : running ? 1 : 0;
}

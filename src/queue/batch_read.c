/* SPDX-License-Identifier: ISC */
/*
 * Reads queue files.  What a file says is input like any other: whoever
 * may write to the directory may have put it there (N12), and disks lie.
 *
 * The first 64 KiB are read at once when the file is opened; a small batch
 * then costs no further system call.  Offsets and lengths of an entry were
 * checked against the size of the file by batch_next(), nothing else makes
 * entries.
 */
#include "queue/batch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "queue/layout.h"

#define HEAD_SIZE (64 * 1024)

static int
bad(const char **why, const char *what)
{
	*why = what;
	errno = EBADMSG;
	return -1;
}

static uint64_t
end_line(const struct batch *b)
{
	return b->size - LAYOUT_END_LEN;
}

/* Octets that came with the open, or NULL. */
static const char *
in_head(const struct batch *b, uint64_t offset, uint64_t len)
{
	if (len > b->head_len || offset > b->head_len - len)
		return NULL;
	return b->head + offset;
}

/* Fetch octets that the file had when it was opened. */
static int
fetch(const struct batch *b, uint64_t offset, char *out, size_t len,
    const char **why)
{
	const char *head = in_head(b, offset, len);
	if (head != NULL) {
		memcpy(out, head, len);
		return 0;
	}
	if (b->stop != NULL && atomic_load(b->stop)) {
		errno = ECANCELED;
		return -1;
	}
	ssize_t n = io_pread(b->fd, out, len, (off_t)(b->base + offset));
	if (n < 0)
		return -1;
	if ((size_t)n < len)
		return bad(why, "file became shorter");
	return 0;
}

static int
check_size(struct batch *b, uint64_t size, const char **why)
{
	if (size < LAYOUT_START_LEN + LAYOUT_RECORD_LEN + LAYOUT_END_LEN)
		return bad(why, "too short");
	if (size > BATCH_BYTES_MAX)
		return bad(why, "too long");
	b->size = size;
	return 0;
}

static int
check_file(struct batch *b, const char **why)
{
	struct stat st;
	if (fstat(b->fd, &st) != 0)
		return -1;
	if (!S_ISREG(st.st_mode))
		return bad(why, "not a regular file");
	if (st.st_nlink != 1)
		return bad(why, "more than one link");
	return check_size(b, (uint64_t)st.st_size, why);
}

static int
check_start(struct batch *b, const char **why)
{
	size_t len = b->size < HEAD_SIZE ? (size_t)b->size : HEAD_SIZE;
	b->head = alloc_grow(NULL, len, 1);
	if (fetch(b, 0, b->head, len, why) != 0)
		return -1;
	b->head_len = len;
	if (memcmp(b->head, LAYOUT_START, LAYOUT_START_LEN) != 0)
		return bad(why, "no start line");
	return 0;
}

static int
check_end(struct batch *b, const char **why)
{
	char line[LAYOUT_END_LEN];
	const char *p = line;
	uint64_t count, size;
	if (fetch(b, end_line(b), line, sizeof(line), why) != 0)
		return -1;
	if (!layout_sealed(line, sizeof(line)) || !layout_literal(&p, "END ") ||
	    !layout_decimal(&p, 8, &count) || !layout_literal(&p, " ") ||
	    !layout_decimal(&p, 16, &size) || !layout_literal(&p, " "))
		return bad(why, "no end line");
	if (size != end_line(b) || count == 0 || count > BATCH_MESSAGES_MAX)
		return bad(why, "wrong end line");
	b->count = (uint32_t)count;
	b->end = end_line(b);
	return 0;
}

static int
open_file(struct batch *b, int dirfd, const char *name, const char **why)
{
	*b = (struct batch){.fd = -1};
	*why = "";
	/* O_NONBLOCK: a FIFO must not hold us. */
	b->fd = openat(dirfd, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (b->fd < 0 && (errno == ELOOP || errno == ENXIO))
		return bad(why, "not a regular file");
	if (b->fd < 0)
		return -1;
	return check_file(b, why) != 0 ? -1 : check_start(b, why);
}

static int
opened(struct batch *b, int result)
{
	if (result == 0)
		return 0;
	int saved = errno;
	batch_close(b);
	errno = saved;
	return -1;
}

int
batch_open(struct batch *b, int dirfd, const char *name, const char **why)
{
	int result = open_file(b, dirfd, name, why);
	return opened(b, result == 0 ? check_end(b, why) : result);
}

int
batch_open_damaged(
    struct batch *b, int dirfd, const char *name, const char **why)
{
	int result = open_file(b, dirfd, name, why);
	if (result == 0 && check_end(b, why) != 0) {
		b->end = b->size;
		result = errno == EBADMSG ? 0 : -1;
	}
	return opened(b, result);
}

int
batch_open_part(
    struct batch *b, int fd, uint64_t base, uint64_t size, const char **why)
{
	*b = (struct batch){.base = base};
	*why = "";
	b->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (b->fd < 0)
		return -1;
	int result = check_size(b, size, why);
	if (result == 0)
		result = check_start(b, why);
	return opened(b, result == 0 ? check_end(b, why) : result);
}

void
batch_close(struct batch *b)
{
	if (b->fd >= 0)
		(void)close(b->fd);
	free(b->head);
	*b = (struct batch){.fd = -1};
}

static bool
read_record(const char *line, struct batch_entry *e)
{
	const char *p = line;
	uint64_t env_len;
	if (!layout_sealed(line, LAYOUT_RECORD_LEN) ||
	    !layout_literal(&p, "M ") || !layout_decimal(&p, 8, &env_len) ||
	    !layout_literal(&p, " ") || !layout_decimal(&p, 12, &e->data_len) ||
	    !layout_literal(&p, " ") || !layout_hex(&p, &e->env_crc) ||
	    !layout_literal(&p, " ") || !layout_hex(&p, &e->data_crc) ||
	    !layout_literal(&p, " "))
		return false;
	e->env_len = (uint32_t)env_len; /* eight digits */
	return env_len <= ENVELOPE_MAX;
}

int
batch_next(
    struct batch *b, uint64_t *at, struct batch_entry *e, const char **why)
{
	char line[LAYOUT_RECORD_LEN];
	uint64_t start = *at == 0 ? LAYOUT_START_LEN : *at;
	if (start == b->end)
		return 0;
	if (start > b->end || b->end - start < LAYOUT_RECORD_LEN)
		return bad(why, "no room for a record");
	if (fetch(b, start, line, sizeof(line), why) != 0)
		return -1;
	if (!read_record(line, e))
		return bad(why, "broken record line");
	uint64_t room = b->end - start - LAYOUT_RECORD_LEN;
	if (e->env_len > room || e->data_len > room - e->env_len)
		return bad(why, "record longer than the file");
	e->env_offset = start + LAYOUT_RECORD_LEN;
	e->data_offset = e->env_offset + e->env_len;
	e->next = e->data_offset + e->data_len;
	*at = e->next;
	return 1;
}

static int
read_envelope(const struct batch_entry *e, struct envelope *env,
    const char *text, const char **why)
{
	if (io_crc32c(0, text, e->env_len) != e->env_crc)
		return bad(why, "wrong checksum of an envelope");
	if (envelope_read(env, text, e->env_len, why) != 0)
		return bad(why, *why);
	return 0;
}

int
batch_envelope(struct batch *b, const struct batch_entry *e,
    struct envelope *env, const char **why)
{
	*why = "";
	const char *head = in_head(b, e->env_offset, e->env_len);
	if (head != NULL)
		return read_envelope(e, env, head, why);
	char *text = alloc_grow(NULL, e->env_len, 1);
	int result = fetch(b, e->env_offset, text, e->env_len, why);
	if (result == 0)
		result = read_envelope(e, env, text, why);
	int saved = errno;
	free(text);
	errno = saved;
	return result;
}

ssize_t
batch_read(struct batch *b, const struct batch_entry *e, uint64_t offset,
    char *out, size_t room)
{
	const char *why;
	if (offset > e->data_len) {
		errno = EINVAL;
		return -1;
	}
	uint64_t left = e->data_len - offset;
	size_t len = left < room ? (size_t)left : room;
	if (fetch(b, e->data_offset + offset, out, len, &why) != 0)
		return -1;
	return (ssize_t)len;
}

/* What one reading of a part of the file tells. */
struct reading {
	uint32_t crc;
	size_t line; /* octets since the last LF */
	bool long_line;
};

/*
 * Is there a line end at least every so many octets?  Looks backwards from
 * where the line must have ended, and so at few of them.
 */
static void
look_for_long_line(struct reading *r, const char *p, size_t len)
{
	const size_t most = LINE_MAX_TEXT + 2;
	while (!r->long_line && r->line + len >= most) {
		size_t window = most - r->line;
		const char *lf = memrchr(p, '\n', window);
		if (lf == NULL) {
			r->long_line = true;
			return;
		}
		len -= (size_t)(lf - p) + 1;
		p = lf + 1;
		r->line = 0;
	}
	const char *lf = memrchr(p, '\n', len);
	r->line = lf != NULL ? len - (size_t)(lf - p) - 1 : r->line + len;
}

static void
look(struct reading *r, const char *p, size_t len)
{
	r->crc = io_crc32c(r->crc, p, len);
	look_for_long_line(r, p, len);
}

/* Read any part of the file. */
static int
examine(const struct batch *b, uint64_t offset, uint64_t len, struct reading *r,
    const char **why)
{
	const char *head = in_head(b, offset, len);
	*r = (struct reading){0};
	if (head != NULL) {
		look(r, head, (size_t)len);
		return 0;
	}
	char *chunk = alloc_grow(NULL, HEAD_SIZE, 1);
	int result = 0;
	while (len > 0 && result == 0) {
		size_t n = len < HEAD_SIZE ? (size_t)len : HEAD_SIZE;
		result = fetch(b, offset, chunk, n, why);
		if (result == 0)
			look(r, chunk, n);
		offset += n;
		len -= n;
	}
	int saved = errno;
	free(chunk);
	errno = saved;
	return result;
}

int
batch_verify_lines(struct batch *b, const struct batch_entry *e,
    bool *long_line, const char **why)
{
	struct reading r;
	*why = "";
	if (examine(b, e->data_offset, e->data_len, &r, why) != 0)
		return -1;
	if (r.crc != e->data_crc)
		return bad(why, "wrong checksum of a message");
	*long_line = r.long_line;
	return 0;
}

int
batch_verify(struct batch *b, const struct batch_entry *e, const char **why)
{
	bool long_line;
	return batch_verify_lines(b, e, &long_line, why);
}

int
batch_check(struct batch *b, const char **why)
{
	struct batch_entry e;
	uint64_t at = 0;
	uint32_t count = 0;
	struct reading r;
	int more;
	*why = "";
	while ((more = batch_next(b, &at, &e, why)) == 1) {
		if (examine(b, e.env_offset, e.env_len, &r, why) != 0)
			return -1;
		if (r.crc != e.env_crc)
			return bad(why, "wrong checksum of an envelope");
		if (batch_verify(b, &e, why) != 0)
			return -1;
		count++;
	}
	if (more != 0)
		return -1;
	return count == b->count ? 0 : bad(why, "wrong number of messages");
}

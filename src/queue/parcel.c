/* SPDX-License-Identifier: ISC */
/*
 * Writes and reads parcels.  Not what goes into one, nor what becomes of it
 * (waypost queue export and import).
 *
 * A reader wants a file and not a pipe, since it reads twice: nothing of a
 * parcel is believed before all of it was seen.
 */
#include "queue/parcel.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/log.h"
#include "queue/layout.h"

#define PARCEL_START "waypost-parcel 1\n"
#define PARCEL_START_LEN (sizeof(PARCEL_START) - 1)
#define FILE_LINE_LEN (2 + BATCH_ID_LEN + 1 + 16 + 1 + LAYOUT_SEAL_LEN)

static int
put(struct parcel_writer *w, const char *data, size_t len)
{
	if (io_write(w->fd, data, len) != 0)
		return -1;
	w->size += len;
	return 0;
}

int
parcel_start(struct parcel_writer *w, int fd)
{
	*w = (struct parcel_writer){.fd = fd};
	return put(w, PARCEL_START, PARCEL_START_LEN);
}

int
parcel_add(struct parcel_writer *w, const char *id, int file, uint64_t size)
{
	char line[FILE_LINE_LEN + 1], chunk[CHUNK_SIZE];
	if (w->count == PARCEL_FILES_MAX) {
		errno = EFBIG;
		return -1;
	}
	(void)snprintf(line, sizeof(line), "F %.*s %016" PRIu64 " ",
	    BATCH_ID_LEN, id, size);
	layout_seal(line, FILE_LINE_LEN);
	if (put(w, line, FILE_LINE_LEN) != 0)
		return -1;
	for (uint64_t at = 0; at < size;) {
		uint64_t left = size - at;
		size_t want =
		    left < sizeof(chunk) ? (size_t)left : sizeof(chunk);
		ssize_t n = io_pread(file, chunk, want, (off_t)at);
		if (n == 0)
			errno = EIO;
		if (n <= 0 || put(w, chunk, (size_t)n) != 0)
			return -1;
		at += (uint64_t)n;
	}
	w->count++;
	return 0;
}

int
parcel_finish(struct parcel_writer *w)
{
	char line[LAYOUT_END_LEN + 1];
	(void)snprintf(line, sizeof(line), "END %08" PRIu32 " %016" PRIu64 " ",
	    w->count, w->size);
	layout_seal(line, LAYOUT_END_LEN);
	return put(w, line, LAYOUT_END_LEN);
}

/* --- reading --- */

static int
bad(const char **why, const char *what)
{
	*why = what;
	errno = EBADMSG;
	return -1;
}

static int
fetch(const struct parcel *p, uint64_t at, char *out, size_t len,
    const char **why)
{
	ssize_t n = io_pread(p->fd, out, len, (off_t)at);
	if (n < 0)
		return -1;
	return (size_t)n == len ? 0 : bad(why, "cut short");
}

static uint64_t
end_line(const struct parcel *p)
{
	return p->size - LAYOUT_END_LEN;
}

int
parcel_open(struct parcel *p, int fd, const char **why)
{
	struct stat st;
	char start[PARCEL_START_LEN], line[LAYOUT_END_LEN];
	const char *at = line;
	uint64_t count, size;
	*p = (struct parcel){.fd = fd};
	*why = "";
	if (fstat(fd, &st) != 0)
		return -1;
	if (!S_ISREG(st.st_mode))
		return bad(why, "not a regular file");
	p->size = (uint64_t)st.st_size;
	if (p->size < PARCEL_START_LEN + LAYOUT_END_LEN)
		return bad(why, "too short for an export");
	if (fetch(p, 0, start, sizeof(start), why) != 0)
		return -1;
	if (memcmp(start, PARCEL_START, sizeof(start)) != 0)
		return bad(why, "not an export of this version");
	if (fetch(p, end_line(p), line, sizeof(line), why) != 0)
		return -1;
	if (!layout_sealed(line, sizeof(line)) ||
	    !layout_literal(&at, "END ") || !layout_decimal(&at, 8, &count) ||
	    !layout_literal(&at, " ") || !layout_decimal(&at, 16, &size) ||
	    !layout_literal(&at, " ") || size != end_line(p))
		return bad(why, "the end is missing");
	p->count = (uint32_t)count; /* eight digits */
	return 0;
}

int
parcel_next(struct parcel *p, uint64_t *at, char id[BATCH_ID_LEN + 1],
    struct batch *b, const char **why)
{
	char line[FILE_LINE_LEN];
	const char *q = line;
	uint64_t size, start = *at == 0 ? PARCEL_START_LEN : *at;
	if (start == end_line(p))
		return 0;
	if (start > end_line(p) || end_line(p) - start < FILE_LINE_LEN)
		return bad(why, "no room for a file");
	if (fetch(p, start, line, sizeof(line), why) != 0)
		return -1;
	if (!layout_sealed(line, sizeof(line)) || !layout_literal(&q, "F ") ||
	    !batch_id_valid(q, BATCH_ID_LEN))
		return bad(why, "broken line of a file");
	memcpy(id, q, BATCH_ID_LEN);
	id[BATCH_ID_LEN] = '\0';
	q += BATCH_ID_LEN;
	if (!layout_literal(&q, " ") || !layout_decimal(&q, 16, &size) ||
	    !layout_literal(&q, " "))
		return bad(why, "broken line of a file");
	start += FILE_LINE_LEN;
	if (size > end_line(p) - start)
		return bad(why, "a file longer than the export");
	*at = start + size;
	return batch_open_part(b, p->fd, start, size, why) == 0 ? 1 : -1;
}

/* More than batch_check() judges: whether it could be written, too. */
static int
check_batch(struct batch *b, const char **why)
{
	struct batch_entry e;
	struct envelope env;
	uint64_t at = 0;
	uint32_t seq = 0;
	int more;
	if (batch_check(b, why) != 0)
		return -1;
	while ((more = batch_next(b, &at, &e, why)) == 1) {
		if (batch_envelope(b, &e, &env, why) != 0)
			return -1;
		bool rises = env.seq > seq;
		seq = env.seq;
		envelope_free(&env);
		if (!rises)
			return bad(why, "messages out of order");
	}
	return more;
}

int
parcel_check(struct parcel *p, const char **why)
{
	char id[BATCH_ID_LEN + 1];
	struct batch b;
	uint64_t at = 0;
	uint32_t count = 0;
	int more;
	while ((more = parcel_next(p, &at, id, &b, why)) == 1) {
		int result = check_batch(&b, why);
		int saved = errno;
		batch_close(&b);
		errno = saved;
		if (result != 0)
			return -1;
		count++;
	}
	if (more != 0)
		return -1;
	return count == p->count ? 0 : bad(why, "wrong number of files");
}

/* SPDX-License-Identifier: ISC */
/*
 * Writes queue files.  Not a store: where the file lies and when it counts
 * is for the caller to know.
 *
 * A record line holds lengths and checksums of what follows it, so room is
 * left for it and it is filled in by batch_end(): in memory as long as the
 * message is small, with pwrite(2) when it was written out already.  Until
 * then the room holds dashes, which no reader takes for a record.
 */
#include "queue/batch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "queue/layout.h"

/* One less than a power of two: the NUL behind a buffer fits, too. */
#define WRITE_SIZE (64 * 1024 - 1)

void
batch_start(struct batch_writer *w, int fd)
{
	*w = (struct batch_writer){.fd = fd};
	buf_init(&w->pending, WRITE_SIZE);
}

void
batch_writer_free(struct batch_writer *w)
{
	buf_free(&w->pending);
}

static int
fail(int error)
{
	errno = error;
	return -1;
}

static int
flush(struct batch_writer *w)
{
	if (w->pending.len > 0 &&
	    io_write(w->fd, w->pending.data, w->pending.len) != 0)
		return -1;
	buf_clear(&w->pending);
	return 0;
}

static int
put(struct batch_writer *w, const char *data, size_t len)
{
	if (len > BATCH_BYTES_MAX - LAYOUT_END_LEN ||
	    w->offset > BATCH_BYTES_MAX - LAYOUT_END_LEN - len)
		return fail(EFBIG);
	if (w->pending.len + len > WRITE_SIZE && flush(w) != 0)
		return -1;
	if (len > WRITE_SIZE) {
		if (io_write(w->fd, data, len) != 0)
			return -1;
	} else if (buf_add(&w->pending, data, len) != 0) {
		return fail(EFBIG);
	}
	w->offset += len;
	return 0;
}

/* Whatever a caller put into the envelope: it must read back, or mail that
 * was accepted would end in corrupt/. */
static int
check_text(const struct buf *text)
{
	struct envelope copy;
	const char *why;
	if (envelope_read(&copy, buf_str(text), text->len, &why) != 0) {
		log_event(LOG_ERR, "error", LOG_STR("text", "bad envelope"),
		    LOG_STR("why", why));
		return fail(EINVAL);
	}
	envelope_free(&copy);
	return 0;
}

static int
put_envelope(struct batch_writer *w, const struct buf *text)
{
	char room[LAYOUT_RECORD_LEN];
	memset(room, '-', sizeof(room));
	room[sizeof(room) - 1] = '\n';
	if (w->offset == 0 && put(w, LAYOUT_START, LAYOUT_START_LEN) != 0)
		return -1;
	w->start = w->offset;
	if (put(w, room, sizeof(room)) != 0)
		return -1;
	if (put(w, text->data, text->len) != 0)
		return -1;
	w->env_len = (uint32_t)text->len;
	w->env_crc = io_crc32c(0, text->data, text->len);
	w->data_len = 0;
	w->data_crc = 0;
	w->open = true;
	return 0;
}

int
batch_begin(struct batch_writer *w, const struct envelope *e)
{
	struct buf text;
	if (w->open || e->seq <= w->seq)
		return fail(EINVAL);
	if (w->count >= BATCH_MESSAGES_MAX)
		return fail(EFBIG);
	w->seq = e->seq;
	buf_init(&text, ENVELOPE_MAX);
	int result = envelope_write(e, &text) != 0 ? fail(EFBIG)
		     : check_text(&text) != 0      ? -1
						   : put_envelope(w, &text);
	buf_free(&text);
	return result;
}

int
batch_data(struct batch_writer *w, const char *data, size_t len)
{
	if (!w->open)
		return fail(EINVAL);
	if (put(w, data, len) != 0)
		return -1;
	w->data_len += len;
	w->data_crc = io_crc32c(w->data_crc, data, len);
	return 0;
}

int
batch_end(struct batch_writer *w)
{
	char line[LAYOUT_RECORD_LEN + 1];
	if (!w->open)
		return fail(EINVAL);
	(void)snprintf(line, sizeof(line),
	    "M %08" PRIu32 " %012" PRIu64 " %08" PRIx32 " %08" PRIx32 " ",
	    w->env_len, w->data_len, w->env_crc, w->data_crc);
	layout_seal(line, LAYOUT_RECORD_LEN);

	uint64_t written = w->offset - w->pending.len;
	if (w->start >= written)
		memcpy(w->pending.data + (w->start - written), line,
		    LAYOUT_RECORD_LEN);
	else if (io_pwrite(w->fd, line, LAYOUT_RECORD_LEN, (off_t)w->start) !=
		 0)
		return -1;
	w->open = false;
	w->count++;
	return 0;
}

int
batch_finish(struct batch_writer *w)
{
	char line[LAYOUT_END_LEN + 1];
	if (w->open || w->count == 0)
		return fail(EINVAL);
	(void)snprintf(line, sizeof(line), "END %08" PRIu32 " %016" PRIu64 " ",
	    w->count, w->offset);
	layout_seal(line, LAYOUT_END_LEN);
	if (w->pending.len + LAYOUT_END_LEN > WRITE_SIZE && flush(w) != 0)
		return -1;
	if (buf_add(&w->pending, line, LAYOUT_END_LEN) != 0)
		return fail(EFBIG);
	w->offset += LAYOUT_END_LEN;
	return flush(w);
}

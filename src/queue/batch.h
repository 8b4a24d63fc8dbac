/* SPDX-License-Identifier: ISC */
/*
 * The queue file: a batch of one or more messages that became durable
 * together.  Written once, never edited.
 *
 *   "waypost-batch 1\n"
 *   per message:  "M eeeeeeee dddddddddddd cccccccc cccccccc hhhhhhhh\n"
 *                 envelope text, then the message in wire form
 *   "END nnnnnnnn ssssssssssssssss hhhhhhhh\n"
 *
 * e, d: decimal lengths of envelope and message, zero-padded; c: CRC32C of
 * each in hex; h: CRC32C of the line before it, blank included; n:
 * messages; s: octets of the file before this line.  Fixed widths, so that
 * a record line can be written after what it describes, and a torn,
 * zero-filled or flipped file is recognised (I14-I16).
 */
#ifndef QUEUE_BATCH_H
#define QUEUE_BATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/buf.h"
#include "queue/envelope.h"

/* --- writing, to a file that the store created --- */

struct batch_writer {
	int fd;          /* borrowed */
	uint64_t offset; /* octets of the file so far, pending included */
	uint32_t count;  /* messages finished */
	uint32_t seq;    /* of the last one begun */
	uint64_t start;  /* where the current record line goes */
	uint64_t data_len;
	uint32_t env_len, env_crc, data_crc;
	struct buf pending; /* written when it grows past 64 KiB, or at end */
	bool open;          /* a message is being written */
};

void batch_start(struct batch_writer *w, int fd);
void batch_writer_free(struct batch_writer *w);

/*
 * One message: begin, data any number of times, end; then the next, or
 * finish, which completes the file (but does not sync it).  A small batch
 * costs one write in all.  0; -1 with errno: the file is dead, discard it.
 * EFBIG: a ceiling.  EINVAL: an envelope that could not be read back, or
 * whose seq does not rise: what is accepted can always be read.
 */
int batch_begin(struct batch_writer *w, const struct envelope *e) MUST_CHECK;
int batch_data(struct batch_writer *w, const char *data, size_t len) MUST_CHECK;
int batch_end(struct batch_writer *w) MUST_CHECK;
int batch_finish(struct batch_writer *w) MUST_CHECK;

/* --- reading --- */

struct batch {
	int fd;        /* owned once opened */
	uint64_t base; /* where in the file it begins */
	uint64_t size; /* octets of it, to its end */
	uint64_t end;  /* where records end */
	uint32_t count;
	char *head; /* the first octets of the file, owned */
	size_t head_len;
	const atomic_bool *stop; /* borrowed, or NULL: while it is true reading
	                            fails with ECANCELED */
};

/* Where one message lies in its file. */
struct batch_entry {
	uint64_t env_offset, data_offset, data_len, next;
	uint32_t env_len, env_crc, data_crc;
};

/*
 * Open a file of this directory and check start and END.  0; -1 with errno:
 * ENOENT, another errno, which is temporary, or EBADMSG with *why
 * when it is no complete batch (quarantine it).  Refuses what is not a
 * regular file with one link (I17, L02).
 */
int batch_open(
    struct batch *b, int dirfd, const char *name, const char **why) MUST_CHECK;
void batch_close(struct batch *b);

/* The same for a part of another file, which is borrowed: the caller keeps
 * fd open for as long. */
int batch_open_part(struct batch *b, int fd, uint64_t base, uint64_t size,
    const char **why) MUST_CHECK;

/* The same for what is no complete batch, to see what of it is whole: the
 * start alone is checked, and count is not known. */
int batch_open_damaged(
    struct batch *b, int dirfd, const char *name, const char **why) MUST_CHECK;

/* Entries in order; start with *at = 0.  1: e is set, *at moved.  0: no
 * more.  -1: errno as above.  Checks the record line only. */
int batch_next(struct batch *b, uint64_t *at, struct batch_entry *e,
    const char **why) MUST_CHECK;

/* Read and check the envelope of an entry.  0, -1 as above. */
int batch_envelope(struct batch *b, const struct batch_entry *e,
    struct envelope *env, const char **why) MUST_CHECK;

/* Read message octets at offset (0..data_len) into out; the count, or -1
 * with errno.  Does not check the CRC. */
ssize_t batch_read(struct batch *b, const struct batch_entry *e,
    uint64_t offset, char *out, size_t room) MUST_CHECK;

/* Read the whole message once and check its CRC, so that nothing of a
 * broken one is ever sent.  0, -1 as above. */
int batch_verify(
    struct batch *b, const struct batch_entry *e, const char **why) MUST_CHECK;

/* The same, and whether a line of it has more than LINE_MAX_TEXT octets. */
int batch_verify_lines(struct batch *b, const struct batch_entry *e,
    bool *long_line, const char **why) MUST_CHECK;

/* Are all messages there, record lines, envelopes and data with the right
 * CRC?  For recovery; does not judge what the envelopes say.  0, -1 as
 * above. */
int batch_check(struct batch *b, const char **why) MUST_CHECK;

/* Called with each message; what is given is borrowed until it returns. */
typedef void (*batch_each_fn)(void *arg, const char *batch,
    const struct envelope *env, const struct batch_entry *e);

/* Read a batch from its first to its last message for those who only look at
 * envelopes.  0, -1 as above; ENOENT: it was delivered meanwhile. */
int batch_each(int dirfd, const char *name, batch_each_fn fn, void *arg,
    const char **why) MUST_CHECK;

/* --- from one to another --- */

/* Is this recipient wanted? */
typedef bool (*batch_keep_fn)(void *arg, uint32_t seq, uint32_t rcpt);

/*
 * Write one message once more, with the recipients that are wanted; numbers
 * stay.  1: written; 0: none is wanted; -1 with errno as above or as for a
 * writer, and then the writer is dead.  Data is checked on the way, so
 * that damage is never sealed with a fresh checksum.
 */
int batch_copy_entry(struct batch *from, const struct batch_entry *e,
    struct batch_writer *to, batch_keep_fn keep, void *arg) MUST_CHECK;

/* All messages; 0, or -1 with errno as before, and ENODATA when no
 * recipient of any is wanted.  Does not finish the writer. */
int batch_copy(struct batch *from, struct batch_writer *to, batch_keep_fn keep,
    void *arg) MUST_CHECK;

#endif

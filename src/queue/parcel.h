/* SPDX-License-Identifier: ISC */
/*
 * A parcel: queue files on their way to the queue of another host, as one
 * stream.
 *
 *   "waypost-parcel 1\n"
 *   per batch:  "F iiiiiiiiiiiiiiiiiii ssssssssssssssss hhhhhhhh\n"
 *               the queue file (batch.h)
 *   "END nnnnnnnn ssssssssssssssss hhhhhhhh\n"
 *
 * i: the batch's id; s: decimal octets of the file, in the last line of the
 * parcel before this line; n: files; h: CRC32C of the line before it.  With
 * the checksums of the files themselves every octet is covered, and without
 * its end it is no parcel.
 */
#ifndef QUEUE_PARCEL_H
#define QUEUE_PARCEL_H

#include <stdint.h>

#include "base/attr.h"
#include "queue/store.h"

#define PARCEL_FILES_MAX 99999999 /* what the end line can tell */

/* --- writing, to anything that takes octets in order --- */

struct parcel_writer {
	int fd;        /* borrowed */
	uint64_t size; /* octets so far */
	uint32_t count;
};

/* Start; add whole queue files, read from their beginning; finish.  0; -1
 * with errno: the stream is dead. */
int parcel_start(struct parcel_writer *w, int fd) MUST_CHECK;
int parcel_add(struct parcel_writer *w, const char *id, int file,
    uint64_t size) MUST_CHECK;
int parcel_finish(struct parcel_writer *w) MUST_CHECK;

/* --- reading, from a regular file --- */

struct parcel {
	int fd; /* borrowed */
	uint64_t size;
	uint32_t count;
};

/* Check start and end.  0; -1 with errno, EBADMSG with *why when it is no
 * whole parcel. */
int parcel_open(struct parcel *p, int fd, const char **why) MUST_CHECK;

/* Batches in order, the first with *at = 0; the caller closes b.  1: id and b
 * are set; 0: no more; -1 as above.  Of the batch its ends are checked. */
int parcel_next(struct parcel *p, uint64_t *at, char id[BATCH_ID_LEN + 1],
    struct batch *b, const char **why) MUST_CHECK;

/* Read all of it once: every checksum and every envelope, and the count.
 * 0, -1 as above. */
int parcel_check(struct parcel *p, const char **why) MUST_CHECK;

#endif

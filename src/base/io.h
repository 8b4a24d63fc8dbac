/* SPDX-License-Identifier: ISC */
/*
 * Whole reads and writes on file descriptors, and CRC32C.  EINTR and short
 * counts are dealt with here and nowhere else (I08).
 */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/attr.h"
#include "base/buf.h"

/* Write all len bytes.  0, or -1 with errno; then some may be written. */
int io_write(int fd, const void *data, size_t len) MUST_CHECK;
int io_pwrite(int fd, const void *data, size_t len, off_t at) MUST_CHECK;

/* Write all of iov (changed on the way).  0, or -1 with errno. */
int io_writev(int fd, struct iovec *iov, int n) MUST_CHECK;

/* One read that is not interrupted.  As read(2). */
ssize_t io_read(int fd, void *data, size_t len) MUST_CHECK;

/* Read until len bytes or the end.  Bytes read, or -1 with errno. */
ssize_t io_pread(int fd, void *data, size_t len, off_t at) MUST_CHECK;

/* Add all that is left to read to b.  0; -1 with errno, EFBIG when b is
 * full. */
int io_slurp(int fd, struct buf *b) MUST_CHECK;

/*
 * List directory name below at: "." for at itself, with a position of its
 * own.  Closed with closedir(3); NULL with errno.
 */
DIR *io_opendir(int at, const char *name) MUST_CHECK;

/* fsync(2), once: an error is final and is never tried again (R2). */
int io_fsync(int fd) MUST_CHECK;

/* CRC-32C (Castagnoli) of data, continuing from crc (0 at first). */
uint32_t io_crc32c(uint32_t crc, const void *data, size_t len);

#endif

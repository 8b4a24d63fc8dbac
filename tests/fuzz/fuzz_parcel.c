/* SPDX-License-Identifier: ISC */
/*
 * The reader of parcels, through a real file.  Checksums would stop nearly
 * every mutation, so each input is tried twice: as it is, and with those of
 * its own lines, and its end, set right wherever the lengths make sense (the
 * queue files inside are fuzz_batch's).  A parcel that is taken must come
 * out again octet by octet.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "queue/parcel.h"

#define START 17
#define LINE (2 + BATCH_ID_LEN + 1 + 16 + 1 + 9)
#define END 39

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
memory(void)
{
	int fd = memfd_create("fuzz-parcel", MFD_CLOEXEC);
	if (fd < 0)
		abort();
	return fd;
}

/* The files of a whole parcel once more: how many. */
static uint32_t
repeat(struct parcel *p, int to)
{
	struct parcel_writer w;
	struct batch b;
	const char *why = NULL;
	char id[BATCH_ID_LEN + 1];
	uint64_t at = 0;
	uint32_t n = 0;
	if (parcel_start(&w, to) != 0)
		abort();
	while (parcel_next(p, &at, id, &b, &why) == 1) {
		int file = memory();
		char *octets = malloc(b.size);
		if (io_pread(p->fd, octets, b.size, (off_t)b.base) !=
			(ssize_t)b.size ||
		    io_write(file, octets, b.size) != 0 ||
		    parcel_add(&w, id, file, b.size) != 0)
			abort();
		free(octets);
		(void)close(file);
		batch_close(&b);
		n++;
	}
	if (parcel_finish(&w) != 0)
		abort();
	return n;
}

static void
read_whole(struct parcel *p, const uint8_t *data, size_t size)
{
	int to = memory();
	if (repeat(p, to) != p->count || lseek(to, 0, SEEK_END) != (off_t)size)
		abort();
	char *again = malloc(size);
	if (io_pread(to, again, size, 0) != (ssize_t)size ||
	    memcmp(again, data, size) != 0)
		abort();
	free(again);
	(void)close(to);
}

static void
try(const uint8_t *data, size_t size)
{
	struct parcel p;
	const char *why = NULL;
	int fd = memory();
	if (io_write(fd, data, size) != 0)
		abort();
	if (parcel_open(&p, fd, &why) == 0 && parcel_check(&p, &why) == 0)
		read_whole(&p, data, size);
	else if (why == NULL)
		abort();
	(void)close(fd);
}

static void
seal(uint8_t *line, size_t len)
{
	char hex[9];
	(void)snprintf(hex, sizeof(hex), "%08x", io_crc32c(0, line, len - 9));
	memcpy(line + len - 9, hex, 8);
}

static size_t
number(const uint8_t *p, size_t digits)
{
	size_t n = 0;
	for (size_t i = 0; i < digits; i++)
		n = n * 10 + (size_t)(p[i] % 16 % 10);
	return n;
}

static void
mend(uint8_t *data, size_t size)
{
	size_t at = START, end = size - END;
	char length[24];
	while (at < end && end - at >= LINE) {
		size_t len = number(data + at + 3 + BATCH_ID_LEN, 16);
		seal(data + at, LINE);
		at += LINE;
		if (len > end - at)
			break;
		at += len;
	}
	(void)snprintf(length, sizeof(length), "%016zu", end);
	memcpy(data + end + 13, length, 16);
	seal(data + end, END);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try(data, size);
	if (size < START + END)
		return 0;
	uint8_t *copy = malloc(size);
	memcpy(copy, data, size);
	mend(copy, size);
	try(copy, size);
	free(copy);
	return 0;
}

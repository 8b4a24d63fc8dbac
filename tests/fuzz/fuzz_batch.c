/* SPDX-License-Identifier: ISC */
/*
 * The queue file reader, through a real file.  Checksums would stop nearly
 * every mutation, so each input is tried twice: as it is, and with the
 * checksums of its lines, envelopes and messages set right wherever the
 * lengths make sense.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "queue/batch.h"

#define START 16
#define RECORD 51
#define END 39

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char directory[64]; /* in memory where that is possible */

static void
clean(void)
{
	(void)rmdir(directory);
}

static int
open_directory(void)
{
	static int fd = -1;
	if (fd >= 0)
		return fd;
	(void)snprintf(directory, sizeof(directory), "%s/fuzz-batch-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (mkdtemp(directory) == NULL)
		abort();
	fd = open(directory, O_RDONLY | O_DIRECTORY);
	(void)atexit(clean);
	return fd;
}

static void
read_messages(struct batch *b)
{
	struct batch_entry e;
	struct envelope env;
	const char *why = NULL;
	char chunk[1000];
	uint64_t at = 0;
	uint32_t n = 0;
	int whole = batch_check(b, &why);
	while (batch_next(b, &at, &e, &why) == 1) {
		if (e.next > b->size || e.data_offset + e.data_len != e.next)
			abort();
		if (batch_envelope(b, &e, &env, &why) == 0)
			envelope_free(&env);
		int verified = batch_verify(b, &e, &why);
		if (whole == 0 && verified != 0)
			abort();
		for (uint64_t got = 0; got < e.data_len;) {
			ssize_t r =
			    batch_read(b, &e, got, chunk, sizeof(chunk));
			if (r <= 0)
				abort();
			got += (uint64_t)r;
		}
		n++;
	}
	if (whole == 0 && n != b->count)
		abort();
}

static void
try(const uint8_t *data, size_t size)
{
	struct batch b;
	const char *why = NULL;
	int dir = open_directory();
	int fd = openat(dir, "f", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || io_write(fd, data, size) != 0 || close(fd) != 0)
		abort();
	if (batch_open(&b, dir, "f", &why) == 0)
		read_messages(&b);
	batch_close(&b);
	(void)unlinkat(dir, "f", 0);
}

static void
put_hex(uint8_t *at, uint32_t crc)
{
	char hex[9];
	(void)snprintf(hex, sizeof(hex), "%08x", crc);
	memcpy(at, hex, 8);
}

static size_t
number(const uint8_t *p, size_t digits)
{
	size_t n = 0;
	for (size_t i = 0; i < digits; i++)
		n = n * 10 + (size_t)(p[i] % 16 % 10);
	return n;
}

/* Make the checksums and the size right; the rest stays as wrong as it is. */
static void
mend(uint8_t *data, size_t size)
{
	size_t at = START;
	while (at + RECORD + END <= size) {
		size_t env = number(data + at + 2, 8);
		size_t msg = number(data + at + 11, 12);
		size_t room = size - at - RECORD - END;
		if (env > room || msg > room - env)
			break;
		put_hex(data + at + 24, io_crc32c(0, data + at + RECORD, env));
		put_hex(data + at + 33,
		    io_crc32c(0, data + at + RECORD + env, msg));
		put_hex(data + at + 42, io_crc32c(0, data + at, 42));
		at += RECORD + env + msg;
	}
	char length[24];
	(void)snprintf(length, sizeof(length), "%016zu", size - END);
	memcpy(data + size - END + 13, length, 16);
	put_hex(data + size - 9, io_crc32c(0, data + size - END, 30));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try(data, size);
	if (size < START + RECORD + END)
		return 0;
	uint8_t *copy = malloc(size);
	memcpy(copy, data, size);
	mend(copy, size);
	try(copy, size);
	free(copy);
	return 0;
}

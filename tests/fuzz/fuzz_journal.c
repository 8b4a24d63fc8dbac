/* SPDX-License-Identifier: ISC */
/*
 * Lines of the journal: as they are, and with the right checksum before
 * them.  A line that is taken must come out again byte by byte.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "queue/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const char *line, size_t len)
{
	struct record r;
	struct buf out;
	if (journal_parse(line, len, &r) != 0)
		return;
	buf_init(&out, JOURNAL_LINE_MAX);
	journal_format(&out, &r);
	if (out.len != len + 1 || memcmp(out.data, line, len) != 0)
		abort();
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (memchr(data, '\n', size) != NULL)
		return 0;
	check((const char *)data, size);
	char *line = malloc(size + 10);
	(void)snprintf(line, 10, "%08x ", io_crc32c(0, data, size));
	memcpy(line + 9, data, size);
	check(line, size + 9);
	free(line);
	return 0;
}

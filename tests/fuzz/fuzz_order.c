/* SPDX-License-Identifier: ISC */
/*
 * Orders: as they are, and with an end that fits what stands before it.  An
 * order that is taken must come out again octet by octet.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "queue/order.h"

#define TEXT_MAX (1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const char *data, size_t size)
{
	struct order o = {0};
	struct buf text, out;
	buf_init(&text, TEXT_MAX);
	buf_init(&out, TEXT_MAX);
	if (buf_add(&text, data, size) == 0 && order_parse(&o, &text) == 0) {
		order_format(&out, &o);
		if (out.len != size || memcmp(out.data, data, size) != 0)
			abort();
	}
	order_free(&o);
	buf_free(&text);
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf mended;
	size_t lines = 0;
	check((const char *)data, size);
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	buf_init(&mended, TEXT_MAX);
	(void)buf_add(&mended, data, size);
	(void)buf_addf(&mended, "END %zu %08x\n", lines > 2 ? lines - 2 : 0,
	    io_crc32c(0, data, size));
	if (buf_ok(&mended))
		check(mended.data, mended.len);
	buf_free(&mended);
	return 0;
}

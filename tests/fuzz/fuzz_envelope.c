/* SPDX-License-Identifier: ISC */
/*
 * The envelope reader.  What it takes must come out again byte by byte; or
 * else one text would mean two things.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "queue/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct envelope e, again;
	struct buf out, second;
	const char *why;
	unsigned notify;

	(void)xtext_valid((const char *)data, size, ENVID_MAX);
	(void)orcpt_valid((const char *)data, size);
	if (notify_parse((const char *)data, size, &notify) == 0 &&
	    (notify == 0 || notify > 14))
		abort();
	if (envelope_read(&e, (const char *)data, size, &why) != 0)
		return 0;
	buf_init(&out, ENVELOPE_MAX);
	buf_init(&second, ENVELOPE_MAX);
	if (envelope_write(&e, &out) != 0 ||
	    envelope_read(&again, out.data, out.len, &why) != 0 ||
	    envelope_write(&again, &second) != 0 || out.len != second.len ||
	    memcmp(out.data, second.data, out.len) != 0)
		abort();
	if (again.nrcpts != e.nrcpts || again.seq != e.seq ||
	    !address_equal(&again.from, &e.from))
		abort();
	buf_free(&out);
	buf_free(&second);
	envelope_free(&e);
	envelope_free(&again);
	return 0;
}

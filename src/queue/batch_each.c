/* SPDX-License-Identifier: ISC */
/*
 * The messages of a batch for those who only look at the queue: what lists
 * and counts it.  Not for delivery, which keeps the file open and checks what
 * it sends.  Invariant: a damaged message ends the batch; those before it
 * were given.
 */
#include <errno.h>

#include "queue/batch.h"

static int
each(struct batch *b, const char *name, batch_each_fn fn, void *arg,
    const char **why)
{
	uint64_t at = 0;
	struct batch_entry entry;
	struct envelope env;
	int got;
	while ((got = batch_next(b, &at, &entry, why)) == 1) {
		if (batch_envelope(b, &entry, &env, why) != 0)
			return -1;
		fn(arg, name, &env, &entry);
		envelope_free(&env);
	}
	return got;
}

int
batch_each(
    int dirfd, const char *name, batch_each_fn fn, void *arg, const char **why)
{
	struct batch b;
	if (batch_open(&b, dirfd, name, why) != 0)
		return -1;
	int result = each(&b, name, fn, arg, why);
	int saved = errno;
	batch_close(&b);
	errno = saved;
	return result;
}

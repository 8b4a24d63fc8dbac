/* SPDX-License-Identifier: ISC */
/*
 * Messages of one batch written into another: a smaller one in its place, a
 * copy for another host, or what is whole of a damaged one.  Which recipients
 * are wanted is for the caller to say.
 *
 * Invariant: what was read with a wrong checksum is never finished, and so
 * damage never gets a fresh one.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "queue/batch.h"

/* Keep the wanted recipients; how many there are. */
static size_t
filter(struct envelope *env, batch_keep_fn keep, void *arg)
{
	size_t kept = 0;
	for (size_t i = 0; i < env->nrcpts; i++) {
		if (keep(arg, env->seq, env->rcpts[i].number))
			env->rcpts[kept++] = env->rcpts[i];
		else
			free(env->rcpts[i].orcpt);
	}
	env->nrcpts = kept;
	return kept;
}

static int
copy_data(
    struct batch *from, const struct batch_entry *e, struct batch_writer *to)
{
	char chunk[CHUNK_SIZE];
	uint64_t at = 0;
	while (at < e->data_len) {
		ssize_t n = batch_read(from, e, at, chunk, sizeof(chunk));
		if (n <= 0 || batch_data(to, chunk, (size_t)n) != 0)
			return -1;
		at += (uint64_t)n;
	}
	if (to->data_crc != e->data_crc) {
		errno = EBADMSG;
		return -1;
	}
	return batch_end(to) == 0 ? 1 : -1;
}

int
batch_copy_entry(struct batch *from, const struct batch_entry *e,
    struct batch_writer *to, batch_keep_fn keep, void *arg)
{
	struct envelope env;
	const char *why;
	if (batch_envelope(from, e, &env, &why) != 0)
		return -1;
	int result = 0;
	if (filter(&env, keep, arg) > 0)
		result =
		    batch_begin(to, &env) != 0 ? -1 : copy_data(from, e, to);
	envelope_free(&env);
	return result;
}

int
batch_copy(
    struct batch *from, struct batch_writer *to, batch_keep_fn keep, void *arg)
{
	struct batch_entry e;
	const char *why;
	uint64_t at = 0;
	int more;
	while ((more = batch_next(from, &at, &e, &why)) == 1)
		if (batch_copy_entry(from, &e, to, keep, arg) < 0)
			return -1;
	if (more != 0)
		return -1;
	if (to->count == 0) {
		errno = ENODATA;
		return -1;
	}
	return 0;
}

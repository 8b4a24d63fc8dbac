/* SPDX-License-Identifier: ISC */
/*
 * Makes a batch smaller when few of its recipients are still open.  The
 * only case in which a file of new/ is replaced.
 *
 * The copy is written as tmp/ID~, a name that no door uses, so that recovery
 * never takes it for a message of its own: as long as the rename has not
 * happened new/ID holds all that the copy holds.  Data is checked on the
 * way, so that damage is never sealed with a fresh checksum.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "queue/steps.h"
#include "queue/store.h"

struct rewrite {
	struct batch old;
	struct batch_writer writer;
	store_keep_fn keep;
	void *arg;
};

/* Keep the open recipients; how many there are. */
static size_t
filter(const struct rewrite *r, struct envelope *env)
{
	size_t kept = 0;
	for (size_t i = 0; i < env->nrcpts; i++) {
		if (r->keep(r->arg, env->seq, env->rcpts[i].number))
			env->rcpts[kept++] = env->rcpts[i];
		else
			free(env->rcpts[i].orcpt);
	}
	env->nrcpts = kept;
	return kept;
}

static int
copy_data(struct rewrite *r, const struct batch_entry *e)
{
	char chunk[CHUNK_SIZE];
	uint64_t at = 0;
	while (at < e->data_len) {
		ssize_t n = batch_read(&r->old, e, at, chunk, sizeof(chunk));
		if (n <= 0 || batch_data(&r->writer, chunk, (size_t)n) != 0)
			return -1;
		at += (uint64_t)n;
	}
	if (r->writer.data_crc != e->data_crc) {
		errno = EBADMSG;
		return -1;
	}
	return batch_end(&r->writer);
}

static int
copy_entry(struct rewrite *r, const struct batch_entry *e)
{
	struct envelope env;
	const char *why;
	if (batch_envelope(&r->old, e, &env, &why) != 0)
		return -1;
	int result = 0;
	if (filter(r, &env) > 0)
		result =
		    batch_begin(&r->writer, &env) != 0 ? -1 : copy_data(r, e);
	envelope_free(&env);
	return result;
}

static int
copy_all(struct rewrite *r, int *fd)
{
	struct batch_entry e;
	const char *why;
	uint64_t at = 0;
	int more;
	while ((more = batch_next(&r->old, &at, &e, &why)) == 1)
		if (copy_entry(r, &e) != 0)
			return -1;
	if (more != 0)
		return -1;
	if (r->writer.count == 0) {
		errno = ENODATA;
		return -1;
	}
	return batch_finish(&r->writer) != 0 ? -1 : step_seal(fd);
}

static int
replace(struct store *s, struct rewrite *r, const char *batch)
{
	char name[BATCH_ID_LEN + 2];
	(void)snprintf(name, sizeof(name), "%.*s~", BATCH_ID_LEN, batch);
	(void)unlinkat(s->tmp_fd, name, 0); /* of a run that was killed */
	int fd = step_create(s->tmp_fd, name);
	if (fd < 0)
		return -1;
	batch_start(&r->writer, fd);
	int result = copy_all(r, &fd);
	if (result == 0)
		result = renameat(s->tmp_fd, name, s->new_fd, batch);
	int saved = errno;
	if (result != 0)
		(void)unlinkat(s->tmp_fd, name, 0);
	if (fd >= 0)
		(void)close(fd);
	batch_writer_free(&r->writer);
	errno = saved;
	return result;
}

int
store_rewrite(struct store *s, const char *batch, store_keep_fn keep, void *arg)
{
	struct rewrite r = {.keep = keep, .arg = arg};
	const char *why;
	if (batch_open(&r.old, s->new_fd, batch, &why) != 0)
		return -1;
	int result = replace(s, &r, batch);
	int saved = errno;
	batch_close(&r.old);
	errno = saved;
	return result != 0 ? -1 : store_sync(s);
}

/* SPDX-License-Identifier: ISC */
/*
 * Makes a batch smaller when few of its recipients are still open.  The
 * only case in which a file of new/ is replaced.
 *
 * The copy is written as tmp/ID~, a name that no door uses, so that recovery
 * never takes it for a message of its own: as long as the rename has not
 * happened new/ID holds all that the copy holds.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "queue/steps.h"
#include "queue/store.h"

struct rewrite {
	struct batch old;
	struct batch_writer writer;
	batch_keep_fn keep;
	void *arg;
};

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
	int result = batch_copy(&r->old, &r->writer, r->keep, r->arg);
	if (result == 0)
		result = batch_finish(&r->writer) != 0 ? -1 : step_seal(&fd);
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
store_rewrite(struct store *s, const char *batch, batch_keep_fn keep, void *arg)
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

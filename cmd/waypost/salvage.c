/* SPDX-License-Identifier: ISC */
/*
 * What is whole of a damaged queue file becomes mail again.  It follows the
 * chain of record lines and never looks for another beginning: behind a
 * broken line the octets are somebody's message, and may well look like a
 * record.
 *
 * Invariant: only what has the right checksums is queued, and the damaged
 * file stays, under a name that says so, after what was taken is durable.
 * One that was killed in between can be repeated (again.h).
 */
#include "salvage.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "again.h"
#include "base/io.h"
#include "queue/findings.h"

#define TAKEN ".salvaged"

struct salvage {
	const char *spool;
	struct findings *findings;
	struct batch batch;
	struct draft draft;
	char id[BATCH_ID_LEN + 1]; /* that it had */
	char fresh[BATCH_ID_LEN + 1];
	unsigned damaged, done; /* messages */
	const char *why;        /* the chain ends; NULL: it does not */
};

static int
tell(const char *name, int error, const char *why)
{
	(void)fprintf(stderr, "waypost: corrupt/%s: %s\n", name,
	    error == EBADMSG ? why : strerror(error));
	switch (error) {
	case EBADMSG:
		return EX_DATAERR;
	case ENOENT:
		return EX_NOINPUT;
	case EACCES:
	case EPERM:
		return EX_NOPERM;
	default:
		return EX_IOERR;
	}
}

static bool
is_open(void *arg, uint32_t seq, uint32_t rcpt)
{
	const struct salvage *v = arg;
	const struct finding *f = findings_get(v->findings, v->id, seq, rcpt);
	return f == NULL || !f->final;
}

/* Can this one be written once more?  1, 0; -1 with errno. */
static int
is_whole(struct salvage *v, const struct batch_entry *e)
{
	struct envelope env;
	const char *why;
	if (batch_envelope(&v->batch, e, &env, &why) != 0)
		return errno == EBADMSG ? 0 : -1;
	bool rises = env.seq > v->draft.writer.seq;
	envelope_free(&env);
	if (!rises)
		return 0;
	if (batch_verify(&v->batch, e, &why) == 0)
		return 1;
	return errno == EBADMSG ? 0 : -1;
}

/* Into the draft.  0; -1 with errno. */
static int
collect(struct salvage *v)
{
	struct batch_entry e;
	uint64_t at = 0;
	int more;
	while ((more = batch_next(&v->batch, &at, &e, &v->why)) == 1) {
		int whole = is_whole(v, &e);
		if (whole < 0)
			return -1;
		v->damaged += whole == 0;
		if (whole == 0)
			continue;
		int got = batch_copy_entry(
		    &v->batch, &e, &v->draft.writer, is_open, v);
		if (got < 0)
			return -1;
		v->done += got == 0;
	}
	if (more == 0)
		v->why = NULL;
	return more == 0 || errno == EBADMSG ? 0 : -1;
}

/* So that nobody queues it a second time. */
static int
set_aside(const struct salvage *v, int dir_fd, const char *name)
{
	char taken[NAME_MAX + 1];
	(void)snprintf(taken, sizeof(taken), "%s" TAKEN, name);
	if (renameat(dir_fd, name, dir_fd, taken) != 0 || io_fsync(dir_fd) != 0)
		return tell(name, errno, "");
	again_end(v->spool, v->fresh);
	return EX_OK;
}

static int
finish(struct salvage *v, int dir_fd, const char *name)
{
	uint32_t messages = v->draft.writer.count;
	if (messages == 0) {
		draft_discard(&v->draft);
		return tell(name, EBADMSG,
		    v->done > 0 ? "of what is whole nothing is owed any more"
				: "no message of it is whole");
	}
	if (draft_commit(&v->draft) != 0)
		return tell(name, errno, "");
	int code = set_aside(v, dir_fd, name);
	(void)printf("corrupt/%s: %u message%s queued as %s", name, messages,
	    messages == 1 ? "" : "s", v->fresh);
	if (v->done > 0)
		(void)printf(", %u done before", v->done);
	if (v->damaged > 0)
		(void)printf(", %u damaged", v->damaged);
	if (v->why != NULL)
		(void)printf(", the rest cannot be read: %s", v->why);
	(void)printf("\n");
	return code;
}

static int
salvage_file(struct salvage *v, struct store *s, int dir_fd, const char *name)
{
	int before = again_begin(v->spool, s, v->batch.fd, name, v->fresh);
	if (before < 0)
		return tell(name, errno, "");
	if (before > 0) {
		(void)printf(
		    "corrupt/%s: was queued before as %s\n", name, v->fresh);
		return set_aside(v, dir_fd, name);
	}
	if (draft_create(s, &v->draft, v->fresh) != 0)
		return tell(name, errno, "");
	if (collect(v) == 0)
		return finish(v, dir_fd, name);
	int error = errno;
	draft_discard(&v->draft);
	return tell(name, error, "it changes meanwhile");
}

static int
open_corrupt(const char *spool)
{
	int dir = open(spool, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -1;
	int fd = openat(
	    dir, "corrupt", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int saved = errno;
	(void)close(dir);
	errno = saved;
	return fd;
}

/* "ID", or "ID.DIGITS" of a second one with this id. */
static bool
is_name(const char *name)
{
	size_t len = strnlen(name, BATCH_ID_LEN);
	const char *rest = name + len;
	if (!batch_id_valid(name, len))
		return false;
	return *rest == '\0' ||
	       (*rest == '.' && strlen(rest) < 32 && rest[1] != '\0' &&
		   strspn(rest + 1, "0123456789") == strlen(rest + 1));
}

int
salvage(const struct conf *c, struct store *s, const char *name)
{
	struct salvage v = {.spool = c->spool};
	const char *why = "no name of a queue file";
	if (!is_name(name))
		return tell(name, EBADMSG, why);
	memcpy(v.id, name, BATCH_ID_LEN);
	int dir_fd = open_corrupt(c->spool);
	if (dir_fd < 0)
		return tell(name, errno, why);
	int code;
	v.findings = findings_new();
	if (findings_read(v.findings, c->spool) != 0 ||
	    batch_open_damaged(&v.batch, dir_fd, name, &why) != 0) {
		code = tell(name, errno, why);
	} else {
		code = salvage_file(&v, s, dir_fd, name);
		batch_close(&v.batch);
	}
	findings_free(v.findings);
	(void)close(dir_fd);
	return code;
}

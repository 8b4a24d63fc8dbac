/* SPDX-License-Identifier: ISC */
/*
 * A parcel of another host's queue becomes part of this one.  A door like
 * sendmail: it may run beside waypostd.
 *
 * Invariant: nothing is queued before every octet of the parcel was checked,
 * and before the journal was told to remember its batches; then each is
 * durable under the id that it had.  So an import that failed half-way can be
 * repeated: what is in new/, or finished by the journal, is not queued again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "queue/findings.h"
#include "queue/parcel.h"
#include "queue/remember.h"
#include "queue_move.h"
#include "subcommand.h"

struct import {
	struct store store;
	struct findings *findings;
	struct parcel parcel;
	bool *here;     /* for each file of it: was in new/ before */
	const char *id; /* of the batch that is taken */
	size_t messages, rcpts, files_here;
	size_t open; /* recipients of the batch that is taken */
};

static int
tell(const struct conf *c, int error)
{
	(void)fprintf(stderr, "waypost: cannot import into %s: %s\n", c->spool,
	    strerror(error));
	switch (error) {
	case EACCES:
	case EPERM:
		return EX_NOPERM;
	case ENOENT:
	case ENOTDIR:
		return EX_CONFIG;
	default:
		return EX_IOERR;
	}
}

/* Standard input as a file that can be read twice; -1 with errno. */
static int
seekable(const struct import *m)
{
	char chunk[CHUNK_SIZE];
	struct stat st;
	ssize_t n;
	if (fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode) &&
	    lseek(STDIN_FILENO, 0, SEEK_CUR) == 0)
		return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	int fd = store_scratch(m->store.tmp_fd);
	while (
	    fd >= 0 && (n = io_read(STDIN_FILENO, chunk, sizeof(chunk))) != 0)
		if (n < 0 || io_write(fd, chunk, (size_t)n) != 0) {
			int saved = errno;
			(void)close(fd);
			errno = saved;
			return -1;
		}
	return fd;
}

/* Which are in new/ now; the journal is read after that, since what leaves
 * new/ is final in it before. */
static int
note_those_here(struct import *m)
{
	char id[BATCH_ID_LEN + 1];
	const char *why;
	struct batch b;
	uint64_t at = 0;
	m->here = alloc_zero(m->parcel.count + 1ULL, sizeof(*m->here));
	for (size_t i = 0; i < m->parcel.count; i++) {
		if (parcel_next(&m->parcel, &at, id, &b, &why) != 1)
			return -1;
		batch_close(&b);
		m->here[i] = faccessat(m->store.new_fd, id, F_OK,
				 AT_SYMLINK_NOFOLLOW) == 0;
	}
	return 0;
}

static int
remember(const struct conf *c, const char (*ids)[BATCH_ID_LEN + 1], size_t n)
{
	char name[BATCH_ID_LEN + 1];
	store_make_id(name);
	return n > 0 ? remember_place(c->spool, name, ids, n) : 0;
}

/* Those that will be taken, for as long as the parcel may be imported once
 * more. */
static int
remember_all(struct import *m, const struct conf *c)
{
	size_t most = m->parcel.count < REMEMBER_IDS_MAX ? m->parcel.count
							 : REMEMBER_IDS_MAX;
	char(*ids)[BATCH_ID_LEN + 1] = alloc_zero(most + 1, sizeof(*ids));
	struct batch b;
	const char *why;
	uint64_t at = 0;
	size_t n = 0;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < m->parcel.count; i++) {
		rc = parcel_next(&m->parcel, &at, ids[n], &b, &why) == 1 ? 0
									 : -1;
		if (rc != 0)
			break;
		batch_close(&b);
		n += !m->here[i];
		if (n == REMEMBER_IDS_MAX) {
			rc = remember(c, ids, n);
			n = 0;
		}
	}
	if (rc == 0)
		rc = remember(c, ids, n);
	int saved = errno;
	free(ids);
	errno = saved;
	return rc;
}

static bool
is_open(void *arg, uint32_t seq, uint32_t rcpt)
{
	struct import *m = arg;
	const struct finding *f = findings_get(m->findings, m->id, seq, rcpt);
	if (f != NULL && f->final)
		return false;
	m->open++;
	return true;
}

/* 1: queued; 0: was here; -1 with errno. */
static int
take(struct import *m, struct batch *b, const char *id)
{
	struct draft d;
	m->id = id;
	m->open = 0;
	if (draft_create(&m->store, &d, id) != 0)
		return errno == EEXIST ? 0 : -1;
	if (batch_copy(b, &d.writer, is_open, m) != 0) {
		draft_discard(&d);
		return errno == ENODATA ? 0 : -1;
	}
	uint32_t messages = d.writer.count;
	if (draft_commit(&d) != 0)
		return -1;
	m->messages += messages;
	m->rcpts += m->open;
	return 1;
}

static int
take_all(struct import *m)
{
	char id[BATCH_ID_LEN + 1];
	const char *why;
	struct batch b;
	uint64_t at = 0;
	for (size_t i = 0; i < m->parcel.count; i++) {
		if (parcel_next(&m->parcel, &at, id, &b, &why) != 1)
			return -1;
		int got = m->here[i] ? 0 : take(m, &b, id);
		int saved = errno;
		batch_close(&b);
		errno = saved;
		if (got < 0)
			return -1;
		m->files_here += got == 0;
	}
	return 0;
}

static int
sum_up(const struct import *m)
{
	(void)printf("imported: %zu message%s, %zu recipient%s", m->messages,
	    m->messages == 1 ? "" : "s", m->rcpts, m->rcpts == 1 ? "" : "s");
	if (m->files_here > 0)
		(void)printf("; %zu file%s here before", m->files_here,
		    m->files_here == 1 ? " was" : "s were");
	(void)printf("\n");
	return subcommand_flush();
}

static int
import_from(struct import *m, const struct conf *c, int fd)
{
	const char *why;
	if (parcel_open(&m->parcel, fd, &why) != 0 ||
	    parcel_check(&m->parcel, &why) != 0) {
		if (errno != EBADMSG)
			return tell(c, errno);
		(void)fprintf(stderr,
		    "waypost: no whole export, nothing was taken: %s\n", why);
		return EX_DATAERR;
	}
	m->findings = findings_new();
	int result = note_those_here(m);
	if (result == 0)
		result = findings_read(m->findings, c->spool);
	if (result == 0)
		result = remember_all(m, c);
	if (result == 0)
		result = take_all(m);
	int code = 0;
	if (result != 0) {
		code = tell(c, errno);
		(void)fprintf(stderr,
		    "waypost: import it again when that is repaired; what is "
		    "here is not doubled\n");
	}
	int told = sum_up(m);
	findings_free(m->findings);
	free(m->here);
	return code != 0 ? code : told;
}

int
queue_import(const struct conf *c)
{
	struct import m = {0};
	if (store_open(&m.store, c->spool) != 0)
		return tell(c, errno);
	int fd = store_writable(&m.store) == 0 ? seekable(&m) : -1;
	int code = fd >= 0 ? import_from(&m, c, fd) : tell(c, errno);
	if (fd >= 0)
		(void)close(fd);
	store_close(&m.store);
	return code;
}

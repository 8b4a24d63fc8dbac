/* SPDX-License-Identifier: ISC */
/*
 * What a queue still owes, as a parcel for another host.  Not a removal: the
 * queue stays as it is, and the operator removes it when the other host has
 * it.
 *
 * Invariant: it holds the lock of waypostd from the first look to the last
 * octet, so that nothing is delivered here of what is written.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/io.h"
#include "queue/findings.h"
#include "queue/parcel.h"
#include "queue/scan.h"
#include "queue_move.h"

struct export
{
	struct store store;
	struct findings *findings;
	struct parcel_writer out;
	bool held;         /* those, too */
	const char *id;    /* of the batch that is looked at */
	int scratch, dead; /* errno of what ends all */
	size_t messages, rcpts, held_back, damaged;
};

static int
tell(const struct conf *c, int error)
{
	(void)fprintf(stderr, "waypost: cannot export the queue in %s: %s\n",
	    c->spool,
	    error == EWOULDBLOCK ? "waypostd runs there; stop it first"
				 : strerror(error));
	switch (error) {
	case EWOULDBLOCK:
		return EX_UNAVAILABLE;
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

static bool
is_wanted(void *arg, uint32_t seq, uint32_t rcpt)
{
	struct export *x = arg;
	const struct finding *f = findings_get(x->findings, x->id, seq, rcpt);
	if (f != NULL && f->final)
		return false;
	if (f != NULL && f->held && !x->held) {
		x->held_back++;
		return false;
	}
	x->rcpts++;
	return true;
}

/* The batch without what is done, in the scratch file.  0, -1 with errno. */
static int
shrink(struct export *x, struct batch *b, struct batch_writer *w)
{
	if (ftruncate(x->scratch, 0) != 0 ||
	    lseek(x->scratch, 0, SEEK_SET) != 0)
		return -1;
	batch_start(w, x->scratch);
	int result = batch_copy(b, w, is_wanted, x);
	if (result == 0)
		result = batch_finish(w);
	int saved = errno;
	batch_writer_free(w);
	errno = saved;
	return result;
}

static int
pack(struct export *x, const char *id, const char **why)
{
	struct batch b;
	struct batch_writer w;
	if (batch_open(&b, x->store.new_fd, id, why) != 0)
		return -1;
	*why = "damaged";
	int result = shrink(x, &b, &w);
	int saved = errno;
	batch_close(&b);
	errno = saved;
	if (result != 0)
		return -1;
	x->messages += w.count;
	return parcel_add(&x->out, id, x->scratch, w.offset);
}

static void
on_batch(void *arg, const char *id)
{
	struct export *x = arg;
	const char *why = "";
	size_t rcpts = x->rcpts, held_back = x->held_back;
	if (x->dead != 0)
		return;
	x->id = id;
	if (pack(x, id, &why) == 0 || errno == ENODATA)
		return;
	if (errno != EBADMSG) {
		x->dead = errno;
		return;
	}
	x->rcpts = rcpts;
	x->held_back = held_back;
	x->damaged++;
	(void)fprintf(stderr, "waypost: %s: left out: %s\n", id, why);
}

/* 0 or an errno. */
static int
export_all(struct export *x, const struct conf *c)
{
	struct scan scan = {.store = &x->store, .fd = -1};
	if (store_recover(&x->store) < 0 ||
	    findings_read(x->findings, c->spool) != 0)
		return errno;
	x->scratch = store_scratch(x->store.tmp_fd);
	if (x->scratch < 0 || parcel_start(&x->out, STDOUT_FILENO) != 0 ||
	    scan_list(&scan, on_batch, x) < 0)
		return errno;
	if (x->dead != 0)
		return x->dead;
	if (parcel_finish(&x->out) != 0)
		return errno;
	/* A pipe cannot be synced; who reads it must. */
	return fsync(STDOUT_FILENO) == 0 || errno == EINVAL || errno == EROFS ||
		       errno == ENOTSUP
		   ? 0
		   : errno;
}

static int
sum_up(const struct export *x)
{
	(void)fprintf(stderr,
	    "waypost: exported: %zu message%s, %zu recipient%s\n", x->messages,
	    x->messages == 1 ? "" : "s", x->rcpts, x->rcpts == 1 ? "" : "s");
	if (x->held_back > 0)
		(void)fprintf(stderr,
		    "waypost: %zu held recipient%s left out (see --held)\n",
		    x->held_back, x->held_back == 1 ? " was" : "s were");
	return x->damaged > 0 ? EX_DATAERR : EX_OK;
}

int
queue_export(const struct conf *c, bool held)
{
	struct export x = {.held = held, .scratch = -1};
	if (isatty(STDOUT_FILENO)) {
		(void)fprintf(stderr,
		    "waypost: an export is nothing for a terminal: send "
		    "standard output to a file or to waypost queue import\n");
		return EX_USAGE;
	}
	if (store_open_carrier(&x.store, c->spool) != 0)
		return tell(c, errno);
	x.findings = findings_new();
	int error = export_all(&x, c);
	int code = error != 0 ? tell(c, error) : sum_up(&x);
	if (x.scratch >= 0)
		(void)close(x.scratch);
	findings_free(x.findings);
	store_close(&x.store);
	return code;
}

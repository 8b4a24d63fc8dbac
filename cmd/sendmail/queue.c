/* SPDX-License-Identifier: ISC */
/*
 * What the queue's door is like for this process.  Decides only which way
 * mail goes; both ways need the same things said when they are closed.
 */
#include "queue.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>

#include "start.h"
#include "tell.h"

int
queue_open(struct store *s, const struct conf *c)
{
	if (store_open(s, c->spool) != 0)
		return errno;
	if (store_writable(s) == 0)
		return 0;
	int error = errno;
	store_close(s);
	return error;
}

bool
queue_barred(int error)
{
	return error == EACCES || error == EPERM || error == EROFS ||
	       error == ENOENT;
}

static const char *
hint(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return start_privileged()
			   ? "check owner, group and mode of the queue"
			   : "let sendmail run set-gid, and the caller without "
			     "NoNewPrivileges";
	case EROFS:
		return "let the caller write to the spool directory";
	default:
		return "check that the spool directory exists, or run "
		       "\"waypostd\" once to make it";
	}
}

int
queue_tell_fault(const struct options *o, const struct conf *c, int error)
{
	tell(o->program, "not queued: cannot open the queue %.300s/queue: %s",
	    c->spool, strerror(error));
	return EX_TEMPFAIL;
}

int
queue_tell_unreached(const struct options *o, const struct conf *c, int error,
    const struct status *st)
{
	tell(o->program,
	    "not queued: no way into the queue %.200s/queue (%s), nor by "
	    "waypost-smtpd (%s); start waypost-smtpd with a listener on its "
	    "unix socket, or %s",
	    c->spool, strerror(error), st->text, hint(error));
	return EX_TEMPFAIL;
}

void
queue_tell_accepted(
    const struct options *o, const struct store *store, const char *id)
{
	if (!store_served(store))
		tell(o->program,
		    "queued as %s, but no waypostd is running: start it to "
		    "have the mail delivered",
		    id);
	else if (o->verbose)
		tell(o->program, "queued as %s", id);
}

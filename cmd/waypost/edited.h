/* SPDX-License-Identifier: ISC */
/*
 * Editing a configuration file: one at a time, all or nothing.  For files
 * that everybody may read, too: nobody who may only read can keep others
 * from editing.
 */
#ifndef WAYPOST_EDITED_H
#define WAYPOST_EDITED_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/attr.h"
#include "base/buf.h"

struct edited {
	char *path;      /* symbolic links resolved */
	char *draft;     /* the new file beside it, and the lock */
	int fd;          /* of the draft */
	bool exists;     /* is there a file yet? */
	struct stat st;  /* owner, group and mode, which the new one gets; of
	                    a file that is not there: ours and 0644 */
	struct buf text; /* what stands in it */
};

/*
 * Lock and read, at most max octets; waits for another edit.  A file that is
 * missing is empty.  0, or an exit code and the cause is told; *e is to be
 * closed either way.
 */
int edited_open(struct edited *e, const char *path, size_t max) MUST_CHECK;

/* Replace all of it.  Durable when it returns 0; otherwise nothing has
 * changed (an exit code; the cause is told, and so is a doubt). */
int edited_replace(struct edited *e, const struct buf *text) MUST_CHECK;
void edited_close(struct edited *e);

/* Read without a lock, to look only. */
int edited_read(struct edited *e, const char *path, size_t max) MUST_CHECK;

/* Replace it, or with dry_run show the change on standard output. */
int edited_finish(
    struct edited *e, const struct buf *text, bool dry_run) MUST_CHECK;

/* What an edit changes, in the manner of diff -u without context: its text
 * is one stretch of lines between two that stay. */
void edited_show(FILE *to, const struct edited *e, const struct buf *text);

/* "waypost: path: what, errno"; EX_NOPERM or EX_CANTCREAT. */
int edited_errno(const char *path, const char *what);

#endif

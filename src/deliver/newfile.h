/* SPDX-License-Identifier: ISC */
/*
 * A file that appears in a directory whole and durable, or not at all:
 * temporary name, fsync, rename, fsync of the directory.  For one writer
 * at a time per name: a left-over temporary file is replaced.
 */
#ifndef DELIVER_NEWFILE_H
#define DELIVER_NEWFILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/buf.h"
#include "queue/batch.h"

struct newfile {
	int dir_fd, fd; /* dir_fd: of the temporary name, borrowed */
	char temporary[NAME_MAX + 1];
	struct buf pending;
	int error; /* errno of the first fault: what follows does nothing */
	bool lf;   /* set after open: CRLF becomes LF */
	bool cr;   /* a CR is held back */
};

/* Always to be ended by newfile_place() or newfile_drop(); a fault is told
 * by the former. */
void newfile_open(
    struct newfile *f, int dir_fd, const char *temporary, mode_t mode);
void newfile_add(struct newfile *f, const char *data, size_t len);

/* Add a whole queued message. */
void newfile_message(
    struct newfile *f, struct batch *b, const struct batch_entry *e);

/* Put it in place as name in to_fd (same file system), replacing.  0; -1
 * with errno and nothing is left behind; if only the last fsync failed,
 * the file is there, yet not known to be durable. */
int newfile_place(struct newfile *f, int to_fd, const char *name) MUST_CHECK;
void newfile_drop(struct newfile *f);

#endif

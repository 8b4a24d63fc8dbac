/* SPDX-License-Identifier: ISC */
/* Editing the users file: one at a time, all or nothing. */
#ifndef WAYPOST_USERS_FILE_H
#define WAYPOST_USERS_FILE_H

#include "base/attr.h"
#include "conf/conf.h"
#include "conf/users.h"
#include "edited.h"

struct users_file {
	struct edited file;
	struct users *users;
};

/* Read without a lock.  0 and *u, or an exit code; faults are told. */
int users_file_look(const struct conf *c, struct users **u) MUST_CHECK;

/* Lock and read.  0, or an exit code; *f is to be closed either way. */
int users_file_open(struct users_file *f, const struct conf *c) MUST_CHECK;

/*
 * Set the line of a user, or drop it (line NULL); all others stay as they
 * are.  A file that is made is the listener's to read.  Durable when it
 * returns 0; otherwise nothing has changed, and the cause is told.
 */
int users_file_set(
    struct users_file *f, const char *name, const char *line) MUST_CHECK;
void users_file_close(struct users_file *f);

#endif

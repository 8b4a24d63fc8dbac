/* SPDX-License-Identifier: ISC */
/* The daemons as children of one process in the foreground. */
#ifndef WAYPOST_RUN_CHILDREN_H
#define WAYPOST_RUN_CHILDREN_H

#include <stddef.h>

#define RUN_CHILDREN_MAX 4

struct run_child {
	const char *name;  /* in the log */
	const char *path;  /* of the program */
	char *const *argv; /* NULL at the end */
};

/*
 * Start them, and again when they end, after a pause that doubles from
 * 100 ms to 30 s while they keep ending within a minute.  SIGTERM, SIGINT
 * and SIGHUP go to all of them.  What else ends below us (orphans, when we
 * are process 1) is reaped.
 *
 * Returns when none is left: 0 when SIGTERM or SIGINT told us to stop; 78
 * when one of them exited so, which stops the others.  At most
 * RUN_CHILDREN_MAX; borrowed.
 */
int run_children(const struct run_child *children, size_t n);

#endif

/* SPDX-License-Identifier: ISC */
/* One line of the domain table.  Private to this room. */
#ifndef CONF_TABLE_LINE_H
#define CONF_TABLE_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "conf/conf.h"

struct table_place {
	const char *path;
	unsigned line;
	bool only_local;
	struct faults *f;
};

/*
 * Parse the line s (NUL at s[len], changed on the way; d keeps pointers
 * into it).  1: d is filled, to be freed.  0: nothing to keep.  -1: faults
 * were added.
 */
int table_line(struct domain *d, char *s, size_t len,
    const struct table_place *at) MUST_CHECK;

/* Free what d owns: its session, and its name if it says so. */
void table_line_free(struct domain *d);

#endif

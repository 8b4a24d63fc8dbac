/* SPDX-License-Identifier: ISC */
/* Has a file been replaced or written since it was last looked at? */
#ifndef NET_CHANGED_H
#define NET_CHANGED_H

#include <stdbool.h>
#include <sys/stat.h>

/* Compare with stamp (zeroed at first) and bring it up to date.  A file
 * that is missing has the stamp zero. */
static inline bool
file_changed(const char *path, struct stat *stamp)
{
	struct stat now, then = *stamp;
	if (stat(path, &now) != 0)
		now = (struct stat){0};
	*stamp = now;
	return now.st_ino != then.st_ino || now.st_dev != then.st_dev ||
	       now.st_size != then.st_size ||
	       now.st_mtim.tv_sec != then.st_mtim.tv_sec ||
	       now.st_mtim.tv_nsec != then.st_mtim.tv_nsec;
}

#endif

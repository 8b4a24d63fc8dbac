/* SPDX-License-Identifier: ISC */
/*
 * open(2) for reading, and whom to ask where it is denied.  What may be
 * read is decided by the kernel and by whoever is asked, never here: this
 * only knows the way.  Without reach_by() it is open(2) and nothing else.
 */
#include "base/reach.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>

static struct {
	int (*fn)(void *arg, const char *path);
	void *arg;
} outside;

int
reach_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == EACCES && outside.fn != NULL)
		fd = outside.fn(outside.arg, path);
	return fd;
}

void
reach_by(int (*fn)(void *arg, const char *path), void *arg)
{
	outside.fn = fn;
	outside.arg = arg;
}

/* SPDX-License-Identifier: ISC */
/*
 * Files of the pickup directory that are left alone for now, so that each
 * is looked at, and told about, once per back-off.  Counts passes over the
 * directory, not time.  Bounded: the oldest entry gives way.
 */
#ifndef DELIVER_HELD_H
#define DELIVER_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/limits.h"

struct held {
	dev_t dev;
	ino_t ino;
	struct timespec changed; /* ctime: a changed file is a new one */
	uint64_t until, step;    /* passes */
};

struct held_list {
	struct held v[PICKUP_HELD_MAX];
	size_t n, next;
};

/* Leave it alone until the next pass; with back_off longer each time. */
void held_add(
    struct held_list *h, const struct stat *sb, uint64_t pass, bool back_off);
bool held_skip(const struct held_list *h, const struct stat *sb, uint64_t pass);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * A short memory of files.  Nothing depends on it but effort: a file that
 * is forgotten is looked at and told about once more.
 */
#include "deliver/held.h"

enum { STEP_MAX = 64 };

static size_t
find(const struct held_list *h, const struct stat *sb)
{
	size_t i = 0;
	while (i < h->n &&
	       (h->v[i].ino != sb->st_ino || h->v[i].dev != sb->st_dev))
		i++;
	return i;
}

bool
held_skip(const struct held_list *h, const struct stat *sb, uint64_t pass)
{
	size_t i = find(h, sb);
	return i < h->n && pass < h->v[i].until &&
	       h->v[i].changed.tv_sec == sb->st_ctim.tv_sec &&
	       h->v[i].changed.tv_nsec == sb->st_ctim.tv_nsec;
}

void
held_add(
    struct held_list *h, const struct stat *sb, uint64_t pass, bool back_off)
{
	uint64_t step = 1;
	size_t i = find(h, sb);
	if (i < h->n && back_off && h->v[i].step < STEP_MAX)
		step = h->v[i].step * 2;
	else if (i < h->n && back_off)
		step = STEP_MAX;
	if (i == h->n && h->n < PICKUP_HELD_MAX) {
		h->n++;
	} else if (i == h->n) {
		i = h->next;
		h->next = (h->next + 1) % PICKUP_HELD_MAX;
	}
	h->v[i] = (struct held){.dev = sb->st_dev,
	    .ino = sb->st_ino,
	    .changed = sb->st_ctim,
	    .until = pass + step,
	    .step = step};
}

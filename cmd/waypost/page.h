/* SPDX-License-Identifier: ISC */
/* The page of waypost serve. */
#ifndef WAYPOST_PAGE_H
#define WAYPOST_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "survey.h"

/* What was counted at some moment: a point of the curve. */
struct sample {
	int64_t at_ms;
	uint64_t delivered, received;
};
#define SAMPLES 360

/* HTML that needs no script and no other file: v are n samples, oldest
 * first. */
void page_write(
    struct buf *out, const struct survey *s, const struct sample *v, size_t n);

#endif

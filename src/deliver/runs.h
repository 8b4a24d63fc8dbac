/* SPDX-License-Identifier: ISC */
/*
 * What waits at a destination: recipients of messages, in order, 16 octets
 * for those of a message that stand together.  No job is made before its
 * turn comes, so that memory hardly grows with what waits (H07).
 */
#ifndef DELIVER_RUNS_H
#define DELIVER_RUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct letter;

/* Recipients of one message: n slots from first on. */
struct run {
	struct letter *letter;
	uint32_t first;
	uint32_t n : 31;
	uint32_t joins : 1; /* goes with the run before, in one transaction */
};

struct runs {
	struct run *v; /* owned; a ring of cap, a power of two */
	size_t head, n, cap;
};

void runs_free(struct runs *r);

/* At the end.  joins: with the recipient before, which is of this letter. */
void runs_add(struct runs *r, struct letter *l, uint32_t slot, bool joins);

/* At the front, the last recipient first; joins: with the one that comes to
 * stand before it. */
void runs_put_back(struct runs *r, struct letter *l, uint32_t slot, bool joins);

/* The first one, or NULL; until the next call of another function. */
const struct run *runs_first(const struct runs *r);

/* Take the first one out.  False: there is none. */
bool runs_take(struct runs *r, struct run *out);

#endif

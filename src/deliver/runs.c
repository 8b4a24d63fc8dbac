/* SPDX-License-Identifier: ISC */
/*
 * A ring of runs.  Knows nothing of what they mean.  Invariant: cap is 0 or
 * a power of two, no less than n; a ring that ran empty keeps little.
 */
#include "deliver/runs.h"

#include <stdlib.h>

#include "base/log.h"

#define RUNS_KEPT 64 /* by a ring that ran empty */

static struct run *
at(const struct runs *r, size_t i)
{
	return &r->v[(r->head + i) & (r->cap - 1)];
}

void
runs_free(struct runs *r)
{
	free(r->v);
	*r = (struct runs){0};
}

static void
make_room(struct runs *r)
{
	if (r->n < r->cap)
		return;
	struct runs larger = {.cap = r->cap > 0 ? r->cap * 2 : 4, .n = r->n};
	larger.v = alloc_zero(larger.cap, sizeof(*larger.v));
	for (size_t i = 0; i < r->n; i++)
		larger.v[i] = *at(r, i);
	free(r->v);
	*r = larger;
}

void
runs_add(struct runs *r, struct letter *l, uint32_t slot, bool joins)
{
	struct run *last = r->n > 0 ? at(r, r->n - 1) : NULL;
	if (joins && last != NULL && last->letter == l &&
	    last->first + last->n == slot) {
		last->n++;
		return;
	}
	make_room(r);
	r->n++;
	*at(r, r->n - 1) = (struct run){l, slot, 1, joins};
}

void
runs_put_back(struct runs *r, struct letter *l, uint32_t slot, bool joins)
{
	make_room(r);
	r->head = (r->head - 1) & (r->cap - 1);
	r->n++;
	*at(r, 0) = (struct run){l, slot, 1, joins};
}

const struct run *
runs_first(const struct runs *r)
{
	return r->n > 0 ? at(r, 0) : NULL;
}

bool
runs_take(struct runs *r, struct run *out)
{
	if (r->n == 0)
		return false;
	*out = *at(r, 0);
	r->head = (r->head + 1) & (r->cap - 1);
	if (--r->n == 0 && r->cap > RUNS_KEPT)
		runs_free(r);
	return true;
}

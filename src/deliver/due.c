/* SPDX-License-Identifier: ISC */
/*
 * The heap of due times: which letter is next.  Knows nothing of why.
 * Invariant: letter->heap is its place in the heap + 1, and 0 outside; no
 * letter is due earlier than the one it hangs below.
 */
#include <stdlib.h>

#include "base/log.h"
#include "deliver/schedule.h"

static int64_t
earliest(const struct letter *l)
{
	int64_t due = INT64_MAX;
	for (uint32_t i = 0; i < l->nslots; i++)
		if (l->slots[i].state == SLOT_WAITING && l->slots[i].next < due)
			due = l->slots[i].next;
	return due;
}

static void
heap_put(struct schedule *s, size_t i, struct letter *l)
{
	s->heap[i] = l;
	l->heap = (uint32_t)i + 1;
}

static void
heap_up(struct schedule *s, size_t i)
{
	struct letter *l = s->heap[i];
	while (i > 0 && s->heap[(i - 1) / 2]->due > l->due) {
		heap_put(s, i, s->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	heap_put(s, i, l);
}

static void
heap_down(struct schedule *s, size_t i)
{
	struct letter *l = s->heap[i];
	for (;;) {
		size_t child = 2 * i + 1;
		if (child >= s->nheap)
			break;
		if (child + 1 < s->nheap &&
		    s->heap[child + 1]->due < s->heap[child]->due)
			child++;
		if (s->heap[child]->due >= l->due)
			break;
		heap_put(s, i, s->heap[child]);
		i = child;
	}
	heap_put(s, i, l);
}

void
schedule_leave(struct schedule *s, struct letter *l)
{
	if (l->heap == 0)
		return;
	size_t i = l->heap - 1;
	l->heap = 0;
	struct letter *last = s->heap[--s->nheap];
	if (last == l)
		return;
	heap_put(s, i, last);
	heap_up(s, i);
	heap_down(s, last->heap - 1);
}

void
schedule_enter(struct schedule *s, struct letter *l)
{
	schedule_leave(s, l);
	l->due = earliest(l);
	if (l->due == INT64_MAX)
		return;
	if (s->nheap == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 256;
		s->heap = alloc_grow(s->heap, s->cap, sizeof(struct letter *));
	}
	s->heap[s->nheap++] = l;
	heap_up(s, s->nheap - 1);
}

struct letter *
schedule_due(struct schedule *s, int64_t now)
{
	if (s->nheap == 0 || s->heap[0]->due > now)
		return NULL;
	struct letter *l = s->heap[0];
	schedule_leave(s, l);
	return l;
}

int64_t
schedule_next(const struct schedule *s)
{
	return s->nheap == 0 ? -1 : s->heap[0]->due;
}

void
schedule_flush(struct schedule *s, int64_t now)
{
	/* All keys become equal or stay below now: the heap stays a heap
	 * only if it is built again. */
	for (size_t i = 0; i < s->nheap; i++) {
		struct letter *l = s->heap[i];
		for (uint32_t k = 0; k < l->nslots; k++)
			if (l->slots[k].next > now)
				l->slots[k].next = now;
		l->due = earliest(l);
	}
	for (size_t i = s->nheap / 2; i-- > 0;)
		heap_down(s, i);
}

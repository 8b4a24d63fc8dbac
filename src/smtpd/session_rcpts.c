/* SPDX-License-Identifier: ISC */
/*
 * The recipients of a transaction.  A mailbox that is named again is
 * accepted again and kept once.  Invariant: each kept recipient has just one
 * slot, found from its hash, and half of the slots are free, so that all
 * recipients together cost linear time (H15).
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "smtpd/session_internal.h"

#define RCPTS_FIRST 8
#define RCPTS_KEPT 64 /* memory for more is not kept for the next one */

struct rcpt_slot {
	uint64_t hash;
	size_t place; /* in rcpts, from 1; 0: free */
};

/* The slot of this mailbox, or the free one where it belongs. */
static struct rcpt_slot *
find_slot(const struct session *s, const struct address *a, uint64_t hash)
{
	size_t n = 2 * s->cap, i = (size_t)(hash % n);
	while (s->slots[i].place != 0) {
		if (s->slots[i].hash == hash &&
		    address_equal(&s->rcpts[s->slots[i].place - 1].addr, a))
			break;
		i = (i + 1) % n;
	}
	return &s->slots[i];
}

static void
grow(struct session *s)
{
	struct rcpt_slot *old = s->slots;
	size_t nold = 2 * s->cap;
	s->cap = s->cap ? s->cap * 2 : RCPTS_FIRST;
	s->rcpts = alloc_grow(s->rcpts, s->cap, sizeof(*s->rcpts));
	s->slots = alloc_zero(2 * s->cap, sizeof(*s->slots));
	for (size_t i = 0; i < nold; i++)
		if (old[i].place != 0)
			*find_slot(s, &s->rcpts[old[i].place - 1].addr,
			    old[i].hash) = old[i];
	free(old);
}

void
session_keep_rcpt(struct session *s)
{
	uint64_t hash = address_hash(&s->asked.addr);
	if (s->nrcpts == s->cap)
		grow(s);
	struct rcpt_slot *slot = find_slot(s, &s->asked.addr, hash);
	s->named++;
	if (slot->place != 0)
		return;
	s->rcpts[s->nrcpts++] = s->asked;
	*slot = (struct rcpt_slot){.hash = hash, .place = s->nrcpts};
}

void
session_forget_rcpts(struct session *s)
{
	if (s->cap > RCPTS_KEPT) {
		free(s->rcpts);
		free(s->slots);
		s->rcpts = NULL;
		s->slots = NULL;
		s->cap = 0;
	} else if (s->nrcpts > 0) {
		memset(s->slots, 0, 2 * s->cap * sizeof(*s->slots));
	}
	s->nrcpts = s->named = 0;
}

size_t
session_rcpts(const struct session *s, const struct session_rcpt **v)
{
	*v = s->rcpts;
	return s->nrcpts;
}

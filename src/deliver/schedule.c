/* SPDX-License-Identifier: ISC */
/*
 * The index of the queue; its heap of due times is due.c's.  Opens no file
 * and no socket.  Invariants: a letter is in the heap exactly when it has a
 * WAITING slot and is not being looked at; letter->open counts the slots
 * that are not FINAL; bundle->open counts the letters with open > 0.
 */
#include "deliver/schedule.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

/* A due time read back is never further away than this, and time in which
 * no carrier looked at a message makes it no older than this. */
#define UNSEEN_MAX_MS (24 * 3600 * 1000LL)

void
schedule_init(struct schedule *s)
{
	*s = (struct schedule){0};
}

static void
free_bundle(void *arg, struct hash_link *link)
{
	schedule_forget(arg, (struct bundle *)link);
}

void
schedule_free(struct schedule *s)
{
	hash_each(&s->bundles, free_bundle, s);
	hash_free(&s->bundles);
	interns_free(&s->interns);
	free(s->heap);
	*s = (struct schedule){0};
}

static bool
same_bundle(const struct hash_link *l, const void *key)
{
	return strcmp(((const struct bundle *)l)->id, key) == 0;
}

struct bundle *
schedule_find(const struct schedule *s, const char *batch)
{
	return (struct bundle *)hash_find(
	    &s->bundles, hash_bytes(batch, strlen(batch)), same_bundle, batch);
}

struct bundle *
schedule_bundle(struct schedule *s, const char *batch)
{
	struct bundle *b = alloc_zero(1, sizeof(*b));
	memcpy(b->id, batch, strnlen(batch, BATCH_ID_LEN));
	hash_add(&s->bundles, &b->link, hash_bytes(b->id, strlen(b->id)));
	return b;
}

/* Domains compare without case; one name serves all spellings. */
static struct name *
domain_name(struct schedule *s, const struct address *a)
{
	char lower[DOMAIN_MAX + 1] = "";
	const char *domain = address_domain(a);
	for (size_t i = 0; i < DOMAIN_MAX && domain[i] != '\0'; i++)
		lower[i] = (char)tolower((unsigned char)domain[i]);
	return intern_name(&s->interns, lower);
}

static int64_t
between(int64_t low, int64_t ms, int64_t high)
{
	return ms < low ? low : ms > high ? high : ms;
}

static uint32_t
seconds(int64_t ms)
{
	return (uint32_t)between(0, ms / 1000, UINT32_MAX);
}

int64_t
letter_age(const struct letter *l, int64_t now)
{
	return now > l->born ? now - l->born : 0;
}

/* How old is it, when it was last seen at this wall-clock time?  Of two
 * clocks that contradict each other the younger age is taken: what is kept
 * too long can still be returned, what was returned cannot be sent. */
static void
set_age(struct letter *l, int64_t seen_ms)
{
	int64_t wall = clock_wall_ms();
	int64_t since_arrival = wall - l->arrived_ms, age = since_arrival;
	if (seen_ms <= wall)
		age = (seen_ms > l->arrived_ms ? seen_ms - l->arrived_ms : 0) +
		      between(0, wall - seen_ms, UNSEEN_MAX_MS);
	age = between(0, since_arrival, age > 0 ? age : 0);
	/* Its recipients were seen at different times: the last one counts. */
	if (l->born != 0 && age <= letter_age(l, clock_mono_ms()))
		return;
	l->born = clock_mono_ms() - age;
	l->lag = seconds(since_arrival - age);
}

struct letter *
schedule_letter(struct schedule *s, struct bundle *b,
    const struct envelope *env, uint64_t offset)
{
	struct letter *l =
	    alloc_zero(1, sizeof(*l) + env->nrcpts * sizeof(struct slot));
	l->bundle = b;
	l->sibling = b->letters;
	b->letters = l;
	b->nletters++;
	l->sender = intern_name(&s->interns, env->from.text);
	l->offset = offset;
	l->arrived_ms = env->arrived_ms;
	set_age(l, l->arrived_ms);
	l->seq = env->seq;
	l->watched = env->watch != NULL;
	/* A report must not be lost for what it cannot have. */
	l->wish = env->from.text[0] != '\0' ? (uint8_t)env->tls : WISH_NONE;
	l->open = l->nslots = (uint32_t)env->nrcpts;
	for (size_t i = 0; i < env->nrcpts; i++) {
		l->slots[i].number = env->rcpts[i].number;
		l->slots[i].domain = domain_name(s, &env->rcpts[i].addr);
		l->slots[i].expanded = env->rcpts[i].notify == NOTIFY_EXPANDED;
	}
	if (l->open > 0) {
		b->open++;
		s->letters++;
	}
	return l;
}

struct slot *
letter_slot(struct letter *l, uint32_t number)
{
	/* Numbers ascend; in a fresh message they are index + 1. */
	if (number >= 1 && number <= l->nslots &&
	    l->slots[number - 1].number == number)
		return &l->slots[number - 1];
	size_t low = 0, high = l->nslots;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (l->slots[mid].number < number)
			low = mid + 1;
		else
			high = mid;
	}
	return low < l->nslots && l->slots[low].number == number
		   ? &l->slots[low]
		   : NULL;
}

static void
make_final(struct schedule *s, struct letter *l, struct slot *sl)
{
	if (sl->state == SLOT_FINAL)
		return;
	sl->state = SLOT_FINAL;
	if (--l->open == 0) {
		l->bundle->open--;
		s->letters--;
	}
}

void
schedule_lose(struct schedule *s, struct bundle *b)
{
	b->lost = true;
	for (struct letter *l = b->letters; l != NULL; l = l->sibling) {
		for (uint32_t i = 0; i < l->nslots; i++)
			if (l->slots[i].state != SLOT_ACTIVE)
				make_final(s, l, &l->slots[i]);
		schedule_enter(s, l);
	}
}

struct letter *
bundle_letter(const struct bundle *b, uint32_t seq)
{
	struct letter *l = b->letters;
	while (l != NULL && l->seq != seq)
		l = l->sibling;
	return l;
}

static void
keep_reason(struct schedule *s, struct slot *sl, const struct status *st,
    const char *remote)
{
	struct reason *old = sl->reason;
	sl->reason = intern_reason(&s->interns, st, remote);
	intern_drop_reason(&s->interns, old);
}

void
schedule_replay(struct schedule *s, const struct record *r)
{
	struct bundle *b = schedule_find(s, r->batch);
	struct letter *l = b != NULL ? bundle_letter(b, r->seq) : NULL;
	struct slot *sl = l != NULL ? letter_slot(l, r->rcpt) : NULL;
	if (sl == NULL || sl->state == SLOT_FINAL)
		return;
	sl->attempts =
	    (uint16_t)(r->attempts > UINT16_MAX ? UINT16_MAX : r->attempts);
	sl->tried = seconds(r->at_ms - l->arrived_ms);
	set_age(l, r->at_ms);
	if (r->attempts > 0 || r->status.verdict != LATER)
		keep_reason(s, sl, &r->status, r->remote);
	if (r->status.verdict != LATER) {
		make_final(s, l, sl);
		return;
	}
	sl->state = r->held ? SLOT_HELD : SLOT_WAITING;
	/* No longer than it was meant to be, whatever the clock says now. */
	int64_t meant = between(0, r->next_ms - r->at_ms, UNSEEN_MAX_MS);
	sl->next =
	    clock_mono_ms() + between(0, r->next_ms - clock_wall_ms(), meant);
}

/* --- findings --- */

bool
slot_record(const struct letter *l, const struct slot *sl, struct record *out)
{
	bool waits = sl->state == SLOT_WAITING || sl->state == SLOT_ACTIVE;
	int64_t next = l->arrived_ms + l->lag * 1000LL + sl->next - l->born;
	*out = (struct record){.seq = l->seq,
	    .rcpt = sl->number,
	    .at_ms = l->arrived_ms + (int64_t)sl->tried * 1000,
	    .next_ms = waits ? next : 0,
	    .attempts = sl->attempts,
	    .held = sl->state == SLOT_HELD};
	memcpy(out->batch, l->bundle->id, sizeof(out->batch));
	reason_status(sl->reason, &out->status);
	if (sl->reason == NULL)
		out->status.text[0] = '\0';
	else
		(void)snprintf(
		    out->remote, sizeof(out->remote), "%s", sl->reason->remote);
	return sl->reason != NULL || sl->state == SLOT_HELD;
}

void
schedule_settle(struct schedule *s, struct letter *l, struct slot *sl,
    const struct status *st, const char *remote, int64_t next,
    struct record *out)
{
	keep_reason(s, sl, st, remote);
	if (sl->attempts < UINT16_MAX)
		sl->attempts++;
	sl->unsent = 0;
	sl->tried = seconds(l->lag * 1000LL + letter_age(l, clock_mono_ms()));
	if (st->verdict == LATER) {
		sl->state = SLOT_WAITING;
		sl->next = next;
	} else {
		make_final(s, l, sl);
	}
	(void)slot_record(l, sl, out);
}

void
slot_hold(const struct letter *l, struct slot *sl, struct record *out)
{
	sl->state = SLOT_HELD;
	(void)slot_record(l, sl, out);
}

void
slot_release(
    const struct letter *l, struct slot *sl, int64_t next, struct record *out)
{
	sl->state = SLOT_WAITING;
	sl->next = next;
	(void)slot_record(l, sl, out);
}

void
schedule_moved(struct bundle *b, uint32_t seq, uint64_t offset)
{
	for (struct letter *l = b->letters; l != NULL; l = l->sibling)
		if (l->seq == seq)
			l->offset = offset;
}

void
schedule_forget(struct schedule *s, struct bundle *b)
{
	struct letter *next;
	for (struct letter *l = b->letters; l != NULL; l = next) {
		next = l->sibling;
		schedule_leave(s, l);
		if (l->open > 0)
			s->letters--;
		intern_drop_name(&s->interns, l->sender);
		for (uint32_t i = 0; i < l->nslots; i++) {
			intern_drop_name(&s->interns, l->slots[i].domain);
			intern_drop_reason(&s->interns, l->slots[i].reason);
		}
		free(l);
	}
	hash_remove(&s->bundles, &b->link);
	free(b);
}

int64_t
retry_delay(const int64_t *table, size_t n_table, unsigned n)
{
	if (n == 0)
		n = 1;
	int64_t delay = table[n <= n_table ? n - 1 : n_table - 1];
	int64_t spread = delay / 5;
	return spread > 0 ? delay - spread / 2 + random() % spread : delay;
}

/* SPDX-License-Identifier: ISC */
/*
 * Flush, and waiting for what comes of it.  The queue itself says how far it
 * is: what was there before and has not been tried since is what is left.
 */
#include "queue_flush.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "order_send.h"
#include "view.h"

#define LOOK_EACH_MS 500
#define STALLED_MS (60 * 1000LL)
#define BAR_WIDTH 40

/* A recipient as it was before. */
struct before {
	struct hash_link link;
	char batch[BATCH_ID_LEN + 1];
	uint32_t seq, rcpt, attempts;
};

struct progress {
	struct hash table;
	bool counting; /* the first look: remember all */
	size_t total, untried, there;
};

static uint64_t
hash_of(const char *batch, uint32_t seq, uint32_t rcpt)
{
	return hash_bytes(batch, BATCH_ID_LEN) + seq * 31ULL + rcpt;
}

static bool
same_rcpt(const struct hash_link *link, const void *arg)
{
	const struct before *x = (const struct before *)link, *y = arg;
	return x->seq == y->seq && x->rcpt == y->rcpt &&
	       strcmp(x->batch, y->batch) == 0;
}

static void
look_at(
    struct progress *p, const struct view_message *m, const struct view_rcpt *r)
{
	struct before key = {.seq = m->env->seq,
	    .rcpt = r->rcpt->number,
	    .attempts = r->found != NULL ? r->found->attempts : 0};
	memcpy(key.batch, m->batch, BATCH_ID_LEN);
	uint64_t hash = hash_of(key.batch, key.seq, key.rcpt);
	if (p->counting) {
		struct before *b = alloc_zero(1, sizeof(*b));
		*b = key;
		hash_add(&p->table, &b->link, hash);
		p->total++;
		return;
	}
	const struct before *b =
	    (const struct before *)hash_find(&p->table, hash, same_rcpt, &key);
	if (b == NULL)
		return; /* came in meanwhile */
	p->there++;
	p->untried += key.attempts == b->attempts;
}

static void
look_at_message(void *arg, const struct view_message *m)
{
	for (size_t i = 0; i < m->nrcpts; i++)
		if (m->rcpts[i].found == NULL || !m->rcpts[i].found->held)
			look_at(arg, m, &m->rcpts[i]);
}

static int
look(struct progress *p, const struct conf *c)
{
	struct view v;
	const struct selector all = {0};
	p->untried = p->there = 0;
	return view_each(&v, c, &all, look_at_message, p);
}

static void
draw(const struct progress *p, bool last)
{
	char bar[BAR_WIDTH + 1];
	size_t done = p->total - p->untried;
	size_t filled = p->total > 0 ? done * BAR_WIDTH / p->total : BAR_WIDTH;
	if (!isatty(STDERR_FILENO) || !isatty(STDOUT_FILENO))
		return;
	memset(bar, '.', BAR_WIDTH);
	memset(bar, '#', filled);
	bar[BAR_WIDTH] = '\0';
	(void)fprintf(stderr, "\r[%s] %zu of %zu tried%s", bar, done, p->total,
	    last ? "\n" : "");
}

static int
wait_for(struct progress *p, const struct conf *c)
{
	int64_t moved = clock_mono_ms();
	size_t before = p->total + 1;
	int code;
	while ((code = look(p, c)) == 0 && p->untried > 0) {
		draw(p, false);
		if (p->untried + p->there != before)
			moved = clock_mono_ms();
		else if (clock_mono_ms() - moved > STALLED_MS)
			break;
		before = p->untried + p->there;
		(void)poll(NULL, 0, LOOK_EACH_MS);
	}
	draw(p, true);
	if (code != 0)
		return code;
	(void)printf("%zu of %zu gone", p->total - p->there, p->total);
	if (p->untried > 0)
		(void)printf(", %zu not tried yet", p->untried);
	(void)printf("\n");
	return p->there == 0 ? EX_OK : EX_TEMPFAIL;
}

static void
free_before(void *arg, struct hash_link *link)
{
	(void)arg;
	free(link);
}

int
queue_flush(const struct conf *c, bool wait)
{
	struct progress p = {.counting = true};
	const struct order o = {.verb = ORDER_FLUSH};
	int code = wait ? look(&p, c) : 0;
	p.counting = false;
	if (code == 0)
		code = order_send(c, &o);
	if (code == 0 && wait)
		code = wait_for(&p, c);
	hash_each(&p.table, free_before, NULL);
	hash_free(&p.table);
	return code;
}

/* SPDX-License-Identifier: ISC */
/*
 * The table of addresses that do not answer.  Opens no connection and knows
 * no destination.  Invariant: an address is in the table exactly while it is
 * not closed, and then its row is on the board; probing is true from the
 * begin of a probe until breaker_failed, breaker_reached or breaker_let_go.
 */
#include "deliver/breaker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "deliver/schedule.h"

#define KEY_MAX (IP_TEXT_MAX + 32)

struct breaker {
	struct hash_link link;
	char key[KEY_MAX];
	unsigned failures; /* in a row */
	int64_t until;     /* monotonic ms */
	bool probing;
	struct status why; /* the last failure */
};

struct breakers {
	struct hash table;
	struct board *board;
};

struct breakers *
breakers_new(struct board *board)
{
	struct breakers *b = alloc_zero(1, sizeof(*b));
	b->board = board;
	return b;
}

static void
make_key(const struct hop_target *t, char key[KEY_MAX])
{
	char ip[IP_TEXT_MAX];
	ip_format(&t->ip, ip);
	(void)snprintf(key, KEY_MAX, "address [%s]:%u", ip, t->port);
}

static bool
same_key(const struct hash_link *l, const void *key)
{
	return strcmp(((const struct breaker *)l)->key, key) == 0;
}

static struct breaker *
find(const struct breakers *b, const struct hop_target *t)
{
	char key[KEY_MAX];
	make_key(t, key);
	return (struct breaker *)hash_find(
	    &b->table, hash_bytes(key, strlen(key)), same_key, key);
}

static struct breaker *
add(struct breakers *b, const struct hop_target *t)
{
	struct breaker *k = alloc_zero(1, sizeof(*k));
	make_key(t, k->key);
	hash_add(&b->table, &k->link, hash_bytes(k->key, strlen(k->key)));
	return k;
}

static void
forget(struct breakers *b, struct breaker *k)
{
	board_well(b->board, k->key);
	hash_remove(&b->table, &k->link);
	free(k);
}

static void
forget_one(void *arg, struct hash_link *link)
{
	forget(arg, (struct breaker *)link);
}

void
breakers_free(struct breakers *b)
{
	if (b == NULL)
		return;
	hash_each(&b->table, forget_one, b);
	hash_free(&b->table);
	free(b);
}

enum breaker_state
breaker_look(const struct breakers *b, const struct hop_target *t, int64_t now,
    int64_t *until, struct status *why)
{
	const struct breaker *k = b != NULL ? find(b, t) : NULL;
	*until = k != NULL ? k->until : 0;
	if (k == NULL)
		return BREAKER_CLOSED;
	if (why != NULL)
		*why = k->why;
	if (k->probing)
		return BREAKER_PROBED;
	return k->until > now ? BREAKER_OPEN : BREAKER_HALF_OPEN;
}

bool
breaker_begin(struct breakers *b, const struct hop_target *t)
{
	struct breaker *k = find(b, t);
	if (k != NULL)
		k->probing = true;
	return k != NULL;
}

void
breaker_failed(struct breakers *b, const struct hop_target *t,
    const struct conf *c, int64_t now, const struct status *why)
{
	struct breaker *k = find(b, t);
	if (k == NULL)
		k = add(b, t);
	else if (!k->probing)
		return; /* begun before it opened: the same failure */
	k->probing = false;
	k->failures++;
	k->why = *why;
	int64_t delay =
	    retry_delay(c->queue.retry_ms, c->queue.nretry, k->failures);
	if (delay > BREAKER_OPEN_MAX_MS)
		delay = BREAKER_OPEN_MAX_MS;
	k->until = now + delay;
	log_event(LOG_NOTICE, "breaker-open", LOG_STR("dest", k->key),
	    LOG_NUM("failures", k->failures), LOG_NUM("retry-in", delay / 1000),
	    LOG_STR("text", why->text));
	board_ill(
	    b->board, k->key, why->text, clock_wall_ms() + delay, k->failures);
}

void
breaker_reached(struct breakers *b, const struct hop_target *t)
{
	struct breaker *k = find(b, t);
	if (k == NULL)
		return;
	log_event(LOG_NOTICE, "breaker-closed", LOG_STR("dest", k->key),
	    LOG_NUM("failures", k->failures));
	forget(b, k);
}

void
breaker_let_go(struct breakers *b, const struct hop_target *t)
{
	struct breaker *k = find(b, t);
	if (k != NULL)
		k->probing = false;
}

static void
expire_one(void *arg, struct hash_link *link)
{
	struct breaker *k = (struct breaker *)link;
	const int64_t *now = arg;
	if (k->until > *now)
		k->until = *now;
}

void
breakers_expire(struct breakers *b, int64_t now)
{
	hash_each(&b->table, expire_one, &now);
}

struct sweep {
	struct breakers *breakers;
	int64_t now;
};

static void
sweep_one(void *arg, struct hash_link *link)
{
	struct sweep *s = arg;
	struct breaker *k = (struct breaker *)link;
	if (!k->probing && k->until + BREAKER_KEEP_MS <= s->now)
		forget(s->breakers, k);
}

void
breakers_sweep(struct breakers *b, int64_t now)
{
	struct sweep s = {b, now};
	hash_each(&b->table, sweep_one, &s);
}

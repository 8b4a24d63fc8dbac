/* SPDX-License-Identifier: ISC */
/*
 * Chained hashing with SipHash-1-3.  Not ordered, not thread-safe.  The
 * table doubles when it is full, so that chains stay about one link long
 * for keys that nobody can predict the hash of.
 */
#include "base/hash.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"

static uint64_t
rotate(uint64_t x, int n)
{
	return (x << n) | (x >> (64 - n));
}

static void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static uint64_t process_key[2];

static void
draw_key(void)
{
	if (getrandom(process_key, sizeof(process_key), 0) !=
	    sizeof(process_key))
		die("no random numbers");
}

uint64_t
hash_bytes(const void *data, size_t len)
{
	/* Once: a thread must not see another's key change. */
	static pthread_once_t drawn = PTHREAD_ONCE_INIT;
	(void)pthread_once(&drawn, draw_key);
	const unsigned char *p = data;
	uint64_t v[4] = {process_key[0] ^ 0x736f6d6570736575u,
	    process_key[1] ^ 0x646f72616e646f6du,
	    process_key[0] ^ 0x6c7967656e657261u,
	    process_key[1] ^ 0x7465646279746573u};
	uint64_t word, last = (uint64_t)len << 56;
	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&word, p, 8);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	for (size_t i = 0; i < len; i++)
		last |= (uint64_t)p[i] << (8 * i);
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct hash_link *
hash_find(const struct hash *h, uint64_t hash,
    bool (*same)(const struct hash_link *, const void *key), const void *key)
{
	if (h->cap == 0)
		return NULL;
	struct hash_link *l = h->slots[hash & (h->cap - 1)];
	while (l != NULL && !(l->hash == hash && same(l, key)))
		l = l->next;
	return l;
}

static void
grow(struct hash *h)
{
	size_t cap = h->cap ? h->cap * 2 : 64;
	struct hash_link **slots = alloc_zero(cap, sizeof(struct hash_link *));
	for (size_t i = 0; i < h->cap; i++) {
		struct hash_link *next;
		for (struct hash_link *l = h->slots[i]; l != NULL; l = next) {
			next = l->next;
			l->next = slots[l->hash & (cap - 1)];
			slots[l->hash & (cap - 1)] = l;
		}
	}
	free(h->slots);
	h->slots = slots;
	h->cap = cap;
}

void
hash_add(struct hash *h, struct hash_link *link, uint64_t hash)
{
	if (h->n >= h->cap)
		grow(h);
	link->hash = hash;
	link->next = h->slots[hash & (h->cap - 1)];
	h->slots[hash & (h->cap - 1)] = link;
	h->n++;
}

void
hash_remove(struct hash *h, struct hash_link *link)
{
	struct hash_link **at = &h->slots[link->hash & (h->cap - 1)];
	while (*at != link)
		at = &(*at)->next;
	*at = link->next;
	link->next = NULL;
	h->n--;
}

void
hash_each(
    struct hash *h, void (*fn)(void *arg, struct hash_link *link), void *arg)
{
	for (size_t i = 0; i < h->cap; i++) {
		struct hash_link *next;
		for (struct hash_link *l = h->slots[i]; l != NULL; l = next) {
			next = l->next;
			fn(arg, l);
		}
	}
}

void
hash_free(struct hash *h)
{
	free(h->slots);
	*h = (struct hash){0};
}

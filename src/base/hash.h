/* SPDX-License-Identifier: ISC */
/*
 * An intrusive chained hash table.  Owners embed a struct hash_link, keep
 * the memory, and compare keys themselves.  Keys may be chosen by an enemy:
 * hash_bytes() is SipHash-1-3 under a key drawn once per process (H15).
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash_link {
	struct hash_link *next;
	uint64_t hash;
};

struct hash {
	struct hash_link **slots; /* NULL while empty */
	size_t n, cap;
};

uint64_t hash_bytes(const void *data, size_t len);

/* The first link with this hash for which same() holds, or NULL. */
struct hash_link *hash_find(const struct hash *h, uint64_t hash,
    bool (*same)(const struct hash_link *, const void *key), const void *key);

void hash_add(struct hash *h, struct hash_link *link, uint64_t hash);
void hash_remove(struct hash *h, struct hash_link *link);

/* Call fn for each link; it may remove and free the link it is given. */
void hash_each(
    struct hash *h, void (*fn)(void *arg, struct hash_link *link), void *arg);

/* Free the slots, not the links. */
void hash_free(struct hash *h);

#endif

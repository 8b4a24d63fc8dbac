/* SPDX-License-Identifier: ISC */
/*
 * A count of sessions by address and port.  Not the connections themselves
 * (conn.c), nor what is wrong with an address (breaker.c).  Invariant: an
 * entry is in the table exactly while its count is not zero.
 */
#include "deliver/sessions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define KEY_MAX (IP_TEXT_MAX + 16)

struct entry {
	struct hash_link link;
	unsigned n;
	char key[KEY_MAX];
};

static bool
same_key(const struct hash_link *l, const void *key)
{
	return strcmp(((const struct entry *)l)->key, key) == 0;
}

/* The entry or NULL; its key and hash in any case. */
static struct entry *
find(const struct sessions *s, const struct hop_target *t, char key[KEY_MAX],
    uint64_t *hash)
{
	char ip[IP_TEXT_MAX];
	ip_format(&t->ip, ip);
	(void)snprintf(key, KEY_MAX, "[%s]:%u", ip, t->port);
	*hash = hash_bytes(key, strlen(key));
	return (struct entry *)hash_find(&s->table, *hash, same_key, key);
}

void
sessions_begin(struct sessions *s, const struct hop_target *t)
{
	char key[KEY_MAX];
	uint64_t hash;
	struct entry *e = find(s, t, key, &hash);
	if (e == NULL) {
		e = alloc_zero(1, sizeof(*e));
		memcpy(e->key, key, sizeof(e->key));
		hash_add(&s->table, &e->link, hash);
	}
	e->n++;
}

void
sessions_end(struct sessions *s, const struct hop_target *t)
{
	char key[KEY_MAX];
	uint64_t hash;
	struct entry *e = find(s, t, key, &hash);
	if (e == NULL || --e->n > 0)
		return;
	hash_remove(&s->table, &e->link);
	free(e);
}

bool
sessions_has(const struct sessions *s, const struct hop_target *t)
{
	char key[KEY_MAX];
	uint64_t hash;
	return find(s, t, key, &hash) != NULL;
}

static void
free_one(void *arg, struct hash_link *link)
{
	(void)arg;
	free(link);
}

void
sessions_free(struct sessions *s)
{
	hash_each(&s->table, free_one, NULL);
	hash_free(&s->table);
}

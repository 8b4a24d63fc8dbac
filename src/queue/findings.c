/* SPDX-License-Identifier: ISC */
/*
 * The journal, folded: later records replace earlier ones.  A reader only;
 * memory is in proportion to the recipients that are named in it.
 */
#include "queue/findings.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "queue/journal.h"

struct findings {
	struct hash table;
	bool history;
};

struct key {
	char batch[BATCH_ID_LEN + 1];
	uint32_t seq, rcpt;
};

static struct key
make_key(const char *batch, uint32_t seq, uint32_t rcpt)
{
	struct key k;
	memset(&k, 0, sizeof(k)); /* padding is hashed, too */
	memcpy(k.batch, batch, strnlen(batch, BATCH_ID_LEN));
	k.seq = seq;
	k.rcpt = rcpt;
	return k;
}

static bool
same(const struct hash_link *link, const void *arg)
{
	const struct finding *f = (const struct finding *)link;
	const struct key *k = arg;
	return f->seq == k->seq && f->rcpt == k->rcpt &&
	       strcmp(f->batch, k->batch) == 0;
}

struct findings *
findings_new(void)
{
	return alloc_zero(1, sizeof(struct findings));
}

struct findings *
findings_new_history(void)
{
	struct findings *f = findings_new();
	f->history = true;
	return f;
}

static void
drop_attempt(struct attempt *a)
{
	free(a->remote);
	free(a->text);
}

static void
free_one(void *arg, struct hash_link *link)
{
	struct finding *f = (struct finding *)link;
	(void)arg;
	for (unsigned i = 0; i < f->nlast; i++)
		drop_attempt(&f->last[i]);
	free(f->last);
	free(f->text);
	free(f);
}

void
findings_free(struct findings *f)
{
	hash_each(&f->table, free_one, NULL);
	hash_free(&f->table);
	free(f);
}

static void
add_attempt(struct finding *f, const struct record *r)
{
	if (f->last == NULL)
		f->last = alloc_zero(ATTEMPTS_KEPT, sizeof(*f->last));
	if (f->nlast == ATTEMPTS_KEPT) {
		drop_attempt(&f->last[0]);
		memmove(&f->last[0], &f->last[1],
		    (ATTEMPTS_KEPT - 1) * sizeof(f->last[0]));
		f->nlast--;
	}
	struct attempt *a = &f->last[f->nlast++];
	a->at_ms = r->at_ms;
	a->code = r->status.code;
	memcpy(a->enhanced, r->status.enhanced, sizeof(a->enhanced));
	a->remote = alloc_string(r->remote, strlen(r->remote));
	a->text = alloc_string(r->status.text, strlen(r->status.text));
}

static struct finding *
find_or_add(struct findings *all, const struct record *r)
{
	struct key key = make_key(r->batch, r->seq, r->rcpt);
	uint64_t hash = hash_bytes(&key, sizeof(key));
	struct finding *f =
	    (struct finding *)hash_find(&all->table, hash, same, &key);
	if (f != NULL)
		return f;
	f = alloc_zero(1, sizeof(*f));
	memcpy(f->batch, key.batch, sizeof(f->batch));
	f->seq = r->seq;
	f->rcpt = r->rcpt;
	hash_add(&all->table, &f->link, hash);
	return f;
}

static void
on_record(void *arg, const struct record *r)
{
	struct findings *all = arg;
	struct finding *f = find_or_add(all, r);
	if (all->history && r->attempts > f->attempts)
		add_attempt(f, r);
	free(f->text);
	f->final = r->status.verdict != LATER;
	f->code = r->status.code > 0 ? (unsigned)r->status.code : 0;
	f->attempts = r->attempts;
	f->at_ms = r->at_ms;
	f->next_ms = r->next_ms;
	f->held = r->held;
	f->text =
	    alloc_string(r->status.text, f->final ? 0 : strlen(r->status.text));
}

int
findings_read(struct findings *f, const char *spool)
{
	return journal_replay(spool, on_record, f);
}

const struct finding *
findings_get(
    const struct findings *f, const char *batch, uint32_t seq, uint32_t rcpt)
{
	struct key key = make_key(batch, seq, rcpt);
	return (const struct finding *)hash_find(
	    &f->table, hash_bytes(&key, sizeof(key)), same, &key);
}

struct search {
	const char *batch;
	bool found;
};

static void
look_for_final(void *arg, struct hash_link *link)
{
	struct search *s = arg;
	const struct finding *f = (const struct finding *)link;
	if (f->final && strcmp(f->batch, s->batch) == 0)
		s->found = true;
}

bool
findings_any_final(struct findings *f, const char *batch)
{
	struct search s = {.batch = batch};
	hash_each(&f->table, look_for_final, &s);
	return s.found;
}

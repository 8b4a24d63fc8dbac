/* SPDX-License-Identifier: ISC */
/*
 * Reverse names that are confirmed forward.  Not the DNS (net/resolver) and
 * not what a name allows (relay).
 *
 * Whoever owns an address writes its PTR record, so that alone it proves
 * nothing (G23): only the address of the name does.  All who ask for one
 * address wait for one search; a search goes on when nobody waits any more
 * and fills the cache, and its deadline bounds it.
 *
 * Invariant: an entry is being searched for, or in the order of age, from
 * which the oldest is dropped.
 */
#include "smtpd/names.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/time.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"

#define CACHE_MAX 8192
#define SEARCHES_MAX 1000
#define CANDIDATES_MAX 8 /* PTR records of one address that are tried */
#define KEEP_MIN_MS (30 * 1000)
#define KEEP_MAX_MS (10 * 60 * 1000)
#define KEEP_NONE_MS (5 * 60 * 1000)
#define KEEP_FAULT_MS (10 * 1000)

LIST_HEAD(waiting, name_query);

struct name_query {
	LIST_ENTRY(name_query) link;
	names_fn fn;
	void *arg;
};

struct search {
	struct question *question;
	struct event *patience;
	struct waiting waiting;
	char candidates[CANDIDATES_MAX][256];
	size_t n, next;
	uint32_t ttl;
	bool fault; /* some question had no answer */
};

struct entry {
	struct hash_link link;
	TAILQ_ENTRY(entry) age;
	struct names *names;
	struct ip ip;
	struct search *search; /* NULL: name is known */
	char *name;
	int64_t expires_ms;
};

struct names {
	struct resolver *resolver;
	struct hash cache;
	TAILQ_HEAD(ages, entry) ages;
	size_t known, searching;
};

static void ask_next(struct entry *e);

static void
free_search(struct search *s)
{
	struct name_query *q;
	if (s == NULL)
		return;
	if (s->question != NULL)
		resolver_cancel(s->question);
	event_free(s->patience);
	while ((q = LIST_FIRST(&s->waiting)) != NULL) {
		LIST_REMOVE(q, link);
		free(q);
	}
	free(s);
}

static void
free_entry(void *arg, struct hash_link *link)
{
	struct entry *e = (struct entry *)(void *)link;
	(void)arg;
	hash_remove(&e->names->cache, &e->link);
	if (e->search == NULL) {
		TAILQ_REMOVE(&e->names->ages, e, age);
		e->names->known--;
	}
	free_search(e->search);
	free(e->name);
	free(e);
}

/* The search ends.  Behind the calls e may be gone, and what waited is in
 * nobody's list but this one. */
static void
finish(struct entry *e, const char *name, int64_t keep_ms)
{
	struct names *n = e->names;
	struct search *s = e->search;
	struct waiting waiting = LIST_HEAD_INITIALIZER(waiting);
	struct name_query *q;
	char text[256];
	(void)snprintf(text, sizeof(text), "%s", name);
	while ((q = LIST_FIRST(&s->waiting)) != NULL) {
		LIST_REMOVE(q, link);
		LIST_INSERT_HEAD(&waiting, q, link);
	}
	e->search = NULL;
	free_search(s);
	e->name = alloc_string(text, strlen(text));
	e->expires_ms = clock_mono_ms() + keep_ms;
	TAILQ_INSERT_TAIL(&n->ages, e, age);
	n->searching--;
	if (++n->known > CACHE_MAX)
		free_entry(NULL, &TAILQ_FIRST(&n->ages)->link);
	while ((q = LIST_FIRST(&waiting)) != NULL) {
		LIST_REMOVE(q, link);
		struct name_query ended = *q;
		free(q);
		ended.fn(ended.arg, text);
	}
}

static void
lose_patience(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	finish(arg, "", KEEP_FAULT_MS);
}

static bool
holds(const struct answer *a, const struct ip *ip)
{
	for (size_t i = 0; i < a->n; i++)
		if (ip_equal(&a->records[i].ip, ip))
			return true;
	return false;
}

static void
keep_ttl(struct search *s, const struct answer *a)
{
	if (a->ttl < s->ttl)
		s->ttl = a->ttl;
	s->fault |= a->kind == ANSWER_FAIL;
}

static void
on_addresses(void *arg, const struct answer *a)
{
	struct entry *e = arg;
	struct search *s = e->search;
	s->question = NULL;
	if (a->kind != ANSWER_OK || !holds(a, &e->ip)) {
		s->fault |= a->kind == ANSWER_FAIL;
		s->next++;
		ask_next(e);
		return;
	}
	keep_ttl(s, a);
	int64_t keep_ms = INT64_C(1000) * s->ttl;
	if (keep_ms < KEEP_MIN_MS)
		keep_ms = KEEP_MIN_MS;
	finish(e, s->candidates[s->next],
	    keep_ms < KEEP_MAX_MS ? keep_ms : KEEP_MAX_MS);
}

/* Ask for the addresses of the next name, if there is one. */
static void
ask_next(struct entry *e)
{
	struct search *s = e->search;
	if (s->next == s->n) {
		finish(e, "", s->fault ? KEEP_FAULT_MS : KEEP_NONE_MS);
		return;
	}
	s->question = resolver_ask(e->names->resolver, s->candidates[s->next],
	    ip_is_v4(&e->ip) ? RECORD_A : RECORD_AAAA, on_addresses, e);
}

static void
on_names(void *arg, const struct answer *a)
{
	struct entry *e = arg;
	struct search *s = e->search;
	s->question = NULL;
	keep_ttl(s, a);
	for (size_t i = 0; i < a->n && s->n < CANDIDATES_MAX; i++)
		memcpy(s->candidates[s->n++], a->records[i].name,
		    sizeof(a->records[i].name));
	ask_next(e);
}

static void
ask_first(struct entry *e)
{
	char name[IP_REVERSE_MAX];
	ip_reverse(&e->ip, name);
	e->search->question =
	    resolver_ask(e->names->resolver, name, RECORD_PTR, on_names, e);
}

static struct entry *
start_search(struct names *n, const struct ip *ip)
{
	static const struct timeval patience = {
	    .tv_sec = NAMES_PATIENCE_MS / 1000,
	    .tv_usec = NAMES_PATIENCE_MS % 1000 * 1000};
	struct entry *e = alloc_zero(1, sizeof(*e));
	struct search *s = alloc_zero(1, sizeof(*s));
	e->names = n;
	e->ip = *ip;
	e->search = s;
	hash_add(&n->cache, &e->link, hash_bytes(ip->octets, 16));
	n->searching++;
	LIST_INIT(&s->waiting);
	s->ttl = UINT32_MAX;
	s->patience = evtimer_new(resolver_base(n->resolver), lose_patience, e);
	if (s->patience == NULL || evtimer_add(s->patience, &patience) != 0)
		die("cannot make a timer");
	ask_first(e);
	return e;
}

static bool
same_ip(const struct hash_link *link, const void *key)
{
	return ip_equal(&((const struct entry *)(const void *)link)->ip, key);
}

struct names *
names_new(struct resolver *r)
{
	struct names *n = alloc_zero(1, sizeof(*n));
	n->resolver = r;
	TAILQ_INIT(&n->ages);
	return n;
}

static void
start_again(void *arg, struct hash_link *link)
{
	struct entry *e = (struct entry *)(void *)link;
	struct search *s = e->search;
	(void)arg;
	if (s == NULL) {
		free_entry(NULL, link);
		return;
	}
	if (s->question != NULL)
		resolver_cancel(s->question);
	s->n = s->next = 0;
	s->ttl = UINT32_MAX;
	s->fault = false;
	ask_first(e);
}

void
names_follow(struct names *n, struct resolver *r)
{
	n->resolver = r;
	hash_each(&n->cache, start_again, NULL);
}

void
names_free(struct names *n)
{
	if (n == NULL)
		return;
	hash_each(&n->cache, free_entry, NULL);
	hash_free(&n->cache);
	free(n);
}

struct name_query *
names_find(struct names *n, const struct ip *ip, int64_t now_ms, names_fn fn,
    void *arg)
{
	struct entry *e = (struct entry *)(void *)hash_find(
	    &n->cache, hash_bytes(ip->octets, 16), same_ip, ip);
	if (e != NULL && e->search == NULL && e->expires_ms <= now_ms) {
		free_entry(NULL, &e->link);
		e = NULL;
	}
	if (e == NULL && n->searching < SEARCHES_MAX)
		e = start_search(n, ip);
	if (e == NULL || e->search == NULL) {
		char name[256];
		(void)snprintf(
		    name, sizeof(name), "%s", e != NULL ? e->name : "");
		fn(arg, name);
		return NULL;
	}
	struct name_query *q = alloc_zero(1, sizeof(*q));
	q->fn = fn;
	q->arg = arg;
	LIST_INSERT_HEAD(&e->search->waiting, q, link);
	return q;
}

void
names_cancel(struct name_query *q)
{
	if (q == NULL)
		return;
	LIST_REMOVE(q, link);
	free(q);
}

/* SPDX-License-Identifier: ISC */
/*
 * Who asks for the policy of which domain, and what is still to be done for
 * an answer: the TXT record, the cache, a fetch.  Not how (sts_cache.c,
 * sts_fetch.c, mail/mta_sts.c), and not what follows from it (hop_policy.c).
 *
 * A policy whose id is the record's is used at once, and fetched again in
 * the background when it is a day old, so that it does not expire unseen
 * (RFC 8461 section 3.3).  Invariant: a domain is known here only while
 * something is under way for it, or to remember that a fetch failed.
 */
#include "deliver/sts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "deliver/sts_internal.h"

#define RETRY_MS (5 * 60 * 1000LL)
#define REFRESH_MS (24 * 60 * 60 * 1000LL)

struct sts_query {
	TAILQ_ENTRY(sts_query) link;
	struct sts_domain *domain;
	sts_fn fn;
	void *arg;
};

TAILQ_HEAD(sts_queries, sts_query);

struct sts_domain {
	struct hash_link link;
	struct sts *sts;
	struct sts_queries queries;
	struct question *question; /* for its TXT record */
	struct sts_fetch *fetch;
	char id[STS_ID_MAX + 1]; /* of what is fetched */
	int64_t retry_at;        /* monotonic ms; 0: no fetch failed */
	char name[];
};

struct sts {
	struct sts_source source;
	char *directory, *ca_file;
	struct hash domains;
};

struct sts *
sts_new(struct event_base *base, const char *directory)
{
	struct multi *multi = multi_new(base, sts_fetch_done, NULL);
	if (multi == NULL)
		return NULL;
	struct sts *s = alloc_zero(1, sizeof(*s));
	s->source = (struct sts_source){
	    .base = base, .multi = multi, .trust = trust_new()};
	s->directory = alloc_string(directory, strlen(directory));
	return s;
}

static bool
same_name(const struct hash_link *l, const void *key)
{
	return strcmp(((const struct sts_domain *)l)->name, key) == 0;
}

static void
forget(struct sts_domain *d)
{
	hash_remove(&d->sts->domains, &d->link);
	free(d);
}

/* Nothing is under way, and nothing to be remembered? */
static void
tidy(struct sts_domain *d)
{
	if (d->question == NULL && d->fetch == NULL &&
	    TAILQ_EMPTY(&d->queries) && d->retry_at <= clock_mono_ms())
		forget(d);
}

static void
tidy_one(void *arg, struct hash_link *l)
{
	(void)arg;
	tidy((struct sts_domain *)l);
}

static void
stop_one(void *arg, struct hash_link *l)
{
	struct sts_domain *d = (struct sts_domain *)l;
	(void)arg;
	if (!TAILQ_EMPTY(&d->queries))
		die("a question about MTA-STS outlives its resolver");
	if (d->question != NULL)
		resolver_cancel(d->question);
	if (d->fetch != NULL)
		sts_fetch_cancel(d->fetch);
	forget(d);
}

void
sts_follow(struct sts *s, struct resolver *r, const char *ca_file)
{
	hash_each(&s->domains, stop_one, NULL);
	s->source.resolver = r;
	free(s->ca_file);
	s->ca_file =
	    ca_file != NULL ? alloc_string(ca_file, strlen(ca_file)) : NULL;
	s->source.ca_file = s->ca_file;
}

void
sts_free(struct sts *s)
{
	if (s == NULL)
		return;
	hash_each(&s->domains, stop_one, NULL);
	hash_free(&s->domains);
	multi_free(s->source.multi);
	trust_free(s->source.trust);
	free(s->directory);
	free(s->ca_file);
	free(s);
}

/* Everybody who waits gets what the cache has now. */
static void
answer_all(struct sts_domain *d)
{
	struct sts_kept k;
	struct sts_query *q;
	bool is = sts_cache_read(d->sts->directory, d->name, &k) == 0 &&
		  k.policy.mode != STS_NONE;
	while ((q = TAILQ_FIRST(&d->queries)) != NULL) {
		TAILQ_REMOVE(&d->queries, q, link);
		q->fn(q->arg, is ? &k.policy : NULL);
		free(q);
	}
	sts_kept_free(&k);
}

static const char *
take_policy(struct sts_domain *d, const char *text, size_t len)
{
	struct sts_policy p;
	if (sts_policy_read(&p, text, len) != 0)
		return "what was fetched is no policy";
	if (sts_cache_write(d->sts->directory, d->name, d->id, text, len) != 0)
		return strerror(errno);
	log_event(LOG_INFO, "mta-sts", LOG_STR("domain", d->name),
	    LOG_STR("id", d->id), LOG_STR("mode", sts_mode_name(p.mode)),
	    LOG_NUM("max-age", p.max_age));
	return NULL;
}

static void
fetched(void *arg, const char *text, size_t len, const char *why)
{
	struct sts_domain *d = arg;
	d->fetch = NULL;
	if (text != NULL)
		why = take_policy(d, text, len);
	d->retry_at = why != NULL ? clock_mono_ms() + RETRY_MS : 0;
	if (why != NULL)
		log_event(LOG_WARNING, "mta-sts", LOG_STR("domain", d->name),
		    LOG_STR("id", d->id), LOG_STR("text", why));
	if (d->question == NULL)
		answer_all(d);
	tidy(d);
}

static bool
is_fresh(const struct sts_kept *k)
{
	int64_t age = clock_wall_ms() - k->fetched_ms;
	return age >= 0 && age < REFRESH_MS &&
	       age < (int64_t)k->policy.max_age * 500;
}

/* One record counts; those of other versions do not (section 3.1). */
static bool
find_id(const struct answer *a, char id[STS_ID_MAX + 1])
{
	unsigned found = 0;
	char one[STS_ID_MAX + 1];
	for (size_t i = 0; a->kind == ANSWER_OK && i < a->n; i++) {
		const char *text = (const char *)a->records[i].data;
		if (sts_record_read(text, a->records[i].len, one) != 0)
			continue;
		memcpy(id, one, sizeof(one));
		found++;
	}
	return found == 1;
}

static void
got_record(void *arg, const struct answer *a)
{
	struct sts_domain *d = arg;
	char id[STS_ID_MAX + 1];
	struct sts_kept k;
	bool wait = false;
	d->question = NULL;
	if (find_id(a, id)) {
		bool same =
		    sts_cache_read(d->sts->directory, d->name, &k) == 0 &&
		    strcmp(k.id, id) == 0;
		if ((!same || !is_fresh(&k)) && d->fetch == NULL &&
		    d->retry_at <= clock_mono_ms()) {
			memcpy(d->id, id, sizeof(id));
			d->fetch =
			    sts_fetch_new(&d->sts->source, d->name, fetched, d);
		}
		wait = !same && d->fetch != NULL;
		sts_kept_free(&k);
	}
	if (wait)
		return;
	answer_all(d);
	tidy(d);
}

static struct sts_domain *
find_domain(struct sts *s, const char *name)
{
	uint64_t hash = hash_bytes(name, strlen(name));
	struct sts_domain *d =
	    (struct sts_domain *)hash_find(&s->domains, hash, same_name, name);
	if (d != NULL)
		return d;
	d = alloc_zero(1, sizeof(*d) + strlen(name) + 1);
	memcpy(d->name, name, strlen(name));
	d->sts = s;
	TAILQ_INIT(&d->queries);
	hash_add(&s->domains, &d->link, hash);
	return d;
}

struct sts_query *
sts_ask(struct sts *s, const char *domain, sts_fn fn, void *arg)
{
	char name[256], record[300];
	size_t len = strlen(domain);
	for (size_t i = 0; i <= len && i < sizeof(name); i++)
		name[i] = domain[i] >= 'A' && domain[i] <= 'Z'
			      ? (char)(domain[i] - 'A' + 'a')
			      : domain[i];
	name[sizeof(name) - 1] = '\0';
	struct sts_domain *d = find_domain(s, name);
	struct sts_query *q = alloc_zero(1, sizeof(*q));
	*q = (struct sts_query){.domain = d, .fn = fn, .arg = arg};
	TAILQ_INSERT_TAIL(&d->queries, q, link);
	(void)snprintf(record, sizeof(record), "_mta-sts.%s", d->name);
	if (d->question == NULL)
		d->question = resolver_ask(
		    s->source.resolver, record, RECORD_TXT, got_record, d);
	return q;
}

void
sts_cancel(struct sts_query *q)
{
	TAILQ_REMOVE(&q->domain->queries, q, link);
	free(q);
}

void
sts_sweep(struct sts *s)
{
	hash_each(&s->domains, tidy_one, NULL);
	sts_cache_sweep(s->directory);
}

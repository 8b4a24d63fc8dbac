/* SPDX-License-Identifier: ISC */
/*
 * What the workers know together, in memory that they share.  It decides
 * on numbers alone; who may relay is not its business.
 *
 * The table is set-associative: an address belongs into the one set of WAYS
 * entries that its hash names (SipHash, under a key drawn before the fork),
 * and the oldest idle entry of the set makes room.  Nothing in it points to
 * anything, so that a worker killed inside of the lock leaves at worst a
 * count that is off; the next who takes the robust lock counts again from
 * what each worker holds.
 *
 * Invariant: total and an entry's connections are the sums of held[], and
 * an entry with connections stays where it is.
 */
#include "smtpd/guard.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "base/hash.h"
#include "base/log.h"

#define WAYS 16
#define ENTRIES_MAX (1U << 20)
#define WORKERS_MAX 64
#define MINUTE_MS 60000
#define USER 0xff /* the first octet of an address that is a user's */
#define PENALTY_FIRST_MS 2000
#define PENALTY_MAX_MS 15000
#define PENALTY_FORGET_MS (15 * MINUTE_MS)

struct entry {
	uint8_t key[16];
	int64_t used_ms, minute, failed_ms;
	uint32_t connections;
	uint32_t started, started_before; /* in this minute and the last */
	uint32_t failures;
	bool taken;
};

struct guard {
	pthread_mutex_t lock;
	size_t octets; /* of the mapping */
	uint32_t entries;
	_Atomic uint32_t total;
	bool seen[WORKERS_MAX];
	struct entry v[]; /* and then held[worker][entry] */
};

static uint32_t *
held(struct guard *g, unsigned worker)
{
	return (uint32_t *)(void *)&g->v[g->entries] +
	       (size_t)worker * g->entries;
}

static int
make_lock(struct guard *g)
{
	pthread_mutexattr_t a;
	int error = pthread_mutexattr_init(&a);
	if (error != 0)
		return error;
	error = pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	if (error == 0)
		error = pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	if (error == 0)
		error = pthread_mutex_init(&g->lock, &a);
	(void)pthread_mutexattr_destroy(&a);
	return error;
}

struct guard *
guard_new(unsigned entries)
{
	uint32_t n = WAYS;
	while (n < entries && n < ENTRIES_MAX)
		n *= 2;
	/* What is never touched costs nothing: each worker that lives uses
	 * its own row, and of it the pages of clients that are there. */
	size_t octets = sizeof(struct guard) + n * sizeof(struct entry) +
			(size_t)n * WORKERS_MAX * sizeof(uint32_t);
	struct guard *g = mmap(NULL, octets, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (g == MAP_FAILED)
		return NULL;
	g->octets = octets;
	g->entries = n;
	errno = make_lock(g);
	if (errno != 0) {
		(void)munmap(g, octets);
		return NULL;
	}
	/* Draws the key that all workers inherit. */
	(void)hash_bytes("", 0);
	return g;
}

void
guard_free(struct guard *g)
{
	if (g != NULL)
		(void)munmap(g, g->octets);
}

void
guard_user(unsigned uid, struct ip *ip)
{
	*ip = (struct ip){.octets = {USER}};
	for (int i = 0; i < 4; i++)
		ip->octets[4 + i] = (uint8_t)(uid >> (24 - 8 * i));
}

/* Somebody died inside: count again. */
static void
repair(struct guard *g)
{
	uint32_t total = 0;
	for (uint32_t i = 0; i < g->entries; i++)
		g->v[i].connections = 0;
	for (unsigned w = 0; w < WORKERS_MAX; w++) {
		const uint32_t *row = held(g, w);
		for (uint32_t i = 0; g->seen[w] && i < g->entries; i++) {
			g->v[i].connections += row[i];
			total += row[i];
		}
	}
	g->total = total;
}

static void
lock(struct guard *g)
{
	int error = pthread_mutex_lock(&g->lock);
	if (error == EOWNERDEAD) {
		repair(g);
		error = pthread_mutex_consistent(&g->lock);
	}
	if (error != 0)
		die("the clients' table cannot be locked: %s", strerror(error));
}

static void
unlock(struct guard *g)
{
	(void)pthread_mutex_unlock(&g->lock);
}

/* One client is one IPv4 address, or the /64 that one link has. */
static void
make_key(const struct ip *ip, uint8_t key[16])
{
	memcpy(key, ip->octets, 16);
	if (!ip_is_v4(ip))
		memset(key + 8, 0, 8);
}

static struct entry *
set_of(struct guard *g, const uint8_t key[16])
{
	uint64_t sets = g->entries / WAYS;
	return &g->v[(hash_bytes(key, 16) & (sets - 1)) * WAYS];
}

static struct entry *
find(struct guard *g, const struct ip *ip)
{
	uint8_t key[16];
	make_key(ip, key);
	struct entry *set = set_of(g, key);
	for (int i = 0; i < WAYS; i++)
		if (set[i].taken && memcmp(set[i].key, key, 16) == 0)
			return &set[i];
	return NULL;
}

/* Is a better to give away than b (NULL: nobody yet)? */
static bool
idler(const struct entry *a, const struct entry *b)
{
	if (a->connections > 0)
		return false;
	return b == NULL ||
	       (b->taken && (!a->taken || a->used_ms < b->used_ms));
}

/* Its entry, perhaps a new one; NULL when all that could be have
 * connections. */
static struct entry *
find_or_make(struct guard *g, const struct ip *ip, int64_t now_ms)
{
	struct entry *e = find(g, ip), *victim = NULL;
	uint8_t key[16];
	make_key(ip, key);
	struct entry *set = set_of(g, key);
	for (int i = 0; e == NULL && i < WAYS; i++)
		if (idler(&set[i], victim))
			victim = &set[i];
	if (e == NULL && victim != NULL) {
		e = victim;
		*e = (struct entry){.minute = now_ms / MINUTE_MS};
		memcpy(e->key, key, 16);
		e->taken = true;
	}
	if (e != NULL)
		e->used_ms = now_ms;
	return e;
}

/* New connections of the last minute: what began in this one, and of the
 * one before the share that is not yet past. */
static uint64_t
recent(struct entry *e, int64_t now_ms)
{
	int64_t minute = now_ms / MINUTE_MS;
	if (minute != e->minute) {
		e->started_before = minute == e->minute + 1 ? e->started : 0;
		e->started = 0;
		e->minute = minute;
	}
	uint64_t left = (uint64_t)(MINUTE_MS - now_ms % MINUTE_MS);
	return e->started +
	       (e->started_before * left + MINUTE_MS - 1) / MINUTE_MS;
}

static const char *
judge(struct guard *g, const struct conf *c, struct entry *e, int64_t now_ms)
{
	unsigned rate = c->limits.rate_per_client;
	if (e == NULL ||
	    (e->key[0] != USER && g->total >= c->limits.connections))
		return "Too many connections, try again later";
	if (e->connections >= c->limits.per_client)
		return "Too many connections from your address";
	if (recent(e, now_ms) >= rate && rate > 0)
		return "Too many new connections from your address";
	return NULL;
}

void
guard_enter(struct guard *g, const struct conf *c, unsigned worker,
    const struct ip *ip, int64_t now_ms, struct status *st)
{
	lock(g);
	struct entry *e = find_or_make(g, ip, now_ms);
	const char *why = judge(g, c, e, now_ms);
	if (why == NULL) {
		g->seen[worker] = true;
		held(g, worker)[e - g->v]++;
		e->connections++;
		e->started++;
		g->total++;
	}
	unlock(g);
	if (why == NULL)
		status_set(st, DONE, 220, NULL, "ok");
	else
		status_set(st, LATER, 421, "4.7.0", "%s", why);
}

void
guard_leave(struct guard *g, unsigned worker, const struct ip *ip)
{
	lock(g);
	struct entry *e = find(g, ip);
	uint32_t *mine = e != NULL ? &held(g, worker)[e - g->v] : NULL;
	if (mine != NULL && *mine > 0) {
		--*mine;
		e->connections--;
		g->total--;
	}
	unlock(g);
}

unsigned
guard_worker_died(struct guard *g, unsigned worker)
{
	unsigned lost = 0;
	lock(g);
	uint32_t *row = held(g, worker);
	for (uint32_t i = 0; g->seen[worker] && i < g->entries; i++) {
		g->v[i].connections -= row[i];
		g->total -= row[i];
		lost += row[i];
		row[i] = 0;
	}
	g->seen[worker] = false;
	unlock(g);
	return lost;
}

int64_t
guard_auth_failed(struct guard *g, const struct ip *ip, int64_t now_ms)
{
	int64_t penalty = PENALTY_FIRST_MS;
	lock(g);
	struct entry *e = find_or_make(g, ip, now_ms);
	if (e != NULL && now_ms - e->failed_ms > PENALTY_FORGET_MS)
		e->failures = 0;
	for (uint32_t i = 0; e != NULL && i < e->failures; i++)
		penalty *= 2;
	if (penalty > PENALTY_MAX_MS)
		penalty = PENALTY_MAX_MS;
	else if (e != NULL)
		e->failures++;
	if (e != NULL)
		e->failed_ms = now_ms;
	unlock(g);
	return penalty;
}

void
guard_auth_done(struct guard *g, const struct ip *ip)
{
	lock(g);
	struct entry *e = find(g, ip);
	if (e != NULL)
		e->failures = 0;
	unlock(g);
}

unsigned
guard_connections(const struct guard *g)
{
	return g->total;
}

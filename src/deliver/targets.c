/* SPDX-License-Identifier: ISC */
/*
 * The hosts of a destination.  A route is a list of sources (a smart host,
 * the MX of a domain); sources are looked up one after the other, only when
 * all targets of those before are dead.  Not who connects (destination.c).
 */
#include "deliver/targets.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

/* Names are looked up again when a connection is needed after this long. */
#define LOOKUP_KEEP_MS (60 * 1000)

struct source {
	char name[256];
	unsigned port;
	enum mx_kind kind;
	const struct session_conf *session;
	bool ours;    /* named by the administrator: no look-up is final */
	bool literal; /* an address: nothing to look up */
};

struct targets {
	void (*changed)(void *arg);
	void *arg;
	struct breakers *breakers;
	struct resolver *resolver;
	const struct conf *conf;
	struct self self;
	struct source *sources;
	size_t nsources, next; /* next: the first not looked up yet */
	size_t ourselves;      /* of those before: they are this host */
	struct target *v;
	size_t n;
	struct mx *lookup;
	int64_t looked_up; /* monotonic ms, of the first source */
	const struct session_conf *refused; /* its user is not let in ... */
	int64_t refused_until;              /* ... monotonic ms */
	struct status last;                 /* why there is none */
	bool unsure;    /* a look-up failed: there may be more hosts */
	bool forbidden; /* none but those known by now */
};

struct targets *
targets_new(struct breakers *b, void (*changed)(void *arg), void *arg)
{
	struct targets *t = alloc_zero(1, sizeof(*t));
	t->breakers = b;
	t->changed = changed;
	t->arg = arg;
	return t;
}

static void
clear(struct targets *t)
{
	if (t->lookup != NULL)
		mx_cancel(t->lookup);
	t->lookup = NULL;
	free(t->sources);
	t->sources = NULL;
	free(t->v);
	t->v = NULL;
	t->n = t->nsources = t->next = t->ourselves = 0;
	t->refused = NULL;
	t->unsure = t->forbidden = false;
	status_set(&t->last, LATER, 0, "4.4.4", "no host to send to");
}

void
targets_free(struct targets *t)
{
	clear(t);
	free(t);
}

static void
add_source(struct targets *t, const char *spec, bool ours,
    const struct session_conf *session)
{
	struct host_spec h;
	unsigned port =
	    session != NULL && session->implicit ? 465 : t->conf->outbound.port;
	if (host_spec_parse(spec, port, &h) != 0) {
		status_set(
		    &t->last, LATER, 0, "4.4.4", "bad host \"%s\"", spec);
		return;
	}
	t->sources =
	    alloc_grow(t->sources, t->nsources + 1, sizeof(struct source));
	struct source *s = &t->sources[t->nsources++];
	*s = (struct source){.port = h.port,
	    .kind = h.bracketed ? MX_HOST : MX_DOMAIN,
	    .session = session,
	    .ours = ours,
	    .literal = h.literal};
	memcpy(s->name, h.host, sizeof(s->name));
}

static void
add_smarthosts(struct targets *t, const struct smarthost *sh)
{
	for (size_t i = 0; i < sh->hosts.n; i++)
		add_source(t, sh->hosts.v[i], true, &sh->session);
}

void
targets_route(struct targets *t, struct resolver *r, const struct conf *c,
    const struct route *route, const char *domain)
{
	clear(t);
	t->resolver = r;
	t->conf = c;
	t->self = self_of(c);
	switch (route->way) {
	case WAY_LOCAL:
		break;
	case WAY_HOST:
		add_source(t, route->entry->host, true, route->session);
		/* The entry names a host, never a domain (R16). */
		if (t->nsources > 0)
			t->sources[0].kind = MX_HOST;
		break;
	case WAY_SMARTHOST:
		add_smarthosts(t, route->smarthost);
		break;
	case WAY_DIRECT_FIRST:
	case WAY_MX:
		add_source(t, domain, false,
		    route->way == WAY_MX ? route->session : NULL);
		if (route->way == WAY_DIRECT_FIRST)
			add_smarthosts(t, route->smarthost);
		break;
	}
}

static void
add_target(
    struct targets *t, const struct hop_target *hop, const struct source *s)
{
	t->v = alloc_grow(t->v, t->n + 1, sizeof(struct target));
	t->v[t->n++] = (struct target){.hop = *hop,
	    .session = s->session,
	    .domain = s->name,
	    .ours = s->ours};
}

/* A name that failed to look up is one more reason to try what comes
 * behind it; only for the last source is the verdict the destination's. */
static void
looked_up(void *arg, const struct hop_target *found, size_t n,
    const struct status *st)
{
	struct targets *t = arg;
	struct source *s = &t->sources[t->next++];
	t->lookup = NULL;
	for (size_t i = 0; i < n; i++)
		add_target(t, &found[i], s);
	if (n == 0 && s->ours && strcmp(st->enhanced, "5.4.6") == 0) {
		t->ourselves++;
	} else if (n == 0) {
		t->last = *st;
		t->unsure = true;
		if (s->ours)
			t->last.verdict = LATER;
		/* Null MX is an answer, not a failure: no smart host. */
		else if (st->verdict == NEVER &&
			 strcmp(st->enhanced, "5.1.10") == 0)
			t->next = t->nsources;
		if (t->last.verdict == LATER && t->last.enhanced[0] == '5')
			t->last.enhanced[0] = '4';
	}
	t->changed(t->arg);
}

static void
start_lookup(struct targets *t)
{
	struct source *s = &t->sources[t->next];
	t->lookup = mx_find(
	    t->resolver, s->name, s->port, s->kind, &t->self, looked_up, t);
}

/* Literal addresses need no look-up and no resolver. */
static bool
take_literal(struct targets *t)
{
	struct source *s = &t->sources[t->next];
	struct hop_target hop = {.port = s->port, .named = true};
	if (!s->literal || ip_parse(s->name, strlen(s->name), &hop.ip) != 0)
		return false;
	memcpy(hop.host, s->name, sizeof(hop.host));
	t->next++;
	if (self_listens(&t->self, &hop.ip, hop.port))
		t->ourselves++;
	else
		add_target(t, &hop, s);
	return true;
}

/* Names change: start again, but remember who is dead. */
static void
refresh(struct targets *t, int64_t now)
{
	bool names = false;
	for (size_t i = 0; i < t->nsources; i++)
		names |= !t->sources[i].literal;
	if (!names || t->lookup != NULL || now - t->looked_up < LOOKUP_KEEP_MS)
		return;
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].dead_until > now)
			return;
	free(t->v);
	t->v = NULL;
	t->n = t->next = t->ourselves = 0;
	t->unsure = t->forbidden = false;
	t->looked_up = now;
}

/* Only hosts that are all ourselves are a verdict: mail that goes to them
 * comes back until the hop limit ends it (A35). */
static void
why_none(const struct targets *t, struct status *st)
{
	const struct source *s = t->sources;
	*st = t->last;
	if (t->nsources > 0 && t->ourselves == t->nsources)
		status_set(st, NEVER, 0, "5.4.6",
		    "%.255s:%u, where this goes, is this host itself, %.255s",
		    s->name, s->port, t->conf->hostname);
}

/* Would we only be refused there again? */
static bool
is_refused(
    const struct targets *t, const struct session_conf *session, int64_t now)
{
	return t->refused != NULL && t->refused == session &&
	       t->refused_until > now;
}

/* May a connection be opened there?  If not, is that being found out? */
static bool
is_open_to_us(
    struct targets *t, const struct target *v, int64_t now, bool *probed)
{
	int64_t until;
	if (v->dead_until > now || is_refused(t, v->session, now))
		return false;
	switch (breaker_look(t->breakers, &v->hop, now, &until, &t->last)) {
	case BREAKER_CLOSED:
	case BREAKER_HALF_OPEN:
		return true;
	case BREAKER_PROBED:
		*probed = true;
		return false;
	case BREAKER_OPEN:
		return false;
	}
	return false;
}

enum pick
targets_pick(
    struct targets *t, int64_t now, struct target **out, struct status *st)
{
	if (t->next == 0)
		t->looked_up = now;
	refresh(t, now);
	for (;;) {
		bool probed = false;
		for (size_t i = 0; i < t->n; i++) {
			if (is_open_to_us(t, &t->v[i], now, &probed)) {
				*out = &t->v[i];
				return PICK_TARGET;
			}
		}
		if (t->lookup != NULL || probed)
			return probed ? PICK_PROBED : PICK_WAIT;
		if (t->forbidden) {
			*st = t->last;
			return PICK_NONE;
		}
		while (t->next < t->nsources &&
		       is_refused(t, t->sources[t->next].session, now))
			t->next++;
		if (t->next >= t->nsources) {
			why_none(t, st);
			return PICK_NONE;
		}
		if (!take_literal(t)) {
			start_lookup(t);
			return PICK_WAIT;
		}
	}
}

int64_t
targets_opens(const struct targets *t, int64_t now)
{
	int64_t first = 0;
	for (size_t i = 0; i < t->n; i++) {
		int64_t until;
		if (breaker_look(t->breakers, &t->v[i].hop, now, &until,
			NULL) != BREAKER_OPEN)
			return 0;
		if (first == 0 || until < first)
			first = until;
	}
	return first;
}

static bool
all_lack(const struct targets *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (!t->v[i].lacks)
			return false;
	return !t->unsure;
}

void
targets_failed(struct targets *t, const struct hop_target *which, int64_t until,
    const struct status *why)
{
	t->last = *why;
	for (size_t i = 0; i < t->n; i++) {
		struct target *v = &t->v[i];
		if (v->hop.port != which->port ||
		    !ip_equal(&v->hop.ip, &which->ip))
			continue;
		v->dead_until = until;
		v->lacks = why->verdict == NEVER;
	}
	if (why->verdict == NEVER && !all_lack(t)) {
		t->last.verdict = LATER;
		t->last.enhanced[0] = '4';
	}
}

void
targets_forbidden(struct targets *t)
{
	/* Hosts that the administrator named are as good as each other. */
	t->forbidden = t->next > 0 && !t->sources[0].ours;
}

void
targets_refused(struct targets *t, const struct session_conf *which,
    int64_t until, const struct status *why)
{
	t->last = *why;
	t->refused = which;
	t->refused_until = until;
}

void
targets_revive(struct targets *t)
{
	t->refused = NULL;
	t->forbidden = false;
	for (size_t i = 0; i < t->n; i++)
		t->v[i].dead_until = 0;
	/* A failed look-up is asked again, too. */
	if (t->lookup == NULL && t->next >= t->nsources) {
		t->n = t->next = t->ourselves = 0;
		t->unsure = false;
	}
}

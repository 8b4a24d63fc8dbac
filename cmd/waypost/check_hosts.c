/* SPDX-License-Identifier: ISC */
/*
 * What waypost check asks next hops: each smart host, and each host of the
 * domain table that is told how to be spoken with, for a session with login,
 * set up as waypostd does it and ended by QUIT before MAIL.  Secret commands
 * run on the way.  One after another.
 *
 * Invariant: no transaction is ever started here.
 */
#include "check.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/limits.h"
#include "conf/route.h"
#include "dial.h"

#define DEAD_MS (60 * 60 * 1000) /* longer than a check takes */

struct call {
	struct check *k;
	struct dial *dial;
	const char *what; /* "smart host", "domain x" */
	struct targets *targets;
	struct target *target;
	unsigned tried;

	/* Of the table: destinations that were asked, and those left out. */
	char *keys[CHECK_HOSTS_MAX];
	size_t nkeys, skipped;
};

static void
looked_up(void *arg)
{
	struct call *c = arg;
	dial_stop(c->dial);
}

static void
on_ready(void *arg, struct hop *h)
{
	struct call *c = arg;
	char ip[IP_TEXT_MAX];
	const struct hop_target *t = hop_peer(h);
	const struct session_conf *s = c->target->session;
	ip_format(&t->ip, ip);
	check_tell(c->k, FOUND_GOOD, NULL, "%s %s[%s]:%u: %s%s", c->what,
	    t->host, ip, t->port, hop_tls(h),
	    s != NULL && s->user != NULL ? ", logged in" : "");
	hop_quit(h);
}

static void
on_room(void *arg, struct hop *h)
{
	(void)arg;
	(void)h;
}

static void
on_closed(void *arg, struct hop *h, const struct status *st, bool was_ready)
{
	struct call *c = arg;
	(void)h;
	bool login = strcmp(st->enhanced, "4.7.8") == 0 ||
		     strncmp(st->text, "secret-", 7) == 0;
	if (!was_ready)
		check_tell(c->k, FOUND_FAULT,
		    login ? "look at user, mechanism and the secret"
			  : "look at hosts, tls and the way there",
		    "%s %s", c->what, st->text);
	targets_failed(
	    c->targets, &c->target->hop, clock_mono_ms() + DEAD_MS, st);
	dial_stop(c->dial);
}

static const struct hop_hooks hooks = {
    .ready = on_ready, .room = on_room, .closed = on_closed};

static void
call(struct call *c, struct target *t)
{
	struct hop_options o;
	dial_options(c->dial, t, &o);
	c->target = t;
	c->tried++;
	(void)!hop_open(c->dial->hops, &o, &hooks, c);
	dial_wait(c->dial);
}

/* Each of its addresses. */
static void
check_route(struct call *c, const struct route *r, const char *domain,
    const char *named)
{
	struct target *t;
	struct status st;
	enum pick p;
	c->tried = 0;
	c->targets = targets_new(NULL, looked_up, c);
	targets_route(c->targets, c->dial->resolver, c->k->c, r, domain);
	while ((p = targets_pick(c->targets, clock_mono_ms(), &t, &st)) !=
	       PICK_NONE) {
		if (p == PICK_TARGET)
			call(c, t);
		else
			dial_wait(c->dial);
	}
	if (c->tried == 0)
		check_tell(c->k, FOUND_FAULT, "look at its hosts", "%s %s: %s",
		    c->what, named, st.text);
	targets_free(c->targets);
}

/* --- the domain table --- */

/* Domains of one host and one login are one destination. */
static bool
is_known(const struct call *c, const char *key)
{
	for (size_t i = 0; i < c->nkeys; i++)
		if (strcmp(c->keys[i], key) == 0)
			return true;
	return false;
}

static void
on_domain(void *arg, const struct domain *d, unsigned line)
{
	struct call *c = arg;
	struct route r;
	char name[DOMAIN_MAX + 2], what[PATH_MAX + 64];
	struct buf key;
	if (d->kind != DOMAIN_REMOTE || d->route != ROUTE_HOST)
		return;
	/* One that a wildcard covers. */
	(void)snprintf(name, sizeof(name), "%s%s", *d->name == '*' ? "x" : "",
	    *d->name == '*' ? d->name + 1 : d->name);
	route_find(c->k->c, name, NULL, &r);
	buf_init(&key, 64 * 1024);
	route_key(&r, name, &key);
	if (r.entry != d || is_known(c, buf_str(&key))) {
		buf_free(&key);
		return;
	}
	if (c->nkeys < CHECK_HOSTS_MAX) {
		c->keys[c->nkeys++] = alloc_string(buf_str(&key), key.len);
		(void)snprintf(
		    what, sizeof(what), "%s:%u: host", c->k->c->domains, line);
		c->what = what;
		check_route(c, &r, name, d->host);
	} else {
		c->skipped++;
	}
	buf_free(&key);
}

void
check_hosts(struct check *k, struct dial *d)
{
	struct call c = {.k = k, .dial = d};
	for (size_t i = 0; i < k->c->nsmarthosts; i++) {
		const struct smarthost *s = &k->c->smarthosts[i];
		const struct route r = {.way = WAY_SMARTHOST,
		    .smarthost = s,
		    .session = &s->session};
		char what[PATH_MAX + 64];
		(void)snprintf(what, sizeof(what), "%ssmart host",
		    check_at(k, &s->hosts, NULL));
		c.what = what;
		check_route(&c, &r, "", s->hosts.v[0]);
	}
	table_each(k->c->table, on_domain, &c);
	if (c.skipped > 0)
		check_tell(k, FOUND_GOOD, NULL,
		    "%s: %zu more hosts were not asked", k->c->domains,
		    c.skipped);
	for (size_t i = 0; i < c.nkeys; i++)
		free(c.keys[i]);
}

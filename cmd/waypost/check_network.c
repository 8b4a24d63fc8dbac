/* SPDX-License-Identifier: ISC */
/*
 * What waypost check asks others: the name servers, and each smart host for
 * a session with login, set up as waypostd does it and ended by QUIT before
 * MAIL.  Secret commands run on the way.  One after another.
 *
 * Invariant: no transaction is ever started here.
 */
#include "check.h"

#include <string.h>

#include <event2/event.h>

#include "base/clock.h"
#include "deliver/hop.h"
#include "deliver/targets.h"
#include "net/resolver.h"

struct call {
	struct check *k;
	struct event_base *base;
	struct hops *hops;
	struct targets *targets;
	struct target *target;
	unsigned tried, worked;
	bool ready;
};

static void
changed(void *arg)
{
	struct call *c = arg;
	event_base_loopbreak(c->base);
}

static void
on_ready(void *arg, struct hop *h)
{
	struct call *c = arg;
	char ip[IP_TEXT_MAX];
	const struct hop_target *t = hop_peer(h);
	ip_format(&t->ip, ip);
	c->ready = true;
	c->worked++;
	check_tell(c->k, FOUND_GOOD, NULL, "smart host %s[%s]:%u: %s%s",
	    t->host, ip, t->port, hop_tls(h),
	    c->target->session->user != NULL ? ", logged in" : "");
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
	if (!was_ready)
		check_tell(c->k, FOUND_FAULT,
		    strcmp(st->enhanced, "4.7.8") == 0
			? "look at user, mechanism and the secret"
			: "look at hosts, tls and the way there",
		    "smart host %s", st->text);
	targets_failed(
	    c->targets, &c->target->hop, clock_mono_ms() + 60 * 60 * 1000, st);
	event_base_loopbreak(c->base);
}

static const struct hop_hooks hooks = {
    .ready = on_ready, .room = on_room, .closed = on_closed};

static void
call(struct call *c, struct target *t)
{
	const struct conf *conf = c->k->c;
	const char *helo = t->session->helo;
	struct hop_options o = {.target = t->hop,
	    .session = t->session,
	    .helo = helo != NULL ? helo : conf->hostname,
	    .source_address = conf->outbound.source_address,
	    .connect_timeout_ms = conf->outbound.connect_timeout_ms,
	    .timeout_ms = conf->outbound.timeout_ms};
	c->target = t;
	c->tried++;
	(void)!hop_open(c->hops, &o, &hooks, c);
	(void)event_base_dispatch(c->base);
}

static void
check_smarthost(struct call *c, struct resolver *r, const struct smarthost *s)
{
	struct route route = {
	    .way = WAY_SMARTHOST, .smarthost = s, .session = &s->session};
	struct target *t;
	struct status st;
	enum pick p;
	c->tried = 0;
	c->targets = targets_new(NULL, changed, c);
	targets_route(c->targets, r, c->k->c, &route, "");
	while ((p = targets_pick(c->targets, clock_mono_ms(), &t, &st)) !=
	       PICK_NONE) {
		if (p == PICK_TARGET)
			call(c, t);
		else
			(void)event_base_dispatch(c->base);
	}
	if (c->tried == 0)
		check_tell(c->k, FOUND_FAULT, "look at smarthost.hosts",
		    "smart host %s: %s", s->hosts.v[0], st.text);
	targets_free(c->targets);
}

/* --- names --- */

static void
on_answer(void *arg, const struct answer *a)
{
	struct call *c = arg;
	if (a->kind == ANSWER_FAIL)
		check_tell(c->k, FOUND_FAULT,
		    "look at /etc/resolv.conf, or set dns { servers }",
		    "no name server answers: %s", a->why);
	else if (a->kind == ANSWER_OK)
		check_tell(c->k, FOUND_GOOD, NULL,
		    "name servers answer; %s has an address", a->name);
	else
		check_tell(c->k, FOUND_WARNING,
		    "an A or AAAA record, or another hostname",
		    "name servers answer; hostname %s has no address", a->name);
	event_base_loopbreak(c->base);
}

static struct resolver *
check_names(struct call *c)
{
	const struct conf *conf = c->k->c;
	struct resolver_options o = {
	    .servers = (const char *const *)conf->dns.servers.v,
	    .n = conf->dns.servers.n,
	    .trust_anchor = conf->dns.trust_anchor,
	    .hosts_file = conf->dns.hosts_file};
	struct resolver *r = resolver_new(c->base, &o);
	if (r == NULL) {
		check_tell(c->k, FOUND_FAULT, "look at dns.servers",
		    "the resolver cannot be started");
		return NULL;
	}
	(void)!resolver_ask(r, conf->hostname, RECORD_A, on_answer, c);
	(void)event_base_dispatch(c->base);
	return r;
}

void
check_network(struct check *k)
{
	struct call c = {.k = k, .base = event_base_new()};
	c.hops = c.base != NULL ? hops_new(c.base) : NULL;
	struct resolver *r = c.hops != NULL ? check_names(&c) : NULL;
	if (c.hops == NULL)
		check_tell(k, FOUND_FAULT, NULL, "libcurl cannot be started");
	for (size_t i = 0; r != NULL && i < k->c->nsmarthosts; i++)
		check_smarthost(&c, r, &k->c->smarthosts[i]);
	hops_free(c.hops);
	resolver_free(r);
	if (c.base != NULL)
		event_base_free(c.base);
}

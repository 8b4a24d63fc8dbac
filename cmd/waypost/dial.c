/* SPDX-License-Identifier: ISC */
/*
 * The engine of check and test: event loop, resolver and hops, set up as
 * waypostd sets them up.  Not what is said over a session.
 */
#include "dial.h"

#include <event2/event.h>
#include <stdio.h>

/* The policies that waypostd knows count here, too. */
static struct sts *
open_sts(const struct dial *d)
{
	char path[4096 + 32];
	(void)snprintf(path, sizeof(path), "%s/state/mta-sts", d->conf->spool);
	struct sts *s = sts_new(d->base, path);
	if (s != NULL)
		sts_follow(s, d->resolver, d->conf->outbound.ca_file);
	return s;
}

int
dial_open(struct dial *d, const struct conf *c, const char **why)
{
	const struct resolver_options o = {
	    .servers = (const char *const *)c->dns.servers.v,
	    .n = c->dns.servers.n,
	    .trust_anchor = c->dns.trust_anchor,
	    .hosts_file = c->dns.hosts_file};
	*d = (struct dial){.conf = c, .base = event_base_new()};
	*why = "libcurl cannot be started";
	if (d->base != NULL)
		d->hops = hops_new(d->base);
	if (d->hops == NULL)
		return -1;
	*why = "the resolver cannot be started: look at dns.servers";
	d->resolver = resolver_new(d->base, &o);
	if (d->resolver == NULL)
		return -1;
	*why = "libcurl cannot be started for HTTPS";
	d->sts = open_sts(d);
	return d->sts != NULL ? 0 : -1;
}

void
dial_close(struct dial *d)
{
	hops_free(d->hops);
	sts_free(d->sts);
	resolver_free(d->resolver);
	if (d->base != NULL)
		event_base_free(d->base);
}

void
dial_wait(struct dial *d)
{
	(void)event_base_dispatch(d->base);
}

void
dial_stop(struct dial *d)
{
	event_base_loopbreak(d->base);
}

void
dial_options(
    const struct dial *d, const struct target *t, struct hop_options *o)
{
	static const struct session_conf direct = {.tls = TLS_OPPORTUNISTIC};
	const struct session_conf *s =
	    t->session != NULL ? t->session : &direct;
	*o = (struct hop_options){.target = t->hop,
	    .session = s,
	    .helo = s->helo != NULL ? s->helo : d->conf->hostname,
	    .source_address = d->conf->outbound.source_address,
	    .connect_timeout_ms = d->conf->outbound.connect_timeout_ms,
	    .timeout_ms = d->conf->outbound.timeout_ms,
	    .trust = {.resolver = d->conf->outbound.dane ? d->resolver : NULL,
		.sts = d->conf->outbound.mta_sts && !t->ours ? d->sts : NULL,
		.domain = t->domain,
		.ca_file = d->conf->outbound.ca_file}};
}

/* SPDX-License-Identifier: ISC */
/*
 * The carrier's resolver, and what asks it on its own account: the policies
 * of MTA-STS.  Made from the configuration, made anew when that changes.
 * Invariant: nobody has a question open at a resolver that is freed.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "deliver/carrier.h"

static struct resolver *
new_resolver(struct carrier *c)
{
	const struct words *servers = &c->conf->dns.servers;
	struct resolver_options o = {.servers = (const char *const *)servers->v,
	    .n = servers->n,
	    .trust_anchor = c->conf->dns.trust_anchor,
	    .hosts_file = c->conf->dns.hosts_file};
	return resolver_new(c->base, &o);
}

/* Policies outlive the process. */
int
live_names(struct carrier *c)
{
	char path[PATH_MAX];
	(void)snprintf(path, sizeof(path), "%s/state/mta-sts", c->spool);
	c->resolver = new_resolver(c);
	c->sts = sts_new(c->base, path);
	if (c->resolver == NULL || c->sts == NULL)
		return -1;
	sts_follow(c->sts, c->resolver, c->conf->outbound.ca_file);
	return 0;
}

void
live_follow_names(struct carrier *c, const struct conf *old)
{
	struct resolver *before = c->resolver;
	bool anew = !conf_same_dns(old, c->conf);
	if (anew)
		c->resolver = new_resolver(c);
	if (c->resolver == NULL)
		die("cannot start the resolver: %s", strerror(errno));
	sts_follow(c->sts, c->resolver, c->conf->outbound.ca_file);
	if (anew)
		resolver_free(before);
}

/* SPDX-License-Identifier: ISC */
/*
 * Where mail for a domain goes: local, then the remote entry, then the
 * smart host (or direct first), then MX.  A question to the configuration;
 * asks no network.
 */
#ifndef CONF_ROUTE_H
#define CONF_ROUTE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "conf/conf.h"

enum way {
	WAY_LOCAL,        /* drop directory or maildir */
	WAY_HOST,         /* the host that the remote entry names, no MX */
	WAY_SMARTHOST,    /* the hosts of smarthost, in order */
	WAY_DIRECT_FIRST, /* MX, then the smart host */
	WAY_MX,
};

struct route {
	enum way way;
	const struct domain *entry;         /* table entry, or NULL */
	const struct smarthost *smarthost;  /* or NULL */
	const struct session_conf *session; /* for the next hop; not local */
};

/*
 * Decide for a recipient domain ("" = bare, completed with the origin) and
 * sender (chooses among named smart hosts; NULL = the plain one).  All
 * pointers are borrowed from c.
 */
void route_find(const struct conf *c, const char *domain, const char *sender,
    struct route *r);

/*
 * The destination key: equal for recipients that may share a connection,
 * that is same hosts, ports, TLS policy and credentials; printable, e.g.
 * "smarthost [192.0.2.25]:587", "host hub.corp.test:25", "mx example.net",
 * "local".
 */
void route_key(const struct route *r, const char *domain, struct buf *out);

/* "[192.0.2.1]:587" -> literal, "[name]:25" -> no MX, "name" -> MX. */
struct host_spec {
	char host[256]; /* without brackets; "IPv6:" removed */
	unsigned port;  /* default_port when none is given */
	bool bracketed; /* no MX lookup */
	bool literal;   /* an IP address */
};
int host_spec_parse(
    const char *s, unsigned default_port, struct host_spec *h) MUST_CHECK;

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Would a connection reach this host's own listener?  Mail sent there comes
 * back at once, hop for hop, until the hop limit ends it (A35, K29).
 */
#ifndef DELIVER_SELF_H
#define DELIVER_SELF_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"
#include "net/ip.h"

/* What this host is known by; borrowed from a configuration. */
struct self {
	const char *name; /* hostname; NULL: none */
	const struct listener *listeners;
	size_t n;
};

struct self self_of(const struct conf *c);

/* Is ip an address of this host and port one that a listener of the
 * configuration has there ("0.0.0.0" and "[::]" have all of them)? */
bool self_listens(const struct self *s, const struct ip *ip, unsigned port);

#endif

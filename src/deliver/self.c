/* SPDX-License-Identifier: ISC */
/*
 * Who we are, as far as a next hop is concerned.  Knows the listeners of the
 * configuration, not those of other programs: another mail server on this
 * host is a fine smart host.  Cannot see what a router sends back to us; the
 * hop limit is for that.
 */
#include "deliver/self.h"

#include <string.h>

#include "conf/route.h"

struct self
self_of(const struct conf *c)
{
	return (struct self){
	    .name = c->hostname, .listeners = c->listeners, .n = c->nlisteners};
}

/* A socket bound to "any" takes connections to every address. */
static bool
takes(const struct ip *bound, const struct ip *ip)
{
	static const struct ip any6, any4 = {{[10] = 0xff, [11] = 0xff}};
	if (ip_equal(bound, &any6))
		return true;
	if (ip_equal(bound, &any4))
		return ip_is_v4(ip);
	/* To connect to "any" is to connect to loopback. */
	return ip_equal(bound, ip) || ip_equal(ip, &any4) ||
	       ip_equal(ip, &any6);
}

bool
self_listens(const struct self *s, const struct ip *ip, unsigned port)
{
	for (size_t i = 0; i < s->n; i++) {
		struct host_spec h;
		struct ip bound;
		const char *address = s->listeners[i].address;
		if (address[0] != '/' && host_spec_parse(address, 0, &h) == 0 &&
		    h.port == port &&
		    ip_parse(h.host, strlen(h.host), &bound) == 0 &&
		    takes(&bound, ip) && ip_is_own(ip))
			return true;
	}
	return false;
}

/* SPDX-License-Identifier: ISC */
/*
 * IP addresses and CIDR blocks.  Not sockets and not names: text to value,
 * value to text, and whether one lies in another.
 *
 * All addresses live in one 128-bit space, IPv4 as ::ffff:a.b.c.d, so that
 * a client that came by a dual-stack socket equals the same client that
 * did not.  Invariant: the bits of a block behind its prefix are zero, and
 * a block written as IPv6 covers no IPv4 address, however short its prefix
 * is (::/64 would, in that space).
 */
#include "net/ip.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define V4_BITS 96 /* what comes before an IPv4 address */

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

int
ip_parse(const char *s, size_t len, struct ip *ip)
{
	char text[IP_TEXT_MAX];
	if (len == 0 || len >= sizeof(text) || memchr(s, '\0', len) != NULL)
		return -1;
	memcpy(text, s, len);
	text[len] = '\0';
	/* inet_pton() takes no zone, no octal and no missing octets. */
	if (memchr(text, ':', len) != NULL)
		return inet_pton(AF_INET6, text, ip->octets) == 1 ? 0 : -1;
	struct in_addr v4;
	if (inet_pton(AF_INET, text, &v4) != 1)
		return -1;
	memcpy(ip->octets, v4_prefix, sizeof(v4_prefix));
	memcpy(ip->octets + sizeof(v4_prefix), &v4, sizeof(v4));
	return 0;
}

void
ip_format(const struct ip *ip, char out[IP_TEXT_MAX])
{
	/* Neither can fail: the family is known and the room suffices. */
	if (ip_is_v4(ip))
		(void)inet_ntop(
		    AF_INET, ip->octets + sizeof(v4_prefix), out, IP_TEXT_MAX);
	else
		(void)inet_ntop(AF_INET6, ip->octets, out, IP_TEXT_MAX);
}

void
ip_reverse(const struct ip *ip, char out[IP_REVERSE_MAX])
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *o = ip->octets;
	char *p = out;
	if (ip_is_v4(ip)) {
		(void)snprintf(out, IP_REVERSE_MAX, "%u.%u.%u.%u.in-addr.arpa",
		    o[15], o[14], o[13], o[12]);
		return;
	}
	for (int i = 15; i >= 0; i--) {
		*p++ = digits[o[i] & 0xf];
		*p++ = '.';
		*p++ = digits[o[i] >> 4];
		*p++ = '.';
	}
	memcpy(p, "ip6.arpa", sizeof("ip6.arpa"));
}

bool
ip_is_v4(const struct ip *ip)
{
	return memcmp(ip->octets, v4_prefix, sizeof(v4_prefix)) == 0;
}

bool
ip_equal(const struct ip *a, const struct ip *b)
{
	return memcmp(a->octets, b->octets, sizeof(a->octets)) == 0;
}

/* The octet of a netmask of so many bits. */
static uint8_t
mask_octet(unsigned bits, unsigned i)
{
	if (bits >= 8 * (i + 1))
		return 0xff;
	if (bits <= 8 * i)
		return 0;
	return (uint8_t)(0xff << (8 - (bits - 8 * i)));
}

static int
parse_bits(const char *s, size_t len, unsigned max, unsigned *bits)
{
	unsigned n = 0;
	if (len == 0 || len > 3 || (len > 1 && s[0] == '0'))
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		n = n * 10 + (unsigned)(s[i] - '0');
	}
	if (n > max)
		return -1;
	*bits = n;
	return 0;
}

int
cidr_parse(const char *s, size_t len, struct cidr *c, const char **why)
{
	const char *slash = len > 0 ? memchr(s, '/', len) : NULL;
	size_t n = slash != NULL ? (size_t)(slash - s) : len;
	*why = "not an IP address or network";
	if (ip_parse(s, n, &c->base) != 0)
		return -1;
	/* The prefix counts in the form that was written. */
	unsigned before = memchr(s, ':', n) != NULL ? 0 : V4_BITS;
	unsigned bits = 128 - before;
	*why = "bad prefix length";
	if (slash != NULL &&
	    parse_bits(slash + 1, len - n - 1, 128 - before, &bits) != 0)
		return -1;
	*why = "covers every address: set the default instead";
	bits += before;
	if (bits == 0 || (bits <= V4_BITS && ip_is_v4(&c->base)))
		return -1;
	*why = "address bits are set behind the prefix";
	for (unsigned i = 0; i < sizeof(c->base.octets); i++)
		if (c->base.octets[i] & (uint8_t)~mask_octet(bits, i))
			return -1;
	c->bits = (uint8_t)bits;
	*why = NULL;
	return 0;
}

bool
cidr_covers(const struct cidr *c, const struct ip *ip)
{
	if (c->bits < V4_BITS && ip_is_v4(ip))
		return false;
	for (unsigned i = 0; i < sizeof(ip->octets); i++)
		if ((ip->octets[i] ^ c->base.octets[i]) &
		    mask_octet(c->bits, i))
			return false;
	return true;
}

/* Loopback, or "any", which connects to this host as well. */
bool
ip_is_loopback(const struct ip *ip)
{
	static const struct ip any6, any4 = {{[10] = 0xff, [11] = 0xff}};
	static const struct ip loopback6 = {{[15] = 1}};
	return (ip_is_v4(ip) && ip->octets[sizeof(v4_prefix)] == 127) ||
	       ip_equal(ip, &loopback6) || ip_equal(ip, &any6) ||
	       ip_equal(ip, &any4);
}

static bool
interface_has(const struct sockaddr *address, const struct ip *ip)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	if (address == NULL)
		return false;
	if (address->sa_family == AF_INET && ip_is_v4(ip)) {
		memcpy(&v4, address, sizeof(v4));
		return memcmp(&v4.sin_addr, ip->octets + sizeof(v4_prefix),
			   sizeof(v4.sin_addr)) == 0;
	}
	if (address->sa_family != AF_INET6)
		return false;
	memcpy(&v6, address, sizeof(v6));
	return memcmp(&v6.sin6_addr, ip->octets, sizeof(v6.sin6_addr)) == 0;
}

bool
ip_is_own(const struct ip *ip)
{
	struct ifaddrs *all;
	bool own = ip_is_loopback(ip);
	if (own || getifaddrs(&all) != 0)
		return own;
	for (struct ifaddrs *i = all; i != NULL && !own; i = i->ifa_next)
		own = interface_has(i->ifa_addr, ip);
	freeifaddrs(all);
	return own;
}

void
ip_from_sockaddr(
    const struct sockaddr_storage *sa, struct ip *ip, unsigned *port)
{
	*ip = (struct ip){{0}};
	*port = 0;
	if (sa->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
		ip->octets[10] = ip->octets[11] = 0xff;
		memcpy(ip->octets + 12, &in->sin_addr, 4);
		*port = ntohs(in->sin_port);
	} else if (sa->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 =
		    (const struct sockaddr_in6 *)sa;
		memcpy(ip->octets, &in6->sin6_addr, 16);
		*port = ntohs(in6->sin6_port);
	}
}

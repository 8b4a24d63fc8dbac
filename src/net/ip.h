/* SPDX-License-Identifier: ISC */
/* IP addresses and CIDR blocks as values; ::ffff:1.2.3.4 equals 1.2.3.4. */
#ifndef NET_IP_H
#define NET_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

#define IP_TEXT_MAX 46 /* with its NUL */

struct ip {
	uint8_t octets[16]; /* IPv4 as ::ffff:a.b.c.d */
};

struct cidr {
	struct ip base;
	uint8_t bits; /* 0..128, of the 128-bit form */
};

/* Text without brackets or zone to a value.  0; -1 when it is none. */
int ip_parse(const char *s, size_t len, struct ip *ip) MUST_CHECK;
struct sockaddr_storage;

/* From and to the system's form; an unknown family is ::. */
void ip_from_sockaddr(
    const struct sockaddr_storage *sa, struct ip *ip, unsigned *port);

void ip_format(const struct ip *ip, char out[IP_TEXT_MAX]);
bool ip_is_v4(const struct ip *ip);

/* The name of its PTR record: "1.2.0.192.in-addr.arpa". */
#define IP_REVERSE_MAX (64 + sizeof("ip6.arpa"))
void ip_reverse(const struct ip *ip, char out[IP_REVERSE_MAX]);

bool ip_equal(const struct ip *a, const struct ip *b);

/*
 * "a.b.c.d", "a.b.c.d/n", "a:b::/n".  -1 with *why (a sentence) when it is
 * none, the prefix is too long or host bits are set; /0 is refused, too: a
 * list of exceptions that has everything in it is a mistake (G22).  A block
 * shorter than ::ffff:0:0/96 covers no IPv4 address.
 */
int cidr_parse(
    const char *s, size_t len, struct cidr *c, const char **why) MUST_CHECK;
bool cidr_covers(const struct cidr *c, const struct ip *ip);

/* 127.0.0.0/8, ::1, or an unspecified address, which connects here, too. */
bool ip_is_loopback(const struct ip *ip);

/* Is it that, or an address of an interface of this host (getifaddrs)? */
bool ip_is_own(const struct ip *ip);

#endif

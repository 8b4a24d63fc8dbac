/* SPDX-License-Identifier: ISC */
/*
 * Asynchronous, validating DNS by libunbound on the caller's event loop.
 * Knows names and addresses, no mail.  A fault is never an answer: SERVFAIL,
 * time-outs and bogus data are ANSWER_FAIL, which is temporary.
 */
#ifndef NET_RESOLVER_H
#define NET_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "net/ip.h"

struct event_base;
struct resolver;
struct question; /* one under way */

enum answer_kind {
	ANSWER_OK,       /* n >= 1 records */
	ANSWER_NODATA,   /* the name exists, no such records */
	ANSWER_NXDOMAIN, /* the name does not exist */
	ANSWER_FAIL,     /* no answer now */
};

enum record_type {
	RECORD_A = 1,
	RECORD_CNAME = 5,
	RECORD_PTR = 12,
	RECORD_MX = 15,
	RECORD_TXT = 16,
	RECORD_AAAA = 28,
	RECORD_TLSA = 52
};

struct dns_record {
	struct ip ip;        /* A, AAAA */
	uint16_t preference; /* MX */
	char name[256];      /* MX, PTR, CNAME: lower case, no final dot;
	                        MX: "" = null MX */
	const uint8_t *data; /* TLSA: as on the wire; TXT: its strings, joined;
	                        any octets; in the block of the records */
	size_t len;
};

struct answer {
	enum answer_kind kind;
	const char *name; /* the question */
	enum record_type type;
	bool secure;     /* DNSSEC validated */
	const char *why; /* a sentence when kind is not OK */
	char owner[256]; /* of the records, lower case: the question, or what it
	                    is an alias of; "" when there is none, or unknown */
	uint32_t ttl;    /* seconds; 0 when kind is not OK */
	struct dns_record *records; /* borrowed for the call */
	size_t n;
};

typedef void (*resolver_fn)(void *arg, const struct answer *a);

struct resolver_options {
	const char *const *servers; /* "ip" or "ip@port"; n 0: resolv.conf */
	size_t n;
	const char *trust_anchor; /* file: validation is demanded; NULL: the
	                             system's, if it is there and the servers
	                             pass signatures on */
	bool hosts_file;          /* A and AAAA of a name in /etc/hosts
	                             are what stands there */
};

/* NULL with EINVAL when a server is no "ip" or "ip@port".  libunbound is
 * started by the first question that needs it (2 MB), inside base; no
 * thread, no process, no wake-up while nothing is asked. */
struct resolver *resolver_new(
    struct event_base *base, const struct resolver_options *o) MUST_CHECK;
void resolver_free(struct resolver *r); /* cancels all; NULL is fine */

/* The event loop that answers come from. */
struct event_base *resolver_base(const struct resolver *r);

/*
 * Ask.  fn is called exactly once, from the event loop, never from within
 * this call; unless the question is cancelled first.  DNS_QUESTIONS_MAX are
 * with the servers at a time, the others wait for their turn; from then on an
 * answer comes within DNS_TIMEOUT_MS.  fn may cancel others, ask again or free r.  Names are
 * checked to be domains; names in MX and PTR that are not are left out of
 * the answer (C20), one that had no other is ANSWER_FAIL.
 */
struct question *resolver_ask(struct resolver *r, const char *name,
    enum record_type type, resolver_fn fn, void *arg) MUST_CHECK;
void resolver_cancel(struct question *q);

/* Does any configured server answer?  The last failure's sentence, or NULL
 * when the last question had an answer (R8). */
const char *resolver_trouble(const struct resolver *r);

#endif

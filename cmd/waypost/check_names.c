/* SPDX-License-Identifier: ISC */
/*
 * What waypost check asks the name servers: do they answer (R8), has the
 * host name addresses, and do these lead back to it.  The last is for hosts
 * that deliver directly: many receivers refuse others (RFC 1912, 2.1).
 */
#include "check.h"

#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "conf/route.h"
#include "dial.h"

struct asking {
	struct check *k;
	struct dial *dial;
	const char *trouble; /* no server answered, and why */
	char why[256];
	struct ip ips[CHECK_ADDRESSES_MAX];
	size_t n;
	bool confirmed;  /* of the PTR records, one is the host name */
	char other[256]; /* the first that is not, or "" */
};

static void
keep_trouble(struct asking *q, const struct answer *a)
{
	(void)snprintf(q->why, sizeof(q->why), "%s", a->why);
	q->trouble = q->why;
}

static void
on_addresses(void *arg, const struct answer *a)
{
	struct asking *q = arg;
	if (a->kind == ANSWER_FAIL)
		keep_trouble(q, a);
	for (size_t i = 0; a->kind == ANSWER_OK && i < a->n; i++)
		if (q->n < CHECK_ADDRESSES_MAX)
			q->ips[q->n++] = a->records[i].ip;
	dial_stop(q->dial);
}

static void
on_names(void *arg, const struct answer *a)
{
	struct asking *q = arg;
	if (a->kind == ANSWER_FAIL)
		keep_trouble(q, a);
	for (size_t i = 0; a->kind == ANSWER_OK && i < a->n; i++) {
		const char *name = a->records[i].name;
		if (strcasecmp(name, q->k->c->hostname) == 0)
			q->confirmed = true;
		else if (q->other[0] == '\0')
			(void)snprintf(q->other, sizeof(q->other), "%s", name);
	}
	dial_stop(q->dial);
}

static void
ask(struct asking *q, const char *name, enum record_type type, resolver_fn fn)
{
	q->trouble = NULL;
	(void)!resolver_ask(q->dial->resolver, name, type, fn, q);
	dial_wait(q->dial);
}

/* --- is anything sent without a smart host? --- */

static void
on_domain(void *arg, const struct domain *d, unsigned line)
{
	bool *direct = arg;
	(void)line;
	*direct |= d->kind == DOMAIN_REMOTE && d->route == ROUTE_MX;
}

static bool
delivers_directly(const struct conf *c)
{
	struct route r;
	bool direct = false;
	route_find(c, "elsewhere.invalid", NULL, &r);
	table_each(c->table, on_domain, &direct);
	return direct || r.way == WAY_MX || r.way == WAY_DIRECT_FIRST;
}

/* --- */

static void
check_reverse(struct asking *q, const struct ip *ip)
{
	char name[IP_REVERSE_MAX], text[IP_TEXT_MAX];
	const char *host = q->k->c->hostname;
	ip_format(ip, text);
	ip_reverse(ip, name);
	q->confirmed = false;
	q->other[0] = '\0';
	ask(q, name, RECORD_PTR, on_names);
	if (q->confirmed)
		check_tell(
		    q->k, FOUND_GOOD, NULL, "%s is called %s", text, host);
	else if (q->trouble != NULL)
		check_tell(q->k, FOUND_WARNING, "try again later",
		    "%sthe name of %s cannot be asked for: %s",
		    check_at(q->k, &q->k->c->hostname, NULL), text, q->trouble);
	else
		check_tell(q->k, FOUND_WARNING,
		    "its owner, mostly your provider, has to set the PTR "
		    "record; or use a smart host",
		    "%s%s is called %s, not %s: many hosts refuse mail from it",
		    check_at(q->k, &q->k->c->hostname, NULL), text,
		    q->other[0] != '\0' ? q->other : "nothing", host);
}

/* An address that is not ours is right behind a translator, and wrong after
 * a move: only the reader knows. */
static void
check_address(struct asking *q, const struct ip *ip)
{
	char text[IP_TEXT_MAX];
	if (ip_is_loopback(ip))
		return;
	ip_format(ip, text);
	if (!ip_is_own(ip))
		check_tell(q->k, FOUND_WARNING,
		    "right behind address translation; else correct the "
		    "hostname or its record",
		    "%s%s has the address %s, which is none of this host",
		    check_at(q->k, &q->k->c->hostname, NULL), q->k->c->hostname,
		    text);
	if (delivers_directly(q->k->c))
		check_reverse(q, ip);
}

void
check_names(struct check *k, struct dial *d)
{
	struct asking q = {.k = k, .dial = d};
	ask(&q, k->c->hostname, RECORD_A, on_addresses);
	if (q.trouble != NULL) {
		check_tell(k, FOUND_FAULT,
		    "look at /etc/resolv.conf, or set dns { servers }",
		    "%sno name server answers: %s",
		    check_at(k, &k->c->dns.servers, NULL), q.trouble);
		return;
	}
	ask(&q, k->c->hostname, RECORD_AAAA, on_addresses);
	if (q.n > 0)
		check_tell(k, FOUND_GOOD, NULL,
		    "name servers answer; %s has an address", k->c->hostname);
	else if (q.trouble != NULL)
		check_tell(k, FOUND_WARNING, "try again later",
		    "%s%s cannot be asked for: %s",
		    check_at(k, &k->c->hostname, NULL), k->c->hostname,
		    q.trouble);
	else
		check_tell(k, FOUND_WARNING,
		    "an A or AAAA record, or another hostname",
		    "%sname servers answer; hostname %s has no address",
		    check_at(k, &k->c->hostname, NULL), k->c->hostname);
	for (size_t i = 0; i < q.n; i++)
		check_address(&q, &q.ips[i]);
}

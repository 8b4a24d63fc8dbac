/* SPDX-License-Identifier: ISC */
/*
 * From a name to addresses.  Not what to do with them (targets.c), and not
 * DNS itself (net/resolver.c).
 *
 * The MX are sorted once, before their addresses are asked for, all in
 * parallel; when the last answer is in, one pass builds the targets.  A
 * fault of the DNS hides no address that is known, and makes no failure
 * permanent.  Invariant: pending counts the questions under way, and only
 * the callback that brings it to zero, or the event, finishes.
 */
#include "deliver/mx.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/limits.h"
#include "base/log.h"
#include "net/dns.h"
#include "net/ip.h"

#define SMTP_PORT 25

/* The addresses of one host in one IP version. */
struct addresses {
	struct mx *mx;
	struct question *question; /* while it is under way */
	enum answer_kind kind;
	bool secure;
	char owner[256];
	struct ip v[MX_ADDRESSES_MAX];
	size_t n;
};

struct exchange {
	char name[256];
	unsigned preference;
	uint32_t shuffle;
	bool named; /* by the caller, or in MX that DNSSEC proved */
	struct addresses v6, v4;
};

struct mx {
	struct resolver *resolver;
	char *name;
	struct self self;
	unsigned port;
	enum mx_kind kind;
	mx_fn fn;
	void *arg;
	struct event *later;       /* to finish without a question */
	struct question *question; /* for the MX */
	bool implicit;             /* the only exchange is the name itself */
	struct exchange *v;
	size_t n, pending;
	struct hop_target *targets;
	size_t ntargets;
	struct status st;
};

static void
free_mx(struct mx *m)
{
	if (m->later != NULL)
		event_free(m->later);
	free(m->name);
	free(m->v);
	free(m->targets);
	free(m);
}

void
mx_cancel(struct mx *m)
{
	if (m->question != NULL)
		resolver_cancel(m->question);
	for (size_t i = 0; i < m->n; i++) {
		if (m->v[i].v6.question != NULL)
			resolver_cancel(m->v[i].v6.question);
		if (m->v[i].v4.question != NULL)
			resolver_cancel(m->v[i].v4.question);
	}
	free_mx(m);
}

static void
finish(struct mx *m)
{
	m->fn(m->arg, m->targets, m->ntargets, &m->st);
	free_mx(m);
}

static void
add_target(
    struct mx *m, const struct exchange *x, const struct addresses *a, size_t i)
{
	m->targets =
	    alloc_grow(m->targets, m->ntargets + 1, sizeof(struct hop_target));
	struct hop_target *t = &m->targets[m->ntargets++];
	*t = (struct hop_target){.ip = a->v[i],
	    .port = m->port,
	    .named = x->named,
	    .secure = x->named && a->secure};
	(void)snprintf(t->host, sizeof(t->host), "%s", x->name);
	if (x->named && dns_name_valid(a->owner, strlen(a->owner)) &&
	    strcasecmp(a->owner, x->name) != 0)
		memcpy(t->alias_of, a->owner, sizeof(t->alias_of));
}

/* IPv6 and IPv4 in turns, so that a network that swallows one of them
 * costs one time-out and not one for each address (K25). */
static void
add_exchange(struct mx *m, const struct exchange *x)
{
	for (size_t i = 0; i < x->v6.n || i < x->v4.n; i++) {
		if (i < x->v6.n)
			add_target(m, x, &x->v6, i);
		if (i < x->v4.n)
			add_target(m, x, &x->v4, i);
	}
}

static bool
any_own(const struct mx *m, const struct addresses *a)
{
	/* An MX with an address of ours means port 25, and that it is us. */
	bool by_address = m->kind == MX_DOMAIN && m->port == SMTP_PORT;
	for (size_t i = 0; i < a->n; i++)
		if (self_listens(&m->self, &a->v[i], m->port) ||
		    (by_address && ip_is_own(&a->v[i])))
			return true;
	return false;
}

/* An MX that names us is us, wherever we send to. */
static bool
is_ourselves(const struct mx *m, const struct exchange *x)
{
	return (m->kind == MX_DOMAIN && m->self.name != NULL &&
		   strcasecmp(x->name, m->self.name) == 0) ||
	       any_own(m, &x->v6) || any_own(m, &x->v4);
}

/* RFC 5321 section 5.1: ourselves, our equals and all worse ones go. */
static void
drop_ourselves(struct mx *m)
{
	size_t own = 0;
	while (own < m->n && !is_ourselves(m, &m->v[own]))
		own++;
	if (own == m->n)
		return;
	size_t keep = own;
	while (keep > 0 && m->v[keep - 1].preference == m->v[own].preference)
		keep--;
	m->n = keep;
	if (m->n == 0)
		status_set(&m->st, NEVER, 0, "5.4.6",
		    "mail for %s loops back to this host, %s", m->name,
		    m->self.name != NULL ? m->self.name : "which has no name");
}

static bool
both_are(const struct exchange *x, enum answer_kind kind)
{
	return x->v6.kind == kind && x->v4.kind == kind;
}

static bool
any_fault(const struct mx *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].v6.kind == ANSWER_FAIL ||
		    m->v[i].v4.kind == ANSWER_FAIL)
			return true;
	return false;
}

/* No target: why?  A fault was told in st when it came. */
static void
explain(struct mx *m)
{
	if (any_fault(m))
		return;
	if (!m->implicit)
		status_set(&m->st, LATER, 0, "4.4.4",
		    "no mail exchanger of %s has an address", m->name);
	else if (both_are(&m->v[0], ANSWER_NXDOMAIN))
		status_set(
		    &m->st, NEVER, 0, "5.1.2", "%s does not exist", m->name);
	else
		status_set(&m->st, NEVER, 0, "5.1.2", "%s has no %saddress",
		    m->name,
		    m->kind == MX_DOMAIN ? "mail exchanger and no " : "");
}

static void
conclude(struct mx *m)
{
	drop_ourselves(m);
	for (size_t i = 0; i < m->n; i++)
		add_exchange(m, &m->v[i]);
	if (m->ntargets > 0)
		status_set(&m->st, DONE, 0, NULL, "found");
	else if (m->n > 0)
		explain(m);
	finish(m);
}

static void
got_addresses(void *arg, const struct answer *a)
{
	struct addresses *into = arg;
	struct mx *m = into->mx;
	into->question = NULL;
	into->kind = a->kind;
	into->secure = a->secure;
	memcpy(into->owner, a->owner, sizeof(into->owner));
	if (a->kind == ANSWER_FAIL)
		status_set(&m->st, LATER, 0, "4.4.3", "%s", a->why);
	if (a->kind == ANSWER_OK)
		for (; into->n < a->n && into->n < MX_ADDRESSES_MAX; into->n++)
			into->v[into->n] = a->records[into->n].ip;
	if (--m->pending == 0)
		conclude(m);
}

static void
ask_addresses(struct mx *m)
{
	for (size_t i = 0; i < m->n; i++) {
		struct exchange *x = &m->v[i];
		x->v6.mx = x->v4.mx = m;
		m->pending += 2;
		x->v6.question = resolver_ask(
		    m->resolver, x->name, RECORD_AAAA, got_addresses, &x->v6);
		x->v4.question = resolver_ask(
		    m->resolver, x->name, RECORD_A, got_addresses, &x->v4);
	}
}

static void
ask_itself(struct mx *m)
{
	m->implicit = true;
	m->v = alloc_zero(1, sizeof(*m->v));
	m->n = 1;
	m->v[0].named = true;
	(void)snprintf(m->v[0].name, sizeof(m->v[0].name), "%s", m->name);
	ask_addresses(m);
}

static int
by_preference(const void *a, const void *b)
{
	const struct exchange *x = a, *y = b;
	if (x->preference != y->preference)
		return x->preference < y->preference ? -1 : 1;
	return (x->shuffle > y->shuffle) - (x->shuffle < y->shuffle);
}

/* Take the names, best first, equals in random order; none when all are
 * the root (RFC 7505). */
static void
take_exchanges(struct mx *m, const struct answer *a)
{
	m->v = alloc_zero(a->n, sizeof(*m->v));
	for (size_t i = 0; i < a->n; i++) {
		if (a->records[i].name[0] == '\0')
			continue;
		struct exchange *x = &m->v[m->n++];
		memcpy(x->name, a->records[i].name, sizeof(x->name));
		x->preference = a->records[i].preference;
		x->named = a->secure || strcasecmp(x->name, m->name) == 0;
		/* Without randomness the order is that of the answer. */
		if (getrandom(&x->shuffle, sizeof(x->shuffle), GRND_NONBLOCK) !=
		    (ssize_t)sizeof(x->shuffle))
			x->shuffle = (uint32_t)i;
	}
	qsort(m->v, m->n, sizeof(*m->v), by_preference);
	if (m->n > MX_HOSTS_MAX)
		m->n = MX_HOSTS_MAX;
}

static void
got_exchanges(void *arg, const struct answer *a)
{
	struct mx *m = arg;
	m->question = NULL;
	switch (a->kind) {
	case ANSWER_FAIL:
		status_set(&m->st, LATER, 0, "4.4.3", "%s", a->why);
		finish(m);
		return;
	case ANSWER_NODATA:
	case ANSWER_NXDOMAIN:
		/* A hosts file may know what the DNS does not. */
		ask_itself(m);
		return;
	case ANSWER_OK:
		break;
	}
	take_exchanges(m, a);
	if (m->n > 0) {
		ask_addresses(m);
		return;
	}
	status_set(&m->st, NEVER, 0, "5.1.10",
	    "the domain %s accepts no mail (null MX)", m->name);
	finish(m);
}

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]". */
static bool
parse_literal(const char *s, struct ip *ip)
{
	size_t len = strlen(s), prefix = strlen("IPv6:");
	if (len < 2 || s[0] != '[' || s[len - 1] != ']')
		return false;
	s++;
	len -= 2;
	bool v6 = len > prefix && strncasecmp(s, "IPv6:", prefix) == 0;
	if (v6) {
		s += prefix;
		len -= prefix;
	}
	return (memchr(s, ':', len) != NULL) == v6 && ip_parse(s, len, ip) == 0;
}

static void
finish_literal(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	conclude(arg);
}

static void
take_literal(struct mx *m, const struct ip *ip)
{
	m->implicit = true;
	m->v = alloc_zero(1, sizeof(*m->v));
	m->n = 1;
	m->v[0].named = true;
	ip_format(ip, m->v[0].name);
	m->v[0].v4.v[0] = *ip;
	m->v[0].v4.n = 1;
	m->later =
	    event_new(resolver_base(m->resolver), -1, 0, finish_literal, m);
	if (m->later == NULL)
		die("cannot make an event");
	event_active(m->later, EV_TIMEOUT, 0);
}

struct mx *
mx_find(struct resolver *r, const char *name, unsigned port, enum mx_kind kind,
    const struct self *self, mx_fn fn, void *arg)
{
	struct mx *m = alloc_zero(1, sizeof(*m));
	struct ip ip;
	m->resolver = r;
	m->name = alloc_string(name, strlen(name));
	m->self = *self;
	m->port = port;
	m->kind = kind;
	m->fn = fn;
	m->arg = arg;
	if (parse_literal(name, &ip))
		take_literal(m, &ip);
	else if (kind == MX_DOMAIN)
		m->question =
		    resolver_ask(r, name, RECORD_MX, got_exchanges, m);
	else
		ask_itself(m);
	return m;
}

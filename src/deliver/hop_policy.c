/* SPDX-License-Identifier: ISC */
/*
 * Before a connection is opened: what is the host to prove?  The session's
 * own policy, tightened by TLSA records (RFC 7672), else by an MTA-STS
 * policy (RFC 8461), and by REQUIRETLS; loosened by nothing that was
 * published or sent (RFC 8689).
 *
 * Invariant: an answer that cannot be had is never taken for "there is
 * none": where TLSA records may be, nothing is sent until it is known.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "deliver/hop_internal.h"

/* The connection is not to be opened at all. */
static void PRINTF_LIKE(3, 4)
    refuse(struct hop *h, const char *enhanced, const char *fmt, ...)
{
	char why[400], ip[IP_TEXT_MAX];
	struct status st;
	h->refused_first = true;
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	ip_format(&h->target.ip, ip);
	status_set(&st, enhanced[0] == '5' ? NEVER : LATER, 0, enhanced,
	    "%.255s[%s]:%u: %s", h->target.host, ip, h->target.port, why);
	hop_end(h, &st);
}

/* Add to what is told to one who watches. */
static void
found(struct hop *h, const char *text)
{
	size_t used = strlen(h->found);
	(void)snprintf(h->found + used, sizeof(h->found) - used, "%s%s",
	    used > 0 ? "; " : "", text);
}

static void
decided(struct hop *h)
{
	bool proves = h->proof == PROOF_DANE || h->proof == PROOF_STS ||
		      (h->policy == TLS_VERIFY && h->target.named);
	if (h->wish == WISH_REQUIRETLS && !proves) {
		refuse(h, "5.7.10",
		    "REQUIRETLS: nothing can prove that this is the right "
		    "host (no DANE, no MTA-STS, no tls = verify)");
		return;
	}
	if (h->proof == PROOF_NONE && h->policy == TLS_VERIFY)
		h->proof = PROOF_CA;
	hop_begin(h);
}

/* --- MTA-STS --- */

static void
log_testing(const struct hop *h, const char *text)
{
	log_event(LOG_WARNING, "mta-sts-testing", LOG_STR("domain", h->domain),
	    LOG_STR("host", h->target.host), LOG_STR("text", text));
}

static void
got_policy(void *arg, const struct sts_policy *p)
{
	struct hop *h = arg;
	h->query = NULL;
	if (p == NULL) {
		found(h, "MTA-STS: no policy");
		decided(h);
		return;
	}
	bool named = sts_policy_names(p, h->target.host);
	if (p->mode == STS_TESTING) {
		if (!named)
			log_testing(h, "the policy does not name this host");
		h->testing = named;
		found(h, named ? "MTA-STS: the policy is in testing mode"
			       : "MTA-STS: the policy, in testing mode, does "
				 "not name this host");
	} else if (!named) {
		refuse(h, "4.7.5",
		    "the MTA-STS policy of %.255s does not name this host",
		    h->domain);
		return;
	} else {
		/* Its authorities, unless the administrator verifies. */
		if (h->policy != TLS_VERIFY) {
			free(h->ca_file);
			h->ca_file = h->sts_ca_file;
			h->sts_ca_file = NULL;
		}
		h->policy = TLS_VERIFY;
		h->proof = PROOF_STS;
		found(h, "MTA-STS: the policy names this host and wants its "
			 "certificate proven");
	}
	decided(h);
}

static void
ask_policy(struct hop *h)
{
	if (h->sts != NULL)
		h->query = sts_ask(h->sts, h->domain, got_policy, h);
	else
		decided(h);
}

void
policy_tested(const struct hop *h, const char *fault)
{
	if (h->testing && fault != NULL)
		log_testing(h, fault);
}

/* --- DANE --- */

/* Records that DNSSEC proves: they alone count, if there is one that can be
 * used; else the host is known to have TLS (RFC 7672 section 2.2). */
static void
take_records(struct hop *h, const struct answer *a)
{
	h->records = true;
	h->dane = dane_new(a, h->base, h->domain);
	if (h->dane != NULL) {
		h->policy = TLS_VERIFY;
		h->proof = PROOF_DANE;
		found(h, "DANE: there are TLSA records");
		decided(h);
		return;
	}
	log_event(LOG_NOTICE, "dane-unusable", LOG_STR("name", a->name));
	found(h, "DANE: there are TLSA records, but none that mail can use");
	if (h->policy == TLS_OPPORTUNISTIC)
		h->policy = TLS_REQUIRE;
	ask_policy(h);
}

static void
no_records(struct hop *h, const char *why)
{
	found(h, why);
	ask_policy(h);
}

static void got_records(void *arg, const struct answer *a);

static void
ask_records(struct hop *h, const char *base)
{
	char name[300];
	h->base = base;
	(void)snprintf(
	    name, sizeof(name), "_%u._tcp.%.255s", h->target.port, base);
	h->tlsa = resolver_ask(h->resolver, name, RECORD_TLSA, got_records, h);
}

static void
got_records(void *arg, const struct answer *a)
{
	struct hop *h = arg;
	h->tlsa = NULL;
	if (a->kind == ANSWER_OK && a->secure)
		take_records(h, a);
	/* Who verifies anyway needs no TLSA. */
	else if (a->kind == ANSWER_FAIL && h->policy != TLS_VERIFY)
		refuse(h, "4.7.5", "DANE: %s", a->why);
	else if (h->base != h->target.host)
		ask_records(h, h->target.host);
	else
		no_records(h, "DANE: no TLSA record");
}

static void
unsigned_host(struct hop *h)
{
	no_records(h, "DANE: DNSSEC does not prove the way to this host");
}

/* The host that it is an alias of is not signed; is the alias? */
static void
got_alias(void *arg, const struct answer *a)
{
	struct hop *h = arg;
	h->tlsa = NULL;
	if (a->kind == ANSWER_OK && a->secure)
		ask_records(h, h->target.host);
	else if (a->kind == ANSWER_FAIL && h->policy != TLS_VERIFY)
		refuse(h, "4.7.5", "DANE: %s", a->why);
	else
		unsigned_host(h);
}

/* The names whose records count (RFC 7672 section 2.2.2): of an alias first
 * the host that it stands for, as far as DNSSEC proves the way there. */
static void
ask_dane(struct hop *h)
{
	const struct hop_target *t = &h->target;
	if (t->secure)
		ask_records(h, t->alias_of[0] != '\0' ? t->alias_of : t->host);
	else if (t->alias_of[0] != '\0')
		h->tlsa = resolver_ask(
		    h->resolver, t->host, RECORD_CNAME, got_alias, h);
	else
		unsigned_host(h);
}

void
policy_ask(struct hop *h)
{
	bool pinned = h->policy == TLS_VERIFY && h->ca_file != NULL;
	if (h->policy == TLS_NONE || h->wish == WISH_TLS_OPTIONAL)
		decided(h);
	else if (h->resolver != NULL && !pinned)
		ask_dane(h);
	else
		ask_policy(h);
}

void
policy_cancel(struct hop *h)
{
	if (h->tlsa != NULL)
		resolver_cancel(h->tlsa);
	if (h->query != NULL)
		sts_cancel(h->query);
	h->tlsa = NULL;
	h->query = NULL;
}

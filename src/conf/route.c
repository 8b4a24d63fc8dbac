/* SPDX-License-Identifier: ISC */
/*
 * Where mail for a domain goes, and which recipients may share a
 * connection.  Looks at the configuration only; whether a host answers is
 * the carrier's affair, and a domain that is an address literal takes the
 * same ways as any other.
 *
 * Invariant: a password and a client certificate are in the session of the
 * hosts that they were written for and in no other: what goes by MX without
 * an entry of its own goes without credentials.
 */
#include "conf/route.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "conf/conf_read.h"
#include "mail/address.h"
#include "mail/domain_key.h"
#include "net/ip.h"

/* For a next hop that nobody said anything about. */
static const struct session_conf plain = {
    .tls = TLS_OPPORTUNISTIC, .mechanism = "auto"};

/* "user@domain", "domain" or "@domain", "*.domain" (below it); domain is
 * that of the sender, as by domain_key(). */
static bool
sender_matches(const char *pattern, const char *sender, const char *domain)
{
	const char *at = strrchr(sender, '@');
	const char *in_pattern = strrchr(pattern, '@');
	if (in_pattern != NULL && in_pattern != pattern) {
		size_t local = (size_t)(in_pattern - pattern);
		return (size_t)(at - sender) == local &&
		       memcmp(pattern, sender, local) == 0 &&
		       strcasecmp(in_pattern + 1, domain) == 0;
	}
	if (*pattern == '@')
		pattern++;
	if (*pattern != '*')
		return strcasecmp(pattern, domain) == 0;
	size_t len = strlen(domain), tail = strlen(++pattern);
	return len > tail && strcasecmp(domain + len - tail, pattern) == 0;
}

static const struct smarthost *
choose_smarthost(const struct conf *c, const char *sender)
{
	char domain[DOMAIN_MAX + 1];
	const char *at = sender != NULL ? strrchr(sender, '@') : NULL;
	if (at != NULL)
		(void)domain_key(at + 1, strlen(at + 1), domain);
	for (size_t i = 0; at != NULL && i < c->nsmarthosts; i++) {
		const struct smarthost *h = &c->smarthosts[i];
		for (size_t k = 0; h->name != NULL && k < h->senders.n; k++)
			if (sender_matches(h->senders.v[k], sender, domain))
				return h;
	}
	if (c->nsmarthosts > 0 && c->smarthosts[0].name == NULL)
		return &c->smarthosts[0];
	return NULL;
}

static void
route_remote(const struct conf *c, const char *sender, struct route *r)
{
	if (r->entry->session != NULL)
		r->session = r->entry->session;
	if (r->entry->route == ROUTE_HOST)
		r->way = WAY_HOST;
	else if (r->entry->route == ROUTE_MX)
		r->way = WAY_MX;
	else
		r->smarthost = choose_smarthost(c, sender);
	if (r->smarthost != NULL) {
		r->way = WAY_SMARTHOST;
		r->session = &r->smarthost->session;
	}
}

void
route_find(const struct conf *c, const char *domain, const char *sender,
    struct route *r)
{
	if (*domain == '\0')
		domain = conf_origin(c);
	*r = (struct route){.way = WAY_MX,
	    .entry = table_find(c->table, domain, strlen(domain)),
	    .session = &plain};
	if (domain_is_local(r->entry)) {
		r->way = WAY_LOCAL;
		r->session = NULL;
		return;
	}
	if (r->entry != NULL) {
		route_remote(c, sender, r);
		return;
	}
	r->smarthost = choose_smarthost(c, sender);
	if (r->smarthost == NULL)
		return;
	if (r->smarthost->direct_first) {
		r->way = WAY_DIRECT_FIRST;
		return;
	}
	r->way = WAY_SMARTHOST;
	r->session = &r->smarthost->session;
}

static void
add_setting(struct buf *out, const char *name, const char *value)
{
	if (value != NULL)
		(void)buf_addf(out, " %s=%s", name, value);
}

/* What makes a session differ from the usual one of its way. */
static void
add_session(
    struct buf *out, const struct session_conf *s, enum tls_policy usual)
{
	static const char *const names[] = {
	    "none", "opportunistic", "require", "verify"};
	if (s->tls != usual)
		add_setting(out, "tls", names[s->tls]);
	if (s->implicit)
		add_setting(out, "implicit", "yes");
	add_setting(out, "user", s->user);
	add_setting(out, "secret-file", s->secret_file);
	add_setting(out, "secret-command", s->secret_command);
	if (strcmp(s->mechanism, "auto") != 0)
		add_setting(out, "mechanism", s->mechanism);
	add_setting(out, "ca-file", s->ca_file);
	add_setting(out, "client-certificate", s->client_certificate);
	add_setting(out, "client-key", s->client_key);
	add_setting(out, "helo", s->helo);
}

static void
add_lower(struct buf *out, const char *s)
{
	for (; *s != '\0'; s++)
		(void)buf_addc(
		    out, *s >= 'A' && *s <= 'Z' ? (char)(*s + 'a' - 'A') : *s);
}

static void
add_smarthost(struct buf *out, const struct smarthost *h)
{
	(void)buf_adds(out, "smarthost");
	for (size_t i = 0; i < h->hosts.n; i++) {
		(void)buf_addc(out, i > 0 ? ',' : ' ');
		add_lower(out, h->hosts.v[i]);
	}
	add_session(out, &h->session, TLS_VERIFY);
}

void
route_key(const struct route *r, const char *domain, struct buf *out)
{
	switch (r->way) {
	case WAY_LOCAL:
		(void)buf_adds(out, "local");
		break;
	case WAY_HOST:
		(void)buf_adds(out, "host ");
		add_lower(out, r->entry->host);
		add_session(out, r->session, TLS_OPPORTUNISTIC);
		break;
	case WAY_SMARTHOST:
		add_smarthost(out, r->smarthost);
		break;
	case WAY_DIRECT_FIRST:
	case WAY_MX:
		(void)buf_adds(out, "mx ");
		add_lower(out, domain);
		add_session(out, r->session, TLS_OPPORTUNISTIC);
		if (r->way == WAY_DIRECT_FIRST) {
			(void)buf_adds(out, ", then ");
			add_smarthost(out, r->smarthost);
		}
		break;
	}
}

static int
parse_port(const char *s, unsigned default_port, unsigned *port)
{
	uint64_t n;
	*port = default_port;
	if (*s == '\0')
		return 0;
	if (*s != ':' || conf_number(s + 1, &n) != 0 || n < 1 || n > 65535)
		return -1;
	*port = (unsigned)n;
	return 0;
}

int
host_spec_parse(const char *s, unsigned default_port, struct host_spec *h)
{
	struct ip ip;
	size_t len;
	*h = (struct host_spec){.bracketed = *s == '['};
	if (h->bracketed) {
		s++;
		len = strcspn(s, "]");
		if (s[len] == '\0' ||
		    parse_port(s + len + 1, default_port, &h->port) != 0)
			return -1;
		if (len > 5 && strncasecmp(s, "IPv6:", 5) == 0) {
			s += 5;
			len -= 5;
		}
	} else {
		len = strcspn(s, ":");
		if (parse_port(s + len, default_port, &h->port) != 0)
			return -1;
	}
	if (len == 0 || len >= sizeof(h->host))
		return -1;
	memcpy(h->host, s, len);
	h->host[len] = '\0';
	h->literal = ip_parse(s, len, &ip) == 0;
	/* An address has no MX, with or without brackets. */
	h->bracketed = h->bracketed || h->literal;
	return h->literal || domain_valid(s, len, 0) ? 0 : -1;
}

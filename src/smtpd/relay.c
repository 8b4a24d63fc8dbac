/* SPDX-License-Identifier: ISC */
/*
 * The relay decision and connection control.  Pure: a configuration, a peer
 * and a recipient in, an answer out.  Default deny: an address that fits no
 * rule, a list entry that cannot be read, a reverse name that is not known
 * yet, all say no.
 */
#include "smtpd/relay.h"

#include <string.h>
#include <strings.h>

static const char *const rule_names[] = {
    [RELAY_LOCAL_DOMAIN] = "local-domain",
    [RELAY_DOMAIN_OPEN] = "remote-domain-relay",
    [RELAY_AUTHENTICATED] = "authenticated",
    [RELAY_LISTED] = "listed",
    [RELAY_DEFAULT] = "default-allow",
    [RELAY_THIS_HOST] = "this-host",
    [RELAY_DENIED] = "denied",
};

const char *
relay_rule_name(enum relay_rule r)
{
	return rule_names[r];
}

/* "[IPv6]" or a digit first or a colon: an address or block, not a name. */
static bool
is_name(const char *entry)
{
	struct cidr c;
	const char *why;
	return cidr_parse(entry, strlen(entry), &c, &why) != 0;
}

static bool
words_have_name(const struct words *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (is_name(w->v[i]))
			return true;
	return false;
}

bool
relay_needs_name(const struct conf *c)
{
	return words_have_name(&c->relay.except) ||
	       words_have_name(&c->access.except);
}

/* "corp.test" is that host; ".corp.test" is every host under it. */
static bool
name_covered(const char *entry, const char *name)
{
	size_t e = strlen(entry), n = strlen(name);
	if (n == 0)
		return false;
	if (entry[0] != '.')
		return strcasecmp(entry, name) == 0;
	return n > e && strcasecmp(name + n - e, entry) == 0;
}

bool
relay_listed(const struct words *except, const struct peer *p)
{
	for (size_t i = 0; i < except->n; i++) {
		const char *entry = except->v[i];
		struct cidr c;
		const char *why;
		if (cidr_parse(entry, strlen(entry), &c, &why) == 0) {
			if (cidr_covers(&c, &p->ip))
				return true;
		} else if (name_covered(entry, p->name)) {
			return true;
		}
	}
	return false;
}

void
relay_access(const struct conf *c, const struct peer *p, struct status *st)
{
	bool listed = !p->local_socket && relay_listed(&c->access.except, p);
	if (p->local_socket || c->access.allow != listed)
		status_set(st, DONE, 220, NULL, "ok");
	else
		status_set(
		    st, NEVER, 554, "5.7.1", "This host may not connect here");
}

static bool
by_domain(
    const struct conf *c, const struct address *rcpt, enum relay_rule *rule)
{
	const char *domain = address_domain(rcpt);
	if (domain[0] == '\0')
		domain = conf_origin(c);
	const struct domain *d = table_find(c->table, domain, strlen(domain));
	if (domain_is_local(d))
		*rule = RELAY_LOCAL_DOMAIN;
	else if (d != NULL && d->relay)
		*rule = RELAY_DOMAIN_OPEN;
	else
		return false;
	return true;
}

/* What the peer may do, whatever the recipient. */
static bool
by_right(const struct conf *c, const struct peer *p, const char *user,
    enum relay_rule *rule)
{
	bool listed = relay_listed(&c->relay.except, p);
	if (p->local_socket)
		*rule = RELAY_THIS_HOST;
	else if (c->relay.authenticated && user[0] != '\0')
		*rule = RELAY_AUTHENTICATED;
	else if (!c->relay.allow && listed)
		*rule = RELAY_LISTED;
	else if (c->relay.allow && !listed)
		*rule = RELAY_DEFAULT;
	else
		return false;
	return true;
}

bool
relay_has_right(const struct conf *c, const struct peer *p, const char *user)
{
	enum relay_rule rule;
	return by_right(c, p, user, &rule);
}

static void
deny(const struct address *rcpt, struct status *st, enum relay_rule *rule)
{
	*rule = RELAY_DENIED;
	status_set(
	    st, NEVER, 550, "5.7.1", "Unable to relay for %s", rcpt->text);
}

void
relay_check(const struct conf *c, const struct peer *p, const char *user,
    const struct address *rcpt, struct status *st, enum relay_rule *rule)
{
	enum relay_rule right, domain;
	bool may = by_right(c, p, user, &right);
	bool ours = by_domain(c, rcpt, &domain);
	if ((!may && !ours) || (!may && relay_disguised(rcpt))) {
		deny(rcpt, st, rule);
		return;
	}
	*rule = ours ? domain : right;
	status_set(st, DONE, 250, "2.1.5", "Ok");
}

bool
relay_disguised(const struct address *rcpt)
{
	for (size_t i = 0; i < rcpt->at; i++) {
		char ch = rcpt->text[i];
		if (ch == '%' || ch == '!' || ch == '@' || ch == ':')
			return true;
	}
	return false;
}

bool
relay_is_own(const struct conf *c, const struct peer *p, const char *user)
{
	static char loopback4[] = "127.0.0.0/8", loopback6[] = "::1";
	static char *here[] = {loopback4, loopback6};
	const struct words this_host = {.v = here, .n = 2};
	return p->local_socket || user[0] != '\0' ||
	       relay_listed(&this_host, p) ||
	       relay_listed(&c->masquerade.clients, p);
}

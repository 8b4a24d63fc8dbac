/* SPDX-License-Identifier: ISC */
/*
 * Who may connect, and who may relay: the heart of the document (R1-R3,
 * R13-R25, REQUIREMENTS 2.1).  Pure questions to one configuration; nothing
 * is remembered, so that a change binds at the next command (R27).
 *
 * A recipient is accepted at the first yes: (1) its domain is local; (2) its
 * remote domain has relay=yes; (3) relay.authenticated and the session has a
 * user; (4) relay.default with relay.except; (5) no: "550 5.7.1 Unable to
 * relay for ADDRESS".  MAIL FROM and HELO never give a right.
 */
#ifndef SMTPD_RELAY_H
#define SMTPD_RELAY_H

#include <stdbool.h>

#include "conf/conf.h"
#include "mail/address.h"
#include "mail/verdict.h"
#include "net/ip.h"

/* Who is there. */
struct peer {
	struct ip ip;
	unsigned port;
	bool local_socket; /* our unix socket: mail of this host (R28) */
	unsigned uid;      /* SO_PEERCRED, with local_socket */
	char name[256];    /* reverse name, confirmed forward; "" = none */
	bool name_known;   /* the look-up has ended */
};

/* Which rule decided, for the log and `waypost explain`. */
enum relay_rule {
	RELAY_LOCAL_DOMAIN,
	RELAY_DOMAIN_OPEN,
	RELAY_AUTHENTICATED,
	RELAY_LISTED,    /* an except entry under default deny */
	RELAY_DEFAULT,   /* default allow, not listed */
	RELAY_THIS_HOST, /* the unix socket */
	RELAY_DENIED,
};
const char *relay_rule_name(enum relay_rule r);

/* Does the list hold a domain entry, so that a reverse name is needed to
 * answer for this peer? */
bool relay_needs_name(const struct conf *c);

/* Is the peer covered by an except list (address, CIDR, ".domain" or
 * "domain" by its confirmed name)? */
bool relay_listed(const struct words *except, const struct peer *p);

/* May it connect?  DONE, or NEVER 554 5.7.1. */
void relay_access(
    const struct conf *c, const struct peer *p, struct status *st);

/* May it relay, to whatever recipient?  (Rules 3 and 4, and our socket.) */
bool relay_has_right(
    const struct conf *c, const struct peer *p, const char *user);

/* May it bring mail for this recipient?  DONE, or NEVER 550 with the seed's
 * words; sets *rule. */
void relay_check(const struct conf *c, const struct peer *p, const char *user,
    const struct address *rcpt, struct status *st, enum relay_rule *rule);

/*
 * Is it mail of our own users, to be completed and masqueraded as from the
 * command line, or a stranger's?  As Postfix's local_header_rewrite_clients:
 * this host and masquerade.clients; and who has authenticated.
 */
bool relay_is_own(const struct conf *c, const struct peer *p, const char *user);

/*
 * Is the local part routing in disguise ('%', '!', '@' in quotes, "@a:")?
 * Such recipients at domains of ours are refused for peers without a relay
 * right (A5, G07-G20).
 */
bool relay_disguised(const struct address *rcpt);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * The open-relay self-test: the recipients with which relays have been
 * tricked (Microsoft's K304897, ORDB), as a stranger would name them, read
 * and judged by the listener's own functions.  No network.
 */
#include "check.h"

#include <string.h>

#include "smtpd/command.h"
#include "smtpd/relay.h"

/* @ stands for a local domain of ours, or the host name. */
static const char *const forms[] = {
    "TO:<u@foreign.test>",
    "TO:<u%foreign.test>",
    "TO:<u%foreign.test@~>",
    "TO:<\"u@foreign.test\">",
    "TO:<\"u@foreign.test\"@~>",
    "TO:<\"u%foreign.test\"@~>",
    "TO:<foreign.test!u>",
    "TO:<foreign.test!u@~>",
    "TO:<@~:u@foreign.test>",
    "TO:<@foreign.test:u@~>",
    "TO:<u@foreign.test@~>",
    "TO:<u@[198.18.0.1]>",
    "TO:<u%foreign.test@[127.0.0.1]>",
    "TO:<u@foreign.test.>",
};

/* Is it accepted from a stranger? */
static bool
accepted(const struct check *k, const char *form, const char *domain)
{
	struct peer p = {.name_known = true};
	struct session_rcpt r;
	struct status st;
	enum relay_rule rule;
	struct buf arg;
	bool yes = false;
	if (ip_parse("198.18.0.77", 11, &p.ip) != 0)
		return true;
	buf_init(&arg, 1024);
	for (; *form != '\0'; form++)
		if (*form == '~')
			(void)buf_adds(&arg, domain);
		else
			(void)buf_addc(&arg, *form);
	memset(&r, 0, sizeof(r));
	if (command_rcpt(buf_str(&arg), arg.len, false, &r, &st) == 0 &&
	    address_qualify(&r.addr, conf_origin(k->c)) == 0) {
		relay_check(k->c, &p, "", &r.addr, &st, &rule);
		yes = st.verdict == DONE;
	}
	buf_free(&arg);
	return yes;
}

void
check_relay(struct check *k)
{
	const struct domain *d = table_default(k->c->table);
	const char *domain = d != NULL ? d->name : conf_origin(k->c);
	unsigned open = 0;
	size_t n = sizeof(forms) / sizeof(*forms);
	if (k->c->relay.allow) {
		check_tell(k, FOUND_WARNING,
		    "relay { default = deny  except = { who may } }",
		    "%s: relay.default = allow: this is an open relay",
		    k->c->path);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (!accepted(k, forms[i], domain))
			continue;
		open++;
		check_tell(k, FOUND_FAULT,
		    "look at relay.except and at relay=yes in the domain table",
		    "a stranger may relay by RCPT %s", forms[i]);
	}
	if (open == 0)
		check_tell(k, FOUND_GOOD, NULL,
		    "no open relay: %zu forms refused to a stranger", n);
}

/* SPDX-License-Identifier: ISC */
/*
 * The open-relay self-test: the recipients with which relays have been
 * tricked (Microsoft's K304897, ORDB), said by a stranger to each listener's
 * own session machine, from senders of here, of elsewhere and from none.
 * The rules are asked as the listener asks them; there is no network and no
 * queue.  Invariant: no message is ever begun here.
 */
#include "check.h"

#include <string.h>

#include "conf/mailbox.h"
#include "smtpd/relay.h"
#include "smtpd/session.h"

/* ~ stands for a local domain of ours, or the host name. */
static const char *const forms[] = {
    "<u@foreign.test>",
    "<u%foreign.test>",
    "<u%foreign.test@~>",
    "<\"u@foreign.test\">",
    "<\"u@foreign.test\"@~>",
    "<\"u%foreign.test\"@~>",
    "<foreign.test!u>",
    "<foreign.test!u@~>",
    "<@~:u@foreign.test>",
    "<@foreign.test:u@~>",
    "<u@foreign.test@~>",
    "<u@[198.18.0.1]>",
    "<u%foreign.test@[127.0.0.1]>",
    "<u@foreign.test.>",
};

static const char *const senders[] = {"<>", "<u@elsewhere.test>", "<u@~>"};

#define NFORMS (sizeof(forms) / sizeof(*forms))
#define NSENDERS (sizeof(senders) / sizeof(*senders))

struct stranger {
	const struct check *k;
	const struct listener *listener;
	const char *domain; /* for ~ */
	struct peer peer;
	struct session *session;
	const char *rule; /* that decided on the last recipient */

	unsigned taken;                  /* forms */
	const char *sender, *form, *why; /* of the first */
};

/* --- the hooks: as the listener's, for one who has no name and no user --- */

static void
on_policy(void *arg, struct session_policy *p)
{
	const struct stranger *s = arg;
	const struct conf *c = s->k->c;
	/* As if it were under TLS and needed no login: of what it may do
	 * then, the rules alone decide. */
	*p = (struct session_policy){.hostname = c->hostname,
	    .mechanisms = "",
	    .normalize = s->listener->normalize,
	    .recipients = c->limits.recipients};
}

static void
on_access(void *arg, struct status *st)
{
	(void)arg;
	status_set(st, DONE, 220, NULL, "ok");
}

static enum ask
on_mail(void *arg, const struct session_mail *m, struct status *st)
{
	(void)arg;
	(void)m;
	status_set(st, DONE, 250, "2.1.0", "Ok");
	return ASK_NOW;
}

static enum ask
on_rcpt(void *arg, const struct session_rcpt *r, struct status *st)
{
	struct stranger *s = arg;
	struct address full = r->addr;
	enum relay_rule rule;
	if (address_qualify(&full, conf_origin(s->k->c)) != 0) {
		status_set(st, NEVER, 501, "5.1.3", "The address is too long");
		return ASK_NOW;
	}
	relay_check(s->k->c, &s->peer, "", &full, st, &rule);
	s->rule = relay_rule_name(rule);
	return ASK_NOW;
}

static enum ask
on_data(void *arg, struct status *st)
{
	(void)arg;
	status_set(st, NEVER, 554, "5.7.1", "Only a test");
	return ASK_NOW;
}

static int
on_octets(void *arg, const char *p, size_t n, struct status *st)
{
	(void)p;
	(void)n;
	(void)on_data(arg, st);
	return -1;
}

static void
on_reset(void *arg)
{
	(void)arg;
}

static const struct session_hooks hooks = {.policy = on_policy,
    .access = on_access,
    .mail = on_mail,
    .rcpt = on_rcpt,
    .data = on_data,
    .octets = on_octets,
    .commit = on_data,
    .reset = on_reset};

/* --- the dialogue --- */

/* The reply's first digit. */
static char
say(struct stranger *s, const char *verb, const char *form)
{
	struct buf line, *out = session_output(s->session);
	buf_init(&line, 2048);
	(void)buf_adds(&line, verb);
	for (; *form != '\0'; form++)
		if (*form == '~')
			(void)buf_adds(&line, s->domain);
		else
			(void)buf_addc(&line, *form);
	(void)buf_adds(&line, "\r\n");
	buf_clear(out);
	(void)session_input(s->session, line.data, line.len);
	char first = out->len > 0 ? out->data[0] : '\0';
	buf_free(&line);
	return first;
}

/* What this listener takes of all forms from one sender. */
static void
try_forms(struct stranger *s, const char *sender)
{
	for (size_t i = 0; i < NFORMS; i++) {
		(void)say(s, "RSET", "");
		if (say(s, "MAIL FROM:", sender) != '2' ||
		    say(s, "RCPT TO:", forms[i]) != '2')
			continue;
		if (s->taken++ > 0)
			continue;
		s->sender = sender;
		s->form = forms[i];
		s->why = s->rule;
	}
}

/* Does it refuse them all? */
static bool
refuses(struct check *k, const struct listener *l, const char *domain)
{
	struct stranger s = {
	    .k = k, .listener = l, .domain = domain, .peer.name_known = true};
	if (ip_parse("198.18.0.77", 11, &s.peer.ip) != 0)
		return false;
	s.session = session_new(&hooks, &s);
	session_greet(s.session, false);
	(void)say(&s, "EHLO ", "stranger.test");
	for (size_t i = 0; i < NSENDERS; i++)
		try_forms(&s, senders[i]);
	session_free(s.session);
	if (s.taken > 0)
		check_tell(k, FOUND_FAULT,
		    "look at relay.except and at relay=yes in the domain table",
		    "%slistener %s: a stranger may relay: %u of %zu forms, "
		    "the first MAIL FROM:%s, RCPT TO:%s (%s; ~ is %s)",
		    check_at(k, &k->c->relay.except, &l->address), l->name,
		    s.taken, NFORMS * NSENDERS, s.sender, s.form, s.why,
		    domain);
	return s.taken == 0;
}

void
check_relay(struct check *k)
{
	const struct conf *c = k->c;
	const struct domain *d = table_default(c->table);
	const char *domain = d != NULL ? d->name : conf_origin(c);
	unsigned asked = 0, closed = 0;
	if (c->relay.allow) {
		check_tell(k, FOUND_WARNING,
		    "relay { default = deny  except = { who may } }",
		    "%srelay.default = allow: this is an open relay",
		    check_at(k, &c->relay.allow, NULL));
		return;
	}
	for (size_t i = 0; i < c->nlisteners; i++) {
		if (c->listeners[i].address[0] == '/')
			continue; /* its users are this host's */
		asked++;
		closed += refuses(k, &c->listeners[i], domain);
	}
	if (asked == 0)
		check_tell(k, FOUND_GOOD, NULL,
		    "no open relay: no listener for other hosts");
	else if (closed == asked)
		check_tell(k, FOUND_GOOD, NULL,
		    "no open relay: %u listeners refused a stranger %zu forms",
		    asked, NFORMS * NSENDERS);
}

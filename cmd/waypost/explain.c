/* SPDX-License-Identifier: ISC */
/*
 * waypost explain: what would become of mail for an address, and which line
 * of the configuration decides.  Asks the same functions as the doors and
 * the carrier do; asks no network, so that a reverse name is not known and
 * an MX is not looked up.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "conf/conf.h"
#include "conf/mailbox.h"
#include "conf/route.h"
#include "conf/users.h"
#include "mail/domain_key.h"
#include "smtpd/relay.h"
#include "subcommand.h"
#include "submit/alias.h"
#include "submit/masquerade.h"

static const char usage_text[] =
    "usage: waypost [-C file] explain [--from address]\n"
    "           [--client ip [--user name]] address\n"
    "Tells what would become of mail for this address, and why.\n"
    "  --from ADDRESS  the sender\n"
    "  --client IP     a client of the listener; else mail of this host\n"
    "  --user NAME     ... that has logged in as this user\n"
    "Asks no network.  Exit code: 0 it would be taken and has a way, 69 it\n"
    "would be refused or returned, 75 it would have to wait.\n";

struct question {
	const struct conf *c;
	const char *from_text, *client, *user;
	struct address to, from; /* from is as it goes out */
	bool has_from;
};

static void
line(const char *what, const char *text)
{
	(void)printf("%-10s %s\n", what, text);
}

static int
parse(const char *text, unsigned flags, struct address *a)
{
	const char *why;
	if (address_parse(a, text, strlen(text), flags, &why) == 0)
		return EX_OK;
	(void)fprintf(stderr, "waypost: %.300s: %s\n", text, why);
	return EX_DATAERR;
}

/* The sender, as it is written and as it goes out. */
static int
explain_sender(struct question *q)
{
	if (q->from_text == NULL)
		return EX_OK;
	int code = parse(q->from_text,
	    ADDRESS_BARE | ADDRESS_EMPTY | ADDRESS_UTF8, &q->from);
	if (code != EX_OK)
		return code;
	if (q->from.len > 0 &&
	    address_qualify(&q->from, conf_origin(q->c)) != 0)
		return EX_DATAERR;
	struct address was = q->from;
	q->has_from = true;
	masquerade(q->c,
	    q->client != NULL && q->user == NULL ? MASQUERADE_STRANGER
						 : MASQUERADE_OWN,
	    &q->from);
	(void)printf("%-10s <%s>", "sender", was.text);
	if (strcmp(was.text, q->from.text) != 0)
		(void)printf(", rewritten by masquerade to <%s>", q->from.text);
	(void)putchar('\n');
	return EX_OK;
}

static int
explain_user(const struct question *q, const struct users *u)
{
	const struct verifier *v = users_find(u, q->user);
	if (v == NULL) {
		(void)printf(
		    "%-10s %s: not in %s\n", "user", q->user, q->c->users);
		return EX_UNAVAILABLE;
	}
	if (q->has_from && !verifier_may_send(v, &q->from)) {
		(void)printf("%-10s %s: may not send as <%s>\n", "user",
		    q->user, q->from.text);
		return EX_UNAVAILABLE;
	}
	line("user", q->user);
	return EX_OK;
}

/* May this client connect, and bring it? */
static int
judge(const struct question *q, const struct peer *p, const char *user)
{
	struct status st;
	enum relay_rule rule;
	int code = EX_OK;
	relay_access(q->c, p, &st);
	if (st.verdict != DONE) {
		(void)printf(
		    "%-10s refused: %d %s\n", "access", st.code, st.text);
		code = EX_UNAVAILABLE;
	} else {
		line("access", "may connect");
	}
	relay_check(q->c, p, user, &q->to, &st, &rule);
	if (st.verdict == DONE) {
		(void)printf("%-10s accepted, rule %s\n", "relay",
		    relay_rule_name(rule));
	} else {
		(void)printf("%-10s refused, rule %s: %d %s %s\n", "relay",
		    relay_rule_name(rule), st.code, st.enhanced, st.text);
		code = EX_UNAVAILABLE;
	}
	if (relay_needs_name(q->c))
		line("",
		    "(entries by name in access or relay are not judged here)");
	return code;
}

static int
explain_client(const struct question *q)
{
	struct peer p = {.name_known = true};
	struct faults f;
	int code = EX_OK;
	if (q->client == NULL) {
		line("relay", "mail of this host: no rule is asked");
		return EX_OK;
	}
	if (ip_parse(q->client, strlen(q->client), &p.ip) != 0) {
		(void)fprintf(
		    stderr, "waypost: %.100s: no IP address\n", q->client);
		return EX_DATAERR;
	}
	faults_init(&f);
	struct users *u = q->user != NULL ? users_load(q->c->users, &f) : NULL;
	subcommand_faults(&f);
	faults_free(&f);
	if (q->user != NULL)
		code = explain_user(q, u);
	bool known = q->user != NULL && users_find(u, q->user) != NULL;
	int judged = judge(q, &p, known ? q->user : "");
	users_free(u);
	return code != EX_OK ? code : judged;
}

/* --- the way out --- */

static const char *
policy_name(enum tls_policy p)
{
	static const char *const names[] = {[TLS_NONE] = "none",
	    [TLS_OPPORTUNISTIC] = "opportunistic",
	    [TLS_REQUIRE] = "require",
	    [TLS_VERIFY] = "verify"};
	return names[p];
}

static void
explain_session(const struct session_conf *s)
{
	enum tls_policy p = s->tls;
	if (s->user != NULL && p == TLS_OPPORTUNISTIC)
		p = TLS_REQUIRE;
	(void)printf("  %-8s tls %s%s", "session", policy_name(p),
	    s->implicit ? ", implicit" : "");
	if (s->user != NULL)
		(void)printf(", user %s, mechanism %s, %s %s", s->user,
		    s->mechanism != NULL ? s->mechanism : "auto",
		    s->secret_file != NULL ? "secret-file" : "secret-command",
		    s->secret_file != NULL ? s->secret_file
					   : s->secret_command);
	if (s->helo != NULL)
		(void)printf(", helo %s", s->helo);
	(void)putchar('\n');
}

static void
explain_host(const struct question *q, const char *spec,
    const struct session_conf *s, bool exact)
{
	struct host_spec h;
	unsigned port = s != NULL && s->implicit ? 465 : q->c->outbound.port;
	if (host_spec_parse(spec, port, &h) == 0)
		(void)printf("  %-8s %s port %u%s\n", "host", h.host, h.port,
		    h.literal              ? ""
		    : h.bracketed || exact ? " (no MX)"
					   : " (by MX)");
}

static void
explain_entry(const struct question *q, const struct domain *d)
{
	static const char *const kinds[] = {
	    [DOMAIN_LOCAL] = "local",
	    [DOMAIN_ALIAS] = "alias",
	    [DOMAIN_REMOTE] = "remote",
	};
	if (d == NULL)
		(void)printf("  %-8s none in %s\n", "entry", q->c->domains);
	else
		(void)printf("  %-8s %s %s%s\n", "entry", d->name,
		    kinds[d->kind], d->relay ? " relay=yes" : "");
}

static int
explain_local(const struct question *q, const struct address *to)
{
	const struct domain *d = mailbox_domain(q->c, to);
	struct buf path;
	int code = EX_OK;
	if (d == NULL || d->maildir == NULL) {
		(void)printf(
		    "  %-8s drop directory %s\n", "box", q->c->drop.directory);
		return EX_OK;
	}
	buf_init(&path, 65536);
	if (mailbox_path(q->c, d, to, &path) != 0 ||
	    mailbox_missing(q->c, d, to))
		code = EX_UNAVAILABLE;
	(void)printf("  %-8s maildir %s%s\n", "box", buf_str(&path),
	    code == EX_OK ? "" : ": there is no such mailbox");
	buf_free(&path);
	return code;
}

static void
explain_smarthost(const struct question *q, const struct smarthost *s)
{
	for (size_t i = 0; i < s->hosts.n; i++)
		explain_host(q, s->hosts.v[i], &s->session, false);
	explain_session(&s->session);
}

/* One address that is left when aliases are done. */
static int
explain_target(const struct question *q, const struct address *to)
{
	static const struct session_conf direct = {.tls = TLS_OPPORTUNISTIC};
	char domain[DOMAIN_MAX + 1];
	struct route r;
	struct buf key;
	buf_init(&key, 65536);
	(void)domain_key(
	    address_domain(to), strlen(address_domain(to)), domain);
	route_find(q->c, domain, q->has_from ? q->from.text : NULL, &r);
	route_key(&r, domain, &key);
	line("to", to->text);
	explain_entry(q, r.entry);
	(void)printf("  %-8s %s\n", "route", buf_str(&key));
	buf_free(&key);
	switch (r.way) {
	case WAY_LOCAL:
		return explain_local(q, to);
	case WAY_HOST:
		explain_host(q, r.entry->host, r.session, true);
		explain_session(r.session != NULL ? r.session : &direct);
		break;
	case WAY_SMARTHOST:
		explain_smarthost(q, r.smarthost);
		break;
	case WAY_DIRECT_FIRST:
		explain_host(q, domain, NULL, false);
		explain_session(&direct);
		line("  else", "the smart host:");
		explain_smarthost(q, r.smarthost);
		break;
	case WAY_MX:
		explain_host(q, domain, NULL, false);
		explain_session(r.session != NULL ? r.session : &direct);
		break;
	}
	return EX_OK;
}

static int
explain_aliases(const struct question *q)
{
	struct address_list all = {0};
	struct faults f;
	const char *why;
	int code = EX_OK;
	faults_init(&f);
	struct alias *a = alias_load(q->c->aliases, &f);
	if (alias_expand(a, q->c, &q->to, &all, &why) != 0) {
		(void)printf("%-10s %s: %s\n", "aliases", q->c->aliases, why);
		code = EX_TEMPFAIL;
	}
	address_list_unique(&all);
	if (code == EX_OK &&
	    (all.n != 1 || strcmp(all.v[0].text, q->to.text) != 0))
		(void)printf("%-10s %s: %zu address%s\n", "aliases",
		    q->c->aliases, all.n, all.n == 1 ? "" : "es");
	for (size_t i = 0; i < all.n && code != EX_TEMPFAIL; i++) {
		int one = explain_target(q, &all.v[i]);
		code = code == EX_OK ? one : code;
	}
	address_list_free(&all);
	alias_free(a);
	faults_free(&f);
	return code;
}

static int
explain(struct question *q, const char *address)
{
	int code = parse(address, ADDRESS_BARE | ADDRESS_UTF8, &q->to);
	if (code == EX_OK && address_qualify(&q->to, conf_origin(q->c)) != 0)
		code = EX_DATAERR;
	if (code != EX_OK)
		return code;
	line("address", q->to.text);
	code = explain_sender(q);
	if (code != EX_OK)
		return code;
	int client = explain_client(q);
	if (client == EX_DATAERR)
		return client;
	code = explain_aliases(q);
	return client != EX_OK ? client : code;
}

int
explain_run(const struct invocation *v)
{
	static const struct option options[] = {
	    {"from", required_argument, NULL, 'f'},
	    {"client", required_argument, NULL, 'c'},
	    {"user", required_argument, NULL, 'u'},
	    {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	struct question q = {0};
	int opt;
	optind = 0; /* begin anew, behind the subcommand */
	while ((opt = getopt_long(v->argc, v->argv, "", options, NULL)) != -1) {
		if (opt == 'f')
			q.from_text = optarg;
		else if (opt == 'c')
			q.client = optarg;
		else if (opt == 'u')
			q.user = optarg;
		else if (opt == 'h')
			return fputs(usage_text, stdout) < 0 ? EX_IOERR : EX_OK;
		else
			return fputs(usage_text, stderr) < 0 ? 1 : EX_USAGE;
	}
	if (optind + 1 != v->argc || (q.user != NULL && q.client == NULL)) {
		(void)fputs(usage_text, stderr);
		return EX_USAGE;
	}
	struct conf *c = subcommand_conf(v, CONF_TABLE);
	if (c == NULL)
		return EX_CONFIG;
	q.c = c;
	int code = explain(&q, v->argv[optind]);
	if (subcommand_flush() != 0 && code == EX_OK)
		code = EX_IOERR;
	conf_unref(c);
	return code;
}

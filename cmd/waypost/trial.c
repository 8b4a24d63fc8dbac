/* SPDX-License-Identifier: ISC */
/*
 * waypost test: is an address accepted where its mail would go?  Finds the
 * addresses and their routes as the doors and waypostd do, and has each
 * asked (trial_session.c).  Nothing is queued and nothing retried: what
 * waypostd would do later is told by the exit code.
 *
 * Invariant: all that is worth an exit code was printed.
 */
#include "trial.h"

#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/identity.h"
#include "base/log.h"
#include "conf/mailbox.h"
#include "conf/route.h"
#include "subcommand.h"
#include "submit/alias.h"
#include "submit/masquerade.h"

static const char usage_text[] =
    "usage: waypost [-C file] test [--from ADDRESS] [--send] address\n"
    "  --from ADDRESS  the sender; default: who calls, '' is <>\n"
    "  --send          send a small message; else it ends before DATA\n"
    "Run it as root, or as the user of the daemons.  Exit code: 0 accepted,\n"
    "67 no such user, 69 refused, 75 not now.\n";

/* --- one recipient --- */

static void
try_local(struct trial *t, const struct address *to)
{
	const struct domain *d = mailbox_domain(t->c, to);
	if (d != NULL && d->maildir != NULL && mailbox_missing(t->c, d, to)) {
		status_set(&t->result, NEVER, 0, "5.1.1",
		    "local, and there is no such mailbox");
		return;
	}
	status_set(&t->result, DONE, 0, NULL,
	    "local: waypostd delivers it on this host%s",
	    t->send ? "; use sendmail to send a message" : "");
}

static int
exit_code(const struct status *st)
{
	if (st->verdict == DONE)
		return EX_OK;
	if (st->verdict == LATER)
		return EX_TEMPFAIL;
	return strcmp(st->enhanced, "5.1.1") == 0 ? EX_NOUSER : EX_UNAVAILABLE;
}

static int
try_one(struct trial *t, const struct address *to)
{
	static const char *const words[] = {"accepted", "not now", "refused"};
	struct route r;
	struct buf key;
	const char *domain = address_domain(to);
	buf_init(&key, 65536);
	route_find(t->c, domain, t->from.text, &r);
	route_key(&r, domain, &key);
	(void)printf("* from <%s> to <%s> by %s\n", t->from.text, to->text,
	    buf_str(&key));
	buf_free(&key);
	if (r.way == WAY_LOCAL)
		try_local(t, to);
	else
		trial_far(t, &r, to);
	const struct status *st = &t->result;
	const char *word = words[st->verdict];
	if (st->verdict == DONE && t->send && r.way != WAY_LOCAL)
		word = "sent";
	(void)printf("= %s: ", word);
	if (st->code != 0)
		(void)printf("%d ", st->code);
	(void)printf("%s %s\n", st->enhanced, st->text);
	return exit_code(st);
}

/* The worst of several: refused before not now. */
static int
worse(int a, int b)
{
	if (a == EX_OK || b == EX_OK)
		return a == EX_OK ? b : a;
	return a == EX_TEMPFAIL ? b : a;
}

static int
try_all(struct trial *t, const struct alias *a, const struct address *to)
{
	struct address_list all = {0};
	const char *why;
	int code = EX_OK;
	if (alias_expand(a, t->c, to, &all, &why) != 0) {
		(void)printf("= not now: %s: %s\n", t->c->aliases, why);
		address_list_free(&all);
		return EX_TEMPFAIL;
	}
	address_list_unique(&all);
	if (dial_open(&t->dial, t->c, &why) == 0) {
		t->keys = keyring_new();
		for (size_t i = 0; i < all.n; i++)
			code = worse(code, try_one(t, &all.v[i]));
		keyring_free(t->keys);
	} else {
		(void)fprintf(stderr, "waypost: %s\n", why);
		code = EX_OSERR;
	}
	dial_close(&t->dial);
	address_list_free(&all);
	return code;
}

static int
parse(const struct conf *c, const char *text, unsigned flags, struct address *a)
{
	const char *why;
	flags |= ADDRESS_BARE | ADDRESS_UTF8;
	if (address_parse(a, text, strlen(text), flags, &why) != 0)
		(void)fprintf(stderr, "waypost: %.300s: %s\n", text, why);
	else if (a->len == 0 || address_qualify(a, conf_origin(c)) == 0)
		return EX_OK;
	return EX_DATAERR;
}

static int
run(struct trial *t, const char *from, const char *address)
{
	struct address to;
	struct faults f;
	const struct passwd *pw = getpwuid(getuid());
	if (from == NULL)
		from = pw != NULL ? pw->pw_name : "postmaster";
	int code = parse(t->c, address, 0, &to);
	if (code == EX_OK)
		code = parse(t->c, from, ADDRESS_EMPTY, &t->from);
	if (code != EX_OK)
		return code;
	masquerade(t->c, MASQUERADE_OWN, &t->from);
	/* Secrets are the daemons', and their commands run as they do. */
	if (identity_become_owner(t->c->spool, false) != 0)
		return EX_OSERR;
	faults_init(&f);
	struct alias *a = alias_load(t->c->aliases, &f);
	faults_free(&f); /* what concerns this address is told by expansion */
	code = try_all(t, a, &to);
	alias_free(a);
	return code;
}

int
trial_run(const struct invocation *v)
{
	static const struct option options[] = {
	    {"from", required_argument, NULL, 'f'},
	    {"send", no_argument, NULL, 's'}, {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0}};
	struct trial t = {0};
	const char *from = NULL;
	int opt;
	optind = 0; /* begin anew, behind the subcommand */
	while ((opt = getopt_long(v->argc, v->argv, "", options, NULL)) != -1) {
		if (opt == 'f')
			from = optarg;
		else if (opt == 's')
			t.send = true;
		else if (opt == 'h')
			return fputs(usage_text, stdout) < 0 ? EX_IOERR : EX_OK;
		else
			return fputs(usage_text, stderr) < 0 ? 1 : EX_USAGE;
	}
	if (optind + 1 != v->argc)
		return fputs(usage_text, stderr) < 0 ? 1 : EX_USAGE;
	struct conf *c = subcommand_conf(v, CONF_TABLE);
	if (c == NULL)
		return EX_CONFIG;
	t.c = c;
	int code = run(&t, from, v->argv[optind]);
	if (subcommand_flush() != 0 && code == EX_OK)
		code = EX_IOERR;
	conf_unref(c);
	return code;
}

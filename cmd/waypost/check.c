/* SPDX-License-Identifier: ISC */
/*
 * waypost check: is all there that waypost needs, before mail tells.  Each
 * part looks with the functions that the daemons use.  It changes nothing
 * and sends nothing.
 */
#include "check.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/identity.h"
#include "conf/users.h"
#include "dial.h"
#include "subcommand.h"
#include "submit/alias.h"

static const char usage_text[] =
    "usage: waypost [-C file] check [--offline]\n"
    "  --offline  ask neither name servers nor smart hosts\n"
    "Run it as root: it becomes the user of the daemons.  Exit code: 0 all is\n"
    "well, 1 there are warnings, 2 there are faults.\n";

void
check_tell(
    struct check *k, enum found what, const char *cure, const char *fmt, ...)
{
	static const char *const names[] = {"ok", "warning", "FAULT"};
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)printf("%-8s %s\n", names[what], text);
	if (cure != NULL)
		(void)printf("%-8s cure: %s\n", "", cure);
	if (what > k->worst)
		k->worst = what;
}

const char *
check_at(struct check *k, const void *member, const void *other)
{
	unsigned line = conf_line_of(k->c, member);
	if (line == 0 && other != NULL)
		line = conf_line_of(k->c, other);
	k->at[0] = '\0';
	if (line > 0)
		(void)snprintf(
		    k->at, sizeof(k->at), "%s:%u: ", k->c->path, line);
	return k->at;
}

/* A file that may be missing is an empty one; who named it meant another. */
static const char *
none(const char *file)
{
	return access(file, F_OK) != 0 && errno == ENOENT
		   ? ": there is none, so it is empty"
		   : "";
}

static void
tell_faults(
    struct check *k, const struct faults *f, const char *file, const char *cure)
{
	for (const char *s = buf_str(&f->text); *s != '\0';) {
		int len = (int)strcspn(s, "\n");
		check_tell(k, FOUND_FAULT, cure, "%.*s", len, s);
		s += len + (s[len] == '\n');
	}
	if (f->count == 0)
		check_tell(k, FOUND_GOOD, NULL, "%s%s", file, none(file));
}

static void
check_other_files(struct check *k)
{
	struct faults f;
	faults_init(&f);
	users_free(users_load(k->c->users, &f));
	tell_faults(k, &f, k->c->users,
	    "waypost user remove, and add: they write whole lines");
	faults_free(&f);
	faults_init(&f);
	struct alias *a = alias_load(k->c->aliases, &f);
	alias_check(a, k->c, k->c->aliases, &f);
	tell_faults(
	    k, &f, k->c->aliases, "correct the line: waypost-aliases(5)");
	alias_free(a);
	faults_free(&f);
}

static void
check_network(struct check *k)
{
	struct dial d;
	const char *why;
	if (dial_open(&d, k->c, &why) != 0) {
		check_tell(k, FOUND_FAULT, NULL, "%s", why);
	} else {
		check_names(k, &d);
		check_hosts(k, &d);
	}
	dial_close(&d);
}

static int
check(struct check *k, const struct conf *c, bool offline)
{
	k->c = c;
	/* What they may read, and no more: a secret that root alone can read
	 * is none that waypostd could use. */
	struct stat st; /* where there is none check_files() says so */
	if (stat(c->spool, &st) == 0 &&
	    identity_become_owner(c->spool, false) != 0) {
		check_tell(k, FOUND_FAULT, "make it the user's of waypostd",
		    "%s%s: cannot become its owner",
		    check_at(k, &c->spool, NULL), c->spool);
		return (int)k->worst;
	}
	check_tell(k, FOUND_GOOD, NULL, "%s, %s%s", c->path, c->domains,
	    none(c->domains));
	check_other_files(k);
	check_files(k);
	check_secrets(k);
	check_relay(k);
	if (!offline)
		check_network(k);
	return (int)k->worst;
}

int
check_run(const struct invocation *v)
{
	static const struct option options[] = {
	    {"offline", no_argument, NULL, 'o'},
	    {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	struct check k = {0};
	struct faults f;
	bool offline = false;
	int opt;
	optind = 0; /* begin anew, behind the subcommand */
	while ((opt = getopt_long(v->argc, v->argv, "", options, NULL)) != -1) {
		if (opt == 'h')
			return fputs(usage_text, stdout) < 0 ? EX_IOERR : EX_OK;
		if (opt != 'o')
			return fputs(usage_text, stderr) < 0 ? 1 : EX_USAGE;
		offline = true;
	}
	if (optind != v->argc)
		return fputs(usage_text, stderr) < 0 ? 1 : EX_USAGE;
	faults_init(&f);
	struct conf *c = conf_load(v->conf_path, CONF_TABLE, &f);
	if (c == NULL)
		tell_faults(&k, &f, "",
		    "correct the line: waypost.conf(5), domains(5)");
	faults_free(&f);
	int code = c != NULL ? check(&k, c, offline) : FOUND_FAULT;
	conf_unref(c);
	return subcommand_flush() != 0 ? EX_IOERR : code;
}

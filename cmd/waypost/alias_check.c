/* SPDX-License-Identifier: ISC */
/*
 * waypost alias check: the alias file as a whole.  newaliases(1) reads it
 * line by line; this follows each name to its end, too.
 */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "conf/conf.h"
#include "subcommand.h"
#include "submit/alias.h"

int
alias_run(const struct invocation *v)
{
	static const char usage[] =
	    "usage: waypost [-C file] alias check\n"
	    "Tells what of the alias file cannot be delivered.\n";
	struct faults f;
	if (subcommand_help(v, usage))
		return subcommand_flush();
	if (v->argc != 2 || strcmp(v->argv[1], "check") != 0) {
		(void)fputs(usage, stderr);
		return EX_USAGE;
	}
	struct conf *c = subcommand_conf(v, CONF_LOCAL);
	if (c == NULL)
		return EX_CONFIG;
	faults_init(&f);
	struct alias *a = alias_load(c->aliases, &f);
	alias_check(a, c, c->aliases, &f);
	subcommand_faults(&f);
	(void)printf(
	    "%s: %zu aliases, %u faults\n", c->aliases, alias_size(a), f.count);
	int code = f.count == 0 ? subcommand_flush() : EX_CONFIG;
	alias_free(a);
	faults_free(&f);
	conf_unref(c);
	return code;
}

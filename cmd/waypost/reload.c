/* SPDX-License-Identifier: ISC */
/*
 * waypost reload: is the configuration sound, and let the daemons look at
 * it now.  They watch the files anyway; touching waypost.conf rings the
 * same bell, so that nobody needs to know their process ids.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "conf/conf.h"
#include "conf/users.h"
#include "subcommand.h"
#include "submit/alias.h"

/* All files that a reload reads. */
static void
check_all(const struct conf *c, struct faults *f)
{
	users_free(users_load(c->users, f));
	alias_free(alias_load(c->aliases, f));
}

int
reload_run(const struct invocation *v)
{
	struct faults f;
	static const char usage[] =
	    "usage: waypost [-C file] reload\n"
	    "Checks the configuration; if it is sound, the daemons take it\n"
	    "at once.\n";
	if (subcommand_help(v, usage))
		return subcommand_flush();
	if (v->argc != 1) {
		(void)fputs(usage, stderr);
		return EX_USAGE;
	}
	faults_init(&f);
	struct conf *c = conf_load(v->conf_path, CONF_TABLE, &f);
	if (c != NULL)
		check_all(c, &f);
	int code = f.count == 0 ? EX_OK : EX_CONFIG;
	subcommand_faults(&f);
	faults_free(&f);
	if (code != EX_OK) {
		(void)fputs("waypost: not reloaded; the daemons keep what they "
			    "have\n",
		    stderr);
	} else if (utimensat(AT_FDCWD, c->path, NULL, 0) != 0) {
		(void)fprintf(stderr, "waypost: cannot touch %s: %s\n", c->path,
		    strerror(errno));
		code = EX_NOPERM;
	}
	conf_unref(c);
	return code;
}

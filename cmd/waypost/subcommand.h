/* SPDX-License-Identifier: ISC */
/* What main.c hands to the subcommands of waypost(8). */
#ifndef WAYPOST_SUBCOMMAND_H
#define WAYPOST_SUBCOMMAND_H

struct faults;

struct invocation {
	const char *conf_path; /* NULL: the usual one */
	int argc;
	char **argv; /* [0]: the subcommand's name */
};

/* Tell them on standard error, a line each. */
void subcommand_faults(const struct faults *f);

/* waypost reload. */
int reload_run(const struct invocation *v);

/* waypost user add|passwd|remove|list.  An exit code of sysexits.h. */
int user_run(const struct invocation *v);

#endif

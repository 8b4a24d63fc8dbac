/* SPDX-License-Identifier: ISC */
/* What main.c hands to the subcommands of waypost(8). */
#ifndef WAYPOST_SUBCOMMAND_H
#define WAYPOST_SUBCOMMAND_H

#include <stdbool.h>

struct conf;
struct faults;

struct invocation {
	const char *conf_path; /* NULL: the usual one */
	int argc;
	char **argv; /* [0]: the subcommand's name */
};

/* Tell them on standard error, a line each. */
void subcommand_faults(const struct faults *f);

/* The configuration, with flags as for conf_load(); NULL: faults are told. */
struct conf *subcommand_conf(const struct invocation *v, unsigned flags);

/* Is one of its words --help?  Then the usage is printed. */
bool subcommand_help(const struct invocation *v, const char *usage);

/* Everything printed is out: 0, or EX_IOERR and it is told. */
int subcommand_flush(void);

/* waypost reload. */
int reload_run(const struct invocation *v);

/* waypost user add|passwd|remove|list.  An exit code of sysexits.h. */
int user_run(const struct invocation *v);

/* waypost alias check. */
int alias_run(const struct invocation *v);

/* waypost queue list|show|hold|release|retry|remove|flush|requeue|export|
 * import. */
int queue_run(const struct invocation *v);

/* waypost check.  0 well, 1 warnings, 2 faults; else of sysexits.h. */
int check_run(const struct invocation *v);

/* waypost dkim keygen|show. */
int dkim_run(const struct invocation *v);

/* waypost domain add|set|default|remove|list. */
int domain_run(const struct invocation *v);

/* waypost explain ADDRESS. */
int explain_run(const struct invocation *v);

/* waypost import msmtp|nullmailer|dma|postfix. */
int import_run(const struct invocation *v);

/* waypost relay allow|deny|list. */
int relay_run(const struct invocation *v);

/* waypost run. */
int run_run(const struct invocation *v);

/* waypost serve: the same by HTTP. */
int serve_run(const struct invocation *v);

/* waypost status, waypost metrics. */
int status_run(const struct invocation *v);
int metrics_run(const struct invocation *v);

/* waypost test ADDRESS. */
int trial_run(const struct invocation *v);

/* waypost set, waypost unset. */
int setting_run(const struct invocation *v);

#endif

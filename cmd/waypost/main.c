/* SPDX-License-Identifier: ISC */
/*
 * waypost: the administrator's command.  Finds the subcommand; each does
 * its work in a file of its own and tells faults on standard error.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "base/identity.h"
#include "base/log.h"
#include "base/version.h"
#include "conf/conf.h"
#include "subcommand.h"

static const struct subcommand {
	const char *name, *help;
	int (*run)(const struct invocation *v);
} subcommands[] = {
    {"alias", "the alias file: check", alias_run},
    {"check", "is all there that waypost needs", check_run},
    {"dkim", "keys that sign: keygen, show", dkim_run},
    {"domain", "the domain table: add, set, default, remove, list", domain_run},
    {"explain", "what would become of mail for an address, and why",
	explain_run},
    {"import", "what another mailer's configuration means here", import_run},
    {"metrics", "figures for Prometheus", metrics_run},
    {"queue", "mail that waits: looks at it, and gives orders", queue_run},
    {"relay", "who may relay: allow, deny, list", relay_run},
    {"reload", "check the configuration, and let the daemons take it",
	reload_run},
    {"run", "both daemons in the foreground, for containers", run_run},
    {"serve", "a status page and figures by HTTP", serve_run},
    {"set", "give a key of waypost.conf a value", setting_run},
    {"status", "how things stand", status_run},
    {"test", "speak to where mail for an address would go", trial_run},
    {"unset", "give it back its default", setting_run},
    {"user", "users who may log in: add, passwd, remove, list", user_run},
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'C'},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

void
subcommand_faults(const struct faults *f)
{
	for (const char *s = buf_str(&f->text); *s != '\0';) {
		size_t len = strcspn(s, "\n");
		(void)fprintf(stderr, "waypost: %.*s\n", (int)len, s);
		s += len + (s[len] == '\n');
	}
}

struct conf *
subcommand_conf(const struct invocation *v, unsigned flags)
{
	struct faults f;
	faults_init(&f);
	struct conf *c = conf_load(v->conf_path, flags, &f);
	subcommand_faults(&f);
	faults_free(&f);
	return c;
}

bool
subcommand_help(const struct invocation *v, const char *usage)
{
	bool asked = false;
	for (int i = 1; i < v->argc && strcmp(v->argv[i], "--") != 0; i++)
		asked = asked || strcmp(v->argv[i], "--help") == 0;
	if (asked)
		(void)fputs(usage, stdout);
	return asked;
}

int
subcommand_flush(void)
{
	if (fflush(stdout) == 0)
		return EX_OK;
	(void)fprintf(stderr, "waypost: cannot write to standard output: %m\n");
	return EX_IOERR;
}

static int
usage(FILE *to, int code)
{
	(void)fputs("usage: waypost [-C file] subcommand ...\n"
		    "  -C, --config FILE  configuration (default " CONF_PATH
		    ")\n"
		    "  -V, --version      print the version\n"
		    "  -h, --help         print this\n"
		    "Each subcommand has a --help of its own.\n"
		    "subcommands:\n",
	    to);
	for (size_t i = 0; i < sizeof(subcommands) / sizeof(*subcommands); i++)
		(void)fprintf(to, "  %-17s  %s\n", subcommands[i].name,
		    subcommands[i].help);
	return code;
}

int
main(int argc, char **argv)
{
	struct invocation v = {0};
	int opt;
	log_open("waypost", LOG_TO_STDERR);
	identity_forbid_cores(); /* passwords are typed here */
	(void)umask(027);
	while ((opt = getopt_long(argc, argv, "+C:Vh", long_options, NULL)) !=
	       -1) {
		switch (opt) {
		case 'C':
			v.conf_path = optarg;
			break;
		case 'V':
			(void)puts("waypost " WAYPOST_VERSION);
			return EX_OK;
		case 'h':
			return usage(stdout, EX_OK);
		default:
			return usage(stderr, EX_USAGE);
		}
	}
	if (optind >= argc)
		return usage(stderr, EX_USAGE);
	v.argc = argc - optind;
	v.argv = argv + optind;
	for (size_t i = 0; i < sizeof(subcommands) / sizeof(*subcommands); i++)
		if (strcmp(subcommands[i].name, v.argv[0]) == 0)
			return subcommands[i].run(&v);
	(void)fprintf(stderr, "waypost: no subcommand of this name\n");
	return usage(stderr, EX_USAGE);
}

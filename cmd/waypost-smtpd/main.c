/* SPDX-License-Identifier: ISC */
/*
 * waypost-smtpd: options and environment; then the parent of the listener's
 * workers.  Runs in the foreground and logs to standard error or syslog.
 */
#include <getopt.h>
#include <stdio.h>
#include <sysexits.h>

#include "base/identity.h"
#include "base/log.h"
#include "base/version.h"
#include "conf/conf.h"
#include "smtpd/bind.h"
#include "smtpd/parent.h"

static const char usage_text[] =
    "usage: waypost-smtpd [-C file] [--log format] [--syslog] [--debug]\n"
    "  -C, --config FILE  configuration (default " CONF_PATH ")\n"
    "      --log FORMAT   log as text or json\n"
    "      --syslog       log to syslog, facility mail, not to stderr\n"
    "      --debug        log more\n"
    "  -V, --version      print the version\n"
    "  -h, --help         print this\n";

enum { OPT_LOG = 256, OPT_SYSLOG, OPT_DEBUG };

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'C'},
    {"log", required_argument, NULL, OPT_LOG},
    {"syslog", no_argument, NULL, OPT_SYSLOG},
    {"debug", no_argument, NULL, OPT_DEBUG},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int
usage(FILE *to, int code)
{
	(void)fputs(usage_text, to);
	return code;
}

int
main(int argc, char **argv)
{
	struct parent_options o = {0};
	enum log_target target = LOG_TO_STDERR;
	int opt;
	while (
	    (opt = getopt_long(argc, argv, "C:Vh", long_options, NULL)) != -1) {
		switch (opt) {
		case 'C':
			o.conf_path = optarg;
			break;
		case OPT_LOG:
			if (log_target_named(optarg, &target) != 0)
				return usage(stderr, EX_USAGE);
			break;
		case OPT_SYSLOG:
			target = LOG_TO_SYSLOG;
			break;
		case OPT_DEBUG:
			log_level(LOG_DEBUG);
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
	if (optind < argc)
		return usage(stderr, EX_USAGE);
	bind_take_activation();
	identity_clean_environment();
	log_open("waypost-smtpd", target);
	identity_prepare_process();
	return parent_run(&o);
}

/* SPDX-License-Identifier: ISC */
/*
 * waypostd: options, identity and environment; then the carrier.  Runs in
 * the foreground and logs to standard error or syslog.  Started by root it
 * becomes the owner of the spool before it reads any mail.
 */
#include <getopt.h>
#include <stdio.h>
#include <sysexits.h>

#include "base/identity.h"
#include "base/log.h"
#include "base/version.h"
#include "conf/conf.h"
#include "deliver/carrier.h"

static const char usage_text[] =
    "usage: waypostd [-C file] [--drain] [--flush] [--log format]\n"
    "           [--syslog] [--debug]\n"
    "  -C, --config FILE  configuration (default " CONF_PATH ")\n"
    "      --drain        deliver what is due, then exit\n"
    "      --flush        everything queued is due now\n"
    "      --log FORMAT   log as text or json\n"
    "      --syslog       log to syslog, facility mail, not to stderr\n"
    "      --debug        log more\n"
    "  -V, --version      print the version\n"
    "  -h, --help         print this\n";

enum { OPT_DRAIN = 256, OPT_FLUSH, OPT_LOG, OPT_SYSLOG, OPT_DEBUG };

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'C'},
    {"drain", no_argument, NULL, OPT_DRAIN},
    {"flush", no_argument, NULL, OPT_FLUSH},
    {"log", required_argument, NULL, OPT_LOG},
    {"syslog", no_argument, NULL, OPT_SYSLOG},
    {"debug", no_argument, NULL, OPT_DEBUG},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* 0, or an exit code. */
static int
become_owner(const char *conf_path)
{
	struct faults f;
	faults_init(&f);
	struct conf *c = conf_load(conf_path, 0, &f);
	faults_free(&f);
	if (c == NULL)
		return 0; /* carrier_run() tells the faults */
	int result = identity_become_owner(c->spool, false);
	conf_unref(c);
	return result == 0 ? 0 : EX_CONFIG;
}

static int
usage(FILE *to, int code)
{
	(void)fputs(usage_text, to);
	return code;
}

int
main(int argc, char **argv)
{
	struct carrier_options o = {0};
	enum log_target target = LOG_TO_STDERR;
	int opt;
	while (
	    (opt = getopt_long(argc, argv, "C:Vh", long_options, NULL)) != -1) {
		switch (opt) {
		case 'C':
			o.conf_path = optarg;
			break;
		case OPT_DRAIN:
			o.drain = true;
			break;
		case OPT_FLUSH:
			o.flush = true;
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
	identity_clean_environment();
	log_open("waypostd", target);
	identity_prepare_process();
	int code = become_owner(o.conf_path);
	return code != 0 ? code : carrier_run(&o);
}

/* SPDX-License-Identifier: ISC */
/*
 * waypost run: both daemons in the foreground, for containers and for users
 * without a service manager.  They log to standard error themselves; this
 * only finds and starts them.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "run_children.h"
#include "subcommand.h"

static const char usage_text[] =
    "usage: waypost [-C file] run [--log text|json] [--debug]\n"
    "Runs waypostd and waypost-smtpd until SIGTERM or SIGINT.\n"
    "  --log FORMAT       log as text or json\n"
    "  --debug            log more\n";

enum { OPT_LOG = 256, OPT_DEBUG, ARGUMENTS_MAX = 8 };

static const struct option long_options[] = {
    {"log", required_argument, NULL, OPT_LOG},
    {"debug", no_argument, NULL, OPT_DEBUG},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static const char *const daemons[] = {"waypostd", "waypost-smtpd"};

enum { DAEMONS = sizeof(daemons) / sizeof(*daemons) };

static int
usage(FILE *to, int code)
{
	(void)fputs(usage_text, to);
	return code;
}

/* Beside this program, symbolic links to it followed; PATH has no say in
 * what is started.  0, or -1 and it is told. */
static int
find_beside(const char *name, char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);
	if (n < 0) {
		log_text(LOG_ERR, "cannot tell where this program is: %s",
		    strerror(errno));
		return -1;
	}
	path[n] = '\0';
	size_t folder = (size_t)(strrchr(path, '/') - path) + 1;
	if (folder + strlen(name) + 1 > size) {
		log_text(LOG_ERR, "the path of this program is too long");
		return -1;
	}
	memcpy(path + folder, name, strlen(name) + 1);
	if (access(path, X_OK) == 0)
		return 0;
	log_text(LOG_ERR, "cannot run %s: %s", path, strerror(errno));
	return -1;
}

static int
run_all(char **arguments)
{
	char paths[DAEMONS][PATH_MAX];
	char *argv[DAEMONS][ARGUMENTS_MAX + 1];
	struct run_child children[DAEMONS];
	for (size_t i = 0; i < DAEMONS; i++) {
		if (find_beside(daemons[i], paths[i], sizeof(paths[i])) != 0)
			return EX_UNAVAILABLE;
		memcpy(argv[i], arguments, sizeof(argv[i]));
		argv[i][0] = paths[i];
		children[i] = (struct run_child){
		    .name = daemons[i], .path = paths[i], .argv = argv[i]};
	}
	int code = run_children(children, DAEMONS);
	log_event(LOG_NOTICE, "stopped", LOG_NUM("status", code));
	return code;
}

int
run_run(const struct invocation *v)
{
	char *arguments[ARGUMENTS_MAX + 1] = {NULL};
	enum log_target target = LOG_TO_STDERR;
	char *format = NULL;
	bool debug = false;
	int opt, n = 1;
	if (v->conf_path != NULL) {
		arguments[n++] = "-C";
		arguments[n++] = (char *)v->conf_path;
	}
	optind = 0; /* a new scan */
	while ((opt = getopt_long(v->argc, v->argv, "h", long_options, NULL)) !=
	       -1) {
		switch (opt) {
		case OPT_LOG:
			format = optarg;
			break;
		case OPT_DEBUG:
			debug = true;
			break;
		case 'h':
			return usage(stdout, EX_OK);
		default:
			return usage(stderr, EX_USAGE);
		}
	}
	if (optind < v->argc ||
	    (format != NULL && log_target_named(format, &target) != 0))
		return usage(stderr, EX_USAGE);
	if (format != NULL) {
		arguments[n++] = "--log";
		arguments[n++] = format;
	}
	if (debug) {
		arguments[n++] = "--debug";
		log_level(LOG_DEBUG);
	}
	log_open("waypost", target);
	return run_all(arguments);
}

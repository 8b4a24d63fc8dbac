/* SPDX-License-Identifier: ISC */
/*
 * sendmail, mailq and newaliases: one program, told apart by its name.
 * Here is the order of things, and who may do what with whose rights; the
 * jobs are in files of their own.
 *
 * The program is set-gid to the group of the queue.  That right serves one
 * job, queueing messages as the installed configuration says.  For all
 * else, and for a caller who names a file, it is dropped first.
 */
#include <stddef.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "jobs.h"
#include "start.h"
#include "tell.h"

static unsigned
conf_flags(enum job job)
{
	if (job == JOB_SEND || job == JOB_SMTP)
		return CONF_LENIENT | CONF_LOCAL;
	return job == JOB_VERIFY ? CONF_LENIENT | CONF_TABLE : CONF_LENIENT;
}

static int
run(const struct options *o, const struct conf *c)
{
	switch (o->job) {
	case JOB_LIST:
		return mailq_run(o, c);
	case JOB_ALIASES:
		return newaliases_run(o, c);
	case JOB_SMTP:
		return smtp_run(o, c);
	case JOB_FLUSH:
		return flush_run(o, c);
	case JOB_VERIFY:
		return verify_run(o, c);
	case JOB_SEND:
		break;
	}
	return send_run(o, c);
}

static int
configure_and_run(const struct options *o)
{
	struct faults f;
	int code = EX_CONFIG;
	faults_init(&f);
	struct conf *c = conf_load(o->config, conf_flags(o->job), &f);
	tell_faults(o->program, &f);
	faults_free(&f);
	if (c != NULL)
		code = run(o, c);
	conf_unref(c);
	return code;
}

int
main(int argc, char **argv)
{
	struct options o;
	char why[OPTIONS_WHY_MAX];
	if (argc < 1 || argv[0] == NULL)
		return EX_USAGE; /* A19 */
	start_clean();
	int code = options_parse(&o, argc, argv, why);
	log_open(o.program, LOG_TO_STDERR);
	log_level(o.verbose ? LOG_INFO : LOG_WARNING);
	if (code != EX_OK) {
		tell(o.program, "%s", why);
		return code;
	}
	if (o.config != NULL && start_privileged() && getuid() != 0) {
		tell(o.program, "-C is for root where sendmail is set-gid");
		return EX_USAGE;
	}
	if (o.config != NULL || o.job == JOB_LIST || o.job == JOB_ALIASES ||
	    o.job == JOB_VERIFY)
		start_drop_group();
	return configure_and_run(&o);
}

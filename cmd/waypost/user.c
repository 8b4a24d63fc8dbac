/* SPDX-License-Identifier: ISC */
/*
 * waypost user: who may log in to the listener.  Words and options; the
 * file is users_file.c's, the password password.c's.  While somebody types
 * a password nothing is locked, so what was seen before is looked at again.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/log.h"
#include "conf/conf.h"
#include "password.h"
#include "subcommand.h"
#include "users_file.h"

#define ANY "any"

struct request {
	const struct conf *c;
	const char *name;    /* NULL: none given */
	const char *senders; /* NULL: not given */
};

static const char usage_text[] =
    "usage: waypost [-C file] user add [--senders list] name\n"
    "       waypost [-C file] user passwd [--senders list] name\n"
    "       waypost [-C file] user remove name\n"
    "       waypost [-C file] user list\n"
    "They may log in to waypost-smtpd.  A change acts within a second.\n"
    "A password is asked for, or is the first line of standard input.\n"
    "  --senders LIST     a@example.com,@example.org: may send as these;\n"
    "                     " ANY ": as anybody\n";

static int
no_user(const char *name)
{
	(void)fprintf(stderr, "waypost: there is no user %s\n", name);
	return EX_NOUSER;
}

static int
exists(const char *name)
{
	(void)fprintf(stderr, "waypost: there is a user %s already\n", name);
	return EX_DATAERR;
}

static void
set_senders(struct verifier *v, const char *senders)
{
	free(v->senders);
	v->senders = senders != NULL && strcmp(senders, ANY) != 0
			 ? alloc_string(senders, strlen(senders))
			 : NULL;
}

/* The one thing that add and passwd differ in. */
static int
judge(const struct users *u, const char *name, bool adding)
{
	bool there = users_find(u, name) != NULL;
	if (there == adding)
		return adding ? exists(name) : no_user(name);
	return 0;
}

static int
store(const struct request *r, struct verifier *v, bool adding)
{
	struct users_file f;
	struct buf line;
	int code = users_file_open(&f, r->c);
	buf_init(&line, USERS_FILE_MAX);
	if (code == 0)
		code = judge(f.users, r->name, adding);
	if (code == 0) {
		const struct verifier *old = users_find(f.users, r->name);
		if (r->senders != NULL)
			set_senders(v, r->senders);
		else if (old != NULL)
			set_senders(v, old->senders);
		verifier_format(&line, v);
		code = users_file_set(&f, r->name, buf_str(&line));
	}
	if (line.data != NULL)
		explicit_bzero(line.data, line.len);
	buf_free(&line);
	users_file_close(&f);
	return code;
}

static int
set_password(const struct request *r, bool adding)
{
	struct users *u;
	struct verifier v = {0};
	int code = users_file_look(r->c, &u);
	if (code == 0)
		code = judge(u, r->name, adding);
	users_free(u);
	if (code != 0)
		return code;
	memcpy(v.name, r->name, strlen(r->name) + 1);
	code = password_read(&v);
	if (code == 0)
		code = store(r, &v, adding);
	free(v.senders);
	explicit_bzero(&v, sizeof(v));
	return code;
}

static int
add(const struct request *r)
{
	return set_password(r, true);
}

static int
change(const struct request *r)
{
	return set_password(r, false);
}

static int
drop(const struct request *r)
{
	struct users_file f;
	int code = users_file_open(&f, r->c);
	if (code == 0 && users_find(f.users, r->name) == NULL)
		code = no_user(r->name);
	if (code == 0)
		code = users_file_set(&f, r->name, NULL);
	users_file_close(&f);
	return code;
}

static int
list(const struct request *r)
{
	struct users *u;
	int code = users_file_look(r->c, &u);
	for (size_t i = 0; code == 0 && i < users_count(u); i++) {
		const struct verifier *v = users_at(u, i);
		(void)printf("%-24s %7u %s\n", v->name, v->iterations,
		    v->senders != NULL ? v->senders : ANY);
	}
	users_free(u);
	return code != 0 ? code : subcommand_flush();
}

static const struct verb {
	const char *name;
	bool needs_name, takes_senders;
	int (*run)(const struct request *r);
} verbs[] = {
    {"add", true, true, add},
    {"passwd", true, true, change},
    {"remove", true, false, drop},
    {"list", false, false, list},
};

#define NVERBS (sizeof(verbs) / sizeof(*verbs))

static int
usage(void)
{
	(void)fputs(usage_text, stderr);
	return EX_USAGE;
}

static int
check(const struct request *r)
{
	if (r->name != NULL && !user_name_valid(r->name, strlen(r->name))) {
		(void)fprintf(stderr,
		    "waypost: a user name has 1 to %d printable ASCII "
		    "characters, no blanks and none of ( ) < > \" , : ;\n",
		    USER_NAME_MAX);
		return EX_DATAERR;
	}
	const char *why = r->senders != NULL && strcmp(r->senders, ANY) != 0
			      ? senders_check(r->senders)
			      : NULL;
	if (why != NULL)
		(void)fprintf(stderr, "waypost: %s\n", why);
	return why != NULL ? EX_DATAERR : 0;
}

static int
run_verb(const struct invocation *v, const struct verb *verb, struct request *r)
{
	int code = check(r);
	if (code != 0)
		return code;
	struct conf *c = subcommand_conf(v, 0);
	if (c == NULL)
		return EX_CONFIG;
	r->c = c;
	code = verb->run(r);
	conf_unref(c);
	return code;
}

int
user_run(const struct invocation *v)
{
	static const struct option options[] = {
	    {"senders", required_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
	struct request r = {0};
	const struct verb *verb = NULL;
	int opt;
	if (subcommand_help(v, usage_text))
		return subcommand_flush();
	optind = 0; /* begin anew, behind the subcommand */
	while ((opt = getopt_long(v->argc, v->argv, "", options, NULL)) != -1) {
		if (opt != 's' || r.senders != NULL)
			return usage();
		r.senders = optarg;
	}
	for (size_t i = 0; optind < v->argc && i < NVERBS; i++)
		if (strcmp(verbs[i].name, v->argv[optind]) == 0)
			verb = &verbs[i];
	if (verb == NULL ||
	    v->argc != optind + 1 + (verb->needs_name ? 1 : 0) ||
	    (r.senders != NULL && !verb->takes_senders))
		return usage();
	r.name = verb->needs_name ? v->argv[optind + 1] : NULL;
	return run_verb(v, verb, &r);
}

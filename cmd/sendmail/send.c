/* SPDX-License-Identifier: ISC */
/*
 * Standard input to the queue.  No fork, no exec, no network; the letter is
 * made by src/submit, what went wrong is turned into a sentence and an exit
 * code here.
 *
 * Invariant: 0 is returned only when the message is durable; with any other
 * code nothing of it is in the queue.
 */
#include "jobs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "sender.h"
#include "start.h"
#include "submit/submit.h"
#include "tell.h"

#define READ_SIZE (64 * 1024)
#define FULL_NAME_MAX 998 /* it has to fit into a line */

/* How the house's outcome looks to a caller of sendmail. */
static int
exit_code(const struct status *st)
{
	if (st->verdict == LATER)
		return strcmp(st->enhanced, "4.3.5") == 0 ? EX_CONFIG
							  : EX_TEMPFAIL;
	if (st->code == 552 || strcmp(st->enhanced, "5.4.6") == 0)
		return EX_UNAVAILABLE;
	return EX_DATAERR;
}

static const char *
cure(const struct status *st)
{
	if (strcmp(st->enhanced, "4.3.1") == 0)
		return "; make room and send it again";
	if (strcmp(st->enhanced, "4.3.5") == 0)
		return "; mend the alias file (newaliases tells all its "
		       "faults) and send it again";
	return st->verdict == LATER ? "; send it again later" : "";
}

static int
refused(const struct options *o, const struct status *st)
{
	tell(o->program, "not queued: %s%s", st->text, cure(st));
	return exit_code(st);
}

static int
cannot_open(const struct options *o, const struct conf *c, int error)
{
	const char *hint = "check that the spool directory exists, or run "
			   "\"waypostd\" once to make it";
	if (error == EACCES || error == EPERM)
		hint = start_privileged()
			   ? "check owner, group and mode of the directory"
			   : "sendmail has to run set-gid, and the caller "
			     "without NoNewPrivileges";
	tell(o->program, "not queued: cannot open the queue %s/queue: %s; %s",
	    c->spool, strerror(error), hint);
	return EX_TEMPFAIL;
}

/* Copy the message.  An exit code. */
static int
read_message(const struct options *o, struct submit *s)
{
	struct status st;
	int code = EX_OK, taken = 0;
	char *data = alloc_grow(NULL, READ_SIZE, 1);
	while (code == EX_OK && taken == 0) {
		ssize_t n = io_read(STDIN_FILENO, data, READ_SIZE);
		if (n == 0)
			break;
		if (n < 0) {
			tell(o->program,
			    "not queued: cannot read the "
			    "message from standard input: %s",
			    strerror(errno));
			code = EX_IOERR;
		} else {
			taken = submit_feed(s, data, (size_t)n, &st);
			if (taken < 0)
				code = refused(o, &st);
		}
	}
	free(data);
	return code;
}

static int
submit_all(const struct options *o, struct submit *s,
    const struct address_list *rcpts, char id[QUEUE_ID_MAX + 1])
{
	struct status st;
	for (size_t i = 0; i < rcpts->n; i++)
		if (submit_rcpt(s, &rcpts->v[i], &st) != 0)
			return refused(o, &st);
	int code = read_message(o, s);
	if (code != EX_OK)
		return code;
	return submit_commit(s, id, &st) == 0 ? EX_OK : refused(o, &st);
}

/* A queue that nobody serves is not to be forgotten. */
static void
tell_queued(const struct options *o, const struct store *store, const char *id)
{
	if (!store_served(store))
		tell(o->program,
		    "queued as %s, but no waypostd is running: start it to "
		    "have the mail delivered",
		    id);
	else if (o->verbose)
		tell(o->program, "queued as %s", id);
}

static int
send_to(const struct options *o, const struct conf *c,
    const struct address *from, const struct address_list *rcpts,
    const struct alias *aliases)
{
	struct store store;
	char source[64], comment[64], id[QUEUE_ID_MAX + 1];
	unsigned long uid = getuid();
	(void)snprintf(source, sizeof(source), "sendmail uid=%lu", uid);
	(void)snprintf(comment, sizeof(comment), "sendmail, uid %lu", uid);
	if (store_open(&store, c->spool) != 0)
		return cannot_open(o, c, errno);
	struct submit *s = submit_new(&(struct submit_options){
	    .conf = c,
	    .store = &store,
	    .aliases = aliases,
	    .flags = SUBMIT_COMPLETE |
		     (o->header_rcpts ? SUBMIT_HEADER_RCPTS : 0) |
		     (o->ignore_dots ? 0 : SUBMIT_DOT_ENDS),
	    .from = from,
	    .full_name = o->full_name,
	    .source = source,
	    .comment = comment,
	    .envid = o->envid,
	    .ret = o->ret,
	    .notify = o->notify,
	});
	int code = submit_all(o, s, rcpts, id);
	submit_free(s);
	/* From here on the mail is safe. */
	if (code == EX_OK)
		tell_queued(o, &store, id);
	return code; /* the descriptors go with the process */
}

static int
parse_sender(const struct options *o, struct address *from)
{
	const char *why;
	if (o->full_name != NULL && strlen(o->full_name) > FULL_NAME_MAX) {
		tell(o->program, "-F: the name is longer than %d octets",
		    FULL_NAME_MAX);
		return EX_DATAERR;
	}
	if (o->sender == NULL) {
		sender_of_uid(from, getuid());
		return EX_OK;
	}
	if (sender_parse(from, o->sender, &why) == 0)
		return EX_OK;
	tell(o->program, "sender %.300s: %s", o->sender, why);
	return EX_DATAERR;
}

static int
parse_rcpts(const struct options *o, struct address_list *rcpts)
{
	const char *why;
	for (size_t i = 0; i < o->nrcpts; i++) {
		if (operand_parse(rcpts, o->rcpts[i], &why) == 0)
			continue;
		tell(o->program, "recipient %.300s: %s", o->rcpts[i], why);
		return rcpts->n >= RECIPIENTS_MAX ? EX_UNAVAILABLE : EX_DATAERR;
	}
	if (rcpts->n > 0 || o->header_rcpts)
		return EX_OK;
	tell(o->program, "no recipient: name one, or use -t to take those of "
			 "the header");
	return EX_USAGE;
}

int
send_run(const struct options *o, const struct conf *c)
{
	struct address from;
	struct address_list rcpts = {0};
	struct alias *aliases = NULL;
	struct faults ignored; /* told when one of them concerns this mail */
	faults_init(&ignored);
	int code = parse_sender(o, &from);
	if (code == EX_OK)
		code = parse_rcpts(o, &rcpts);
	if (code == EX_OK && !o->no_aliases)
		aliases = alias_load(c->aliases, &ignored);
	if (code == EX_OK)
		code = send_to(o, c, &from, &rcpts, aliases);
	alias_free(aliases);
	faults_free(&ignored);
	address_list_free(&rcpts);
	return code;
}

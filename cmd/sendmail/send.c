/* SPDX-License-Identifier: ISC */
/*
 * Standard input to the queue, or to the listener where the queue is barred.
 * No fork, no exec, no network; the letter is made by src/submit, what went
 * wrong is turned into a sentence and an exit code here.
 *
 * Invariant: 0 is returned only when the message is durable; with any other
 * code nothing of it is in the queue, but for a listener that took it and
 * did not get to say so.
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
#include "outcome.h"
#include "queue.h"
#include "sender.h"
#include "start.h"
#include "submit/submit.h"
#include "talk.h"
#include "tell.h"
#include "watch.h"

#define READ_SIZE (64 * 1024)
#define FULL_NAME_MAX 998 /* it has to fit into a line */

static int
refused(const struct options *o, const struct status *st)
{
	tell(o->program, "not queued: %s%s", st->text, outcome_cure(st));
	return outcome_exit(st);
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
take_all(
    const struct options *o, struct submit *s, const struct address_list *rcpts)
{
	struct status st;
	for (size_t i = 0; i < rcpts->n; i++)
		if (submit_rcpt(s, &rcpts->v[i], &st) != 0)
			return refused(o, &st);
	return read_message(o, s);
}

static int
by_queue(const struct options *o, const struct conf *c, struct submit *s,
    const struct address_list *rcpts, const struct store *store,
    struct watch *w)
{
	struct status st;
	char id[QUEUE_ID_MAX + 1];
	int code = take_all(o, s, rcpts);
	if (code != EX_OK)
		return code;
	if (submit_commit(s, id, &st) != 0)
		return refused(o, &st);
	queue_tell_accepted(o, store, id); /* the mail is safe */
	return watch_wait(w, o, c, store);
}

static bool
waits(const struct options *o)
{
	return o->delivery == DELIVERY_WAIT ||
	       (o->verbose && o->delivery != DELIVERY_QUEUE);
}

/* What was asked for beyond queueing is not to be had over there. */
static void
tell_handed_over(const struct options *o, const struct status *st)
{
	if (o->verbose)
		tell(o->program, "waypost-smtpd says %s", st->text);
	if (o->delivery == DELIVERY_QUEUE)
		tell(o->program, "-odq means nothing where the queue is barred "
				 "for the caller: it is delivered at once");
	else if (waits(o))
		tell(o->program,
		    "no outcome is shown where the queue is "
		    "barred for the caller; see mailq and the log");
}

/* All of it is read before the listener is asked, so that a caller who
 * takes his time is not too slow for it. */
static int
by_socket(const struct options *o, const struct conf *c, struct submit *s,
    const struct address_list *rcpts, int error)
{
	struct status st;
	struct submit_letter letter;
	int code = take_all(o, s, rcpts);
	if (code != EX_OK)
		return code;
	if (submit_seal(s, &st) != 0)
		return refused(o, &st);
	submit_letter(s, &letter);
	talk_letter(c, &letter, &st);
	if (strcmp(st.enhanced, TALK_UNREACHED) == 0 && st.code == 0)
		return queue_tell_unreached(o, c, error, &st);
	if (st.code == 0)
		tell(o->program, "waypost-smtpd: %s%s", st.text,
		    outcome_cure(&st));
	else if (st.verdict != DONE)
		tell(o->program, "not queued: waypost-smtpd says %d %s %s%s",
		    st.code, st.enhanced, st.text, outcome_cure(&st));
	else
		tell_handed_over(o, &st);
	return outcome_exit(&st);
}

static int
send_to(const struct options *o, const struct conf *c,
    const struct address *from, const struct address_list *rcpts,
    const struct alias *aliases)
{
	struct store store;
	struct watch watch = {.fd = -1};
	char source[64], comment[64];
	unsigned long uid = getuid();
	(void)snprintf(source, sizeof(source), "sendmail uid=%lu", uid);
	(void)snprintf(comment, sizeof(comment), "sendmail, uid %lu", uid);
	int error = queue_open(&store, c);
	if (error != 0 && !queue_barred(error))
		return queue_tell_fault(o, c, error);
	if (error != 0)
		start_drop_group(); /* it serves nothing any more */
	else if (waits(o))
		watch_begin(&watch, &store);
	struct submit *s = submit_new(&(struct submit_options){
	    .conf = c,
	    .store = error == 0 ? &store : NULL,
	    .aliases = error == 0 ? aliases : NULL, /* else the listener's */
	    .flags = SUBMIT_COMPLETE |
		     (o->header_rcpts ? SUBMIT_HEADER_RCPTS : 0) |
		     (o->ignore_dots ? 0 : SUBMIT_DOT_ENDS) |
		     (error == 0 ? 0 : SUBMIT_HOLD),
	    .from = from,
	    .full_name = o->full_name,
	    .source = source,
	    .comment = comment,
	    .envid = o->envid,
	    .ret = o->ret,
	    .notify = o->notify,
	    .watch = watch.fd >= 0 ? watch.id : NULL,
	    .defer = o->delivery == DELIVERY_QUEUE,
	});
	int code = error == 0 ? by_queue(o, c, s, rcpts, &store, &watch)
			      : by_socket(o, c, s, rcpts, error);
	watch_end(&watch, &store);
	submit_free(s);
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

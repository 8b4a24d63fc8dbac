/* SPDX-License-Identifier: ISC */
/*
 * sendmail -bs: SMTP on standard input and output, by the listener's own
 * session machine.  The peer is a user of this host, with the same rights as
 * on the command line: relaying is not restricted, TLS and AUTH are not
 * offered.  Where the queue is barred the listener is asked instead, and
 * only octets pass through here (pump.c).
 *
 * Invariant: 250 to the dot is said only when the message is durable.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "jobs.h"
#include "pump.h"
#include "queue.h"
#include "smtpd/session.h"
#include "start.h"
#include "submit/submit.h"
#include "submit/target.h"
#include "tell.h"

#define READ_SIZE (16 * 1024)

struct smtp {
	const struct options *options;
	const struct conf *conf;
	struct store store;
	struct alias *aliases;
	struct session *session;
	bool told; /* that nobody serves the queue */

	struct submit *submit; /* the letter at hand, or NULL */
	struct address from;
	char envid[ENVID_MAX + 1];
	char source[64], received_from[DOMAIN_MAX + 64];
};

static const char *
hostname(const struct conf *c)
{
	return c->hostname != NULL ? c->hostname : "localhost";
}

/* --- what the session asks --- */

static void
on_policy(void *arg, struct session_policy *p)
{
	const struct smtp *v = arg;
	const struct conf *c = v->conf;
	*p = (struct session_policy){.hostname = hostname(c),
	    .mechanisms = "",
	    .normalize = true, /* as from the command line */
	    .message_size = c->limits.message_size,
	    .session_size = c->limits.session_size,
	    .recipients = c->limits.recipients,
	    .errors = c->limits.errors};
}

static void
on_access(void *arg, struct status *st)
{
	(void)arg;
	status_set(st, DONE, 220, NULL, "ok");
}

static enum ask
on_mail(void *arg, const struct session_mail *m, struct status *st)
{
	(void)arg, (void)m;
	status_set(st, DONE, 250, "2.1.0", "Ok");
	return ASK_NOW;
}

static enum ask
on_rcpt(void *arg, const struct session_rcpt *r, struct status *st)
{
	const char *why = NULL;
	(void)arg;
	if (address_is_bare(&r->addr))
		why = target_special(r->addr.text, r->addr.len);
	if (why != NULL)
		status_set(st, NEVER, 501, "5.1.3", "%s", why);
	else
		status_set(st, DONE, 250, "2.1.5", "Ok");
	return ASK_NOW;
}

static void
on_reset(void *arg)
{
	struct smtp *v = arg;
	submit_free(v->submit);
	v->submit = NULL;
}

static const char *
protocol(const struct session *s)
{
	if (session_mail(s)->utf8)
		return "UTF8SMTP";
	return session_extended(s) ? "ESMTP" : "SMTP";
}

static int
start_letter(struct smtp *v, struct status *st)
{
	const struct session_mail *m = session_mail(v->session);
	const struct session_rcpt *r;
	size_t n = session_rcpts(v->session, &r);
	unsigned long uid = getuid();
	v->from = m->from;
	(void)snprintf(v->envid, sizeof(v->envid), "%s", m->envid);
	(void)snprintf(v->source, sizeof(v->source), "sendmail uid=%lu", uid);
	(void)snprintf(v->received_from, sizeof(v->received_from),
	    "%s (uid %lu)", session_helo(v->session), uid);
	v->submit = submit_new(&(struct submit_options){
	    .conf = v->conf,
	    .store = &v->store,
	    .aliases = v->aliases,
	    .flags = SUBMIT_COMPLETE,
	    .from = &v->from,
	    .source = v->source,
	    .comment = "sendmail -bs",
	    .received_from = v->received_from,
	    .with = protocol(v->session),
	    .eight_bit = m->eight_bit,
	    .utf8 = m->utf8,
	    .require_tls = m->require_tls,
	    .envid = v->envid[0] != '\0' ? v->envid : NULL,
	    .ret = m->ret,
	});
	for (size_t i = 0; i < n; i++)
		if (submit_rcpt_dsn(v->submit, &r[i].addr, r[i].notify,
			r[i].orcpt, st) != 0)
			return -1;
	return 0;
}

static enum ask
on_data(void *arg, struct status *st)
{
	struct smtp *v = arg;
	(void)alarm(WRITER_ALARM_SECONDS); /* for this message */
	if (start_letter(v, st) == 0)
		status_set(st, DONE, 250, "2.0.0", "Ok");
	else
		on_reset(v);
	return ASK_NOW;
}

static int
on_octets(void *arg, const char *p, size_t n, struct status *st)
{
	struct smtp *v = arg;
	return submit_feed(v->submit, p, n, st) < 0 ? -1 : 0;
}

static enum ask
on_commit(void *arg, struct status *st)
{
	struct smtp *v = arg;
	char id[QUEUE_ID_MAX + 1];
	if (submit_commit(v->submit, id, st) == 0) {
		status_set(st, DONE, 250, "2.0.0", "Ok: queued as %s", id);
		if (!v->told)
			queue_tell_accepted(v->options, &v->store, id);
		v->told = true;
	}
	on_reset(v);
	return ASK_NOW;
}

/* AUTH is not offered, so the session never asks about it. */
static const struct session_hooks hooks = {
    .policy = on_policy,
    .access = on_access,
    .mail = on_mail,
    .rcpt = on_rcpt,
    .data = on_data,
    .octets = on_octets,
    .commit = on_commit,
    .reset = on_reset,
};

/* --- octets --- */

static int
flush(struct smtp *v)
{
	struct buf *out = session_output(v->session);
	if (out->len == 0)
		return EX_OK;
	if (io_write(STDOUT_FILENO, out->data, out->len) != 0) {
		tell(v->options->program, "cannot write to standard output: %s",
		    strerror(errno));
		return EX_IOERR;
	}
	buf_drop(out, out->len);
	return EX_OK;
}

static int
take(struct smtp *v, const char *data, size_t len)
{
	int code = EX_OK;
	while (len > 0 && code == EX_OK &&
	       session_wants(v->session) == SESSION_INPUT) {
		size_t used = session_input(v->session, data, len);
		data += used;
		len -= used;
		code = flush(v);
	}
	return code;
}

static int
converse(struct smtp *v)
{
	char data[READ_SIZE];
	session_greet(v->session, false);
	int code = flush(v);
	while (code == EX_OK && session_wants(v->session) == SESSION_INPUT) {
		/* Between messages a caller may take an hour each time. */
		if (v->submit == NULL)
			(void)alarm(WRITER_ALARM_SECONDS);
		ssize_t n = io_read(STDIN_FILENO, data, sizeof(data));
		if (n < 0) {
			tell(v->options->program,
			    "cannot read standard input: %s", strerror(errno));
			return EX_IOERR;
		}
		if (n == 0)
			session_eof(v->session);
		else
			code = take(v, data, (size_t)n);
	}
	return code;
}

static int
serve(struct smtp *v)
{
	struct faults ignored; /* told when one of them concerns a mail */
	faults_init(&ignored);
	if (!v->options->no_aliases)
		v->aliases = alias_load(v->conf->aliases, &ignored);
	v->session = session_new(&hooks, v);
	int code = converse(v);
	session_free(v->session);
	alias_free(v->aliases);
	faults_free(&ignored);
	store_close(&v->store);
	return code;
}

/* Who speaks SMTP to us waits for a greeting. */
static void
greet_in_vain(const struct conf *c)
{
	char line[DOMAIN_MAX + 64];
	int n = snprintf(line, sizeof(line),
	    "421 %.255s The queue cannot be reached now\r\n", hostname(c));
	if (io_write(STDOUT_FILENO, line, (size_t)n) != 0)
		return; /* the exit code says it, too */
}

int
smtp_run(const struct options *o, const struct conf *c)
{
	struct smtp v = {.options = o, .conf = c};
	struct status st;
	int code, error = queue_open(&v.store, c);
	if (error == 0)
		return serve(&v);
	if (!queue_barred(error)) {
		code = queue_tell_fault(o, c, error);
	} else {
		start_drop_group();
		code = pump_run(c, &st);
		if (code == EX_TEMPFAIL)
			code = queue_tell_unreached(o, c, error, &st);
		else if (code == EX_IOERR)
			tell(o->program, "standard input or output broke off");
	}
	if (code == EX_TEMPFAIL)
		greet_in_vain(c);
	return code;
}

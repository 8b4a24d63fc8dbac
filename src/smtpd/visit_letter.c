/* SPDX-License-Identifier: ISC */
/*
 * The letter of a visit: begun with DATA, fed, committed, answered for.  Not
 * who may send it (visit_hooks.c).  Invariant: a letter keeps the
 * configuration that it began with, and that one is counted until the letter
 * is dropped or committed.
 */
#include <stdio.h>

#include "base/log.h"
#include "smtpd/visit.h"

void
visit_drop_letter(struct visit *v)
{
	if (v->submit != NULL)
		submit_free(v->submit);
	v->submit = NULL;
	site_unref(v->letter_site);
	v->letter_site = NULL;
}

/* What Received and the queue file say of where it came from. */
static void
describe(struct visit *v)
{
	char ip[IP_TEXT_MAX];
	const char *user = session_user(v->session);
	ip_format(&v->peer.ip, ip);
	if (v->peer.local_socket) {
		(void)snprintf(
		    v->source, sizeof(v->source), "socket uid=%u", v->peer.uid);
		(void)snprintf(v->received_from, sizeof(v->received_from),
		    "%s (uid %u)", session_helo(v->session), v->peer.uid);
	} else {
		/* The carrier signs only for those who may relay. */
		bool right =
		    relay_has_right(v->worker->site->conf, &v->peer, user);
		(void)snprintf(v->source, sizeof(v->source),
		    "smtp relay=%s ip=%s user=%.255s", right ? "yes" : "no", ip,
		    user[0] ? user : "-");
		(void)snprintf(v->received_from, sizeof(v->received_from),
		    "%s (%s%s[%s%s])", session_helo(v->session), v->peer.name,
		    v->peer.name[0] ? " " : "",
		    ip_is_v4(&v->peer.ip) ? "" : "IPv6:", ip);
	}
	(void)snprintf(v->with, sizeof(v->with), "%s%s%s",
	    session_mail(v->session)->utf8 ? "UTF8SMTP"
	    : session_extended(v->session) ? "ESMTP"
					   : "SMTP",
	    v->secure != NULL ? "S" : "", user[0] ? "A" : "");
}

/* The user only if the administrator wants it told. */
static void
name_user(struct visit *v)
{
	const char *user = session_user(v->session);
	v->comment[0] = '\0';
	if (user[0] != '\0' && v->worker->site->conf->auth.name_in_received)
		(void)snprintf(v->comment, sizeof(v->comment),
		    "authenticated as %.200s", user);
}

int
visit_start_letter(struct visit *v, struct status *st)
{
	struct worker *w = v->worker;
	const struct session_mail *m = session_mail(v->session);
	const struct session_rcpt *r;
	size_t n = session_rcpts(v->session, &r);
	describe(v);
	name_user(v);
	v->letter_site = site_ref(w->site);
	v->letter_from = m->from;
	(void)snprintf(v->envid, sizeof(v->envid), "%s", m->envid);
	bool own =
	    relay_is_own(w->site->conf, &v->peer, session_user(v->session));
	struct submit_options o = {.conf = w->site->conf,
	    .store = &w->store,
	    .aliases = w->site->aliases,
	    .flags = own ? SUBMIT_COMPLETE : SUBMIT_RELAY,
	    .from = &v->letter_from,
	    .source = v->source,
	    .comment = v->comment[0] ? v->comment : NULL,
	    .received_from = v->received_from,
	    .with = v->with,
	    .eight_bit = m->eight_bit,
	    .utf8 = m->utf8,
	    .require_tls = m->require_tls,
	    .envid = v->envid[0] ? v->envid : NULL,
	    .ret = m->ret};
	v->submit = submit_new(&o);
	for (size_t i = 0; i < n; i++)
		if (submit_rcpt_dsn(v->submit, &r[i].addr, r[i].notify,
			r[i].orcpt, st) != 0)
			return -1;
	return 0;
}

int
visit_octets(void *arg, const char *p, size_t n, struct status *st)
{
	struct visit *v = arg;
	return submit_feed(v->submit, p, n, st) < 0 ? -1 : 0;
}

static void
note_committed(struct visit *v, const char *id, const struct status *st)
{
	char ip[IP_TEXT_MAX];
	v->committing = false;
	site_unref(v->letter_site);
	v->letter_site = NULL;
	ip_format(&v->peer.ip, ip);
	if (st->verdict == DONE) {
		board_letter(v->worker->board, v->letter_size);
		log_event(LOG_INFO, "received", LOG_STR("id", id),
		    LOG_STR("client", ip),
		    LOG_STR("helo", session_helo(v->session)),
		    LOG_STR("user", session_user(v->session)),
		    LOG_STR("from", v->letter_from.text),
		    LOG_NUM("size", v->letter_size),
		    LOG_NUM("rcpts", v->letter_rcpts),
		    LOG_STR("with", v->with));
	}
}

static void
on_committed(void *arg, const char *id, const struct status *st)
{
	struct visit *v = arg;
	note_committed(v, id, st);
	if (v->worker->stopping)
		session_end(v->session, "4.3.2", VISIT_STOPPING);
	session_answer(v->session, st);
	if (v->gone)
		visit_free(v);
	else
		visit_pump(v);
}

enum ask
visit_commit(void *arg, struct status *st)
{
	struct visit *v = arg;
	char id[QUEUE_ID_MAX + 1];
	if (submit_seal(v->submit, st) != 0) {
		visit_drop_letter(v);
		return ASK_NOW;
	}
	v->letter_size = submit_size(v->submit);
	v->letter_rcpts = submit_rcpts(v->submit);
	v->committing = true;
	struct submit *s = v->submit;
	v->submit = NULL;
	if (v->worker->nvisits == 1 &&
	    commit_now(v->worker->commit, s, id, st)) {
		note_committed(v, id, st);
		return ASK_NOW;
	}
	commit_give(v->worker->commit, s, on_committed, v);
	return ASK_LATER;
}

void
visit_reset(void *arg)
{
	struct visit *v = arg;
	if (!v->committing)
		visit_drop_letter(v);
}

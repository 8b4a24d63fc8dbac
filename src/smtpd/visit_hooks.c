/* SPDX-License-Identifier: ISC */
/*
 * What the session asks, answered: policy, access, sender, relay (AUTH is in
 * visit_auth.c, the letter in visit_letter.c).  Every answer comes from the
 * worker's current configuration, so that a change binds at the next command
 * (R26, R27).
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/mailbox.h"
#include "smtpd/visit.h"

#define COMMANDS_WITHOUT_MAIL_MAX 100

const struct listener *
visit_listener(const struct visit *v)
{
	const struct conf *c = v->worker->site->conf;
	for (size_t i = 0; i < c->nlisteners; i++)
		if (strcmp(c->listeners[i].name, v->listener) == 0)
			return &c->listeners[i];
	return NULL;
}

static void
on_policy(void *arg, struct session_policy *p)
{
	struct visit *v = arg;
	const struct conf *c = v->worker->site->conf;
	const struct listener *l = visit_listener(v);
	v->mechanisms[0] = '\0';
	if (!v->peer.local_socket)
		auth_mechanisms(c, v->worker->site->users, &v->channel,
		    v->mechanisms, sizeof(v->mechanisms));
	*p = (struct session_policy){.hostname = c->hostname,
	    .offer_starttls = l != NULL && l->tls == LISTEN_STARTTLS &&
			      v->tls_context != NULL,
	    .require_tls = l != NULL && l->require_tls,
	    .require_auth =
		l != NULL && l->require_auth && !v->peer.local_socket,
	    .mechanisms = v->mechanisms,
	    .normalize = l != NULL && l->normalize,
	    .message_size = c->limits.message_size,
	    .session_size = c->limits.session_size,
	    .recipients = c->limits.recipients,
	    .errors = c->limits.errors,
	    .commands_without_mail = COMMANDS_WITHOUT_MAIL_MAX};
}

static void
on_access(void *arg, struct status *st)
{
	struct visit *v = arg;
	const struct conf *c = v->worker->site->conf;
	if (v->welcome == c) {
		status_set(st, DONE, 220, NULL, "ok");
		return;
	}
	/* It may go on under another name, of which we hear in a moment. */
	if (visit_listener(v) == NULL)
		status_set(st, LATER, 421, "4.3.2", "This listener was closed");
	else
		relay_access(c, &v->peer, st);
	/* A name that is still looked up may be on the list. */
	if (st->verdict == DONE && visit_find_name(v))
		v->welcome = c;
}

/* --- the envelope --- */

static void
log_refused(
    struct visit *v, const char *to, const struct status *st, const char *rule)
{
	char ip[IP_TEXT_MAX];
	board_add(v->worker->board, COUNT_RCPTS_REFUSED, 1);
	ip_format(&v->peer.ip, ip);
	log_event(LOG_INFO, "refused", LOG_STR("client", ip),
	    LOG_STR("helo", session_helo(v->session)),
	    LOG_STR("user", session_user(v->session)),
	    LOG_STR("from", session_mail(v->session)->from.text),
	    LOG_STR("to", to), LOG_NUM("code", st->code), LOG_STR("rule", rule),
	    LOG_STR("text", st->text));
}

/* The user may have been removed, or not own this sender (F17, F20). */
static bool
sender_allowed(struct visit *v, const struct session_mail *m, struct status *st)
{
	const char *user = session_user(v->session);
	if (user[0] == '\0')
		return true;
	const struct verifier *known = users_find(v->worker->site->users, user);
	if (known == NULL) {
		session_set_user(v->session, "");
		status_set(st, NEVER, 530, "5.7.0",
		    "Authentication is no longer valid");
	} else if (!verifier_may_send(known, &m->from)) {
		status_set(st, NEVER, 553, "5.7.1",
		    "%s may not send as this address", user);
	} else {
		return true;
	}
	return false;
}

static enum ask
on_mail(void *arg, const struct session_mail *m, struct status *st)
{
	struct visit *v = arg;
	if (!sender_allowed(v, m, st)) {
		log_refused(v, "-", st, "sender");
		return ASK_NOW;
	}
	if (worker_disk_low(v->worker))
		status_set(st, LATER, 452, "4.3.1",
		    "Not enough room on this host now");
	else
		status_set(st, DONE, 250, "2.1.0", "Ok");
	return ASK_NOW;
}

/* Domains whose mail ends here: is there room, and such a mailbox? */
static void
check_local(struct visit *v, const struct address *rcpt, struct status *st)
{
	const struct conf *c = v->worker->site->conf;
	const struct domain *d = mailbox_domain(c, rcpt);
	if (!domain_is_local(d))
		return;
	if (d->maildir != NULL && mailbox_missing(c, d, rcpt))
		status_set(st, NEVER, 550, "5.1.1", "No such mailbox here");
	else if (d->maildir == NULL && worker_drop_full(v->worker))
		status_set(st, LATER, 452, "4.2.2", "Mailbox Full");
}

static void
judge(struct visit *v, const struct address *rcpt, struct status *st)
{
	enum relay_rule rule;
	struct address full = *rcpt;
	if (address_qualify(&full, conf_origin(v->worker->site->conf)) != 0) {
		status_set(st, NEVER, 501, "5.1.3", "The address is too long");
		return;
	}
	/* A user who was removed has no right any more (F17, G25). */
	const char *user = session_user(v->session);
	if (users_find(v->worker->site->users, user) == NULL)
		user = "";
	relay_check(v->worker->site->conf, &v->peer, user, &full, st, &rule);
	if (st->verdict == DONE)
		check_local(v, &full, st);
	if (st->verdict != DONE)
		log_refused(v, full.text, st, relay_rule_name(rule));
}

static void decide_data(struct visit *v, struct status *st);

/* The reverse name came after all: what waits for it is answered now. */
static void
on_late_name(void *arg, const char *name)
{
	struct visit *v = arg;
	struct status st;
	enum waits waits = v->waits;
	v->name_query = NULL;
	(void)snprintf(v->peer.name, sizeof(v->peer.name), "%s", name);
	v->peer.name_known = true;
	if (waits == WAITS_NOT)
		return;
	v->waits = WAITS_NOT;
	if (waits == WAITS_RCPT)
		judge(v, &v->asked, &st);
	else
		decide_data(v, &st);
	session_answer(v->session, &st);
	visit_pump(v);
}

bool
visit_find_name(struct visit *v)
{
	if (v->peer.name_known || !relay_needs_name(v->worker->site->conf))
		return true;
	if (v->name_query == NULL)
		v->name_query = names_find(v->worker->names, &v->peer.ip,
		    clock_mono_ms(), on_late_name, v);
	return v->name_query == NULL;
}

static enum ask
on_rcpt(void *arg, const struct session_rcpt *r, struct status *st)
{
	struct visit *v = arg;
	if (!visit_find_name(v)) {
		v->asked = r->addr;
		v->waits = WAITS_RCPT;
		return ASK_LATER;
	}
	judge(v, &r->addr, st);
	return ASK_NOW;
}

/* --- DATA --- */

static void
decide_data(struct visit *v, struct status *st)
{
	const struct session_rcpt *r;
	size_t n = session_rcpts(v->session, &r);
	/* Judged again: one that lost its right takes the message with it,
	 * for the client was promised otherwise (A14). */
	for (size_t i = 0; i < n; i++) {
		judge(v, &r[i].addr, st);
		if (st->verdict != DONE)
			return;
	}
	if (visit_start_letter(v, st) != 0)
		visit_drop_letter(v);
	else
		status_set(st, DONE, 250, "2.0.0", "Ok");
}

static enum ask
on_data(void *arg, struct status *st)
{
	struct visit *v = arg;
	if (!visit_find_name(v)) {
		v->waits = WAITS_DATA;
		return ASK_LATER;
	}
	decide_data(v, st);
	return ASK_NOW;
}

const struct session_hooks visit_hooks = {
    .policy = on_policy,
    .access = on_access,
    .mail = on_mail,
    .rcpt = on_rcpt,
    .data = on_data,
    .octets = visit_octets,
    .commit = visit_commit,
    .reset = visit_reset,
    .auth_start = visit_auth_start,
    .auth_next = visit_auth_next,
    .auth_cancel = visit_auth_cancel,
};

/* SPDX-License-Identifier: ISC */
/*
 * What each SMTP command means: one function a verb, the order of checks of
 * RFC 5321 section 4.1.4.  The policy is asked for at every command, so that
 * a changed configuration binds on open sessions (R27).
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "smtpd/command.h"
#include "smtpd/session_internal.h"

static void
bad_sequence(struct session *s, const char *text)
{
	session_fault(s, 503, "5.5.1", text);
}

/* Commands that bring no mail; too many of them end the session (D03). */
static bool
idle_command(struct session *s, const struct session_policy *p)
{
	s->idle_commands++;
	if (p->commands_without_mail == 0 ||
	    s->idle_commands <= p->commands_without_mail)
		return false;
	session_end(s, "4.7.0", "Too many commands without mail");
	return true;
}

static void
ehlo_lines(struct session *s, const struct session_policy *p)
{
	struct buf *out = &s->out;
	(void)buf_addf(out, "250-%s\r\n", p->hostname);
	(void)buf_addf(
	    out, "250-SIZE %llu\r\n", (unsigned long long)p->message_size);
	(void)buf_adds(out, "250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
			    "250-DSN\r\n");
	if (p->offer_starttls && !s->secure)
		(void)buf_adds(out, "250-STARTTLS\r\n");
	/* Only where it means something (RFC 8689 section 2). */
	if (s->secure)
		(void)buf_adds(out, "250-REQUIRETLS\r\n");
	if (p->mechanisms[0] != '\0')
		(void)buf_addf(out, "250-AUTH %s\r\n", p->mechanisms);
	(void)buf_adds(out, "250 ENHANCEDSTATUSCODES\r\n");
}

static void
do_helo(struct session *s, const struct session_policy *p, bool extended,
    const char *arg, size_t len)
{
	if (!command_helo_valid(arg, len)) {
		session_fault(s, 501, "5.5.4",
		    extended ? "Syntax: EHLO hostname"
			     : "Syntax: HELO hostname");
		return;
	}
	session_reset(s);
	if (idle_command(s, p))
		return;
	memcpy(s->helo, arg, len);
	s->helo[len] = '\0';
	s->extended = extended;
	if (extended)
		ehlo_lines(s, p);
	else
		session_reply(s, 250, NULL, p->hostname);
}

static bool
mail_allowed(struct session *s, const struct session_policy *p)
{
	if (s->helo[0] == '\0')
		bad_sequence(s, "Say HELO or EHLO first");
	else if (s->in_mail)
		bad_sequence(s, "A mail transaction is open already");
	else if (p->require_auth && s->user[0] == '\0')
		session_fault(s, 530, "5.7.0", "Authentication required");
	else
		return true;
	return false;
}

/* Would this message pass the limit for all of them?  The next session has
 * room for it. */
static bool
session_full(const struct session *s, const struct session_policy *p)
{
	return p->session_size != 0 &&
	       (s->session_octets > p->session_size ||
		   s->mail.size > p->session_size - s->session_octets);
}

static void
do_mail(struct session *s, const struct session_policy *p, const char *arg,
    size_t len)
{
	struct status st;
	if (!mail_allowed(s, p))
		return;
	if (command_mail(arg, len, &s->mail, &st) != 0) {
		session_reply_status(s, &st);
		return;
	}
	if (s->mail.require_tls && !s->secure) {
		session_fault(s, 530, "5.7.10", "REQUIRETLS needs TLS here");
		return;
	}
	if (p->message_size != 0 && s->mail.size > p->message_size) {
		session_fault(s, 552, "5.3.4", "Message too large");
		return;
	}
	if (session_full(s, p)) {
		session_end(s, "4.7.0", "Too much mail in one session");
		return;
	}
	s->question = QUESTION_MAIL;
	s->want = SESSION_ANSWER;
	if (s->hooks->mail(s->arg, &s->mail, &st) == ASK_NOW)
		session_answer(s, &st);
}

static void
do_rcpt(struct session *s, const struct session_policy *p, const char *arg,
    size_t len)
{
	struct status st;
	if (!s->in_mail) {
		bad_sequence(s, "MAIL first");
		return;
	}
	if (command_rcpt(arg, len, s->mail.utf8, &s->asked, &st) != 0) {
		session_reply_status(s, &st);
		return;
	}
	/* Repeated ones count: a transaction must end some day. */
	size_t most = p->recipients != 0 ? p->recipients : RECIPIENTS_MAX;
	if (s->named >= most) {
		session_fault(s, 452, "4.5.3", "Too many recipients");
		return;
	}
	s->question = QUESTION_RCPT;
	s->want = SESSION_ANSWER;
	if (s->hooks->rcpt(s->arg, &s->asked, &st) == ASK_NOW)
		session_answer(s, &st);
}

static void
do_data(struct session *s, size_t len)
{
	struct status st;
	if (!s->in_mail) {
		bad_sequence(s, "MAIL first");
	} else if (s->nrcpts == 0) {
		session_fault(s, 503, "5.5.1", "No valid recipients");
	} else if (len > 0) {
		session_fault(s, 501, "5.5.4", "Syntax: DATA");
	} else {
		s->question = QUESTION_DATA;
		s->want = SESSION_ANSWER;
		if (s->hooks->data(s->arg, &st) == ASK_NOW)
			session_answer(s, &st);
	}
}

static void
do_starttls(struct session *s, const struct session_policy *p, size_t len)
{
	if (len > 0)
		session_fault(s, 501, "5.5.4", "Syntax: STARTTLS");
	else if (s->secure)
		bad_sequence(s, "TLS is on already");
	else if (!s->extended)
		bad_sequence(s, "EHLO first");
	else if (s->in_mail)
		bad_sequence(s, "Not in a mail transaction");
	else if (!p->offer_starttls)
		session_fault(s, 502, "5.5.1", "TLS is not available");
	else {
		session_reply(s, 220, "2.0.0", "Ready to start TLS");
		s->want = SESSION_TLS;
	}
}

static void
do_quit(struct session *s, const struct session_policy *p)
{
	char line[DOMAIN_MAX + 32];
	(void)snprintf(
	    line, sizeof(line), "%s closing connection", p->hostname);
	session_reply(s, 221, "2.0.0", line);
	s->want = SESSION_CLOSE;
	session_reset(s);
}

/* Without TLS where it is required, only these go (RFC 3207 section 4). */
static bool
needs_tls(enum verb v)
{
	return v != VERB_EHLO && v != VERB_HELO && v != VERB_NOOP &&
	       v != VERB_STARTTLS && v != VERB_QUIT && v != VERB_RSET &&
	       v != VERB_BDAT && v != VERB_UNKNOWN;
}

static void
do_simple(
    struct session *s, const struct session_policy *p, enum verb v, size_t len)
{
	if (len > 0 && (v == VERB_RSET || v == VERB_QUIT)) {
		session_fault(s, 501, "5.5.4", "No parameter is allowed");
		return;
	}
	switch (v) {
	case VERB_RSET:
		session_reset(s);
		if (!idle_command(s, p))
			session_reply(s, 250, "2.0.0", "Ok");
		break;
	case VERB_NOOP:
		if (!idle_command(s, p))
			session_reply(s, 250, "2.0.0", "Ok");
		break;
	case VERB_VRFY:
		if (!idle_command(s, p))
			session_reply(s, 252, "2.5.2",
			    "Send some mail, I'll try my best");
		break;
	case VERB_HELP:
		if (!idle_command(s, p))
			session_reply(s, 214, "2.0.0",
			    "waypost: see RFC 5321 and waypost-smtpd(8)");
		break;
	case VERB_QUIT:
		do_quit(s, p);
		break;
	case VERB_BDAT:
		/* Its octets would come as commands (E21). */
		session_fault(s, 502, "5.5.1", "CHUNKING is not offered");
		session_end(s, "4.7.0", "CHUNKING is not offered");
		break;
	default:
		session_fault(s, 502, "5.5.1", "Not implemented");
		break;
	}
}

static void
perform(struct session *s, const struct session_policy *p, enum verb v,
    const char *arg, size_t len)
{
	switch (v) {
	case VERB_EHLO:
	case VERB_HELO:
		do_helo(s, p, v == VERB_EHLO, arg, len);
		break;
	case VERB_MAIL:
		do_mail(s, p, arg, len);
		break;
	case VERB_RCPT:
		do_rcpt(s, p, arg, len);
		break;
	case VERB_DATA:
		do_data(s, len);
		break;
	case VERB_STARTTLS:
		do_starttls(s, p, len);
		break;
	case VERB_AUTH:
		session_auth(s, p, arg, len);
		break;
	default:
		do_simple(s, p, v, len);
		break;
	}
}

void
session_command(struct session *s, const char *line, size_t len)
{
	struct session_policy p;
	struct status st;
	const char *arg;
	size_t arg_len;
	enum verb v = command_verb(line, len, &arg, &arg_len);
	s->hooks->access(s->arg, &st);
	if (st.verdict != DONE) {
		session_end(s, "4.7.0", st.text);
		return;
	}
	session_policy(s, &p);
	if (v == VERB_UNKNOWN)
		session_fault(s, 500, "5.5.2", "Unknown command");
	else if (p.require_tls && !s->secure && needs_tls(v))
		session_fault(
		    s, 530, "5.7.0", "Must issue a STARTTLS command first");
	else
		perform(s, &p, v, arg, arg_len);
}

/* --- answers --- */

void
session_decided(struct session *s, const struct status *st)
{
	enum question q = s->question;
	s->question = QUESTION_NONE;
	switch (q) {
	case QUESTION_MAIL:
		s->in_mail = st->verdict == DONE;
		session_reply_status(s, st);
		break;
	case QUESTION_RCPT:
		if (st->verdict == DONE)
			session_keep_rcpt(s);
		session_reply_status(s, st);
		break;
	case QUESTION_DATA:
		if (st->verdict == DONE) {
			session_start_data(s);
		} else {
			session_reply_status(s, st);
			session_reset(s);
		}
		break;
	case QUESTION_COMMIT:
		session_message_decided(s, st);
		break;
	case QUESTION_AUTH: /* goes its own way */
	case QUESTION_NONE:
		break;
	}
}

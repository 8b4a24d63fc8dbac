/* SPDX-License-Identifier: ISC */
/*
 * The session machine: input, output, message octets.  What a command means
 * is in session_command.c.  Invariant: octets are taken only while `want`
 * is SESSION_INPUT, one command or one piece of a message at a time, so
 * that replies depend on the octets and never on how they are cut.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "smtpd/session_internal.h"

/* A piece of a message that is handed on at a time. */
#define OCTETS_MAX (32 * 1024)

struct session *
session_new(const struct session_hooks *hooks, void *arg)
{
	struct session *s = alloc_zero(1, sizeof(*s));
	s->hooks = hooks;
	s->arg = arg;
	buf_init(&s->out, OUTPUT_MAX + 8192);
	buf_init(&s->line, AUTH_LINE_MAX);
	buf_init(&s->octets, OCTETS_MAX + 64);
	return s;
}

void
session_free(struct session *s)
{
	if (s == NULL)
		return;
	if (s->phase == PHASE_AUTH)
		s->hooks->auth_cancel(s->arg);
	session_reset(s);
	buf_free(&s->out);
	buf_free(&s->line);
	buf_free(&s->octets);
	free(s->rcpts);
	free(s);
}

void
session_policy(struct session *s, struct session_policy *p)
{
	*p = (struct session_policy){0};
	s->hooks->policy(s->arg, p);
}

void
session_reply(
    struct session *s, int code, const char *enhanced, const char *text)
{
	if (s->extended && enhanced != NULL && enhanced[0] != '\0' &&
	    code != 354 && code != 334)
		(void)buf_addf(&s->out, "%d %s %s\r\n", code, enhanced, text);
	else
		(void)buf_addf(&s->out, "%d %s\r\n", code, text);
}

void
session_reply_status(struct session *s, const struct status *st)
{
	int code = st->code;
	/* A code that contradicts the verdict is a fault of ours. */
	if (st->verdict == DONE && code / 100 != 2)
		code = 250;
	else if (st->verdict == LATER && code / 100 != 4)
		code = 451;
	else if (st->verdict == NEVER && code / 100 != 5)
		code = 550;
	if (code >= 400)
		session_fault(s, code, st->enhanced, st->text);
	else
		session_reply(s, code, st->enhanced, st->text);
}

void
session_fault(
    struct session *s, int code, const char *enhanced, const char *text)
{
	struct session_policy p;
	session_policy(s, &p);
	session_reply(s, code, enhanced, text);
	if (p.errors != 0 && ++s->errors > p.errors)
		session_end(s, "4.7.0", "Too many errors");
}

void
session_end(struct session *s, const char *enhanced, const char *text)
{
	struct session_policy p;
	char line[600];
	if (s->want == SESSION_CLOSE)
		return;
	session_policy(s, &p);
	(void)snprintf(line, sizeof(line), "%.250s %.300s, closing connection",
	    p.hostname, text);
	session_reply(s, 421, enhanced, line);
	s->want = SESSION_CLOSE;
	session_reset(s);
}

void
session_reset(struct session *s)
{
	if (s->in_mail)
		s->hooks->reset(s->arg);
	s->in_mail = false;
	s->nrcpts = 0;
	s->refused = false;
	s->message_octets = s->swallowed = 0;
}

void
session_greet(struct session *s, bool talked_early)
{
	struct session_policy p;
	struct status st;
	session_policy(s, &p);
	s->hooks->access(s->arg, &st);
	if (st.verdict != DONE) {
		(void)buf_addf(&s->out, "%d %s\r\n", st.code, st.text);
		s->want = SESSION_CLOSE;
	} else if (talked_early) {
		(void)buf_addf(&s->out,
		    "554 %s You talked before my greeting\r\n", p.hostname);
		s->want = SESSION_CLOSE;
	} else {
		(void)buf_addf(&s->out, "220 %s ESMTP waypost\r\n", p.hostname);
	}
}

/* --- command lines --- */

static void
take_line(struct session *s)
{
	struct buf *line = &s->line;
	size_t len = line->len - 1; /* without the LF */
	if (s->skipped > 0) {
		s->skipped = 0;
		session_fault(s, 500, "5.5.2", "Line too long");
	} else if (len == 0 || line->data[len - 1] != '\r' ||
		   memchr(line->data, '\r', len - 1) != NULL) {
		session_fault(s, 500, "5.5.2",
		    "A line ends in CR LF, and holds no other CR or LF");
	} else if (memchr(line->data, '\0', len) != NULL) {
		session_fault(s, 501, "5.5.2", "NUL in a command");
	} else if (s->phase == PHASE_AUTH) {
		session_auth_line(s, line->data, len - 1);
	} else {
		session_command(s, line->data, len - 1);
	}
	buf_clear(line);
}

static size_t
take_command(struct session *s, const char *data, size_t len)
{
	const char *lf = memchr(data, '\n', len);
	size_t n = lf != NULL ? (size_t)(lf - data) + 1 : len;
	size_t most = s->phase == PHASE_AUTH ? AUTH_LINE_MAX : COMMAND_LINE_MAX;
	if (s->skipped > 0 || s->line.len + n > most) {
		s->skipped += s->line.len + n;
		buf_clear(&s->line);
		(void)buf_addc(&s->line, '\n');
		if (s->skipped > COMMAND_SKIP_MAX) {
			session_end(s, "4.7.0", "Line too long");
			return n;
		}
		if (lf == NULL)
			buf_clear(&s->line);
	} else {
		(void)buf_add(&s->line, data, n);
	}
	if (lf != NULL)
		take_line(s);
	return n;
}

/* --- message octets --- */

static void
refuse(struct session *s, int code, const char *enhanced, const char *text)
{
	if (s->refused)
		return;
	s->refused = true;
	status_set(&s->refusal, NEVER, code, enhanced, "%s", text);
}

static void
judge_octets(struct session *s)
{
	struct session_policy p;
	session_policy(s, &p);
	if (s->deframe.bare && !s->deframe.normalize) {
		/* Two ideas of where a line ends are how mail is smuggled:
		 * what follows cannot be trusted either (E01-E13). */
		refuse(s, 550, "5.6.0", "Bare CR or LF in the message");
		s->close_after = true;
	}
	if (s->deframe.nul)
		refuse(s, 554, "5.6.0", "NUL in the message");
	if (p.message_size != 0 && s->message_octets > p.message_size)
		refuse(s, 552, "5.3.4", "Message too large");
	if (p.session_size != 0 && s->session_octets > p.session_size) {
		refuse(s, 552, "5.3.4", "Too much mail in one session");
		s->close_after = true;
	}
}

static void
hand_on(struct session *s)
{
	struct status st;
	s->message_octets += s->octets.len;
	s->session_octets += s->octets.len;
	judge_octets(s);
	if (s->refused) {
		s->swallowed += s->octets.len;
		if (s->swallowed > SWALLOW_MAX)
			session_end(s, "4.7.0", "Message far too large");
	} else if (s->octets.len > 0 && s->hooks->octets(s->arg, s->octets.data,
					    s->octets.len, &st) != 0) {
		s->refused = true;
		s->refusal = st;
	}
	buf_clear(&s->octets);
}

static void
end_message(struct session *s)
{
	struct status st;
	s->phase = PHASE_COMMAND;
	if (s->refused) {
		st = s->refusal;
		session_decided(s, &st);
		return;
	}
	s->question = QUESTION_COMMIT;
	s->want = SESSION_ANSWER;
	if (s->hooks->commit(s->arg, &st) == ASK_NOW)
		session_answer(s, &st);
}

static size_t
take_octets(struct session *s, const char *data, size_t len)
{
	bool ended;
	size_t n = deframe_feed(&s->deframe, data,
	    len < OCTETS_MAX / 2 ? len : OCTETS_MAX / 2, &s->octets, &ended);
	hand_on(s);
	if (ended && s->want != SESSION_CLOSE)
		end_message(s);
	return n;
}

size_t
session_input(struct session *s, const char *data, size_t len)
{
	size_t used = 0;
	while (
	    used < len && s->want == SESSION_INPUT && s->out.len < OUTPUT_MAX) {
		if (s->phase == PHASE_DATA)
			used += take_octets(s, data + used, len - used);
		else
			used += take_command(s, data + used, len - used);
	}
	return used;
}

void
session_eof(struct session *s)
{
	if (s->want == SESSION_ANSWER) {
		s->ending = true;
		return;
	}
	s->want = SESSION_CLOSE;
	session_reset(s);
}

void
session_answer(struct session *s, const struct status *st)
{
	if (s->want != SESSION_ANSWER)
		return;
	s->want = SESSION_INPUT;
	session_decided(s, st);
	if (s->ending && s->want != SESSION_ANSWER) {
		s->want = SESSION_CLOSE;
		session_reset(s);
	}
}

void
session_secured(struct session *s)
{
	session_reset(s);
	s->secure = true;
	s->extended = false;
	s->helo[0] = '\0';
	s->user[0] = '\0';
	s->want = SESSION_INPUT;
	buf_clear(&s->line);
	s->skipped = 0;
}

enum session_want
session_wants(const struct session *s)
{
	return s->want;
}

struct buf *
session_output(struct session *s)
{
	return &s->out;
}

bool
session_extended(const struct session *s)
{
	return s->extended;
}

const char *
session_helo(const struct session *s)
{
	return s->helo;
}

bool
session_in_data(const struct session *s)
{
	return s->phase == PHASE_DATA;
}

bool
session_is_secure(const struct session *s)
{
	return s->secure;
}

const char *
session_user(const struct session *s)
{
	return s->user;
}

void
session_set_user(struct session *s, const char *user)
{
	(void)snprintf(s->user, sizeof(s->user), "%s", user);
}

size_t
session_rcpts(const struct session *s, const struct session_rcpt **v)
{
	*v = s->rcpts;
	return s->nrcpts;
}

const struct session_mail *
session_mail(const struct session *s)
{
	return &s->mail;
}

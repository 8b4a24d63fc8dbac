/* SPDX-License-Identifier: ISC */
/*
 * The session machine: input, output, message octets.  What a command means
 * is in session_command.c.  Invariant: octets are taken only while `want`
 * is SESSION_INPUT, one command or one piece of a message at a time, so
 * that replies depend on the octets and never on how they are cut.
 */
#include "smtpd/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "smtpd/command.h"
#include "smtpd/session_internal.h"

/* Room for what one command may say beyond OUTPUT_MAX. */
#define OUTPUT_SPARE (2 * AUTH_LINE_MAX)

#define TLS_HANDSHAKE 0x16 /* begins a hello, and no command (D16) */

struct session *
session_new(const struct session_hooks *hooks, void *arg)
{
	struct session *s = alloc_zero(1, sizeof(*s));
	s->hooks = hooks;
	s->arg = arg;
	buf_init(&s->out, OUTPUT_MAX + OUTPUT_SPARE);
	buf_init(&s->line, AUTH_LINE_MAX);
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
	free(s->slots);
	free(s);
}

void
session_policy(struct session *s, struct session_policy *p)
{
	*p = (struct session_policy){0};
	s->hooks->policy(s->arg, p);
	/* A message that no session can hold must be refused for good. */
	if (p->session_size != 0 &&
	    (p->message_size == 0 || p->message_size > p->session_size))
		p->message_size = p->session_size;
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
	if (code == 421)
		session_end(s, st->enhanced, st->text);
	else if (code >= 400)
		session_fault(s, code, st->enhanced, st->text);
	else
		session_reply(s, code, st->enhanced, st->text);
}

void
session_fault(
    struct session *s, int code, const char *enhanced, const char *text)
{
	struct session_policy p;
	bool over;
	session_policy(s, &p);
	session_reply(s, code, enhanced, text);
	/* What is refused for now is hardly the peer's fault: who names more
	 * recipients than go at once must hear so for each (D19). */
	if (code < 500)
		over = ++s->postponed > POSTPONED_MAX;
	else
		over = ++s->errors > p.errors && p.errors != 0;
	if (over)
		session_end(s, "4.7.0", "Too many errors");
}

void
session_end(struct session *s, const char *enhanced, const char *text)
{
	struct session_policy p;
	char line[500];
	if (s->want == SESSION_ANSWER)
		status_set(&s->farewell, LATER, 421, enhanced, "%s", text);
	if (s->want == SESSION_ANSWER || s->want == SESSION_CLOSE)
		return;
	session_policy(s, &p);
	(void)snprintf(line, sizeof(line), "%.255s %.200s, closing connection",
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
	s->refused = false;
	s->message_octets = 0;
	session_forget_rcpts(s);
}

void
session_greet(struct session *s, bool talked_early)
{
	struct session_policy p;
	struct status st;
	session_policy(s, &p);
	s->hooks->access(s->arg, &st);
	if (st.verdict != DONE) {
		session_reply(
		    s, st.code / 100 == 4 ? st.code : 554, NULL, st.text);
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

/* What is wrong with the line: its code and text, or 0.  *len: without its
 * line end. */
static int
line_fault(struct session *s, size_t *len, const char **text)
{
	const struct buf *line = &s->line;
	struct session_policy p;
	*text = "Line too long";
	if (s->skipped > 0)
		return 500;
	*len = line->len - 1;
	*text = "A line ends in CR LF, and holds no other CR or LF";
	if (*len > 0 && line->data[*len - 1] == '\r') {
		(*len)--;
	} else {
		session_policy(s, &p);
		if (!p.normalize)
			return 500;
	}
	if (memchr(line->data, '\r', *len) != NULL)
		return 500;
	*text = "NUL in a command";
	return memchr(line->data, '\0', *len) != NULL ? 501 : 0;
}

static void
take_line(struct session *s)
{
	const char *text;
	size_t len;
	bool auth = s->phase == PHASE_AUTH;
	int code = line_fault(s, &len, &text);
	if (!auth && command_foreign(s->line.data, s->line.len)) {
		session_end(s, "4.7.0", "This is SMTP");
	} else if (code != 0) {
		if (auth)
			session_auth_broken(s);
		session_fault(s, code, "5.5.2", text);
	} else if (auth) {
		session_auth_line(s, s->line.data, len);
	} else {
		session_command(s, s->line.data, len);
	}
	/* It may have held a password (F15). */
	explicit_bzero(s->line.data, s->line.len);
	buf_clear(&s->line);
	s->skipped = 0;
	if (s->phase != PHASE_AUTH && s->line.cap > AUTH_LINE_MAX)
		buf_free(&s->line);
}

static bool
begin_line(struct session *s, size_t most, char first)
{
	if (s->phase == PHASE_COMMAND && first == TLS_HANDSHAKE) {
		session_end(s, "4.7.0", "This is SMTP");
		return false;
	}
	/* All at once: a line that moves leaves copies behind (F15). */
	return buf_room(&s->line, most) != NULL;
}

static size_t
take_command(struct session *s, const char *data, size_t len)
{
	const char *lf = memchr(data, '\n', len);
	size_t n = lf != NULL ? (size_t)(lf - data) + 1 : len;
	size_t most = s->phase == PHASE_AUTH ? AUTH_LINE_MAX : COMMAND_LINE_MAX;
	if (s->line.len == 0 && !begin_line(s, most, data[0]))
		return n;
	size_t keep = n < most - s->line.len ? n : most - s->line.len;
	(void)buf_add(&s->line, data, keep);
	s->skipped += n - keep;
	if (s->line.len + s->skipped > COMMAND_SKIP_MAX)
		session_end(s, "4.7.0", "Line too long");
	else if (lf != NULL)
		take_line(s);
	return n;
}

size_t
session_input(struct session *s, const char *data, size_t len)
{
	size_t used = 0;
	while (
	    used < len && s->want == SESSION_INPUT && s->out.len < OUTPUT_MAX) {
		if (s->phase == PHASE_DATA)
			used += session_take_octets(s, data + used, len - used);
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
	if (s->want != SESSION_ANSWER || s->question == QUESTION_AUTH)
		return;
	s->want = SESSION_INPUT;
	session_decided(s, st);
	session_answered(s);
}

void
session_answered(struct session *s)
{
	if (s->want != SESSION_INPUT)
		return;
	if (s->farewell.code != 0)
		session_end(s, s->farewell.enhanced, s->farewell.text);
	else if (s->ending)
		session_eof(s);
}

void
session_secured(struct session *s)
{
	if (s->want == SESSION_CLOSE)
		return;
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

const struct session_mail *
session_mail(const struct session *s)
{
	return &s->mail;
}

/* SPDX-License-Identifier: ISC */
/*
 * The AUTH command (RFC 4954): order, mechanism names, line by line.  What
 * a mechanism says is the hook's business; nothing unknown reaches it (F10).
 */
#include <string.h>
#include <strings.h>

#include "smtpd/session_internal.h"

#define MECHANISM_MAX 20 /* RFC 4422 section 3.1 */

/* Is it one of the blank-separated words?  Copies it in upper case. */
static bool
offered(
    const char *list, const char *name, size_t len, char out[MECHANISM_MAX + 1])
{
	for (const char *p = list; *p != '\0';) {
		size_t n = strcspn(p, " ");
		if (n == len && n <= MECHANISM_MAX &&
		    strncasecmp(p, name, n) == 0) {
			memcpy(out, p, n);
			out[n] = '\0';
			return true;
		}
		p += n;
		p += strspn(p, " ");
	}
	return false;
}

static void
stepped(struct session *s, enum auth_step step, const struct buf *out,
    const struct status *st)
{
	s->question = QUESTION_NONE;
	s->want = SESSION_INPUT;
	s->phase = PHASE_COMMAND;
	switch (step) {
	case AUTH_CHALLENGE:
		s->phase = PHASE_AUTH;
		session_reply(s, 334, NULL, buf_str(out));
		break;
	case AUTH_DONE:
		session_reply(s, 235, "2.7.0", "Authentication successful");
		break;
	case AUTH_FAILED:
		s->user[0] = '\0';
		session_reply_status(s, st);
		break;
	case AUTH_PENDING:
		s->phase = PHASE_AUTH;
		s->question = QUESTION_AUTH;
		s->want = SESSION_ANSWER;
		break;
	}
}

void
session_auth(struct session *s, const struct session_policy *p, const char *arg,
    size_t len)
{
	char mechanism[MECHANISM_MAX + 1];
	const char *blank = memchr(arg, ' ', len);
	size_t name_len = blank != NULL ? (size_t)(blank - arg) : len;
	const char *initial = NULL;
	size_t initial_len = 0;
	if (!s->extended) {
		session_fault(s, 503, "5.5.1", "EHLO first");
	} else if (s->user[0] != '\0') {
		session_fault(s, 503, "5.5.1", "You are authenticated already");
	} else if (s->in_mail) {
		session_fault(s, 503, "5.5.1", "Not in a mail transaction");
	} else if (len == 0) {
		session_fault(s, 501, "5.5.4", "Syntax: AUTH mechanism");
	} else if (p->mechanisms[0] == '\0' && p->offer_starttls &&
		   !s->secure) {
		session_fault(s, 538, "5.7.11", "Encryption required");
	} else if (p->mechanisms[0] == '\0') {
		session_fault(s, 502, "5.5.1", "AUTH is not available");
	} else if (!offered(p->mechanisms, arg, name_len, mechanism)) {
		session_fault(s, 504, "5.5.4", "Mechanism not offered");
	} else {
		struct status st;
		struct buf out;
		if (blank != NULL) {
			initial = blank + 1;
			initial_len = len - name_len - 1;
		}
		if (initial_len == 1 && initial[0] == '=')
			initial_len = 0; /* an empty one */
		buf_init(&out, AUTH_LINE_MAX);
		enum auth_step step = s->hooks->auth_start(
		    s->arg, mechanism, initial, initial_len, &out, &st);
		stepped(s, step, &out, &st);
		buf_free(&out);
	}
}

void
session_auth_line(struct session *s, const char *line, size_t len)
{
	struct status st;
	struct buf out;
	if (len == 1 && line[0] == '*') {
		session_auth_broken(s);
		session_fault(s, 501, "5.7.0", "Authentication cancelled");
		return;
	}
	buf_init(&out, AUTH_LINE_MAX);
	enum auth_step step = s->hooks->auth_next(s->arg, line, len, &out, &st);
	stepped(s, step, &out, &st);
	buf_free(&out);
}

void
session_auth_broken(struct session *s)
{
	s->hooks->auth_cancel(s->arg);
	s->phase = PHASE_COMMAND;
}

void
session_auth_answer(struct session *s, enum auth_step step,
    const struct buf *out, const struct status *st)
{
	if (s->want != SESSION_ANSWER || s->question != QUESTION_AUTH)
		return;
	stepped(s, step, out, st);
	session_answered(s);
}

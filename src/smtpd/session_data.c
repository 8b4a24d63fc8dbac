/* SPDX-License-Identifier: ISC */
/*
 * The octets of a message, from 354 to the answer to the dot.  Where it
 * ends is the deframer's business.  Invariant: what is wrong with a message
 * is decided at its end, from all of it and in a fixed order, so that the
 * answer never depends on how the octets were cut (D18).
 */
#include "base/log.h"
#include "smtpd/session_internal.h"

/* Octets of input that are taken at a time; twice as many may come out. */
#define PIECE_MAX (16 * 1024)

void
session_start_data(struct session *s)
{
	struct session_policy p;
	session_policy(s, &p);
	deframe_init(&s->deframe, p.normalize);
	buf_init(&s->octets, 2 * PIECE_MAX + 16);
	s->message_max = p.message_size;
	s->session_max = p.session_size;
	s->phase = PHASE_DATA;
	session_reply(s, 354, NULL, "End data with <CR><LF>.<CR><LF>");
}

static bool
has_bare(const struct session *s)
{
	return s->deframe.bare && !s->deframe.normalize;
}

/* What is wrong with the message so far? */
static bool
at_fault(const struct session *s, struct status *st)
{
	if (s->message_max != 0 && s->message_octets > s->message_max)
		status_set(st, NEVER, 552, "5.3.4", "Message too large");
	else if (has_bare(s))
		status_set(
		    st, NEVER, 550, "5.6.0", "Bare CR or LF in the message");
	else if (s->deframe.nul)
		status_set(st, NEVER, 554, "5.6.0", "NUL in the message");
	else if (s->session_max != 0 && s->session_octets > s->session_max)
		status_set(
		    st, LATER, 421, "4.7.0", "Too much mail in one session");
	else if (s->refused)
		*st = s->refusal;
	else
		return false;
	return true;
}

static void
hand_on(struct session *s)
{
	struct status st;
	s->message_octets += s->octets.len;
	s->session_octets += s->octets.len;
	if (at_fault(s, &st)) {
		if (s->message_octets > SWALLOW_MAX)
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
	buf_free(&s->octets);
	if (at_fault(s, &st)) {
		session_message_decided(s, &st);
		return;
	}
	s->question = QUESTION_COMMIT;
	s->want = SESSION_ANSWER;
	if (s->hooks->commit(s->arg, &st) == ASK_NOW)
		session_answer(s, &st);
}

size_t
session_take_octets(struct session *s, const char *data, size_t len)
{
	bool ended;
	size_t n = deframe_feed(&s->deframe, data,
	    len < PIECE_MAX ? len : PIECE_MAX, &s->octets, &ended);
	hand_on(s);
	if (ended && s->want != SESSION_CLOSE)
		end_message(s);
	return n;
}

/*
 * A peer that sends bare line ends where they are refused has its own idea
 * of them, and perhaps of where its message ended: what it takes for the
 * next command may have been text for us.  It is told, and let go; nothing
 * behind such a message is carried out (E01-E13).
 */
void
session_message_decided(struct session *s, const struct status *st)
{
	bool taken = st->verdict == DONE;
	if (taken) {
		s->in_mail = false; /* the owner has let go of it */
		s->errors = s->postponed = s->idle_commands = 0;
	}
	session_reply_status(s, st);
	session_reset(s);
	if (has_bare(s))
		session_end(s, "4.7.0", "Line ends must be CR LF");
}

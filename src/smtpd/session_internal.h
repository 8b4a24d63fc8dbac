/* SPDX-License-Identifier: ISC */
/* The session's state, shared by its parts. */
#ifndef SMTPD_SESSION_INTERNAL_H
#define SMTPD_SESSION_INTERNAL_H

#include "smtpd/deframe.h"
#include "smtpd/session.h"

#define COMMAND_LINE_MAX 2048        /* octets with CRLF (D02) */
#define COMMAND_SKIP_MAX (64 * 1024) /* a line that long ends the session */
#define AUTH_LINE_MAX (12288 + 2)    /* RFC 4954 section 4, and CRLF */
#define OUTPUT_MAX (64 * 1024)       /* replies nobody reads (H03) */
#define SWALLOW_MAX (256ULL << 20)   /* octets of a refused message */
#define POSTPONED_MAX 1000           /* 4xx replies that are no errors */

enum phase { PHASE_COMMAND, PHASE_DATA, PHASE_AUTH };

enum question {
	QUESTION_NONE,
	QUESTION_MAIL,
	QUESTION_RCPT,
	QUESTION_DATA,
	QUESTION_COMMIT,
	QUESTION_AUTH,
};

struct session {
	const struct session_hooks *hooks;
	void *arg;
	struct buf out;
	struct buf line; /* a command so far */
	size_t skipped;  /* further octets of it, for which it is too long */
	enum session_want want;
	enum phase phase;
	enum question question;
	bool ending;            /* the peer has sent its last octet */
	struct status farewell; /* code 421: to be said after the answer */
	bool extended, secure;
	char helo[DOMAIN_MAX + 1]; /* "" before HELO */
	char user[USER_TEXT_MAX + 1];
	unsigned errors, postponed, idle_commands;

	bool in_mail;
	struct session_mail mail;
	struct session_rcpt *rcpts;
	size_t nrcpts, cap;
	struct rcpt_slot *slots;   /* 2 * cap of them */
	size_t named;              /* accepted, repeated ones too */
	struct session_rcpt asked; /* the RCPT that is being decided */

	struct deframe deframe;
	struct buf octets;
	uint64_t message_octets, session_octets;
	uint64_t message_max, session_max; /* as DATA found them; 0 = none */
	bool refused;                      /* by the owner */
	struct status refusal;
};

/* --- session.c --- */

/* "code enhanced text", the enhanced code only after EHLO (R1). */
void session_reply(
    struct session *s, int code, const char *enhanced, const char *text);
void session_reply_status(struct session *s, const struct status *st);

/* An error of the peer: reply, count, and 421 past the limit. */
void session_fault(
    struct session *s, int code, const char *enhanced, const char *text);

/* End the mail transaction, if any; tell the owner. */
void session_reset(struct session *s);

/* Ask for it; message_size is made to be no more than session_size. */
void session_policy(struct session *s, struct session_policy *p);

/* An answer was given: now end, if that is wanted. */
void session_answered(struct session *s);

/* --- session_command.c --- */
void session_command(struct session *s, const char *line, size_t len);
void session_decided(struct session *s, const struct status *st);

/* --- session_rcpts.c --- */

/* Add s->asked, unless its mailbox is there. */
void session_keep_rcpt(struct session *s);
void session_forget_rcpts(struct session *s);

/* --- session_data.c --- */
void session_start_data(struct session *s);
size_t session_take_octets(struct session *s, const char *data, size_t len);

/* The answer to the dot. */
void session_message_decided(struct session *s, const struct status *st);

/* --- session_auth.c --- */
void session_auth(struct session *s, const struct session_policy *p,
    const char *arg, size_t len);
void session_auth_line(struct session *s, const char *line, size_t len);

/* No line of an exchange: it is over. */
void session_auth_broken(struct session *s);

#endif

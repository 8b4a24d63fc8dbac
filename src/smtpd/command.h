/* SPDX-License-Identifier: ISC */
/*
 * One SMTP command line, taken apart (RFC 5321 section 4.1.1 and the
 * parameters of 1870, 3461, 4954, 6152, 6531, 8689).  Pure; every fault says the
 * reply to give.
 */
#ifndef SMTPD_COMMAND_H
#define SMTPD_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "mail/verdict.h"
#include "smtpd/session.h"

enum verb {
	VERB_UNKNOWN,
	VERB_EHLO,
	VERB_HELO,
	VERB_MAIL,
	VERB_RCPT,
	VERB_DATA,
	VERB_RSET,
	VERB_NOOP,
	VERB_VRFY,
	VERB_EXPN,
	VERB_HELP,
	VERB_QUIT,
	VERB_STARTTLS,
	VERB_AUTH,
	VERB_BDAT,
	VERB_ETRN,
};

/* The verb of a line (without CRLF), and its argument: borrowed, blanks
 * around it removed. */
enum verb command_verb(
    const char *line, size_t len, const char **arg, size_t *arg_len);

/* Does the line look like another protocol (HTTP, TLS, SSH)?  (D16) */
bool command_foreign(const char *line, size_t len);

/* A HELO or EHLO name: a domain, an address literal, or (devices say so) a
 * bare word; printable, no blanks, DOMAIN_MAX at most (D01, D25). */
bool command_helo_valid(const char *arg, size_t len);

/* The argument of MAIL and RCPT.  0; -1 and *st: 501 or 555 or 553. */
int command_mail(const char *arg, size_t len, struct session_mail *m,
    struct status *st) MUST_CHECK;
int command_rcpt(const char *arg, size_t len, bool utf8, struct session_rcpt *r,
    struct status *st) MUST_CHECK;

#endif

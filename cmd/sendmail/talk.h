/* SPDX-License-Identifier: ISC */
/*
 * One letter by SMTP to the listener's unix socket: the way into the queue
 * of a caller for whom the set-gid bit does nothing.
 */
#ifndef SENDMAIL_TALK_H
#define SENDMAIL_TALK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "conf/conf.h"
#include "line.h"
#include "mail/verdict.h"
#include "submit/submit.h"

#define TALK_SOCKET "/run/waypost/smtp.sock"

/* Connecting and the greeting together: B25 asks for less than 10 s. */
#define TALK_GREETING_MS 8000

/* Enhanced codes of a dialogue that had no answer (code 0). */
#define TALK_UNREACHED "4.4.1"
#define TALK_LOST "4.4.2"

/* The first unix socket among the listeners, else TALK_SOCKET. */
const char *talk_path(const struct conf *c);

/*
 * Hand it over; sealed with SUBMIT_HOLD.  DONE: it is durable, in the
 * listener's words.  Code 0: nobody answered (TALK_UNREACHED), or not to the
 * end; else it is the listener's refusal.
 */
void talk_letter(const struct conf *c, const struct submit_letter *letter,
    struct status *st);

/* --- its parts --- */

/* What EHLO offered. */
struct talk_offer {
	bool eight_bit, utf8, dsn, size;
};
void talk_offer(struct talk_offer *o, const char *ehlo_text);

/* The command lines.  What is not offered is left out; a caller has seen to
 * it that nothing is lost by that. */
void talk_mail_line(struct buf *out, const struct envelope *e,
    const struct talk_offer *o, uint64_t size);
void talk_rcpt_line(
    struct buf *out, const struct rcpt *r, const struct talk_offer *o);

#endif

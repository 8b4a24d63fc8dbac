/* SPDX-License-Identifier: ISC */
/*
 * What a mailer stamps on a message: dates (RFC 5322 section 3.3),
 * Message-ID, Received (RFC 5321 section 4.4).  All text in, text out.
 */
#ifndef MAIL_STAMP_H
#define MAIL_STAMP_H

#include <stdint.h>

#include "base/buf.h"

#define STAMP_DATE_MAX 40

/* "Tue, 24 Nov 2026 10:14:09 +0000", local time of this host. */
void stamp_date(char out[STAMP_DATE_MAX], int64_t wall_ms);

/* "Message-ID: <id@host>\r\n" / "Date: ...\r\n" */
void stamp_message_id(struct buf *out, const char *id, const char *host);
void stamp_date_field(struct buf *out, int64_t wall_ms);

struct received {
	const char *from;     /* "relay.example (host [192.0.2.1])", or NULL */
	const char *by;       /* our hostname */
	const char *with;     /* "ESMTPSA", or NULL for local submission */
	const char *id;       /* queue id */
	const char *for_rcpt; /* NULL unless there is one recipient only */
	const char *comment;  /* "sendmail, uid 1000", or NULL */
	int64_t wall_ms;
};

/* The whole folded field; values are stripped of control bytes. */
void stamp_received(struct buf *out, const struct received *r);

#endif

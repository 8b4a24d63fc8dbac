/* SPDX-License-Identifier: ISC */
/*
 * The text of a delivery status notification in wire form: header, plain
 * words, message/delivery-status (RFC 3464), and the message or its header.
 * Text in, text out: sends nothing, decides nothing.
 */
#ifndef DELIVER_REPORT_TEXT_H
#define DELIVER_REPORT_TEXT_H

#include "base/buf.h"
#include "conf/conf.h"
#include "deliver/report.h"
#include "queue/envelope.h"

struct report_text {
	const struct conf *conf;
	const struct envelope *env; /* of the message reported on */
	const char *id;             /* its queue id */
	enum report_action action;
	const struct report_rcpt *v;
	size_t n;
	const char *own_id; /* of the report: Message-ID; random */
	const char *boundary;
	int64_t now_ms;
	const char *original; /* wire form, or NULL: the part is left out */
	size_t original_len;
	bool full; /* else it is a header section only */
};

/* As in the Action field (RFC 3464 section 2.3.3). */
const char *report_action_name(enum report_action a);

/* Append the whole report. */
void report_text_write(struct buf *out, const struct report_text *r);

/* Append message/delivery-status fields: the message's, a recipient's. */
void report_status_message(struct buf *out, const struct report_text *r);
void report_status_rcpt(
    struct buf *out, const struct report_text *r, const struct report_rcpt *v);

/* Append text, broken at blanks into lines of about 76 octets; lines after
 * the first start with indent.  column: octets already in the line.  The
 * last CRLF is added; control octets, and others above ASCII unless utf8,
 * become '?'. */
void report_fold(struct buf *out, const char *text, const char *indent,
    size_t column, bool utf8);

/* Is any octet of it above ASCII? */
bool report_8bit(const char *s, size_t len);

#endif

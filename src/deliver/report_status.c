/* SPDX-License-Identifier: ISC */
/*
 * The machine's half of a report: the fields of RFC 3464 section 2, and of
 * RFC 6533 when an address needs it.
 *
 * Invariant: each field is one folded line of printable octets whatever a
 * peer, a sender or a recipient wrote (K21).  Diagnostic-Code has the type
 * smtp only for what a remote server really replied.
 */
#include <stdio.h>
#include <string.h>

#include "deliver/report_text.h"
#include "mail/stamp.h"

enum { FOLD_AT = 76 };

bool
report_8bit(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] >= 0x80)
			return true;
	return false;
}

/* One word without what could start a line or lie about its charset. */
static void
add_clean(struct buf *out, const char *s, size_t len, bool utf8)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		bool bad = c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8);
		(void)buf_addc(out, bad ? '?' : (char)c);
	}
}

void
report_fold(struct buf *out, const char *text, const char *indent,
    size_t column, bool utf8)
{
	bool first = true;
	while (*text != '\0') {
		size_t word = strcspn(text, " ");
		if (word > LINE_MAX_TEXT / 2)
			word = LINE_MAX_TEXT / 2;
		if (!first && column + 1 + word > FOLD_AT) {
			(void)buf_addf(out, "\r\n%s", indent);
			column = strlen(indent);
		} else if (!first) {
			(void)buf_addc(out, ' ');
			column++;
		}
		add_clean(out, text, word, utf8);
		column += word;
		text += word;
		text += strspn(text, " ");
		first = false;
	}
	(void)buf_adds(out, "\r\n");
}

const char *
report_action_name(enum report_action a)
{
	switch (a) {
	case REPORT_FAILED:
		return "failed";
	case REPORT_DELAYED:
		return "delayed";
	case REPORT_DELIVERED:
		return "delivered";
	case REPORT_RELAYED:
		return "relayed";
	case REPORT_EXPANDED:
		break;
	}
	return "expanded";
}

static void
field(struct buf *out, const char *name, const char *value, bool utf8)
{
	(void)buf_addf(out, "%s: ", name);
	report_fold(out, value, "    ", strlen(name) + 2, utf8);
}

static int
hex_digit(char c)
{
	const char *digits = "0123456789ABCDEF";
	const char *p = c == '\0' ? NULL : strchr(digits, c);
	return p == NULL ? -1 : (int)(p - digits);
}

/* RFC 3461 section 4: "+3D" is '='.  What is no xtext stays as it is. */
static void
decode_xtext(char *out, size_t room, const char *s)
{
	size_t n = 0;
	while (*s != '\0' && n + 1 < room) {
		int high = *s == '+' ? hex_digit(s[1]) : -1;
		int low = high >= 0 ? hex_digit(s[2]) : -1;
		out[n++] = low >= 0 ? (char)(high * 16 + low) : *s;
		s += low >= 0 ? 3 : 1;
	}
	out[n] = '\0';
}

void
report_status_message(struct buf *out, const struct report_text *r)
{
	char text[ORCPT_MAX + 16], date[STAMP_DATE_MAX];
	(void)snprintf(text, sizeof(text), "dns; %s", r->conf->hostname);
	field(out, "Reporting-MTA", text, false);
	if (r->env->envid != NULL) {
		decode_xtext(text, sizeof(text), r->env->envid);
		field(out, "Original-Envelope-Id", text, false);
	}
	(void)snprintf(text, sizeof(text), "%s", r->id);
	field(out, "X-Waypost-Queue-Id", text, false);
	stamp_date(date, r->env->arrived_ms);
	field(out, "Arrival-Date", date, false);
}

static void
address_field(struct buf *out, const char *name, const char *address)
{
	char text[ADDRESS_MAX + 16];
	bool utf8 = report_8bit(address, strlen(address));
	(void)snprintf(
	    text, sizeof(text), "%s;%s", utf8 ? "utf-8" : "rfc822", address);
	field(out, name, text, utf8);
}

/* "rfc822;xtext"; type and address are separated again after decoding. */
static void
original_field(struct buf *out, const char *orcpt)
{
	char text[ORCPT_MAX + 16];
	decode_xtext(text, sizeof(text), orcpt);
	if (report_8bit(text, strlen(text)))
		(void)snprintf(text, sizeof(text), "%s", orcpt);
	field(out, "Original-Recipient", text, false);
}

static void
diagnostic(struct buf *out, const struct report_rcpt *v)
{
	char text[STATUS_TEXT_MAX + ENHANCED_MAX + 32];
	const struct status *st = v->status;
	size_t len = strlen(st->enhanced);
	bool there = strncmp(st->text, st->enhanced, len) == 0;
	if (v->remote != NULL && st->code > 0)
		(void)snprintf(text, sizeof(text), "smtp; %d %s%s%s", st->code,
		    there ? "" : st->enhanced, there ? "" : " ", st->text);
	else
		(void)snprintf(text, sizeof(text), "X-Waypost; %s", st->text);
	field(out, "Diagnostic-Code", text, false);
}

void
report_status_rcpt(
    struct buf *out, const struct report_text *r, const struct report_rcpt *v)
{
	const struct rcpt *to = &r->env->rcpts[v->rcpt];
	char text[DOMAIN_MAX + 64], date[STAMP_DATE_MAX];
	if (to->orcpt != NULL)
		original_field(out, to->orcpt);
	address_field(out, "Final-Recipient", to->addr.text);
	field(out, "Action", report_action_name(r->action), false);
	field(out, "Status", v->status->enhanced, false);
	if (v->remote != NULL) {
		(void)snprintf(text, sizeof(text), "dns; %.255s", v->remote);
		field(out, "Remote-MTA", text, false);
	}
	if (v->remote != NULL || v->status->verdict != DONE)
		diagnostic(out, v);
	if (v->at_ms > 0) {
		stamp_date(date, v->at_ms);
		field(out, "Last-Attempt-Date", date, false);
	}
	if (r->action == REPORT_DELAYED) {
		stamp_date(date, r->env->arrived_ms + r->conf->queue.expire_ms);
		field(out, "Will-Retry-Until", date, false);
	}
}

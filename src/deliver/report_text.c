/* SPDX-License-Identifier: ISC */
/*
 * The report that people read, and the MIME frame around its three parts
 * (RFC 3462, 3464; RFC 6533 types when the message needed SMTPUTF8).
 *
 * Invariant: valid MIME for any original and any status: the caller chose
 * a boundary that does not occur, each line is at most 998 octets, each
 * part says what octets are in it.
 */
#include "deliver/report_text.h"

#include <stdio.h>
#include <string.h>

#include "mail/stamp.h"

struct advice {
	const char *enhanced; /* the start of a status, without its class */
	const char *why, *what;
};

/* The first that fits; remote systems choose these codes. */
static const struct advice advices[] = {
    {"1.10", "The domain of this address accepts no mail at all.",
	"Look for another way to reach the recipient."},
    {"1.", "There is no such address there.",
	"Check the address for typing errors, or ask the recipient for the "
	"right one."},
    {"2.2", "The recipient's mailbox is full.",
	"Tell the recipient in another way, or send it again later."},
    {"2.3", "The message is larger than the recipient may receive.",
	"Send it in smaller pieces, or share the files in another way."},
    {"2.", "The recipient's mailbox does not take mail now.",
	"Ask the recipient, or send it again later."},
    {"3.4", "The message is larger than the receiving system accepts.",
	"Send it in smaller pieces, or share the files in another way."},
    {"4.6", "The message was going round in a loop.",
	"Tell your postmaster: the routing of this domain needs a look."},
    {"4.7", "It could not be delivered in the time that is allowed.",
	"If it still matters, send it again; or ask the recipient whether "
	"mail reaches that system."},
    {"4.", "The receiving system could not be reached.",
	"Check the part behind the @ of the address for typing errors."},
    {"6.", "The receiving system cannot handle this kind of content.",
	"Send it in a simpler form, for instance without attachments."},
    {"7.30",
	"The message must not be sent where TLS is not certain "
	"(REQUIRETLS), and it is not certain there.",
	"Ask the recipient's postmaster for DANE or MTA-STS and for "
	"REQUIRETLS, or send it without that wish."},
    {"7.", "The receiving system refused it by its rules.",
	"Its own words above say why; if they do not help, ask your "
	"postmaster."},
    {"", "The receiving system did not take the message.",
	"Its own words above say why; if they do not help, ask your "
	"postmaster."},
};

/* What the sender is told first. */
static const struct speech {
	const char *subject, *intro;
} speeches[] = {
    [REPORT_FAILED] = {"Undelivered: your message was returned",
	"Your message could not be delivered to the recipients named below, "
	"and will not be tried again for them. Other recipients, if there "
	"were any, are not affected."},
    [REPORT_DELAYED] = {"Delayed: your message is still waiting",
	"Your message could not be delivered yet to the recipients named "
	"below."},
    [REPORT_DELIVERED] = {"Delivered: your message has arrived",
	"Your message has arrived in the mailboxes of the recipients named "
	"below. You asked to be told."},
    [REPORT_RELAYED] = {"Relayed: your message was passed on",
	"Your message was passed on for the recipients named below to a mail "
	"system that does not report when it has delivered a message. You "
	"asked to be told; this is the last that you hear of it unless it "
	"fails there."},
    [REPORT_EXPANDED] = {"Expanded: your message goes to several",
	"Each address named below stands for several recipients, and your "
	"message is on its way to all of them. You asked to be told; no "
	"report of success follows from each."},
};

static const struct advice *
advice_for(const struct status *st)
{
	const struct advice *a = advices;
	const char *detail = st->enhanced[0] != '\0' ? st->enhanced + 1 : "";
	if (detail[0] == '.')
		detail++;
	while (strncmp(detail, a->enhanced, strlen(a->enhanced)) != 0)
		a++;
	return a;
}

static void
paragraph(struct buf *out, const char *indent, const char *text)
{
	(void)buf_adds(out, indent);
	report_fold(out, text, indent, strlen(indent), false);
}

static const char *
postmaster(const struct conf *c)
{
	return c->postmaster != NULL ? c->postmaster : "postmaster";
}

static void
tell_rcpt(
    struct buf *out, const struct report_text *r, const struct report_rcpt *v)
{
	char text[STATUS_TEXT_MAX + DOMAIN_MAX + 64], date[STAMP_DATE_MAX];
	const struct status *st = v->status;
	const struct advice *a = advice_for(st);
	(void)buf_addf(out, "\r\n<%s>\r\n", r->env->rcpts[v->rcpt].addr.text);
	if (r->action == REPORT_FAILED)
		paragraph(out, "    ", a->why);
	if (v->remote != NULL && st->code > 0)
		(void)snprintf(text, sizeof(text), "%.255s said: %d %s",
		    v->remote, st->code, st->text);
	else
		(void)snprintf(text, sizeof(text), "%s%s",
		    st->verdict == DONE ? "" : "Reason: ", st->text);
	paragraph(out, "    ", text);
	if (v->tls != NULL && strcmp(v->tls, "none") != 0) {
		(void)snprintf(text, sizeof(text), "TLS: %s", v->tls);
		paragraph(out, "    ", text);
	}
	if (v->at_ms > 0) {
		stamp_date(date, v->at_ms);
		(void)buf_addf(out, "    %s: %s\r\n",
		    st->verdict == DONE ? "At" : "Last try", date);
	}
	if (r->action == REPORT_FAILED)
		paragraph(out, "    ", a->what);
}

static void
tell_start(struct buf *out, const struct report_text *r)
{
	char text[512], date[STAMP_DATE_MAX];
	(void)snprintf(text, sizeof(text), "This is the mail system at %s.",
	    r->conf->hostname);
	paragraph(out, "", text);
	(void)buf_adds(out, "\r\n");
	paragraph(out, "", speeches[r->action].intro);
	if (r->action != REPORT_DELAYED)
		return;
	stamp_date(date, r->env->arrived_ms + r->conf->queue.expire_ms);
	(void)snprintf(
	    text, sizeof(text), "It is kept and tried again until %s.", date);
	paragraph(out, "", text);
	paragraph(out, "", "YOU NEED NOT SEND IT AGAIN.");
}

static void
human_part(struct buf *out, const struct report_text *r)
{
	char text[512], date[STAMP_DATE_MAX];
	tell_start(out, r);
	for (size_t i = 0; i < r->n && i < REPORT_LISTED_MAX; i++)
		tell_rcpt(out, r, &r->v[i]);
	if (r->n > REPORT_LISTED_MAX)
		(void)buf_addf(out,
		    "\r\nand %zu more, named in the second part of this "
		    "report.\r\n",
		    r->n - REPORT_LISTED_MAX);
	stamp_date(date, r->env->arrived_ms);
	(void)buf_adds(out, "\r\n");
	(void)snprintf(text, sizeof(text),
	    "The message came in on %s and has the queue id %s here; name it "
	    "when you ask %s for help.",
	    date, r->id, postmaster(r->conf));
	paragraph(out, "", text);
}

static bool
any_utf8(const struct report_text *r)
{
	if (r->env->utf8 || address_is_utf8(&r->env->from))
		return true;
	for (size_t i = 0; i < r->n; i++)
		if (address_is_utf8(&r->env->rcpts[r->v[i].rcpt].addr))
			return true;
	return false;
}

static void
part_start(struct buf *out, const char *boundary, const char *what,
    const char *type, bool eight_bit)
{
	(void)buf_addf(out,
	    "\r\n--%s\r\n"
	    "Content-Description: %s\r\n"
	    "Content-Type: %s\r\n"
	    "Content-Transfer-Encoding: %s\r\n\r\n",
	    boundary, what, type, eight_bit ? "8bit" : "7bit");
}

/* The original may break the length limit of RFC 5322; a report does not. */
static void
add_cut(struct buf *out, const char *p, size_t len)
{
	while (len > 0) {
		const char *lf = memchr(p, '\n', len);
		size_t line = lf == NULL ? len : (size_t)(lf - p) + 1;
		size_t text = line;
		while (text > 0 && (p[text - 1] == '\n' || p[text - 1] == '\r'))
			text--;
		(void)buf_add(
		    out, p, text < LINE_MAX_TEXT ? text : LINE_MAX_TEXT);
		(void)buf_adds(out, "\r\n");
		p += line;
		len -= line;
	}
}

static void
original_part(struct buf *out, const struct report_text *r, bool utf8)
{
	const char *type =
	    utf8 ? "message/global-headers" : "text/rfc822-headers";
	if (r->full)
		type = utf8 ? "message/global" : "message/rfc822";
	part_start(out, r->boundary,
	    r->full ? "The message" : "The header of the message", type,
	    report_8bit(r->original, r->original_len));
	if (r->full)
		(void)buf_add(out, r->original, r->original_len);
	else
		add_cut(out, r->original, r->original_len);
}

static void
report_header(struct buf *out, const struct report_text *r, bool eight_bit)
{
	struct address from;
	const char *why;
	const char *text = postmaster(r->conf);
	if (address_parse(&from, text, strlen(text), ADDRESS_BARE, &why) != 0 ||
	    address_qualify(&from, conf_origin(r->conf)) != 0)
		(void)snprintf(from.text, sizeof(from.text), "postmaster");
	(void)buf_addf(out,
	    "From: Mail Delivery System <%s>\r\n"
	    "To: <%s>\r\nSubject: %s\r\n",
	    from.text, r->env->from.text, speeches[r->action].subject);
	stamp_date_field(out, r->now_ms);
	stamp_message_id(out, r->own_id, r->conf->hostname);
	(void)buf_addf(out,
	    "Auto-Submitted: auto-replied\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: multipart/report; report-type=delivery-status;\r\n"
	    "\tboundary=\"%s\"\r\n"
	    "Content-Transfer-Encoding: %s\r\n\r\n"
	    "This is a delivery report in MIME form.\r\n",
	    r->boundary, eight_bit ? "8bit" : "7bit");
}

void
report_text_write(struct buf *out, const struct report_text *r)
{
	bool utf8 = any_utf8(r);
	bool eight_bit = utf8 || report_8bit(r->original, r->original_len);
	report_header(out, r, eight_bit);
	part_start(out, r->boundary, "What happened",
	    utf8 ? "text/plain; charset=utf-8" : "text/plain; charset=us-ascii",
	    utf8);
	human_part(out, r);
	part_start(out, r->boundary, "Delivery report",
	    utf8 ? "message/global-delivery-status" : "message/delivery-status",
	    utf8);
	report_status_message(out, r);
	for (size_t i = 0; i < r->n; i++) {
		(void)buf_adds(out, "\r\n");
		report_status_rcpt(out, r, &r->v[i]);
	}
	if (r->original != NULL)
		original_part(out, r, utf8);
	(void)buf_addf(out, "\r\n--%s--\r\n", r->boundary);
}

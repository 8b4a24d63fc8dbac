/* SPDX-License-Identifier: ISC */
/*
 * Writes the header section.  Decides nothing about recipients: it adds
 * whole fields, leaves whole ones out, and has addresses in the others
 * completed and masqueraded (readdress.c).
 *
 * Invariant: what goes out ends in exactly one empty line, whether the
 * input had one or not.
 */
#include "submit/compose.h"

#include <stdio.h>
#include <string.h>

#include "mail/header.h"
#include "mail/stamp.h"

unsigned
compose_field_flags(unsigned submit_flags)
{
	unsigned flags = 0;
	if (submit_flags & SUBMIT_HEADER_RCPTS)
		flags |= FIELDS_RCPTS;
	if (submit_flags & SUBMIT_XLINES)
		flags |= FIELDS_XLINES;
	if (submit_flags & SUBMIT_RELAY)
		flags |= FIELDS_KEEP;
	return flags;
}

static void
add_from(struct buf *out, const struct submit_options *o,
    const struct envelope *e, const char *host)
{
	bool named = o->full_name != NULL && o->full_name[0] != '\0';
	(void)buf_adds(out, "From: ");
	if (named) {
		header_phrase(out, o->full_name, strlen(o->full_name));
		(void)buf_adds(out, " <");
	}
	if (address_is_null(&e->from))
		(void)buf_addf(out, "MAILER-DAEMON@%s", host);
	else
		(void)buf_add(out, e->from.text, e->from.len);
	(void)buf_adds(out, named ? ">\r\n" : "\r\n");
}

/* Who resends a message names itself; its fields belong on top. */
static void
complete_resent(struct buf *out, const struct submit_options *o,
    const struct envelope *e, const struct fields *f, const char *id,
    const char *host)
{
	char resent_id[QUEUE_ID_MAX + 8];
	if (!f->resent_from) {
		(void)buf_adds(out, "Resent-");
		add_from(out, o, e, host);
	}
	if (!f->resent_date) {
		(void)buf_adds(out, "Resent-");
		stamp_date_field(out, e->arrived_ms);
	}
	if (!f->resent_message_id) {
		/* Message-ID may be missing, too, and is another one. */
		(void)snprintf(resent_id, sizeof(resent_id), "%s.resent", id);
		(void)buf_adds(out, "Resent-");
		stamp_message_id(out, resent_id, host);
	}
}

static void
complete(struct buf *out, const struct submit_options *o,
    const struct envelope *e, const struct fields *f, const char *id,
    const char *host)
{
	if (!f->from)
		add_from(out, o, e, host);
	if (!f->date)
		stamp_date_field(out, e->arrived_ms);
	if (!f->message_id)
		stamp_message_id(out, id, host);
}

int
compose_head(struct buf *out, const struct submit_options *o,
    const struct envelope *e, const struct fields *f, const struct buf *head,
    const char *id)
{
	bool own = o->flags & SUBMIT_COMPLETE;
	const char *host = o->conf->hostname != NULL ? o->conf->hostname
						     : conf_origin(o->conf);
	struct readdress readdress = {
	    .conf = o->conf, .growth = HEADER_GROWTH_MAX};
	struct received received = {
	    .from = o->received_from,
	    .by = host,
	    .with = o->with,
	    .id = id,
	    .for_rcpt = e->nrcpts == 1 ? e->rcpts[0].addr.text : NULL,
	    .comment = o->comment,
	    .wall_ms = e->arrived_ms,
	};
	if (!(o->flags & SUBMIT_HOLD))
		stamp_received(out, &received);
	if (own && f->resent)
		complete_resent(out, o, e, f, id, host);
	fields_copy(out, buf_str(head), head->len,
	    compose_field_flags(o->flags), own ? &readdress : NULL);
	if (own)
		complete(out, o, e, f, id, host);
	(void)buf_adds(out, "\r\n");
	return buf_ok(out) ? 0 : -1;
}

/* SPDX-License-Identifier: ISC */
/*
 * Writes the header section.  Decides nothing about recipients and never
 * edits a field: it adds whole ones and leaves whole ones out.
 *
 * Invariant: what goes out ends in exactly one empty line, whether the
 * input had one or not.
 */
#include "submit/compose.h"

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
	(void)buf_adds(out, "From: ");
	if (o->full_name != NULL && o->full_name[0] != '\0') {
		header_phrase(out, o->full_name, strlen(o->full_name));
		(void)buf_adds(out, " <");
	}
	if (address_is_null(&e->from))
		(void)buf_addf(out, "MAILER-DAEMON@%s", host);
	else
		(void)buf_add(out, e->from.text, e->from.len);
	if (o->full_name != NULL && o->full_name[0] != '\0')
		(void)buf_addc(out, '>');
	(void)buf_adds(out, "\r\n");
}

int
compose_head(struct buf *out, const struct submit_options *o,
    const struct envelope *e, const struct fields *f, const struct buf *head,
    const char *id)
{
	const char *host = o->conf->hostname != NULL ? o->conf->hostname
						     : conf_origin(o->conf);
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
	fields_copy(
	    out, buf_str(head), head->len, compose_field_flags(o->flags));
	if (o->flags & SUBMIT_COMPLETE) {
		if (!f->from)
			add_from(out, o, e, host);
		if (!f->date)
			stamp_date_field(out, e->arrived_ms);
		if (!f->message_id)
			stamp_message_id(out, id, host);
	}
	(void)buf_adds(out, "\r\n");
	return buf_ok(out) ? 0 : -1;
}

/* SPDX-License-Identifier: ISC */
/*
 * The life of a letter before it is mail: options and octets.  Who gets it
 * is found in recipients.c, header fields are judged in fields.c and written
 * in compose.c; seal.c commits.
 *
 * Small letters stay in memory until commit, so that a refused one never
 * touched the disk; larger ones stream into a draft.  Memory is bounded by
 * the ceilings of the header and of one piece, not by the message; except
 * for SUBMIT_HOLD, where the limit of a message bounds it.
 *
 * Invariant: unless submit_commit() returned 0, submit_free() leaves the
 * queue as it was.
 */
#include "submit/submit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "submit/compose.h"
#include "submit/masquerade.h"
#include "submit/submit_internal.h"

struct submit *
submit_new(const struct submit_options *o)
{
	struct submit *s = alloc_zero(1, sizeof(*s));
	unsigned flags = 0;
	if (o->flags & SUBMIT_DOT_ENDS)
		flags |= WIRE_DOT_ENDS;
	if (o->flags & SUBMIT_UNSTUFF)
		flags |= WIRE_UNSTUFF;
	s->o = *o;
	wire_init(&s->wire, flags);
	section_init(&s->section);
	buf_init(&s->out, OUT_MAX);
	buf_init(&s->body,
	    o->flags & SUBMIT_HOLD ? (size_t)MESSAGE_MAX + OUT_MAX : BODY_MAX);
	buf_init(&s->head, HEAD_MAX);
	envelope_init(&s->env);
	return s;
}

void
submit_free(struct submit *s)
{
	if (s == NULL)
		return;
	if (s->drafting)
		draft_discard(&s->draft);
	section_free(&s->section);
	fields_free(&s->fields);
	buf_free(&s->out);
	buf_free(&s->body);
	buf_free(&s->head);
	address_list_free(&s->rcpts);
	for (size_t i = 0; i < s->nwishes; i++)
		free(s->wishes[i].orcpt);
	free(s->wishes);
	envelope_free(&s->env);
	free(s);
}

int
submit_disk_fault(struct status *st, const char *what, int error)
{
	bool full = error == ENOSPC || error == EDQUOT;
	status_set(st, LATER, full ? 452 : 451, full ? "4.3.1" : "4.3.0",
	    "%s: %s", what, strerror(error));
	return -1;
}

/* --- the header is whole --- */

static int
set_sender(struct submit *s, struct status *st)
{
	const char *origin = conf_origin(s->o.conf);
	if (s->o.from == NULL && !s->fields.has_sender) {
		status_set(st, NEVER, 501, "5.1.7",
		    "no sender: there is no x-sender, Sender or From");
		return -1;
	}
	s->env.from = s->o.from != NULL ? *s->o.from : s->fields.sender;
	if (address_qualify(&s->env.from, origin) != 0) {
		status_set(st, NEVER, 501, "5.1.7",
		    "the sender grows too long by the origin");
		return -1;
	}
	masquerade(s->o.conf,
	    s->o.flags & SUBMIT_COMPLETE ? MASQUERADE_OWN : MASQUERADE_STRANGER,
	    &s->env.from);
	return 0;
}

static void
set_options(struct submit *s)
{
	const struct submit_options *o = &s->o;
	const char *source = o->source != NULL ? o->source : "unknown";
	s->env.source = alloc_string(source, strlen(source));
	if (o->envid != NULL)
		s->env.envid = alloc_string(o->envid, strlen(o->envid));
	s->env.ret = o->ret;
	if (o->watch != NULL)
		s->env.watch = alloc_string(o->watch, strlen(o->watch));
	s->env.defer = o->defer;
	/* The option is the stronger of the two (RFC 8689 section 4.3). */
	if (o->require_tls)
		s->env.tls = WISH_REQUIRETLS;
	else if (s->fields.tls_optional)
		s->env.tls = WISH_TLS_OPTIONAL;
	s->env.utf8 |= o->utf8 || address_is_utf8(&s->env.from);
	s->env.eight_bit |= o->eight_bit;
}

int
submit_judge(struct submit *s, struct status *st)
{
	const struct buf *head = &s->section.head;
	s->judged = true;
	if (fields_read(&s->fields, buf_str(head), head->len,
		compose_field_flags(s->o.flags), st) != 0)
		return -1;
	if (s->fields.received > s->o.conf->max_hops) {
		status_set(st, NEVER, 554, "5.4.6",
		    "%u Received fields, at most %u: this is a mail loop",
		    s->fields.received, s->o.conf->max_hops);
		return -1;
	}
	if (set_sender(s, st) != 0 || submit_set_rcpts(s, st) != 0)
		return -1;
	set_options(s);
	return 0;
}

/* --- octets --- */

int
submit_check_size(const struct submit *s, struct status *st)
{
	uint64_t max = s->o.conf->limits.message_size;
	if (max == 0 || max > MESSAGE_MAX)
		max = MESSAGE_MAX;
	if (s->wire.produced <= max)
		return 0;
	status_set(st, NEVER, 552, "5.3.4",
	    "the message is larger than the limit of %llu octets",
	    (unsigned long long)max);
	return -1;
}

int
submit_content_fault(struct status *st, const char *why)
{
	status_set(st, NEVER, 554, "5.6.0", "%s", why);
	return -1;
}

/* Hand the piece in `out` to the header section, then to the body. */
int
submit_take(struct submit *s, struct status *st)
{
	size_t taken =
	    section_take(&s->section, s->out.data, s->out.len, &s->body);
	if (s->section.over != NULL)
		return submit_content_fault(st, s->section.over);
	if (s->section.ended && !s->judged && submit_judge(s, st) != 0)
		return -1;
	if (buf_add(&s->body, s->out.data + taken, s->out.len - taken) != 0)
		return submit_content_fault(st, "a line is too long");
	if (s->body.len <= PIECE_MAX || (s->o.flags & SUBMIT_HOLD))
		return 0;
	/* The envelope goes out before the rest is seen.  BODY=8BITMIME is
	 * no lie about a message that turns out to be ASCII. */
	s->env.eight_bit = true;
	return submit_write(s, st);
}

static int
feed_piece(struct submit *s, const char *data, size_t len, struct status *st)
{
	buf_clear(&s->out);
	enum wire_result result = wire_feed(&s->wire, data, len, &s->out);
	if (result == WIRE_NUL)
		return submit_content_fault(st, "a NUL octet in the message");
	if (result == WIRE_FULL || s->wire.crs > HELD_CRS_MAX)
		return submit_content_fault(st, "too many CR octets in a row");
	if (submit_check_size(s, st) != 0)
		return -1;
	if (s->out.len > 0 && submit_take(s, st) != 0)
		return -1;
	return result == WIRE_END;
}

int
submit_feed(struct submit *s, const char *data, size_t len, struct status *st)
{
	int result = s->wire.ended;
	while (len > 0 && result == 0) {
		size_t n = len < PIECE_MAX ? len : PIECE_MAX;
		result = feed_piece(s, data, n, st);
		data += n;
		len -= n;
	}
	return result;
}

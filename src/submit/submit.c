/* SPDX-License-Identifier: ISC */
/*
 * The life of a letter before it is mail: options, recipients, octets,
 * commit.  Judges no header field (fields.c), writes none (compose.c), and
 * moves no file but through the store.
 *
 * Small letters stay in memory until commit, so that a refused one never
 * touched the disk; larger ones stream into a draft.  Memory is bounded by
 * the ceilings of the header and of one piece, not by the message.
 *
 * Invariant: unless submit_commit() returned 0, submit_free() leaves the
 * queue as it was.
 */
#include "submit/submit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "mail/wire.h"
#include "queue/batch.h"
#include "submit/compose.h"
#include "submit/fields.h"
#include "submit/section.h"
#include "submit/target.h"

#define PIECE_MAX (64 * 1024)    /* octets of input taken at a time */
#define HELD_CRS_MAX (64 * 1024) /* CRs in a row that may become blanks */
#define OUT_MAX (3 * PIECE_MAX + HELD_CRS_MAX)
#define BODY_MAX (HEADER_MAX + OUT_MAX)
#define HEAD_MAX (HEADER_MAX + 16 * 1024) /* with the fields we add */
#define MESSAGE_MAX (BATCH_BYTES_MAX - ENVELOPE_MAX - HEAD_MAX - 4096)

struct submit {
	struct submit_options o;
	struct wire wire;
	struct section section;
	struct fields fields;
	struct buf out;  /* the piece at hand, in wire form */
	struct buf body; /* octets that no draft has yet */
	struct address_list rcpts;
	struct envelope env;
	struct draft draft;
	bool judged;   /* the header section was read */
	bool drafting; /* the draft exists and is ours to discard */
};

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
	buf_init(&s->body, BODY_MAX);
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
	address_list_free(&s->rcpts);
	envelope_free(&s->env);
	free(s);
}

static int
disk_fault(struct status *st, const char *what, int error)
{
	bool full = error == ENOSPC || error == EDQUOT;
	status_set(st, LATER, full ? 452 : 451, full ? "4.3.1" : "4.3.0",
	    "%s: %s", what, strerror(error));
	return -1;
}

static int
too_many(struct status *st)
{
	status_set(
	    st, NEVER, 552, "5.5.3", "more than %d recipients", RECIPIENTS_MAX);
	return -1;
}

int
submit_rcpt(struct submit *s, const struct address *rcpt, struct status *st)
{
	const char *why = NULL;
	if (address_is_null(rcpt))
		why = "the null address is no recipient";
	else if (address_is_bare(rcpt))
		why = target_special(rcpt->text, rcpt->len);
	if (why != NULL) {
		status_set(st, NEVER, 501, "5.1.3", "%s", why);
		return -1;
	}
	return address_list_add(&s->rcpts, rcpt) == 0 ? 0 : too_many(st);
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
	return 0;
}

/* A fault of the alias file is the administrator's: the sender may come
 * again when it is mended. */
static int
expand(struct submit *s, struct address_list *out, struct status *st)
{
	const char *why;
	for (size_t i = 0; i < s->rcpts.n; i++) {
		const struct address *rcpt = &s->rcpts.v[i];
		if (alias_expand(s->o.aliases, s->o.conf, rcpt, out, &why) == 0)
			continue;
		if (out->n >= RECIPIENTS_MAX)
			return too_many(st);
		status_set(st, LATER, 451, "4.3.5", "%s: %s", rcpt->text, why);
		return -1;
	}
	return 0;
}

static int
set_rcpts(struct submit *s, struct status *st)
{
	struct address_list all = {0};
	for (size_t i = 0; i < s->fields.rcpts.n; i++)
		if (submit_rcpt(s, &s->fields.rcpts.v[i], st) != 0)
			return -1;
	address_list_unique(&s->rcpts);
	if (s->rcpts.n == 0) {
		status_set(st, NEVER, 554, "5.1.3", "no recipients");
		return -1;
	}
	int result = expand(s, &all, st);
	if (result == 0)
		address_list_unique(&all);
	for (size_t i = 0; i < all.n && result == 0; i++) {
		s->env.utf8 |= address_is_utf8(&all.v[i]);
		if (envelope_add(&s->env, &all.v[i], s->o.notify, NULL) != 0)
			result = too_many(st);
	}
	address_list_free(&all);
	return result;
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
	s->env.utf8 |= address_is_utf8(&s->env.from);
}

static int
judge(struct submit *s, struct status *st)
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
	if (set_sender(s, st) != 0 || set_rcpts(s, st) != 0)
		return -1;
	set_options(s);
	return 0;
}

/* --- the draft --- */

static int
write_head(struct submit *s, struct status *st)
{
	char id[QUEUE_ID_MAX + 1];
	struct buf head;
	int result;
	message_id_make(id, s->draft.id, 1);
	buf_init(&head, HEAD_MAX);
	if (compose_head(
		&head, &s->o, &s->env, &s->fields, &s->section.head, id) != 0) {
		status_set(
		    st, NEVER, 554, "5.6.0", "the header section is too large");
		result = -1;
	} else {
		result = batch_data(&s->draft.writer, head.data, head.len);
		if (result != 0)
			(void)disk_fault(
			    st, "cannot write to the queue", errno);
	}
	buf_free(&head);
	return result;
}

static int
start_draft(struct submit *s, struct status *st)
{
	if (draft_create(s->o.store, &s->draft, s->o.id) != 0)
		return disk_fault(st, "cannot create a queue file", errno);
	s->drafting = true;
	if (batch_begin(&s->draft.writer, &s->env) != 0)
		return disk_fault(st, "cannot write to the queue", errno);
	return write_head(s, st);
}

static int
write_body(struct submit *s, struct status *st)
{
	if (!s->drafting && start_draft(s, st) != 0)
		return -1;
	if (s->body.len > 0 &&
	    batch_data(&s->draft.writer, s->body.data, s->body.len) != 0)
		return disk_fault(st, "cannot write to the queue", errno);
	buf_clear(&s->body);
	return 0;
}

/* --- octets --- */

static int
check_size(const struct submit *s, struct status *st)
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

static int
content_fault(struct status *st, const char *why)
{
	status_set(st, NEVER, 554, "5.6.0", "%s", why);
	return -1;
}

/* Hand the piece in `out` to the header section, then to the body. */
static int
take(struct submit *s, struct status *st)
{
	size_t taken =
	    section_take(&s->section, s->out.data, s->out.len, &s->body);
	if (s->section.over != NULL)
		return content_fault(st, s->section.over);
	if (s->section.ended && !s->judged && judge(s, st) != 0)
		return -1;
	if (buf_add(&s->body, s->out.data + taken, s->out.len - taken) != 0)
		return content_fault(st, "a line is too long");
	if (s->body.len <= PIECE_MAX)
		return 0;
	/* The envelope goes out before the rest is seen.  BODY=8BITMIME is
	 * no lie about a message that turns out to be ASCII. */
	s->env.eight_bit = true;
	return write_body(s, st);
}

static int
feed_piece(struct submit *s, const char *data, size_t len, struct status *st)
{
	buf_clear(&s->out);
	enum wire_result result = wire_feed(&s->wire, data, len, &s->out);
	if (result == WIRE_NUL)
		return content_fault(st, "a NUL octet in the message");
	if (result == WIRE_FULL || s->wire.crs > HELD_CRS_MAX)
		return content_fault(st, "too many CR octets in a row");
	if (check_size(s, st) != 0)
		return -1;
	if (s->out.len > 0 && take(s, st) != 0)
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

/* --- the end --- */

static int
finish(struct submit *s, struct status *st)
{
	buf_clear(&s->out);
	if (!s->wire.ended && wire_finish(&s->wire, &s->out) == WIRE_FULL)
		return content_fault(st, "too many CR octets in a row");
	if (check_size(s, st) != 0 || (s->out.len > 0 && take(s, st) != 0))
		return -1;
	if (!s->judged && judge(s, st) != 0)
		return -1;
	s->env.eight_bit |= s->wire.eight_bit;
	if (write_body(s, st) != 0)
		return -1;
	if (batch_end(&s->draft.writer) != 0)
		return disk_fault(st, "cannot write to the queue", errno);
	s->drafting = false;
	if (draft_commit(&s->draft) != 0)
		return disk_fault(st, "cannot commit the queue file", errno);
	return 0;
}

int
submit_commit(struct submit *s, char id[QUEUE_ID_MAX + 1], struct status *st)
{
	if (finish(s, st) != 0)
		return -1;
	message_id_make(id, s->draft.id, 1);
	log_event(LOG_INFO, "accepted", LOG_STR("id", id),
	    LOG_MEM("from", s->env.from.text, s->env.from.len),
	    LOG_NUM("size", s->wire.produced), LOG_NUM("nrcpts", s->env.nrcpts),
	    LOG_STR("source", s->o.source));
	return 0;
}

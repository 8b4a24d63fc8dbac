/* SPDX-License-Identifier: ISC */
/*
 * The way of a letter into the queue: alone, in a draft of its own, or with
 * others in one batch (the listener's group commit).  From here on the mail
 * is safe, and not a line earlier than draft_commit() says so.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "submit/compose.h"
#include "submit/submit_internal.h"

static int
make_head(struct submit *s, const char *id, struct buf *out, struct status *st)
{
	if (compose_head(
		out, &s->o, &s->env, &s->fields, &s->section.head, id) == 0)
		return 0;
	return submit_content_fault(st, "the header section is too large");
}

static int
write_head(struct submit *s, struct draft *d, struct status *st)
{
	char id[QUEUE_ID_MAX + 1];
	struct buf head;
	message_id_make(id, d->id, s->env.seq);
	buf_init(&head, HEAD_MAX);
	int result = make_head(s, id, &head, st);
	if (result == 0) {
		result = batch_data(&d->writer, head.data, head.len);
		if (result != 0)
			(void)submit_disk_fault(
			    st, "cannot write to the queue", errno);
	}
	buf_free(&head);
	return result;
}

static int
start_draft(struct submit *s, struct status *st)
{
	if (draft_create(s->o.store, &s->draft, s->o.id) != 0)
		return submit_disk_fault(
		    st, "cannot create a queue file", errno);
	s->drafting = true;
	if (batch_begin(&s->draft.writer, &s->env) != 0)
		return submit_disk_fault(
		    st, "cannot write to the queue", errno);
	return write_head(s, &s->draft, st);
}

int
submit_write(struct submit *s, struct status *st)
{
	if (!s->drafting && start_draft(s, st) != 0)
		return -1;
	if (s->body.len > 0 &&
	    batch_data(&s->draft.writer, s->body.data, s->body.len) != 0)
		return submit_disk_fault(
		    st, "cannot write to the queue", errno);
	buf_clear(&s->body);
	return 0;
}

/* No queue gives it an id: Message-ID gets a fresh one. */
static int
hold_head(struct submit *s, struct status *st)
{
	char id[BATCH_ID_LEN + 1];
	store_make_id(id);
	return make_head(s, id, &s->head, st);
}

int
submit_seal(struct submit *s, struct status *st)
{
	buf_clear(&s->out);
	if (!s->wire.ended && wire_finish(&s->wire, &s->out) == WIRE_FULL)
		return submit_content_fault(st, "too many CR octets in a row");
	if (submit_check_size(s, st) != 0 ||
	    (s->out.len > 0 && submit_take(s, st) != 0))
		return -1;
	if (!s->judged && submit_judge(s, st) != 0)
		return -1;
	s->env.eight_bit |= s->wire.eight_bit;
	if (s->drafting) {
		if (submit_write(s, st) != 0)
			return -1;
		if (batch_end(&s->draft.writer) != 0)
			return submit_disk_fault(
			    st, "cannot write to the queue", errno);
	}
	if ((s->o.flags & SUBMIT_HOLD) && hold_head(s, st) != 0)
		return -1;
	s->sealed = true;
	return 0;
}

void
submit_letter(const struct submit *s, struct submit_letter *out)
{
	*out = (struct submit_letter){.envelope = &s->env,
	    .head = buf_str(&s->head),
	    .head_len = s->head.len,
	    .body = buf_str(&s->body),
	    .body_len = s->body.len};
}

bool
submit_in_memory(const struct submit *s)
{
	return s->sealed && !s->drafting;
}

struct draft *
submit_own(struct submit *s)
{
	if (!s->sealed || !s->drafting)
		return NULL;
	s->drafting = false;
	return &s->draft;
}

int
submit_join(struct submit *s, struct draft *d, char id[QUEUE_ID_MAX + 1])
{
	struct status st;
	s->env.seq = d->writer.count + 1;
	message_id_make(id, d->id, s->env.seq);
	if (batch_begin(&d->writer, &s->env) != 0 || write_head(s, d, &st) != 0)
		return -1;
	if (s->body.len > 0 &&
	    batch_data(&d->writer, s->body.data, s->body.len) != 0)
		return -1;
	return batch_end(&d->writer);
}

/* Alone: in a batch of one. */
static int
commit_alone(struct submit *s, struct status *st)
{
	char id[QUEUE_ID_MAX + 1];
	if (!s->drafting) {
		if (draft_create(s->o.store, &s->draft, s->o.id) != 0)
			return submit_disk_fault(
			    st, "cannot create a queue file", errno);
		if (submit_join(s, &s->draft, id) != 0) {
			int error = errno;
			draft_discard(&s->draft);
			return submit_disk_fault(
			    st, "cannot write to the queue", error);
		}
	}
	s->drafting = false;
	if (draft_commit(&s->draft) != 0)
		return submit_disk_fault(
		    st, "cannot commit the queue file", errno);
	return 0;
}

int
submit_commit(struct submit *s, char id[QUEUE_ID_MAX + 1], struct status *st)
{
	if (submit_seal(s, st) != 0 || commit_alone(s, st) != 0)
		return -1;
	message_id_make(id, s->draft.id, 1);
	return 0;
}

unsigned long long
submit_size(const struct submit *s)
{
	return s->wire.produced;
}

unsigned
submit_rcpts(const struct submit *s)
{
	return (unsigned)s->env.nrcpts;
}

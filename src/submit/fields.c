/* SPDX-License-Identifier: ISC */
/*
 * Decisions on header fields.  Parses no address itself (src/mail does) and
 * changes no octet of a field: fields are counted, read, left out, or given to
 * readdress.c.
 *
 * Two walks: the first learns which fields there are, because one Resent-To
 * decides that To is not asked; the second reads the lists that count.
 *
 * Invariant: a list that is not understood fails the message; nobody who is
 * named in it is silently left out.
 */
#include "submit/fields.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mail/header.h"

enum kind {
	OTHER,
	TO, /* To, Cc */
	BCC,
	RESENT_TO, /* Resent-To, Resent-Cc */
	RESENT_BCC,
	RESENT_FROM, /* one of these starts a new block when repeated */
	RESENT_DATE,
	RESENT_MESSAGE_ID,
	FROM,
	SENDER,
	DATE,
	MESSAGE_ID,
	RECEIVED,
	X_SENDER,
	X_RECEIVER,
	TLS_FIELD,
};

static const struct {
	const char *name;
	enum kind kind;
} known[] = {
    {"To", TO},
    {"Cc", TO},
    {"Bcc", BCC},
    {"Resent-To", RESENT_TO},
    {"Resent-Cc", RESENT_TO},
    {"Resent-Bcc", RESENT_BCC},
    {"Resent-From", RESENT_FROM},
    {"Resent-Date", RESENT_DATE},
    {"Resent-Message-ID", RESENT_MESSAGE_ID},
    {"From", FROM},
    {"Sender", SENDER},
    {"Date", DATE},
    {"Message-ID", MESSAGE_ID},
    {"Received", RECEIVED},
    {"X-Sender", X_SENDER},
    {"X-Receiver", X_RECEIVER},
    {"TLS-Required", TLS_FIELD},
};

#define KNOWN (sizeof(known) / sizeof(known[0]))

/* What the first walk learns. */
struct survey {
	size_t block_end;      /* of the first Resent block */
	bool resent_rcpts;     /* it names recipients */
	bool x_sender, sender; /* present */
	bool x_receiver;
	bool any_resent;                  /* the block has begun */
	bool seen[RESENT_MESSAGE_ID + 1]; /* in the block, by kind */
	bool block_over;
};

static enum kind
kind_of(const struct field *f)
{
	for (size_t i = 0; i < KNOWN; i++)
		if (field_is(f, known[i].name))
			return known[i].kind;
	return OTHER;
}

/*
 * The first block is the newest: it ends where a trace field or a second
 * Resent-From, -Date or -Message-ID says that an older one begins.  Other
 * fields in between are taken for disorder, not for an end: else the
 * message would go to those whom it came from.
 */
static void
survey_resent(struct survey *s, enum kind kind, size_t at)
{
	bool once = kind >= RESENT_FROM && kind <= RESENT_MESSAGE_ID;
	bool rcpts = kind == RESENT_TO || kind == RESENT_BCC;
	if (s->block_over)
		return;
	if ((kind == RECEIVED && s->any_resent) || (once && s->seen[kind])) {
		s->block_over = true;
		s->block_end = at;
		return;
	}
	if (once)
		s->seen[kind] = true;
	s->resent_rcpts |= rcpts;
	s->any_resent |= once || rcpts;
}

/* "No", without case; nothing else is defined (RFC 8689 section 3). */
static bool
says_no(const struct field *f)
{
	const char *s = f->value;
	size_t len = f->value_len;
	while (len > 0 && memchr(" \t\r\n", *s, 4) != NULL) {
		s++;
		len--;
	}
	while (len > 0 && memchr(" \t\r\n", s[len - 1], 4) != NULL)
		len--;
	return len == 2 && strncasecmp(s, "No", 2) == 0;
}

static void
survey_read(struct survey *s, struct fields *out, const char *head, size_t len)
{
	struct field f;
	s->block_end = len;
	for (size_t at = 0; field_next(head + at, len - at, &f) == 1;
	     at += f.len) {
		enum kind kind = kind_of(&f);
		survey_resent(s, kind, at);
		out->received += kind == RECEIVED;
		out->resent |= s->any_resent && out->received == 0;
		out->date |= kind == DATE;
		out->message_id |= kind == MESSAGE_ID;
		out->from |= kind == FROM;
		out->tls_optional |= kind == TLS_FIELD && says_no(&f);
		s->sender |= kind == SENDER;
		s->x_sender |= kind == X_SENDER;
		s->x_receiver |= kind == X_RECEIVER;
	}
	out->resent_from = s->seen[RESENT_FROM];
	out->resent_date = s->seen[RESENT_DATE];
	out->resent_message_id = s->seen[RESENT_MESSAGE_ID];
}

static int
refuse(struct status *st, const struct field *f, const char *why)
{
	status_set(st, NEVER, 501, "5.1.3", "header %.*s: %s",
	    (int)(f->name_len < 40 ? f->name_len : 40), f->name, why);
	return -1;
}

/* "" and "<>" are the null sender. */
static bool
is_null_path(const struct field *f)
{
	char two[2];
	size_t n = 0;
	for (size_t i = 0; i < f->value_len; i++) {
		if (strchr(" \t\r\n", f->value[i]) != NULL &&
		    f->value[i] != '\0')
			continue;
		if (n == 2)
			return false;
		two[n++] = f->value[i];
	}
	return n == 0 || (n == 2 && two[0] == '<' && two[1] == '>');
}

/* The first address of a list of at least one. */
static int
read_first(struct address *a, const struct field *f, struct status *st)
{
	struct address_list list = {0};
	const char *why = "";
	int result = header_mailboxes(
	    f->value, f->value_len, ADDRESS_BARE | ADDRESS_UTF8, &list, &why);
	if (result == 0 && list.n == 0) {
		why = "there is no address in it";
		result = -1;
	}
	if (result == 0)
		*a = list.v[0];
	address_list_free(&list);
	return result == 0 ? 0 : refuse(st, f, why);
}

static int
read_sender(struct fields *out, const struct field *f, struct status *st)
{
	bool x_sender = kind_of(f) == X_SENDER;
	struct address sender = {0};
	if (!(x_sender && is_null_path(f)) && read_first(&sender, f, st) != 0)
		return -1;
	if (out->has_sender && x_sender &&
	    !address_equal(&out->sender, &sender))
		return refuse(st, f, "two different senders are named");
	if (!out->has_sender)
		out->sender = sender;
	out->has_sender = true;
	return 0;
}

static int
read_rcpts(struct fields *out, const struct field *f, struct status *st)
{
	const char *why = NULL;
	if (header_mailboxes(f->value, f->value_len,
		ADDRESS_BARE | ADDRESS_UTF8, &out->rcpts, &why) != 0)
		return refuse(st, f, why);
	return 0;
}

static bool
names_rcpts(const struct survey *s, enum kind kind, size_t at, unsigned flags)
{
	bool to = kind == TO || kind == BCC;
	bool resent = kind == RESENT_TO || kind == RESENT_BCC;
	if (flags & FIELDS_RCPTS) {
		if (s->resent_rcpts ? resent && at < s->block_end : to)
			return true;
	}
	if (flags & FIELDS_XLINES)
		return s->x_receiver ? kind == X_RECEIVER : to;
	return false;
}

static bool
names_sender(const struct survey *s, enum kind kind)
{
	if (s->x_sender)
		return kind == X_SENDER;
	return kind == (s->sender ? SENDER : FROM);
}

int
fields_read(struct fields *out, const char *head, size_t len, unsigned flags,
    struct status *st)
{
	struct survey s = {0};
	struct field f;
	*out = (struct fields){0};
	survey_read(&s, out, head, len);
	if (flags == 0)
		return 0;
	for (size_t at = 0; field_next(head + at, len - at, &f) == 1;
	     at += f.len) {
		enum kind kind = kind_of(&f);
		if (names_rcpts(&s, kind, at, flags) &&
		    read_rcpts(out, &f, st) != 0)
			return -1;
		if ((flags & FIELDS_XLINES) && names_sender(&s, kind) &&
		    read_sender(out, &f, st) != 0)
			return -1;
	}
	return 0;
}

void
fields_free(struct fields *f)
{
	address_list_free(&f->rcpts);
}

void
fields_copy(struct buf *out, const char *head, size_t len, unsigned flags,
    struct readdress *r)
{
	struct field f;
	for (size_t at = 0; field_next(head + at, len - at, &f) == 1;
	     at += f.len) {
		enum kind kind = kind_of(&f);
		bool hidden = kind == BCC || kind == RESENT_BCC;
		if (flags & FIELDS_XLINES)
			hidden |= kind == X_SENDER || kind == X_RECEIVER;
		if (hidden && !(flags & FIELDS_KEEP))
			continue;
		if (r != NULL)
			readdress_field(r, &f, out);
		else
			(void)buf_add(out, head + at, f.len);
	}
}

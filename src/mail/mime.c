/* SPDX-License-Identifier: ISC */
/*
 * The walk through the structure of a message, line by line.  Of a line in
 * a body only its first octets are kept, as many as a boundary may have; a
 * head is kept whole while it lasts, up to its ceiling.
 *
 * A boundary line is one of any open multipart, innermost first, exact but
 * for blanks behind it, as the readers that matter have it; it ends
 * whatever was open inside, a head too.
 *
 * Invariant: the pieces tile what was fed, whatever it was.
 */
#include "mail/mime.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "mail/header.h"

static struct mime_piece *
current(struct mime *m)
{
	return &m->pieces[m->n - 1];
}

static struct mime_piece *
open_piece(struct mime *m, enum mime_kind kind, uint64_t start)
{
	if (m->n + 1 >= m->cap) {
		m->cap = m->cap > 0 ? m->cap * 2 : 8;
		m->pieces = alloc_grow(m->pieces, m->cap, sizeof(*m->pieces));
	}
	if (m->n >= MIME_PIECES_MAX && m->fault == NULL)
		m->fault = "too many parts";
	m->pieces[m->n] = (struct mime_piece){.start = start,
	    .kind = kind,
	    .sealed = m->nframes > 0 && m->frames[m->nframes - 1].sealed};
	return &m->pieces[m->n++];
}

static void
open_head(struct mime *m, uint64_t start)
{
	buf_clear(&m->head);
	m->head_line = 0;
	(void)open_piece(m, MIME_HEAD, start);
}

void
mime_init(struct mime *m)
{
	*m = (struct mime){0};
	buf_init(&m->head, HEADER_MAX);
	m->frames = alloc_zero(MIME_DEPTH_MAX, sizeof(*m->frames));
	open_head(m, 0);
	current(m)->top = true;
}

void
mime_free(struct mime *m)
{
	free(m->pieces);
	free(m->frames);
	buf_free(&m->head);
}

/* --- heads --- */

static enum mime_class
classify(const struct mime_type *t, enum mime_encoding encoding)
{
	if (strcmp(t->type, "multipart") == 0)
		return t->boundary[0] != '\0' ? MIME_MULTIPART : MIME_RIGID;
	if (strcmp(t->type, "message") != 0)
		return t->type[0] == '\0' || strcmp(t->type, "text") == 0
			   ? MIME_TEXT
			   : MIME_DATA;
	if (strcmp(t->subtype, "partial") == 0 ||
	    strcmp(t->subtype, "external-body") == 0)
		return MIME_RIGID;
	bool whole = strcmp(t->subtype, "rfc822") == 0 ||
		     strcmp(t->subtype, "global") == 0 ||
		     strcmp(t->subtype, "news") == 0;
	return whole && encoding <= MIME_BINARY ? MIME_MESSAGE : MIME_TEXT;
}

static void
read_fields(struct mime *m, struct mime_piece *p, struct mime_type *t)
{
	const char *at = m->head.data;
	size_t left = m->head.len;
	struct field f;
	bool encoded = false;
	while (left > 0 && field_next(at, left, &f) == 1) {
		if (field_is(&f, "MIME-Version")) {
			p->versioned = true;
		} else if (field_is(&f, "Content-Type") && !p->typed) {
			mime_type_parse(t, f.value, f.value_len);
			p->typed = true;
		} else if (field_is(&f, "Content-Transfer-Encoding") &&
			   !encoded) {
			p->encoding = mime_encoding_parse(f.value, f.value_len);
			encoded = true;
		}
		at += f.len;
		left -= f.len;
	}
}

static void
enter(struct mime *m, const struct mime_type *t, uint64_t at)
{
	struct mime_frame *f = &m->frames[m->nframes];
	bool outer = m->nframes > 0 && f[-1].sealed;
	*f = (struct mime_frame){.len = strlen(t->boundary),
	    .depth = m->depth,
	    .digest = strcmp(t->subtype, "digest") == 0,
	    .sealed = outer || strcmp(t->subtype, "signed") == 0 ||
		      strcmp(t->subtype, "encrypted") == 0};
	memcpy(f->boundary, t->boundary, sizeof(f->boundary));
	(void)open_piece(m, MIME_GLUE, at);
	/* The preamble is not what a signature covers. */
	m->nframes++;
}

/* The head is over; what follows starts at this offset. */
static void
end_head(struct mime *m, uint64_t at)
{
	struct mime_type t = {0};
	struct mime_piece *p = current(m);
	read_fields(m, p, &t);
	if (!p->typed && m->digest_part) {
		memcpy(t.type, "message", 8);
		memcpy(t.subtype, "rfc822", 7);
	}
	m->digest_part = false;
	p->class = classify(&t, p->encoding);
	bool container = p->class == MIME_MULTIPART || p->class == MIME_MESSAGE;
	if (container && m->depth == MIME_DEPTH_MAX) {
		p->class = MIME_RIGID;
		container = false;
	}
	if (container)
		m->depth++;
	if (p->class == MIME_MULTIPART) {
		enter(m, &t, at);
	} else if (p->class == MIME_MESSAGE) {
		open_head(m, at);
	} else {
		struct mime_piece head = *p;
		struct mime_piece *body = open_piece(m, MIME_BODY, at);
		body->encoding = head.encoding;
		body->class = head.class;
		body->typed = head.typed;
	}
}

/* --- lines --- */

/* The open multipart whose boundary line this is, counted from 1; 0: none. */
static size_t
find_boundary(const struct mime *m, size_t len, bool *closing)
{
	const char *p = m->prefix;
	if (len < 3 || len > sizeof(m->prefix) || p[0] != '-' || p[1] != '-')
		return 0;
	while (p[len - 1] == ' ' || p[len - 1] == '\t')
		len--;
	for (size_t i = m->nframes; i > 0; i--) {
		const struct mime_frame *f = &m->frames[i - 1];
		if (len < 2 + f->len || memcmp(p + 2, f->boundary, f->len) != 0)
			continue;
		size_t rest = len - 2 - f->len;
		*closing = rest == 2 && memcmp(p + len - 2, "--", 2) == 0;
		if (rest == 0 || *closing)
			return i;
	}
	return 0;
}

static void
take_boundary(struct mime *m, size_t number, bool closing)
{
	struct mime_piece *p = current(m);
	uint64_t start = m->line_start;
	if (p->kind == MIME_HEAD) {
		end_head(m, start);
		p = current(m);
	}
	/* The CRLF before it belongs to the boundary. */
	if (m->after_crlf && start >= p->start + 2)
		start -= 2;
	m->nframes = number;
	m->depth = m->frames[number - 1].depth;
	if (p->kind != MIME_GLUE || m->fault != NULL)
		p = open_piece(m, MIME_GLUE, start);
	p->eight_bit = p->eight_bit || m->wide;
	m->digest_part = !closing && m->frames[number - 1].digest;
	if (closing)
		m->nframes = number - 1;
	else
		open_head(m, m->offset);
	/* Parts of this multipart, but it no more, count as inside. */
	m->depth = closing ? m->depth - 1 : m->depth;
}

/* A line of a head.  false: it is none, the body starts with it. */
static bool
head_line(struct mime *m, size_t len)
{
	struct field f;
	const char *p = m->head.data + m->head_line;
	size_t n = m->head.len - m->head_line;
	if (!buf_ok(&m->head)) {
		m->fault = "a header section is too long";
		return true;
	}
	bool more = m->head_line > 0 && (p[0] == ' ' || p[0] == '\t');
	if (len > 0 && !more && field_next(p, n, &f) != 1) {
		m->head.len = m->head_line;
		end_head(m, m->line_start);
		return false;
	}
	current(m)->eight_bit = current(m)->eight_bit || m->wide;
	current(m)->long_line = current(m)->long_line || len > LINE_MAX_TEXT;
	m->head_line = m->head.len;
	if (len == 0)
		end_head(m, m->offset);
	return true;
}

/* A line has ended (or the message): m->offset is behind it. */
static void
end_line(struct mime *m, bool lf)
{
	size_t total = (size_t)(m->offset - m->line_start);
	size_t len = total - (lf ? 1 : 0) - (lf && m->cr ? 1 : 0);
	bool closing = false;
	size_t number = find_boundary(m, len, &closing);
	if (number > 0)
		take_boundary(m, number, closing);
	else if (current(m)->kind != MIME_HEAD || !head_line(m, len)) {
		/* A message in a message may begin without a head. */
		while (current(m)->kind == MIME_HEAD)
			end_head(m, m->line_start);
		struct mime_piece *p = current(m);
		p->eight_bit = p->eight_bit || m->wide;
		p->long_line = p->long_line || len > LINE_MAX_TEXT;
	}
	m->after_crlf = lf && m->cr;
	m->line_start = m->offset;
	m->wide = m->cr = false;
}

static bool
any_wide(const char *s, size_t len)
{
	bool wide = false;
	for (size_t i = 0; i < len; i++)
		wide |= (signed char)s[i] <= 0;
	return wide;
}

/* Octets of one line, its LF too. */
static void
take(struct mime *m, const char *s, size_t len, bool lf)
{
	uint64_t at = m->offset - m->line_start;
	if (at < sizeof(m->prefix)) {
		size_t room = sizeof(m->prefix) - (size_t)at;
		memcpy(m->prefix + at, s, len < room ? len : room);
	}
	if (current(m)->kind == MIME_HEAD)
		(void)buf_add(&m->head, s, len);
	m->wide = m->wide || any_wide(s, len);
	if (!lf)
		m->cr = s[len - 1] == '\r';
	else if (len > 1)
		m->cr = s[len - 2] == '\r';
	m->offset += len;
	if (lf)
		end_line(m, true);
}

void
mime_feed(struct mime *m, const char *data, size_t len)
{
	while (len > 0 && m->fault == NULL) {
		const char *lf = memchr(data, '\n', len);
		size_t n = lf != NULL ? (size_t)(lf - data) + 1 : len;
		take(m, data, n, lf != NULL);
		data += n;
		len -= n;
	}
	m->offset += len;
}

void
mime_finish(struct mime *m)
{
	if (m->fault == NULL && m->offset > m->line_start)
		end_line(m, false);
	while (m->fault == NULL && current(m)->kind == MIME_HEAD)
		end_head(m, m->offset);
	m->pieces[m->n].start = m->offset;
}

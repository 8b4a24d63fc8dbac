/* SPDX-License-Identifier: ISC */
/*
 * The end-of-data machine.  Not a validator: it says what it saw and the
 * session decides.  Invariant: only a lone dot between two CRLFs ends the
 * message, whatever the policy for bare CR and LF is, and a CRLF that was
 * made of something else is none.
 */
#include "smtpd/deframe.h"

#include <string.h>

#include "mail/wire.h"

enum {
	LINE_START, /* behind a strict CRLF, or at the very start */
	IN_LINE,
	AFTER_CR,  /* one CR, held back */
	AFTER_CRS, /* two or more: two are held back */
	DOT,       /* a dot at LINE_START, held back */
	DOT_CR,    /* and a CR */
};

#define RUN_MAX 256

void
deframe_init(struct deframe *d, bool normalize)
{
	*d = (struct deframe){.state = LINE_START, .normalize = normalize};
}

/* Add as much as goes without a decision; octets taken.  No more than
 * RUN_MAX are searched, so that short lines cost no more than long ones. */
static size_t
take_run(struct deframe *d, const char *in, size_t len, struct buf *out)
{
	if (len > RUN_MAX)
		len = RUN_MAX;
	const char *stop = memchr(in, '\r', len);
	size_t n = stop != NULL ? (size_t)(stop - in) : len;
	stop = memchr(in, '\n', n);
	if (stop != NULL)
		n = (size_t)(stop - in);
	if (memchr(in, '\0', n) != NULL)
		d->nul = true;
	(void)buf_add(out, in, n);
	return n;
}

/* Add the whole lines that need nothing, at a line start; octets taken. */
static size_t
take_lines(struct deframe *d, const char *in, size_t len, struct buf *out)
{
	size_t longest = 0;
	size_t n = wire_clean(in, len, true, &longest);
	if (memchr(in, '\0', n) != NULL)
		d->nul = true;
	(void)buf_add(out, in, n);
	return n;
}

/* A CR that no LF followed. */
static void
bare_cr(struct deframe *d, struct buf *out)
{
	d->bare = true;
	(void)buf_adds(out, d->normalize ? "\r\n" : "\r");
}

static void
in_line(struct deframe *d, char c, struct buf *out)
{
	if (c == '\r') {
		d->state = AFTER_CR;
	} else if (c == '\n') {
		d->bare = true;
		(void)buf_adds(out, d->normalize ? "\r\n" : "\n");
		d->state = IN_LINE;
	} else {
		d->nul |= c == '\0';
		(void)buf_addc(out, c);
		d->state = IN_LINE;
	}
}

static void
after_cr(struct deframe *d, char c, struct buf *out)
{
	bool more = d->state == AFTER_CRS;
	if (c == '\n') {
		/* One line end, also for CR CR LF.  That is no strict one
		 * where it is mended (E13); where it is refused, the end is
		 * RFC 5321's, so that its sender learns what was wrong. */
		(void)buf_adds(out, "\r\n");
		d->state = more && d->normalize ? IN_LINE : LINE_START;
	} else if (c == '\r') {
		if (more)
			bare_cr(d, out);
		d->bare = true;
		d->state = AFTER_CRS;
	} else {
		if (more)
			bare_cr(d, out);
		bare_cr(d, out);
		in_line(d, c, out);
	}
}

/* true: the message ended. */
static bool
after_dot(struct deframe *d, char c, struct buf *out)
{
	if (d->state == DOT && c == '\r') {
		d->state = DOT_CR;
		return false;
	}
	if (d->state == DOT_CR && c == '\n')
		return true;
	if (d->state == DOT) {
		/* The dot was stuffing, unless it is followed by a bare LF:
		 * then it is a line of its own, kept as text. */
		if (c == '\n')
			(void)buf_addc(out, '.');
		in_line(d, c, out);
		return false;
	}
	(void)buf_addc(out, '.');
	d->state = AFTER_CR;
	after_cr(d, c, out);
	return false;
}

size_t
deframe_feed(
    struct deframe *d, const char *in, size_t len, struct buf *out, bool *ended)
{
	size_t i = 0;
	*ended = false;
	while (i < len) {
		switch (d->state) {
		case IN_LINE:
			i += take_run(d, in + i, len - i, out);
			if (i < len)
				in_line(d, in[i++], out);
			break;
		case LINE_START:
			i += take_lines(d, in + i, len - i, out);
			if (i == len)
				break;
			if (in[i] == '.')
				d->state = DOT;
			else
				in_line(d, in[i], out);
			i++;
			break;
		case AFTER_CR:
		case AFTER_CRS:
			after_cr(d, in[i++], out);
			break;
		default:
			*ended = after_dot(d, in[i++], out);
			if (*ended) {
				d->state = LINE_START;
				return i;
			}
			break;
		}
	}
	return i;
}

/* SPDX-License-Identifier: ISC */
/*
 * Line ends and dots.  Not a line reader: lines have no limit here, and
 * nothing is kept but a few counters, so that a message may be cut anywhere
 * and come out the same (C03, E17).
 *
 * Text between line ends is found with memchr() and copied in runs.  What
 * cannot be decided yet is held back as a number: CRs that may precede a
 * LF, and a dot at the start of a line.  The end of the input counts as a
 * line end.  Invariant: in wire form CR and LF occur only as CRLF (C02).
 *
 * In `stuff` the state is what the last octets were.  A dot behind a bare LF
 * is doubled too, although no LF should be bare: it costs nothing, and
 * nothing that a careless receiver takes for the end can be sent.
 */
#include "mail/wire.h"

#include <string.h>

void
wire_init(struct wire *w, unsigned flags)
{
	*w = (struct wire){.flags = flags};
}

static bool
any_high(const char *s, size_t len)
{
	uint64_t seen = 0, word;
	for (; len >= 8; s += 8, len -= 8) {
		memcpy(&word, s, 8);
		seen |= word;
	}
	while (len-- > 0)
		seen |= (unsigned char)*s++;
	return (seen & 0x8080808080808080u) != 0;
}

static enum wire_result
add(struct wire *w, const char *s, size_t len, struct buf *out)
{
	if (buf_add(out, s, len) != 0)
		return WIRE_FULL;
	w->produced += len;
	w->line += len;
	if (w->line > w->longest)
		w->longest = w->line;
	return WIRE_MORE;
}

/* What was held back turned out to be text: the dot, CRs as blanks. */
static enum wire_result
release(struct wire *w, struct buf *out)
{
	static const char blanks[] = "                ";
	if (w->dot && !(w->flags & WIRE_UNSTUFF) &&
	    add(w, ".", 1, out) != WIRE_MORE)
		return WIRE_FULL;
	w->dot = 0;
	while (w->crs > 0) {
		size_t n = sizeof(blanks) - 1;
		if (n > w->crs)
			n = (size_t)w->crs;
		if (add(w, blanks, n, out) != WIRE_MORE)
			return WIRE_FULL;
		w->crs -= n;
	}
	return WIRE_MORE;
}

static enum wire_result
text(struct wire *w, const char *s, size_t len, struct buf *out)
{
	if ((w->dot || w->crs > 0) && release(w, out) != WIRE_MORE)
		return WIRE_FULL;
	w->eight_bit = w->eight_bit || any_high(s, len);
	return add(w, s, len, out);
}

static enum wire_result
line_end(struct wire *w, struct buf *out)
{
	bool lone_dot = w->dot != 0;
	w->crs = 0;
	w->dot = 0;
	w->line = 0;
	if (lone_dot && (w->flags & WIRE_DOT_ENDS)) {
		w->ended = true;
		return WIRE_END;
	}
	if (lone_dot)
		return WIRE_MORE;
	if (buf_add(out, "\r\n", 2) != 0)
		return WIRE_FULL;
	w->produced += 2;
	return WIRE_MORE;
}

static const char *
find(const char *p, const char *end, char c)
{
	const char *hit = p < end ? memchr(p, c, (size_t)(end - p)) : NULL;
	return hit != NULL ? hit : end;
}

size_t
wire_clean(const char *in, size_t len, bool dots, size_t *longest)
{
	const char *p = in, *end = in + len;
	while (p < end && !(dots && *p == '.')) {
		const char *lf = find(p, end, '\n');
		if (lf == end || find(p, lf, '\r') + 1 != lf)
			break;
		size_t n = (size_t)(lf - 1 - p);
		if (n > *longest)
			*longest = n;
		p = lf + 1;
	}
	return (size_t)(p - in);
}

/* Most lines need nothing: many of them at a time. */
static enum wire_result
copy_clean(struct wire *w, const char **p, const char *end, struct buf *out)
{
	const char *from = *p;
	size_t n =
	    wire_clean(from, (size_t)(end - from), w->flags != 0, &w->longest);
	*p += n;
	w->eight_bit = w->eight_bit || any_high(from, n);
	w->produced += n;
	return buf_add(out, from, n) != 0 ? WIRE_FULL : WIRE_MORE;
}

/* At a line start, with nothing held back that could be a dot's or a CR's? */
static bool
at_start(const struct wire *w, const char *p)
{
	return w->line == 0 && w->crs == 0 && !w->dot &&
	       !(w->flags != 0 && *p == '.');
}

enum wire_result
wire_feed(struct wire *w, const char *in, size_t len, struct buf *out)
{
	if (w->ended)
		return WIRE_END;
	const char *p = in, *end = find(in, in + len, '\0');
	const char *lf = p, *cr = p;
	while (p < end) {
		enum wire_result result = WIRE_MORE;
		/* Each is sought again only once it is passed: linear. */
		if (lf <= p)
			lf = find(p, end, '\n');
		if (cr <= p)
			cr = find(p, end, '\r');
		if (lf < end && cr + 1 == lf && at_start(w, p)) {
			result = copy_clean(w, &p, end, out);
		} else if (p == cr) {
			w->crs++;
			p++;
		} else if (p == lf) {
			result = line_end(w, out);
			p++;
		} else if (*p == '.' && w->flags != 0 && w->line == 0 &&
			   w->crs == 0 && !w->dot) {
			w->dot = 1;
			p++;
		} else {
			const char *stop = lf < cr ? lf : cr;
			result = text(w, p, (size_t)(stop - p), out);
			p = stop;
		}
		if (result != WIRE_MORE)
			return result;
	}
	return end < in + len ? WIRE_NUL : WIRE_MORE;
}

enum wire_result
wire_finish(struct wire *w, struct buf *out)
{
	enum wire_result result = WIRE_END;
	if (!w->ended && (w->line > 0 || w->crs > 0 || w->dot))
		result = line_end(w, out);
	w->ended = true;
	return result == WIRE_FULL ? WIRE_FULL : WIRE_END;
}

enum {
	IN_LINE,
	BEHIND_CR,
	BEHIND_CRLF, /* a line starts here */
	BEHIND_LF,   /* only if the input was not in wire form */
};

void
stuff_init(struct stuff *s)
{
	s->state = BEHIND_CRLF;
}

static unsigned
state_behind(unsigned before, const char *in, size_t len)
{
	if (in[len - 1] == '\r')
		return BEHIND_CR;
	if (in[len - 1] != '\n')
		return IN_LINE;
	bool crlf = len > 1 ? in[len - 2] == '\r' : before == BEHIND_CR;
	return crlf ? BEHIND_CRLF : BEHIND_LF;
}

/* Octets at p up to the first dot that follows a LF. */
static size_t
clean_run(const char *p, size_t len)
{
	const char *end = p + len;
	const char *dot = find(p, end, '.');
	while (dot < end && (dot == p || dot[-1] != '\n')) {
		while (dot < end && *dot == '.')
			dot++;
		dot = find(dot, end, '.');
	}
	return (size_t)(dot - p);
}

size_t
stuff_copy(struct stuff *s, const char *in, size_t len, size_t *used, char *out,
    size_t room)
{
	size_t from = 0, to = 0;
	while (from < len && to < room) {
		if (in[from] == '.' && s->state >= BEHIND_CRLF) {
			if (room - to < 2)
				break;
			out[to++] = '.';
			out[to++] = '.';
			from++;
			s->state = IN_LINE;
			continue;
		}
		size_t n = len - from < room - to ? len - from : room - to;
		n = clean_run(in + from, n);
		memcpy(out + to, in + from, n);
		s->state = state_behind(s->state, in + from, n);
		from += n;
		to += n;
	}
	*used = from;
	return to;
}

bool
stuff_at_line_start(const struct stuff *s)
{
	return s->state == BEHIND_CRLF;
}

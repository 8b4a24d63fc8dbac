/* SPDX-License-Identifier: ISC */
/*
 * Cuts a message in two.  Does not look into fields: a line counts as one
 * when it could be one (a name and a colon) or continues one.
 *
 * Invariants: head holds whole lines up to `line` and one begun line behind
 * it; not an octet of the input is lost except the empty line, which the
 * composer writes itself, and leading mbox lines ("From ", ">From ").
 */
#include "submit/section.h"

#include <string.h>

#include "base/limits.h"
#include "mail/header.h"

static const char mbox[] = "From ";

void
section_init(struct section *x)
{
	*x = (struct section){0};
	buf_init(&x->head, HEADER_MAX);
}

void
section_free(struct section *x)
{
	buf_free(&x->head);
}

static bool
is_mbox_line(const struct section *x, const char *line, size_t len)
{
	size_t at = 0;
	while (at < len && line[at] == '>')
		at++;
	return !x->past_first && len - at > sizeof(mbox) - 1 &&
	       memcmp(line + at, mbox, sizeof(mbox) - 1) == 0 &&
	       line[at + sizeof(mbox) - 1] != ':';
}

static bool
continues(const struct section *x, const char *line)
{
	return x->fields > 0 && (line[0] == ' ' || line[0] == '\t');
}

/* The begun line is no field: it is the body's first. */
static void
end_before(struct section *x, struct buf *body)
{
	(void)buf_add(body, x->head.data + x->line, x->head.len - x->line);
	x->head.len = x->line;
	x->ended = true;
}

static void
judge_line(struct section *x, struct buf *body)
{
	const char *line = x->head.data + x->line;
	size_t len = x->head.len - x->line;
	struct field f;
	if (len == 2) {
		x->head.len = x->line;
		x->ended = true;
	} else if (is_mbox_line(x, line, len)) {
		x->head.len = x->line;
		return;
	} else if (!continues(x, line)) {
		if (field_next(line, len, &f) != 1)
			end_before(x, body);
		else if (++x->fields > HEADER_FIELDS_MAX)
			x->over = "too many header fields";
	}
	x->line = x->head.len;
	x->past_first = true;
}

/* A line that is long already, and shows no colon, need not be kept until
 * it ends: that may be a hundred megabytes away (C04). */
static void
judge_begun_line(struct section *x, struct buf *body)
{
	const char *line = x->head.data + x->line;
	if (x->head.len - x->line <= LINE_MAX_TEXT || continues(x, line) ||
	    is_mbox_line(x, line, LINE_MAX_TEXT))
		return;
	if (memchr(line, ':', LINE_MAX_TEXT) == NULL)
		end_before(x, body);
}

size_t
section_take(struct section *x, const char *data, size_t len, struct buf *body)
{
	size_t taken = 0;
	while (taken < len && !x->ended && x->over == NULL) {
		const char *lf = memchr(data + taken, '\n', len - taken);
		size_t n =
		    lf != NULL ? (size_t)(lf + 1 - data) - taken : len - taken;
		if (buf_add(&x->head, data + taken, n) != 0) {
			x->over = "the header section is too large";
			break;
		}
		taken += n;
		if (lf != NULL)
			judge_line(x, body);
		else
			judge_begun_line(x, body);
	}
	return taken;
}

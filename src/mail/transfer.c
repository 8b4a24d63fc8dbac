/* SPDX-License-Identifier: ISC */
/*
 * Quoted-printable and base64, made.  Nothing is decoded here: what is
 * encoded already is mended where it breaks the rules of its encoding, so
 * that a reader gets what it would have got before.
 *
 * Invariant: an output line has at most 76 octets, and in quoted-printable
 * a '=' and its two digits are never parted.
 */
#include "mail/transfer.h"

#include <string.h>

#define WIDTH 76

void
transfer_init(struct transfer *t, enum transfer_kind kind)
{
	*t = (struct transfer){.kind = kind};
}

/* Write s, after a soft line break if that and a '=' do not fit. */
static void
qp_put(
    struct transfer *t, struct buf *out, const char *s, size_t n, size_t need)
{
	if (t->column + need > WIDTH - 1) {
		(void)buf_add(out, "=\r\n", 3);
		t->column = 0;
	}
	(void)buf_add(out, s, n);
	t->column += n;
}

static void
qp_hex(struct transfer *t, struct buf *out, char c)
{
	static const char hex[] = "0123456789ABCDEF";
	char s[3] = {'=', hex[(unsigned char)c >> 4], hex[c & 15]};
	qp_put(t, out, s, 3, 3);
}

/* The blank that was held: as it is, or as the last of its line. */
static void
qp_blank(struct transfer *t, struct buf *out, bool last)
{
	char c = t->blank;
	t->blank = '\0';
	if (c == '\0')
		return;
	if (!last)
		qp_put(t, out, &c, 1, 1);
	else if (t->kind == TRANSFER_QP)
		qp_hex(t, out, c);
}

static void
qp_octet(struct transfer *t, struct buf *out, char c)
{
	if (t->cr && c == '\n') {
		t->cr = false;
		qp_blank(t, out, true);
		(void)buf_add(out, "\r\n", 2);
		t->column = 0;
		return;
	}
	if (t->cr) {
		t->cr = false;
		qp_blank(t, out, false);
		qp_hex(t, out, '\r');
	}
	if (c == '\r') {
		t->cr = true;
		return;
	}
	qp_blank(t, out, false);
	if (c == ' ' || c == '\t')
		t->blank = c;
	else if (c == '=' && t->kind == TRANSFER_QP_MEND)
		qp_put(t, out, &c, 1, 3);
	else if (c == '=' || c < ' ' || c > '~')
		qp_hex(t, out, c);
	else
		qp_put(t, out, &c, 1, 1);
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "abcdefghijklmnopqrstuvwxyz0123456789+/";

/* The line end comes before what needs it: none behind the last line. */
static void
base64_put(struct transfer *t, struct buf *out, const char *s, size_t n)
{
	if (t->column + n > WIDTH) {
		(void)buf_add(out, "\r\n", 2);
		t->column = 0;
	}
	(void)buf_add(out, s, n);
	t->column += n;
}

static void
base64_group(struct transfer *t, struct buf *out)
{
	unsigned char *p = t->part;
	size_t n = t->nparts;
	memset(p + n, 0, 3 - n);
	char s[4] = {alphabet[p[0] >> 2], alphabet[(p[0] & 3) << 4 | p[1] >> 4],
	    n > 1 ? alphabet[(p[1] & 15) << 2 | p[2] >> 6] : '=',
	    n > 2 ? alphabet[p[2] & 63] : '='};
	base64_put(t, out, s, 4);
	t->nparts = 0;
}

static void
base64_octet(struct transfer *t, struct buf *out, char c)
{
	t->part[t->nparts++] = (unsigned char)c;
	if (t->nparts == 3)
		base64_group(t, out);
}

int
transfer_feed(struct transfer *t, const char *in, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len; i++) {
		char c = in[i];
		if (t->kind == TRANSFER_BASE64)
			base64_octet(t, out, c);
		else if (t->kind != TRANSFER_BASE64_MEND)
			qp_octet(t, out, c);
		else if (c == '=' ||
			 memchr(alphabet, c, sizeof(alphabet) - 1) != NULL)
			base64_put(t, out, &c, 1);
	}
	return buf_ok(out) ? 0 : -1;
}

int
transfer_finish(struct transfer *t, struct buf *out)
{
	if (t->nparts > 0)
		base64_group(t, out);
	if (t->cr) {
		qp_blank(t, out, false);
		qp_hex(t, out, '\r');
	}
	qp_blank(t, out, true);
	return buf_ok(out) ? 0 : -1;
}

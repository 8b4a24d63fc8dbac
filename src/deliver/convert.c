/* SPDX-License-Identifier: ISC */
/*
 * Conversion in two passes: the first finds the pieces of the message
 * (mail/mime.c) and what is wrong with each, the second writes them, each
 * in its own way.  Knows nothing of servers and queues.
 *
 * Invariant: whatever the second pass reads (the file belongs to a user
 * who may change it meanwhile), with CONVERT_SEVEN_BIT it writes ASCII only
 * where the first found something else, and it ends in CRLF.
 */
#include "deliver/convert.h"

#include <errno.h>
#include <string.h>

#include "base/io.h"
#include "base/limits.h"
#include "mail/mime.h"
#include "mail/transfer.h"

#define READ_SIZE 16384
#define WRITE_SIZE 65536 /* gathered before it is written */

struct conversion {
	const struct convert_source *in;
	bool seven, ascii;
	refit_domain domain;
	struct mime mime;
	bool encodes; /* some body */
	int fd;
	struct buf out;
	uint64_t written;
	char last;     /* octet written */
	size_t column; /* of glue */
	const char *why;
	bool impossible, address;
};

/* --- first pass --- */

static bool
wrong(const struct conversion *c, const struct mime_piece *p)
{
	return (p->eight_bit && c->seven) || p->long_line;
}

/* May this body be encoded? */
static bool
encodable(const struct mime_piece *p)
{
	return !p->sealed && p->class != MIME_RIGID &&
	       p->encoding != MIME_UNKNOWN;
}

static bool
encodes(const struct conversion *c, const struct mime_piece *p)
{
	return p->kind == MIME_BODY && wrong(c, p) && encodable(p);
}

/* A head that says 8bit of what will not be. */
static bool
overstates(const struct conversion *c, const struct mime_piece *p)
{
	return c->seven && !p->sealed &&
	       (p->encoding == MIME_8BIT || p->encoding == MIME_BINARY);
}

/* p is a head, and so has a piece behind it. */
static bool
refits(const struct conversion *c, const struct mime_piece *p)
{
	if (p->sealed)
		return false;
	return p->long_line || (c->ascii && p->eight_bit) || overstates(c, p) ||
	       encodes(c, p + 1) || (p->top && !p->versioned && c->encodes);
}

static const char *
obstacle(const struct conversion *c, const struct mime_piece *p)
{
	bool eight =
	    p->eight_bit && (p->kind == MIME_HEAD ? c->ascii : c->seven);
	if (!eight)
		return NULL;
	if (p->sealed)
		return "what is signed or encrypted in it must not be changed";
	if (p->kind != MIME_BODY || encodable(p))
		return NULL;
	return p->class == MIME_RIGID ? "it has a part that must not be encoded"
				      : "it has a part in an unknown encoding";
}

static enum convert_result
judge(struct conversion *c)
{
	const struct mime *m = &c->mime;
	bool needed = false;
	c->why = m->fault;
	for (size_t i = 0; i < m->n; i++) {
		const char *why = obstacle(c, &m->pieces[i]);
		c->why = c->why == NULL ? why : c->why;
		c->encodes = c->encodes || encodes(c, &m->pieces[i]);
	}
	if (c->why != NULL && c->ascii)
		return CONVERT_IMPOSSIBLE;
	if (c->why != NULL)
		return CONVERT_NEEDLESS;
	for (size_t i = 0; i < m->n && !needed; i++) {
		const struct mime_piece *p = &m->pieces[i];
		needed = p->kind == MIME_HEAD   ? refits(c, p)
			 : p->kind == MIME_BODY ? encodes(c, p)
						: wrong(c, p);
	}
	return needed ? CONVERT_DONE : CONVERT_NEEDLESS;
}

static int
look(struct conversion *c)
{
	char chunk[READ_SIZE];
	for (uint64_t at = 0; at < c->in->size;) {
		uint64_t left = c->in->size - at;
		size_t want =
		    left < sizeof(chunk) ? (size_t)left : sizeof(chunk);
		ssize_t n = c->in->read(c->in->arg, at, chunk, want);
		if (n <= 0 || (size_t)n > want) {
			errno = n < 0 ? errno : EIO;
			return -1;
		}
		mime_feed(&c->mime, chunk, (size_t)n);
		at += (uint64_t)n;
	}
	mime_finish(&c->mime);
	return 0;
}

/* --- second pass --- */

static int
flush(struct conversion *c)
{
	if (c->out.len == 0)
		return 0;
	if (io_write(c->fd, c->out.data, c->out.len) != 0)
		return -1;
	c->written += c->out.len;
	c->last = c->out.data[c->out.len - 1];
	buf_clear(&c->out);
	return 0;
}

static int
flush_some(struct conversion *c)
{
	return c->out.len < WRITE_SIZE ? 0 : flush(c);
}

/* Give the octets from..to to take(), piece by piece. */
static int
each(struct conversion *c, uint64_t from, uint64_t to,
    int (*take)(struct conversion *, void *, const char *, size_t), void *arg)
{
	char chunk[READ_SIZE];
	while (from < to) {
		size_t want = to - from < sizeof(chunk) ? (size_t)(to - from)
							: sizeof(chunk);
		ssize_t n = c->in->read(c->in->arg, from, chunk, want);
		if (n <= 0 || (size_t)n > want) {
			errno = n < 0 ? errno : EIO;
			return -1;
		}
		if (take(c, arg, chunk, (size_t)n) != 0 || flush_some(c) != 0)
			return -1;
		from += (uint64_t)n;
	}
	return 0;
}

static int
copy(struct conversion *c, void *arg, const char *s, size_t len)
{
	(void)arg;
	return buf_add(&c->out, s, len);
}

static int
keep(struct conversion *c, void *arg, const char *s, size_t len)
{
	(void)c;
	return buf_add(arg, s, len);
}

static int
encode(struct conversion *c, void *arg, const char *s, size_t len)
{
	return transfer_feed(arg, s, len, &c->out);
}

/* Nobody sees it.  A line that is parted goes on with a blank: it must not
 * become a boundary. */
static int
copy_glue(struct conversion *c, void *arg, const char *s, size_t len)
{
	(void)arg;
	for (size_t i = 0; i < len; i++) {
		if (c->column == LINE_MAX_TEXT && s[i] != '\r' &&
		    s[i] != '\n') {
			(void)buf_adds(&c->out, "\r\n ");
			c->column = 1;
		}
		bool strange = c->seven && (signed char)s[i] <= 0;
		(void)buf_addc(&c->out, strange ? '?' : s[i]);
		c->column = s[i] == '\n' ? 0 : c->column + (s[i] != '\r');
	}
	return buf_ok(&c->out) ? 0 : -1;
}

static enum transfer_kind
transfer_for(const struct mime_piece *p)
{
	if (p->encoding == MIME_QP)
		return TRANSFER_QP_MEND;
	if (p->encoding == MIME_BASE64)
		return TRANSFER_BASE64_MEND;
	return p->class == MIME_TEXT ? TRANSFER_QP : TRANSFER_BASE64;
}

static int
write_body(struct conversion *c, const struct mime_piece *p)
{
	struct transfer t;
	if (!encodes(c, p))
		return each(c, p->start, p[1].start, copy, NULL);
	transfer_init(&t, transfer_for(p));
	if (each(c, p->start, p[1].start, encode, &t) != 0)
		return -1;
	return transfer_finish(&t, &c->out);
}

/* The fields of our own, and the blank line. */
static int
add_fields(struct conversion *c, const struct mime_piece *p, bool relabel)
{
	struct buf *o = &c->out;
	if (p->top && !p->versioned && c->encodes)
		(void)buf_adds(o, "MIME-Version: 1.0\r\n");
	if (relabel && !p->typed)
		(void)buf_addf(o, "Content-Type: text/plain; charset=%s\r\n",
		    p[1].eight_bit ? "unknown-8bit" : "us-ascii");
	if (relabel)
		(void)buf_addf(o, "Content-Transfer-Encoding: %s\r\n",
		    transfer_for(p + 1) == TRANSFER_QP ? "quoted-printable"
						       : "base64");
	return buf_adds(o, "\r\n");
}

static int
refit_head(
    struct conversion *c, const struct mime_piece *p, const struct buf *head)
{
	bool relabel = encodes(c, p + 1) && p->encoding <= MIME_BINARY;
	const char *at = buf_str(head);
	size_t left = head->len;
	struct field f;
	int more;
	while ((more = field_next(at, left, &f)) == 1) {
		bool drop = (relabel || overstates(c, p)) &&
			    field_is(&f, "Content-Transfer-Encoding");
		if (!drop && refit_field(&c->out, &f, c->ascii, c->domain,
				 &c->why) != 0) {
			c->impossible = c->address = true;
			return -1;
		}
		at += f.len;
		left -= f.len;
	}
	return add_fields(c, p, relabel);
}

static int
write_head(struct conversion *c, const struct mime_piece *p)
{
	struct buf head;
	if (!refits(c, p))
		return each(c, p->start, p[1].start, copy, NULL);
	buf_init(&head, HEADER_MAX + READ_SIZE);
	int r = each(c, p->start, p[1].start, keep, &head);
	if (r == 0)
		r = refit_head(c, p, &head);
	buf_free(&head);
	return r;
}

static int
write_all(struct conversion *c)
{
	int r = 0;
	for (size_t i = 0; i < c->mime.n && r == 0; i++) {
		const struct mime_piece *p = &c->mime.pieces[i];
		if (p->kind == MIME_HEAD)
			r = write_head(c, p);
		else if (p->kind == MIME_BODY)
			r = write_body(c, p);
		else
			r = each(c, p->start, p[1].start,
			    wrong(c, p) ? copy_glue : copy, NULL);
	}
	if (r == 0)
		r = flush(c);
	if (r == 0 && c->last != '\n')
		r = buf_adds(&c->out, "\r\n") != 0 ? -1 : flush(c);
	if (r != 0 && !buf_ok(&c->out))
		errno = EFBIG;
	return r;
}

static enum convert_result
run(struct conversion *c)
{
	if (look(c) != 0)
		return CONVERT_FAILED;
	enum convert_result r = judge(c);
	if (r != CONVERT_DONE || write_all(c) == 0)
		return r;
	return c->impossible ? CONVERT_IMPOSSIBLE : CONVERT_FAILED;
}

enum convert_result
convert(const struct convert_source *in, unsigned how, refit_domain domain,
    int fd, uint64_t *size, const char **why, bool *address)
{
	struct conversion c = {.in = in,
	    .seven = (how & CONVERT_SEVEN_BIT) != 0,
	    .ascii = how != 0,
	    .domain = domain,
	    .fd = fd,
	    .last = '\n'};
	mime_init(&c.mime);
	buf_init(&c.out, 16 * (size_t)HEADER_MAX);
	enum convert_result r = run(&c);
	int error = errno;
	*size = c.written;
	*why = c.why != NULL ? c.why : "";
	*address = c.address;
	buf_free(&c.out);
	mime_free(&c.mime);
	errno = error;
	return r;
}

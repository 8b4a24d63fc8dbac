/* SPDX-License-Identifier: ISC */
/*
 * The structure of a message (RFC 2045, 2046), for those who must change
 * its encoding: push style, in bounded memory, linear time.  Opens nothing
 * and decodes nothing; it only says what lies where.
 *
 * The pieces tile the message: each ends where the next one starts.  An
 * entity is a head (its blank line included) and then a body; or, when it
 * is a container, glue (preamble, boundary lines with the CRLF before
 * them, epilogue) and the heads and bodies of its parts.
 */
#ifndef MAIL_MIME_H
#define MAIL_MIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

#define MIME_BOUNDARY_MAX 70 /* RFC 2046 section 5.1.1 */

enum mime_kind { MIME_HEAD, MIME_BODY, MIME_GLUE };

enum mime_encoding {
	MIME_7BIT, /* or none told */
	MIME_8BIT,
	MIME_BINARY,
	MIME_QP,
	MIME_BASE64,
	MIME_UNKNOWN,
};

enum mime_class {
	MIME_TEXT, /* or none told */
	MIME_DATA,
	MIME_MULTIPART,
	MIME_MESSAGE, /* one that was entered */
	MIME_RIGID,   /* may not be encoded: message/partial, a multipart
	                 without boundary */
};

struct mime_piece {
	uint64_t start;
	/* Of the entity; for glue without meaning: */
	enum mime_kind kind : 8;
	enum mime_encoding encoding : 8;
	enum mime_class class : 8;
	bool typed;     /* has a Content-Type */
	bool versioned; /* has a MIME-Version */
	bool sealed;    /* in something signed or encrypted */
	bool top;       /* the head of the message itself */
	/* Of its octets: */
	bool eight_bit; /* some above ASCII, or NUL */
	bool long_line; /* some line over LINE_MAX_TEXT octets */
};

/* An open multipart. */
struct mime_frame {
	char boundary[MIME_BOUNDARY_MAX + 1];
	size_t len;
	unsigned depth;
	bool sealed, digest;
};

struct mime {
	struct mime_piece *pieces; /* owned; one more than n: its start is
	                              the size of the message */
	size_t n, cap;
	/* Why the structure is not whole, or NULL: then what lies behind
	 * the fault was not looked at. */
	const char *fault;
	/* Private: */
	struct mime_frame *frames;
	size_t nframes;
	unsigned depth;
	struct buf head;  /* the head so far */
	size_t head_line; /* where its current line starts */
	bool digest_part; /* this head is one of a part of a digest */
	uint64_t offset, line_start;
	char prefix[MIME_BOUNDARY_MAX + 16]; /* of the current line */
	bool wide, cr, after_crlf;
};

void mime_init(struct mime *m);
void mime_free(struct mime *m);
void mime_feed(struct mime *m, const char *data, size_t len);
void mime_finish(struct mime *m);

/* What a Content-Type says; out of its value, folding and all. */
struct mime_type {
	char type[32], subtype[64];           /* lower case; "" when too long */
	char boundary[MIME_BOUNDARY_MAX + 1]; /* "" when none or too long */
};
void mime_type_parse(struct mime_type *t, const char *value, size_t len);

/* A Content-Transfer-Encoding. */
enum mime_encoding mime_encoding_parse(const char *value, size_t len);

#endif

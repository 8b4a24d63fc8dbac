/* SPDX-License-Identifier: ISC */
/*
 * Content-Transfer-Encodings, outgoing (RFC 2045 section 6), push style:
 * the state survives any cut of the input.  What comes out is ASCII in
 * lines of at most 76 octets, and means what went in.
 */
#ifndef MAIL_TRANSFER_H
#define MAIL_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"

enum transfer_kind {
	TRANSFER_QP,      /* lines of text: CRLF stays a line end */
	TRANSFER_QP_MEND, /* is quoted-printable, but for stray octets above
	                     ASCII and lines that are too long */
	TRANSFER_BASE64,
	TRANSFER_BASE64_MEND, /* is base64 likewise; other octets are lost, as
	                         each reader ignores them */
};

struct transfer {
	enum transfer_kind kind;
	size_t column;
	bool cr;               /* QP: a CR is held back */
	char blank;            /* QP: a blank is held back, or NUL */
	unsigned char part[3]; /* BASE64: the group so far */
	size_t nparts;
};

/* More than in_len octets of input can come to, what is held included. */
#define TRANSFER_ROOM(in_len) (4 * (in_len) + 32)

void transfer_init(struct transfer *t, enum transfer_kind kind);

/* Append what len octets come to.  0; -1 when out is full. */
int transfer_feed(
    struct transfer *t, const char *in, size_t len, struct buf *out) MUST_CHECK;

/* The input is over; the output may end within a line.  0, -1. */
int transfer_finish(struct transfer *t, struct buf *out) MUST_CHECK;

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Line ends and dots, push style: the state survives any cut of the input.
 *
 * `wire` turns what people pipe in into wire form: LF and CRLF (and runs of
 * CR before LF) become CRLF, any other CR becomes a blank, NUL is refused;
 * the end of the input counts as a LF, unless it is at a line start.
 * `stuff` turns wire form into SMTP DATA: a leading dot is doubled.
 */
#ifndef MAIL_WIRE_H
#define MAIL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

enum {
	WIRE_DOT_ENDS = 1, /* a line of one dot ends the input */
	WIRE_UNSTUFF = 2,  /* a leading dot is removed (IIS pickup files); a
	                      line of one dot is dropped, with DOT_ENDS it
	                      ends the input */
};

struct wire {
	unsigned flags;
	bool eight_bit;    /* an octet above ASCII was seen */
	size_t longest;    /* octets in the longest line so far, no CRLF */
	size_t line;       /* octets in the current line so far */
	uint64_t produced; /* octets of output so far */
	uint64_t crs;      /* CRs held back */
	unsigned dot;      /* state of a leading dot */
	bool ended;
};

enum wire_result {
	WIRE_MORE, /* all taken */
	WIRE_END,  /* the lone dot was seen; the rest is to be ignored */
	WIRE_NUL,  /* a NUL octet: refuse the message (C01) */
	WIRE_FULL, /* out reached its ceiling */
};

void wire_init(struct wire *w, unsigned flags);

/*
 * Take len octets, append wire form to out: at most 2 * len octets and what
 * is held back (a dot, crs).
 */
enum wire_result wire_feed(
    struct wire *w, const char *in, size_t len, struct buf *out) MUST_CHECK;

/* The input is over: complete the last line.  WIRE_END or WIRE_FULL. */
enum wire_result wire_finish(struct wire *w, struct buf *out) MUST_CHECK;

/*
 * The octets of the whole lines that lead and are in wire form as they are:
 * they end in CRLF and hold no other CR or LF.  A line starts at in; with
 * dots, one that begins with a dot is none of them.  *longest grows to the
 * octets of the longest one, without CRLF.
 */
size_t wire_clean(
    const char *in, size_t len, bool dots, size_t *longest) MUST_CHECK;

struct stuff {
	unsigned state; /* 0: in a line; see wire.c */
};

/* Start at a line start. */
void stuff_init(struct stuff *s);

/*
 * Dot-stuff from in to out (room >= 2).  *used octets of in are taken; the
 * number of octets written is returned.  Input must be in wire form; the
 * caller adds ".\r\n" at the end, which stuff_at_line_start() must allow.
 */
size_t stuff_copy(struct stuff *s, const char *in, size_t len, size_t *used,
    char *out, size_t room);
bool stuff_at_line_start(const struct stuff *s);

#endif

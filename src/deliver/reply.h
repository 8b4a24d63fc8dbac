/* SPDX-License-Identifier: ISC */
/*
 * SMTP replies (RFC 5321 section 4.2, 3463), push style, hostile input:
 * lines up to REPLY_LINE_MAX, REPLY_LINES_MAX of them, codes 200..599.
 */
#ifndef DELIVER_REPLY_H
#define DELIVER_REPLY_H

#include <stddef.h>

#include "base/attr.h"
#include "mail/verdict.h"

struct reply {
	int code;
	char enhanced[ENHANCED_MAX + 1]; /* "" if none */
	char text[STATUS_TEXT_MAX + 1];  /* lines joined by a blank, cleaned */
	/* Parser state below. */
	char line[REPLY_LINE_MAX];
	size_t line_len, text_len;
	unsigned lines;
	int mismatch; /* the lines did not agree on a code (K18) */
};

void reply_reset(struct reply *r);

/*
 * Take octets up to the end of one reply.  1: it is complete (*used octets
 * taken; call reply_reset before the next).  0: more needed, all taken.
 * -1: garbage, too long, or a code out of range.
 */
int reply_feed(
    struct reply *r, const char *data, size_t len, size_t *used) MUST_CHECK;

/* 2xx DONE, 5xx NEVER, everything else LATER; text and codes copied. */
void reply_status(const struct reply *r, struct status *st);

#endif

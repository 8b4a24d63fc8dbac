/* SPDX-License-Identifier: ISC */
/*
 * Where the header section ends and the body begins, push style, on input
 * in wire form.  Holds the header section; a first line without a colon
 * makes everything the body.
 */
#ifndef SUBMIT_SECTION_H
#define SUBMIT_SECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"

struct section {
	struct buf head;  /* whole fields, each line with its CRLF */
	size_t line;      /* where the current line starts in head */
	unsigned fields;  /* so far */
	bool past_first;  /* a line that is no mbox line was seen */
	bool ended;       /* head is whole; the rest is the body */
	const char *over; /* NULL, or which ceiling it broke */
};

void section_init(struct section *x);
void section_free(struct section *x);

/*
 * Take what belongs to the header; the octets taken.  Once ended, what is
 * left of data is body, and it follows what was added to body here: a line
 * that turned out to be no field.
 */
size_t section_take(struct section *x, const char *data, size_t len,
    struct buf *body) MUST_CHECK;

#endif

/* SPDX-License-Identifier: ISC */
/*
 * The octets after 354: where the message ends, and what is in it.  The end
 * is CRLF "." CRLF and nothing else (E01-E13); when normalizing, a CRLF
 * behind another CR does not count.  Dots are removed; what comes out is
 * wire form.
 */
#ifndef SMTPD_DEFRAME_H
#define SMTPD_DEFRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

struct deframe {
	unsigned state;
	bool normalize; /* bare LF and CR become CRLF; else they only count */
	bool bare;      /* a bare LF or CR was seen */
	bool nul;       /* a NUL was seen */
};

void deframe_init(struct deframe *d, bool normalize);

/*
 * Take octets, append message octets to out (at most 2 * len + 4; the caller
 * gives room).  The number taken; *ended is set when the end was seen: then
 * octets behind it are left.
 */
size_t deframe_feed(struct deframe *d, const char *in, size_t len,
    struct buf *out, bool *ended);

#endif

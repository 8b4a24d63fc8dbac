/* SPDX-License-Identifier: ISC */
/*
 * Addresses inside of header fields: bare ones completed by the origin in
 * all fields that hold addresses, those of senders masqueraded if
 * masquerade.header-from says so.
 */
#ifndef SUBMIT_READDRESS_H
#define SUBMIT_READDRESS_H

#include "base/buf.h"
#include "conf/conf.h"
#include "mail/header.h"

struct readdress {
	const struct conf *conf;
	size_t growth; /* octets that a header section may still grow by */
};

/*
 * Append the field that starts at f->name.  Only the addresses that change
 * do; blanks, folding, comments, names and everything else stay octet by
 * octet.  A field that is not understood as a whole, or would make the
 * section grow by more than r->growth, stays as it is.  Done twice it does
 * what it did once.
 */
void readdress_field(
    struct readdress *r, const struct field *f, struct buf *out);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * What a header section says to the one who queues it: who is to get the
 * message, who sends it, what is missing, what must not go out.
 */
#ifndef SUBMIT_FIELDS_H
#define SUBMIT_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "mail/address.h"
#include "mail/verdict.h"
#include "submit/readdress.h"

struct fields {
	unsigned received; /* hops so far */
	bool date, message_id, from;
	/* Resent fields that no Received stands above: it is being resent
	 * by whoever submits it.  What the newest block has of these: */
	bool resent, resent_date, resent_message_id, resent_from;
	bool tls_optional; /* TLS-Required: No (RFC 8689) */
	bool has_sender;   /* sender is set: from x-sender, Sender or From */
	struct address sender;
	struct address_list rcpts; /* as written: bare ones, repeats */
};

enum {
	FIELDS_RCPTS = 1,  /* To, Cc, Bcc; or the Resent ones (-t) */
	FIELDS_XLINES = 2, /* envelope of a pickup file */
	FIELDS_KEEP = 4,   /* another mailer's message: hide nothing */
};

/* Read a whole header section.  0; -1 with *st: NEVER, 501 for an address
 * list that is not understood.  Free it either way. */
int fields_read(struct fields *f, const char *head, size_t len, unsigned flags,
    struct status *st) MUST_CHECK;
void fields_free(struct fields *f);

/* Append the fields that go out, octet by octet as they came or, with r, as
 * readdress_field() makes them: all but Bcc, Resent-Bcc and, with
 * FIELDS_XLINES, the x-lines. */
void fields_copy(struct buf *out, const char *head, size_t len, unsigned flags,
    struct readdress *r);

#endif

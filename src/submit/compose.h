/* SPDX-License-Identifier: ISC */
/* The header section as it goes out: Received on top, then what came, then
 * what was missing, then the empty line. */
#ifndef SUBMIT_COMPOSE_H
#define SUBMIT_COMPOSE_H

#include "base/attr.h"
#include "base/buf.h"
#include "queue/envelope.h"
#include "submit/fields.h"
#include "submit/submit.h"

/* Append it.  head is what came; id is the message's queue id.  0; -1 when
 * out is full. */
int compose_head(struct buf *out, const struct submit_options *o,
    const struct envelope *e, const struct fields *f, const struct buf *head,
    const char *id) MUST_CHECK;

/* fields_read's flags for submit's. */
unsigned compose_field_flags(unsigned submit_flags);

#endif

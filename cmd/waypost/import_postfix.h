/* SPDX-License-Identifier: ISC */
/* What the two parts of waypost import postfix share. */
#ifndef WAYPOST_IMPORT_POSTFIX_H
#define WAYPOST_IMPORT_POSTFIX_H

#include "import.h"

struct postfix {
	struct import *im;
	struct pairs set; /* main.cf */
};

/* The value as written, or Postfix's own for the few we need; or NULL. */
const char *postfix_default(struct postfix *x, const char *name);

/* The value with all $names expanded; false: not set.  out is to be freed
 * either way. */
bool postfix_get(struct postfix *x, const char *name, struct buf *out);

/* relayhost, transport_maps, relay_domains, sender dependent relay hosts,
 * TLS and logins. */
void postfix_routes(struct postfix *x);

#endif

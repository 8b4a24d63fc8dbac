/* SPDX-License-Identifier: ISC */
/*
 * A secret for a next hop, read from its file.  It lives from the set-up of
 * a session to its end, in one place, and is wiped there.
 */
#ifndef DELIVER_SECRET_H
#define DELIVER_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/limits.h"
#include "mail/verdict.h"

struct secret {
	char text[SECRET_MAX + 1];
};

/*
 * The first line of a regular file that neither group nor others may
 * read or write.  NULL, and LATER with the cause in *st, otherwise.
 */
struct secret *secret_read(const char *file, struct status *st) MUST_CHECK;

/* Wipe and free; NULL is fine. */
void secret_free(struct secret *s);

/* Does a server's text give the secret away, plain or in base64 as AUTH
 * PLAIN and LOGIN send it? */
bool secret_shows(const struct secret *s, const char *user, const char *text);

#endif

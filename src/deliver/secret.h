/* SPDX-License-Identifier: ISC */
/*
 * A secret for a next hop, from its file or its command (secrets.h).  It
 * lives in one place and is wiped there.
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

/* The first line of what a command printed.  NULL, and *why, a part of a
 * sentence that shows nothing of it, when that is no secret. */
struct secret *secret_from(
    const char *text, size_t len, const char **why) MUST_CHECK;

/* Another one, the caller's. */
struct secret *secret_copy(const struct secret *s) MUST_CHECK;

/* Wipe and free; NULL is fine. */
void secret_free(struct secret *s);

/* Does a server's text give the secret away, or its beginning where the text
 * was cut; plain, or in base64 with anything around it, as AUTH sends it? */
bool secret_shows(const struct secret *s, const char *text);

#endif

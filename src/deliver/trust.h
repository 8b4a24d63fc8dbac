/* SPDX-License-Identifier: ISC */
/*
 * Certificate authorities, one store for each file of them, read once and
 * again when the file changed: libcurl by itself parses the system's 145
 * roots for every connection, 26 ms each (LIBRARIES.md section 4).
 */
#ifndef DELIVER_TRUST_H
#define DELIVER_TRUST_H

#include <openssl/x509.h>

#include "base/attr.h"
#include "mail/verdict.h"

struct trust;

struct trust *trust_new(void) MUST_CHECK;
void trust_free(struct trust *t);

/* The store for a file of PEM certificates; NULL is the system's.  One
 * reference is the caller's.  NULL, and LATER in *st, when it cannot be
 * read or holds none. */
X509_STORE *trust_store(
    struct trust *t, const char *file, struct status *st) MUST_CHECK;

#endif

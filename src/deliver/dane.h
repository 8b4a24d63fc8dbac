/* SPDX-License-Identifier: ISC */
/*
 * TLSA records and OpenSSL (RFC 7672, 7671): what of an answer can be used,
 * and making a TLS session obey it.  Asks no DNS; whether the answer may be
 * believed is the caller's to know.
 */
#ifndef DELIVER_DANE_H
#define DELIVER_DANE_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "base/attr.h"
#include "net/resolver.h"

struct dane;

/*
 * The usable records of a TLSA answer, copied: usages DANE-TA(2) and
 * DANE-EE(3) with a selector, matching type and data that OpenSSL takes.
 * NULL when there is none.  host: the TLSA base domain; domain: the next-hop
 * domain, or NULL: the names that a DANE-TA certificate may have.
 */
struct dane *dane_new(
    const struct answer *a, const char *host, const char *domain) MUST_CHECK;
void dane_free(struct dane *d); /* NULL is fine */

/* Make the sessions of this context verify by d, which outlives them; the
 * context must be set to verify its peer.  0; -1 when OpenSSL refuses. */
int dane_context(struct dane *d, SSL_CTX *ctx) MUST_CHECK;

/* After the handshake: did a record match? */
bool dane_proved(SSL *ssl);

#endif

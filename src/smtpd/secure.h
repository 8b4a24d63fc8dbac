/* SPDX-License-Identifier: ISC */
/*
 * TLS of the listener: contexts with certificates (reloaded without
 * dropping sessions, F08), and one connection's SSL on its own non-blocking
 * socket (LIBRARIES.md section 8).  TLS 1.2 and newer; profile "legacy"
 * also 1.0 and 1.1 for old devices.  No renegotiation, compression, early
 * data or tickets across listeners (F06, F07).
 */
#ifndef SMTPD_SECURE_H
#define SMTPD_SECURE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/attr.h"
#include "conf/conf.h"
#include "smtpd/auth.h"

struct secure_context; /* counted: connections keep the one they began with */
struct secure;

/* NULL and *why (a sentence) when certificate or key do not load.  ca_file:
 * verify client certificates (EXTERNAL), or NULL. */
struct secure_context *secure_context_new(const char *certificate,
    const char *key, const char *profile, const char *ca_file,
    const char **why) MUST_CHECK;

/* One more certificate, for clients that ask for a name it holds (SNI, RFC
 * 6066; names as in RFC 6125, an exact one before a wildcard, the one added
 * first before others).  Takes over the reference; same profile and ca_file.
 * All other clients get the first one. */
void secure_context_add(struct secure_context *c, struct secure_context *more);

struct secure_context *secure_context_ref(struct secure_context *c);
void secure_context_unref(struct secure_context *c); /* NULL is fine */

enum secure_result {
	SECURE_OK, /* done; or n octets */
	SECURE_WANT_READ,
	SECURE_WANT_WRITE,
	SECURE_EOF, /* close_notify, or the socket's end */
	SECURE_FAILED,
};

/* fd stays the caller's; the process ignores SIGPIPE. */
struct secure *secure_accept(struct secure_context *c, int fd) MUST_CHECK;
void secure_free(struct secure *s); /* sends close_notify if it can */
enum secure_result secure_handshake(struct secure *s) MUST_CHECK;
enum secure_result secure_read(
    struct secure *s, char *out, size_t room, size_t *n) MUST_CHECK;
enum secure_result secure_write(
    struct secure *s, const char *data, size_t len, size_t *n) MUST_CHECK;

/* "TLSv1.3 TLS_AES_256_GCM_SHA384"; why the handshake failed. */
const char *secure_describe(const struct secure *s);
void secure_channel(struct secure *s, struct auth_channel *ch);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * OpenSSL on the listener's own non-blocking sockets.  It knows no event
 * loop and no SMTP: what it cannot do now it says, and is called again.
 *
 * No session is ever resumed: no tickets, no session cache.  A handshake
 * costs a millisecond, a ticket that outlives its listener or its
 * configuration costs the rules that the listener has (F07).  A server name
 * (SNI) chooses among the listener's certificates, and nothing else: a name
 * that none of them holds is no error.
 *
 * Invariant: a connection keeps the context it began with, and behind a
 * fault nothing more is written, not even a close_notify.
 */
#include "smtpd/secure.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "smtpd/secure_internal.h"

#define MODERN_CIPHERS                                       \
	"HIGH:!aNULL:!eNULL:!kRSA:!3DES:!RC4:!MD5:!PSK:!SRP" \
	"@SECLEVEL=2"
#define LEGACY_CIPHERS                                       \
	"DEFAULT:!aNULL:!eNULL:!3DES:!RC4:!EXPORT:!PSK:!SRP" \
	":@SECLEVEL=0"

struct secure_context {
	SSL_CTX *ssl;
	unsigned refs;
	struct secure_context **more; /* owned, for server names of theirs */
	size_t nmore;
};

/*
 * A client whose certificate we cannot verify may speak, as if it had shown
 * none: many MTAs show theirs to everybody who asks.
 */
static int
note_verification(int ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(
	    store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct secure *s = SSL_get_app_data(ssl);
	if (!ok)
		s->distrusted = true;
	return 1;
}

static int
set_profile(SSL_CTX *ssl, const char *profile)
{
	bool legacy = strcmp(profile, "legacy") == 0;
	unsigned char id[SSL_MAX_SID_CTX_LENGTH];
	(void)SSL_CTX_set_options(ssl,
	    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
		SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
	(void)SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS |
					SSL_MODE_ENABLE_PARTIAL_WRITE |
					SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	(void)SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_max_early_data(ssl, 0);
	(void)SSL_CTX_set_dh_auto(ssl, 1);
	return SSL_CTX_set_num_tickets(ssl, 0) == 1 &&
		       RAND_bytes(id, sizeof(id)) == 1 &&
		       SSL_CTX_set_session_id_context(ssl, id, sizeof(id)) ==
			   1 &&
		       SSL_CTX_set_min_proto_version(
			   ssl, legacy ? TLS1_VERSION : TLS1_2_VERSION) == 1 &&
		       SSL_CTX_set_cipher_list(
			   ssl, legacy ? LEGACY_CIPHERS : MODERN_CIPHERS) == 1
		   ? 0
		   : -1;
}

static const char *
load(SSL_CTX *ssl, const char *certificate, const char *key,
    const char *profile, const char *ca_file)
{
	if (set_profile(ssl, profile) != 0)
		return "TLS cannot be set up";
	const char *why = secure_files(ssl, certificate, key, ca_file);
	if (why != NULL || ca_file == NULL)
		return why;
	SSL_CTX_set_verify(
	    ssl, SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE, note_verification);
	return NULL;
}

struct secure_context *
secure_context_new(const char *certificate, const char *key,
    const char *profile, const char *ca_file, const char **why)
{
	ERR_clear_error();
	SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());
	if (ssl == NULL)
		die("cannot make a TLS context");
	*why = load(ssl, certificate, key, profile, ca_file);
	ERR_clear_error();
	if (*why != NULL) {
		SSL_CTX_free(ssl);
		return NULL;
	}
	struct secure_context *c = alloc_zero(1, sizeof(*c));
	c->ssl = ssl;
	c->refs = 1;
	return c;
}

static bool
holds(const struct secure_context *c, const char *name, unsigned flags)
{
	return X509_check_host(SSL_CTX_get0_certificate(c->ssl), name, 0,
		   flags | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
		       X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS,
		   NULL) == 1;
}

/* Whose certificate for this name?  NULL: none has it. */
static const struct secure_context *
named(const struct secure_context *c, const char *name)
{
	static const unsigned passes[] = {X509_CHECK_FLAG_NO_WILDCARDS, 0};
	for (size_t pass = 0; pass < 2; pass++) {
		if (holds(c, name, passes[pass]))
			return c;
		for (size_t i = 0; i < c->nmore; i++)
			if (holds(c->more[i], name, passes[pass]))
				return c->more[i];
	}
	return NULL;
}

static int
on_server_name(SSL *ssl, int *alert, void *arg)
{
	const struct secure_context *c = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	(void)alert;
	if (name != NULL)
		c = named(c, name);
	if (name == NULL || c == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	return SSL_set_SSL_CTX(ssl, c->ssl) != NULL
		   ? SSL_TLSEXT_ERR_OK
		   : SSL_TLSEXT_ERR_ALERT_FATAL;
}

void
secure_context_add(struct secure_context *c, struct secure_context *more)
{
	c->more = alloc_grow(c->more, c->nmore + 1, sizeof(*c->more));
	c->more[c->nmore++] = more;
	(void)SSL_CTX_set_tlsext_servername_callback(c->ssl, on_server_name);
	(void)SSL_CTX_set_tlsext_servername_arg(c->ssl, c);
}

struct secure_context *
secure_context_ref(struct secure_context *c)
{
	if (c != NULL)
		c->refs++;
	return c;
}

void
secure_context_unref(struct secure_context *c)
{
	if (c == NULL || --c->refs > 0)
		return;
	for (size_t i = 0; i < c->nmore; i++)
		secure_context_unref(c->more[i]);
	free(c->more);
	SSL_CTX_free(c->ssl);
	free(c);
}

struct secure *
secure_accept(struct secure_context *c, int fd)
{
	struct secure *s = alloc_zero(1, sizeof(*s));
	s->ssl = SSL_new(c->ssl);
	if (s->ssl == NULL || SSL_set_fd(s->ssl, fd) != 1)
		die("cannot make a TLS connection");
	(void)SSL_set_app_data(s->ssl, s);
	SSL_set_accept_state(s->ssl);
	s->context = secure_context_ref(c);
	return s;
}

void
secure_free(struct secure *s)
{
	if (s == NULL)
		return;
	ERR_clear_error();
	if (s->established && !s->failed)
		(void)SSL_shutdown(s->ssl);
	ERR_clear_error();
	SSL_free(s->ssl);
	secure_context_unref(s->context);
	free(s);
}

static void
describe_fault(struct secure *s, int saved_errno)
{
	unsigned long error = ERR_peek_error();
	const char *why = ERR_reason_error_string(error);
	if (why == NULL)
		why = saved_errno != 0 ? strerror(saved_errno)
				       : "the connection was closed";
	(void)snprintf(s->description, sizeof(s->description), "%s", why);
}

/* What became of a call that did not succeed. */
static enum secure_result
outcome(struct secure *s, int returned, int saved_errno)
{
	switch (SSL_get_error(s->ssl, returned)) {
	case SSL_ERROR_WANT_READ:
		return SECURE_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return SECURE_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return SECURE_EOF;
	default:
		break;
	}
	s->failed = true;
	describe_fault(s, saved_errno);
	ERR_clear_error();
	return SECURE_FAILED;
}

enum secure_result
secure_handshake(struct secure *s)
{
	if (s->failed)
		return SECURE_FAILED;
	ERR_clear_error();
	errno = 0;
	int returned = SSL_accept(s->ssl);
	if (returned != 1) {
		enum secure_result r = outcome(s, returned, errno);
		if (r != SECURE_EOF)
			return r;
		s->failed = true;
		describe_fault(s, 0);
		return SECURE_FAILED;
	}
	s->established = true;
	(void)snprintf(s->description, sizeof(s->description), "%s %s",
	    SSL_get_version(s->ssl), SSL_get_cipher_name(s->ssl));
	return SECURE_OK;
}

enum secure_result
secure_read(struct secure *s, char *out, size_t room, size_t *n)
{
	*n = 0;
	if (s->failed || !s->established)
		return SECURE_FAILED;
	ERR_clear_error();
	errno = 0;
	int returned = SSL_read_ex(s->ssl, out, room, n);
	return returned == 1 ? SECURE_OK : outcome(s, returned, errno);
}

enum secure_result
secure_write(struct secure *s, const char *data, size_t len, size_t *n)
{
	*n = 0;
	if (s->failed || !s->established)
		return SECURE_FAILED;
	if (len == 0)
		return SECURE_OK;
	ERR_clear_error();
	errno = 0;
	int returned = SSL_write_ex(s->ssl, data, len, n);
	enum secure_result r =
	    returned == 1 ? SECURE_OK : outcome(s, returned, errno);
	/* Nobody reads any more. */
	s->failed |= r == SECURE_EOF;
	return s->failed ? SECURE_FAILED : r;
}

const char *
secure_describe(const struct secure *s)
{
	return s->description;
}

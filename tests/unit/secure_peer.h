/* SPDX-License-Identifier: ISC */
/*
 * A TLS client of OpenSSL's beside smtpd/secure.h: keys and certificates
 * made on the spot, and octets carried between the two, as many at a time
 * as a test likes.  Not a test itself.
 */
#ifndef TESTS_SECURE_PEER_H
#define TESTS_SECURE_PEER_H

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "smtpd/secure.h"

#define UNUSED_OK __attribute__((unused))

struct identity {
	X509 *certificate;
	EVP_PKEY *key;
	char *crt, *pem; /* paths */
};

static char secure_place[] = "/tmp/waypost-secure-XXXXXX";

UNUSED_OK static char *
secure_path(const char *name, const char *tail)
{
	char *path = malloc(256);
	(void)snprintf(path, 256, "%s/%s%s", secure_place, name, tail);
	return path;
}

UNUSED_OK static void
add_name(X509_NAME *n, const char *cn, int len)
{
	assert_int_equal(
	    X509_NAME_add_entry_by_NID(n, NID_commonName, MBSTRING_UTF8,
		(const unsigned char *)cn, len, -1, 0),
	    1);
}

UNUSED_OK static void
add_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	assert_non_null(e);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

/* A certificate that only lacks its signature. */
UNUSED_OK static X509 *
blank_certificate(EVP_PKEY *key, long days)
{
	X509 *x = X509_new();
	assert_non_null(x);
	(void)X509_set_version(x, 2);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
	(void)X509_gmtime_adj(X509_getm_notBefore(x), -2 * 86400L);
	(void)X509_gmtime_adj(X509_getm_notAfter(x), days * 86400L);
	(void)X509_set_pubkey(x, key);
	return x;
}

/* Signed by issuer, or by itself; written to files of this name. */
UNUSED_OK static struct identity
seal_certificate(
    X509 *x, EVP_PKEY *key, const struct identity *issuer, const char *name)
{
	struct identity i = {.certificate = x,
	    .key = key,
	    .crt = secure_path(name, ".crt"),
	    .pem = secure_path(name, ".key")};
	(void)X509_set_issuer_name(
	    x, X509_get_subject_name(issuer ? issuer->certificate : x));
	assert_true(X509_sign(x, issuer ? issuer->key : key, EVP_sha256()) > 0);
	FILE *f = fopen(i.crt, "w");
	assert_int_equal(PEM_write_X509(f, x), 1);
	(void)fclose(f);
	f = fopen(i.pem, "w");
	assert_int_equal(
	    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	(void)fclose(f);
	return i;
}

/* san: "email:a@b", or NULL. */
UNUSED_OK static struct identity
make_identity(
    const char *name, const char *san, const struct identity *issuer, long days)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	assert_non_null(key);
	X509 *x = blank_certificate(key, days);
	add_name(X509_get_subject_name(x), name, -1);
	if (issuer == NULL)
		add_extension(x, NID_basic_constraints, "critical,CA:TRUE");
	if (san != NULL)
		add_extension(x, NID_subject_alt_name, san);
	return seal_certificate(x, key, issuer, name);
}

UNUSED_OK static void
free_identity(struct identity *i)
{
	X509_free(i->certificate);
	EVP_PKEY_free(i->key);
	(void)unlink(i->crt);
	(void)unlink(i->pem);
	free(i->crt);
	free(i->pem);
}

/* The two ends.  The client's octets wait in memory. */
struct pair {
	SSL_CTX *ctx;
	SSL *client;
	BIO *to_client, *from_client;
	int fds[2]; /* [0] is the server's */
	struct secure *server;
};

UNUSED_OK static void
pair_open(struct pair *p, struct secure_context *c)
{
	*p = (struct pair){0};
	p->ctx = SSL_CTX_new(TLS_client_method());
	assert_non_null(p->ctx);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p->fds), 0);
	p->server = secure_accept(c, p->fds[0]);
}

/* Behind the options that a test sets in ctx. */
UNUSED_OK static void
pair_client(struct pair *p)
{
	p->client = SSL_new(p->ctx);
	p->to_client = BIO_new(BIO_s_mem());
	p->from_client = BIO_new(BIO_s_mem());
	(void)BIO_set_mem_eof_return(p->to_client, -1);
	SSL_set_bio(p->client, p->to_client, p->from_client);
	SSL_set_connect_state(p->client);
}

UNUSED_OK static void
pair_close(struct pair *p)
{
	secure_free(p->server);
	SSL_free(p->client);
	SSL_CTX_free(p->ctx);
	(void)close(p->fds[0]);
	if (p->fds[1] >= 0)
		(void)close(p->fds[1]);
	ERR_clear_error();
}

/* At most n octets from the client to the socket; how many. */
UNUSED_OK static int
pair_forward(struct pair *p, int n)
{
	char data[4096];
	int got =
	    BIO_read(p->from_client, data, n < (int)sizeof(data) ? n : 4096);
	if (got <= 0)
		return 0;
	assert_int_equal(write(p->fds[1], data, (size_t)got), got);
	return got;
}

/* All that the server wrote to the client. */
UNUSED_OK static int
pair_back(struct pair *p)
{
	char data[4096];
	int sum = 0;
	ssize_t n;
	while ((n = read(p->fds[1], data, sizeof(data))) > 0) {
		assert_int_equal(BIO_write(p->to_client, data, (int)n), n);
		sum += (int)n;
	}
	return sum;
}

/* Shake hands, the client's octets piece at a time. */
UNUSED_OK static enum secure_result
pair_handshake(struct pair *p, int piece)
{
	enum secure_result r;
	int moved;
	do {
		(void)SSL_do_handshake(p->client);
		ERR_clear_error();
		moved = pair_forward(p, piece);
		r = secure_handshake(p->server);
		moved += pair_back(p);
	} while (r == SECURE_WANT_READ && moved > 0);
	(void)SSL_do_handshake(p->client);
	ERR_clear_error();
	return r;
}

UNUSED_OK static struct secure_context *
context(const struct identity *i, const char *profile, const char *authorities)
{
	const char *why = NULL;
	struct secure_context *c =
	    secure_context_new(i->crt, i->pem, profile, authorities, &why);
	if (c == NULL)
		fail_msg("no context: %s", why);
	assert_null(why);
	return c;
}

#endif

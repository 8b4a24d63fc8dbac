/* SPDX-License-Identifier: ISC */
/*
 * Certificates, keys and authorities out of their files, which may hold
 * what OpenSSL's own loaders take: a chain behind the certificate, other
 * PEM blocks between.  They are not used here, since they open by path:
 * what the sandbox keeps from us is handed in by the parent (reach_open()).
 * Invariant: a file that is not whole is a fault, never half a chain.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/reach.h"
#include "smtpd/secure_internal.h"

/* OpenSSL would ask for a pass phrase on the terminal. */
static int
no_pass_phrase(char *out, int size, int writing, void *arg)
{
	(void)out;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

/* A sentence for one of OpenSSL's errors, or NULL. */
static const char *
sentence(unsigned long error)
{
	int library = ERR_GET_LIB(error), code = ERR_GET_REASON(error);
	if (library == ERR_LIB_PEM && code == PEM_R_BAD_PASSWORD_READ)
		return "the key is locked with a pass phrase";
	if (library == ERR_LIB_SSL &&
	    (code == SSL_R_EE_KEY_TOO_SMALL || code == SSL_R_CA_KEY_TOO_SMALL ||
		code == SSL_R_CA_MD_TOO_WEAK))
		return "the certificate is too weak for this profile";
	if (library == ERR_LIB_X509 && code == X509_R_KEY_VALUES_MISMATCH)
		return "key and certificate do not belong together";
	return NULL;
}

/* The first of them that we know, else the given one. */
static const char *
reason(const char *otherwise)
{
	unsigned long error;
	while ((error = ERR_get_error()) != 0) {
		const char *found = sentence(error);
		if (found != NULL)
			return found;
	}
	return otherwise;
}

/* NULL, and *why. */
static BIO *
open_file(const char *path, const char **why)
{
	int fd = reach_open(path);
	FILE *f = fd >= 0 ? fdopen(fd, "re") : NULL;
	BIO *b = f != NULL ? BIO_new_fp(f, BIO_CLOSE) : NULL;
	if (b != NULL)
		return b;
	*why = errno == ENOENT ? "there is no such certificate or key file"
	       : errno == EACCES
		   ? "the certificate or key file may not be read"
		   : "the certificate or key file cannot be opened";
	if (f != NULL)
		(void)fclose(f);
	else if (fd >= 0)
		(void)close(fd);
	return NULL;
}

/* The reader of certificates stopped: at the end, or at a fault? */
static bool
at_end(void)
{
	unsigned long error = ERR_peek_last_error();
	if (ERR_GET_LIB(error) != ERR_LIB_PEM ||
	    ERR_GET_REASON(error) != PEM_R_NO_START_LINE)
		return false;
	ERR_clear_error();
	return true;
}

static const char *
use_chain(SSL_CTX *ssl, BIO *b)
{
	const char *const why = "the certificate file holds no certificate";
	X509 *x = PEM_read_bio_X509_AUX(b, NULL, no_pass_phrase, NULL);
	bool good = x != NULL && SSL_CTX_use_certificate(ssl, x) == 1;
	X509_free(x);
	while (good &&
	       (x = PEM_read_bio_X509(b, NULL, no_pass_phrase, NULL)) != NULL) {
		good = SSL_CTX_add0_chain_cert(ssl, x) == 1;
		if (!good)
			X509_free(x);
	}
	return good && at_end() ? NULL : reason(why);
}

static const char *
use_key(SSL_CTX *ssl, BIO *b)
{
	EVP_PKEY *key = PEM_read_bio_PrivateKey(b, NULL, no_pass_phrase, NULL);
	bool good = key != NULL && SSL_CTX_use_PrivateKey(ssl, key) == 1;
	EVP_PKEY_free(key);
	if (!good)
		return reason("the key file holds no private key");
	return SSL_CTX_check_private_key(ssl) == 1
		   ? NULL
		   : "key and certificate do not belong together";
}

static const char no_authorities[] =
    "the authorities of clients cannot be read";

/* Those that we trust, and name to clients. */
static const char *
use_authorities(SSL_CTX *ssl, BIO *b)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ssl);
	bool good = true;
	size_t n = 0;
	X509 *x;
	while (good &&
	       (x = PEM_read_bio_X509(b, NULL, no_pass_phrase, NULL)) != NULL) {
		good = X509_STORE_add_cert(store, x) == 1 &&
		       SSL_CTX_add_client_CA(ssl, x) == 1;
		X509_free(x);
		n++;
	}
	return good && n > 0 && at_end() ? NULL : no_authorities;
}

const char *
secure_files(
    SSL_CTX *ssl, const char *certificate, const char *key, const char *ca_file)
{
	const struct {
		const char *path;
		const char *(*use)(SSL_CTX *ssl, BIO *b);
	} v[] = {{certificate, use_chain}, {key, use_key},
	    {ca_file, use_authorities}};
	const char *why = NULL;
	for (size_t i = 0; i < 3 && why == NULL && v[i].path != NULL; i++) {
		BIO *b = open_file(v[i].path, &why);
		if (b != NULL)
			why = v[i].use(ssl, b);
		else if (v[i].use == use_authorities)
			why = no_authorities;
		BIO_free(b);
	}
	return why;
}

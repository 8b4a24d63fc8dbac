/* SPDX-License-Identifier: ISC */
/* One TLS connection, as secure.c and secure_channel.c see it, and the files
 * of a context (secure_files.c). */
#ifndef SMTPD_SECURE_INTERNAL_H
#define SMTPD_SECURE_INTERNAL_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "base/limits.h"
#include "smtpd/secure.h"

struct secure {
	SSL *ssl;
	struct secure_context *context;
	bool established, failed;
	bool distrusted; /* its certificate did not verify */
	char description[160];
	char certificate_name[USER_TEXT_MAX + 1];
	unsigned char binding[EVP_MAX_MD_SIZE];
};

/* Load them into ssl; ca_file may be NULL.  NULL, or why not: a sentence. */
const char *secure_files(SSL_CTX *ssl, const char *certificate, const char *key,
    const char *ca_file) MUST_CHECK;

#endif

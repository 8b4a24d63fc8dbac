/* SPDX-License-Identifier: ISC */
/* Private keys for DKIM, read when they are needed and kept while their
 * files stay as they are. */
#ifndef DELIVER_KEYRING_H
#define DELIVER_KEYRING_H

#include <openssl/evp.h>

#include "base/attr.h"

struct keyring;

struct keyring *keyring_new(void) MUST_CHECK;
void keyring_free(struct keyring *k); /* NULL is fine */

/*
 * The key in a PEM file: RSA of 1024 bits or more (RFC 8301), or Ed25519.
 * Borrowed until the next call.  NULL and *why: it cannot be read, others
 * may read it (want mode 0600), or it is no such key.
 */
EVP_PKEY *keyring_key(
    struct keyring *k, const char *path, const char **why) MUST_CHECK;

#endif

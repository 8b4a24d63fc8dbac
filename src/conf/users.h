/* SPDX-License-Identifier: ISC */
/*
 * The users file: SCRAM-SHA-256 verifiers, no password in any form (F15).
 *
 *   name:SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY[:senders]
 *
 * base64 as in RFC 5803; senders: comma list of addresses or @domains that
 * the user may send from (absent: any).  '#' starts a comment line.
 */
#ifndef CONF_USERS_H
#define CONF_USERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "mail/address.h"

struct faults;
struct users;

#define USER_NAME_MAX 64
#define SCRAM_SALT_MAX 64
#define SCRAM_KEY_LEN 32

struct verifier {
	char name[USER_NAME_MAX + 1];
	unsigned iterations;
	unsigned char salt[SCRAM_SALT_MAX];
	size_t salt_len;
	unsigned char stored_key[SCRAM_KEY_LEN], server_key[SCRAM_KEY_LEN];
	char *senders; /* owned; NULL: any */
};

/* NULL and faults; a missing file is an empty one; readable by others is a
 * fault (M08). */
struct users *users_load(const char *path, struct faults *f) MUST_CHECK;
void users_free(struct users *u);
size_t users_count(const struct users *u);
const struct verifier *users_at(const struct users *u, size_t i);

/* The verifier of a name (exact), or NULL; u may be NULL. */
const struct verifier *users_find(const struct users *u, const char *name);

/* May this user send from this address?  (F20) */
bool verifier_may_send(const struct verifier *v, const struct address *from);

/* One line without LF. */
void verifier_format(struct buf *out, const struct verifier *v);
bool user_name_valid(const char *s, size_t len);

#endif

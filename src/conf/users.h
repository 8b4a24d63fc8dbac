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
#define SCRAM_SALT_LEN 16      /* of the verifiers that we make */
#define SCRAM_ITERATIONS 10000 /* of these; a login costs about 3 ms */
#define SALT_KEY_MIN 16
#define SALT_KEY_MAX 64

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

/* The same from memory; takes text, which has a NUL at [len]. */
struct users *users_read(
    const char *path, char *text, size_t len, struct faults *f) MUST_CHECK;

/* Counted: who keeps users beyond a reload takes a reference, which
 * users_free() gives back. */
const struct users *users_ref(const struct users *u);
void users_free(const struct users *u); /* NULL is fine */

size_t users_count(const struct users *u);
const struct verifier *users_at(const struct users *u, size_t i);

/* The verifier of a name (exact), or NULL; u may be NULL. */
const struct verifier *users_find(const struct users *u, const char *name);

/* The salt key of the file; its length, 0 if it has none. */
size_t users_salt_key(const struct users *u, const unsigned char **key);

/* May this user send from this address (F20)?  The null sender names
 * nobody: reports of a user's mail program have it, and anybody may. */
bool verifier_may_send(const struct verifier *v, const struct address *from);

/* Is it a list of senders as above?  NULL, or what is wrong with it. */
const char *senders_check(const char *s);

/* One line without LF. */
void verifier_format(struct buf *out, const struct verifier *v);

/* Printable ASCII without blanks and what means something in this file, in
 * a list or in a header: ( ) < > " , : ; and not '#' in front. */
bool user_name_valid(const char *s, size_t len);

#endif

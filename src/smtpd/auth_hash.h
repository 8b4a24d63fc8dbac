/* SPDX-License-Identifier: ISC */
/*
 * Passwords against verifiers, on a thread of its own: PBKDF2 takes
 * milliseconds.  Private to auth.
 */
#ifndef SMTPD_AUTH_HASH_H
#define SMTPD_AUTH_HASH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "conf/users.h"

struct event_base;
struct auth_hash;
struct hash_job;

/* Starts the thread. */
struct auth_hash *auth_hash_new(struct event_base *base) MUST_CHECK;

/* Ends it after the job that is under way; other jobs are forgotten. */
void auth_hash_free(struct auth_hash *h);

/* From the event loop: was it the password? */
typedef void (*hash_fn)(void *arg, bool match);

/* Takes copies.  NULL when AUTH_HASHES_MAX jobs are waiting. */
struct hash_job *auth_hash_start(struct auth_hash *h, const struct verifier *v,
    const char *password, size_t len, hash_fn fn, void *arg);

/* Before fn is called: it never will be. */
void auth_hash_cancel(struct hash_job *j);

#endif

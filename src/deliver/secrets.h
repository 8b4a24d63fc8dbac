/* SPDX-License-Identifier: ISC */
/*
 * Secrets that a secret-command prints, kept in memory: one child for each
 * command at a time, whatever waits for it.
 *
 * The first line of the output is the secret, without its end; a later line
 * "expires_in=SECONDS" (RFC 6749 section 5.1) tells how long it is good.
 * It is asked for again a fifth of that time before, at most 5 minutes;
 * without that line, after SECRET_KEEP_MS.  Other lines mean nothing, so that
 * "pass show" does.  A command that failed is left alone for a second, so
 * that the hosts of a list share one failure.
 */
#ifndef DELIVER_SECRETS_H
#define DELIVER_SECRETS_H

#include <stdint.h>

#include "base/attr.h"
#include "deliver/secret.h"
#include "mail/verdict.h"

#define SECRET_KEEP_MS (5 * 60 * 1000LL)
#define SECRET_EARLY_MS (5 * 60 * 1000LL)
#define SECRET_FAILED_MS 1000LL

struct secrets;
struct secret_question; /* one under way */
struct event_base;

/* s is borrowed for the call; NULL: st is LATER and says why. */
typedef void (*secret_fn)(
    void *arg, const struct secret *s, const struct status *st);

struct secrets *secrets_new(struct event_base *base) MUST_CHECK;

/* Wipes all and kills what runs; no question may be open.  NULL is fine. */
void secrets_free(struct secrets *k);

/* What this command prints.  fn is called once from the event loop, never
 * from within this call; the command may take ms. */
struct secret_question *secrets_ask(struct secrets *k, const char *command,
    int64_t ms, secret_fn fn, void *arg) MUST_CHECK;

/* The command goes on, for the next one who asks.  NULL is fine. */
void secrets_cancel(struct secret_question *q);

/* A server refused this one: run the command again for the next question,
 * unless it was done meanwhile. */
void secrets_refused(
    struct secrets *k, const char *command, const struct secret *s);

/* The administrator changed something: run all commands again. */
void secrets_forget(struct secrets *k);

/* How long a secret is kept, from what the command printed; ms. */
int64_t secrets_lifetime(const char *out, size_t len);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Large files of the pickup directory: claimed as the others are, then
 * queued by the porter.
 *
 * What becomes of one is not to be delivered before its claim is gone for
 * good (claim.c), so its batch must be left alone until news comes.
 */
#ifndef DELIVER_BULKY_H
#define DELIVER_BULKY_H

#include <stdbool.h>

#include "base/attr.h"
#include "deliver/claim.h"
#include "deliver/porter.h"

struct bulky;
struct pickup;

/* news(arg, id): a claim is settled; new/ID may be there. */
struct bulky *bulky_new(struct porter *porter,
    void (*news)(void *arg, const char *id), void *arg) MUST_CHECK;
void bulky_free(struct bulky *b); /* with none under way; NULL is fine */

/* May another be sent?  At most PICKUP_LARGE_MAX are under way. */
bool bulky_room(const struct bulky *b);

/* Settle this claim, which is fresh and durable, by c and the aliases of
 * then; pickup_settled() hears how it went. */
void bulky_send(struct bulky *b, struct pickup *p, const struct door *d,
    struct conf *c, const struct claim *cl);

/* Is this batch being made of a claim? */
bool bulky_has(const struct bulky *b, const char *id);

/* The directory is closed: those under way come to an end soon. */
void bulky_forget(struct bulky *b, const struct pickup *p);

/* --- pickup.c --- */

/* It is settled, or put back: why says why. */
void pickup_settled(struct pickup *p, const struct claim *cl,
    enum claim_result result, const char *why);

#endif

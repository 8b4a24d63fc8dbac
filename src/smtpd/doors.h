/* SPDX-License-Identifier: ISC */
/*
 * The parent's listening sockets: one for each listener of the
 * configuration, opened and closed as it changes.  Each opening and closing
 * is told, so that the workers have the same ones.
 */
#ifndef SMTPD_DOORS_H
#define SMTPD_DOORS_H

#include <stddef.h>

#include "base/attr.h"
#include "conf/conf.h"
#include "smtpd/handover.h"

struct doors;

/* HANDOVER_OPEN, its fd borrowed, or HANDOVER_CLOSE. */
typedef void (*doors_fn)(void *arg, const struct handover *h);

struct doors *doors_new(doors_fn fn, void *arg) MUST_CHECK;
void doors_free(struct doors *d); /* closes them, tells nobody; NULL is fine */

/*
 * Open what is new, then close what is gone.  A listener that got another
 * address which cannot be bound keeps the one it had (M04).  The number of
 * addresses that could not be bound; each is logged, unless it is known from
 * the call before.
 */
size_t doors_follow(struct doors *d, const struct conf *c);

size_t doors_count(const struct doors *d);

/* For a worker that starts. */
void doors_each(const struct doors *d, doors_fn fn, void *arg);

#endif

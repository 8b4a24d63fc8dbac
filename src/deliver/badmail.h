/* SPDX-License-Identifier: ISC */
/*
 * SPOOL/badmail: what can neither be delivered nor reported, kept for the
 * administrator: NAME.eml and NAME.reason (plain text, what and why).  A
 * ring: queue.badmail-max octets and queue.badmail-keep, oldest out first.
 */
#ifndef DELIVER_BADMAIL_H
#define DELIVER_BADMAIL_H

#include "base/attr.h"
#include "conf/conf.h"
#include "queue/batch.h"

/* Keep a queued message for all recipients of env; why is the reason's text (may have several LF
 * lines).  Durable on 0; -1 with errno: keep the message where it is. */
int badmail_keep(const struct conf *c, struct batch *b,
    const struct batch_entry *e, const struct envelope *env, const char *id,
    const char *why) MUST_CHECK;

/* Move a file of a directory here (same or other file system), named for
 * name; the original is gone on 0. */
int badmail_move(const struct conf *c, int dirfd, const char *file,
    const char *name, const char *why) MUST_CHECK;

/* Enforce the ring (some of the calls above do, too). */
void badmail_trim(const struct conf *c);

/* Open the directory, making it if need be.  -1 with errno. */
int badmail_open(const struct conf *c) MUST_CHECK;

/* Add octets as printable ASCII: others as \xNN. */
void badmail_escape(struct buf *out, const char *s, size_t len);

#endif

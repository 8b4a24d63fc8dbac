/* SPDX-License-Identifier: ISC */
/*
 * Mailboxes of local domains with maildir=: which directory an address
 * means, and whether it is certain that there is none.  No address can name
 * a path outside of the place that the template gives it: a local part is
 * one path component that is neither empty nor starts with a dot.
 */
#ifndef CONF_MAILBOX_H
#define CONF_MAILBOX_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "conf/conf.h"
#include "mail/address.h"

/* The entry that covers a recipient (bare: the origin's); an alias gives
 * the default domain, whose settings it shares.  NULL: none. */
const struct domain *mailbox_domain(
    const struct conf *c, const struct address *rcpt);

/* Is it one of ours: bare, or at the hostname, the origin or a local
 * domain? */
bool mailbox_is_ours(const struct conf *c, const struct address *a);

/* The maildir of an address at d (from mailbox_domain, with a maildir).
 * 0; -1: the address can name none. */
int mailbox_path(const struct conf *c, const struct domain *d,
    const struct address *rcpt, struct buf *out) MUST_CHECK;

/*
 * Is it certain that there is no such mailbox: the directory that holds the
 * mailboxes is there and this one is not?  A missing holder may be a
 * missing mount, and is no proof.
 */
bool mailbox_missing(
    const struct conf *c, const struct domain *d, const struct address *rcpt);

/*
 * The path for a template: %d is the domain (in A-labels), %u the local part, %% a '%'.
 * Template text from len on is ignored.  0; -1 when it grows too long.
 */
int maildir_path(struct buf *out, const char *template, size_t len,
    const char *domain, const char *user);

#endif

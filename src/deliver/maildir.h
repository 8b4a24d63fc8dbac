/* SPDX-License-Identifier: ISC */
/*
 * One message into one recipient's maildir, for drop: written in tmp/,
 * renamed into new/, LF line ends, "Return-Path:" and "Delivered-To:" on
 * top.  The maildir must exist; it is never made here.
 */
#ifndef DELIVER_MAILDIR_H
#define DELIVER_MAILDIR_H

#include "conf/conf.h"
#include "mail/verdict.h"
#include "queue/batch.h"

/* d is the entry whose maildir= counts: the recipient's own, or the default
 * one when the recipient's domain is an alias (%d is then d's name). */
void maildir_deliver(const struct conf *c, const struct domain *d,
    struct batch *b, const struct batch_entry *e, const struct envelope *env,
    const char *id, const struct rcpt *rcpt, struct status *st);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Signing at delivery (RFC 6376, 8301, 8463): relaxed/relaxed, SHA-256, RSA
 * or Ed25519, one signature for each key of the domain in From.
 */
#ifndef DELIVER_DKIM_SIGN_H
#define DELIVER_DKIM_SIGN_H

#include "base/attr.h"
#include "base/buf.h"
#include "conf/conf.h"
#include "deliver/convert.h"
#include "deliver/keyring.h"
#include "mail/verdict.h"
#include "queue/envelope.h"

/*
 * Did it come from somebody who may send for others: a user of this host, or
 * a client with the right to relay?  What strangers brought is not signed.
 */
bool dkim_entitled(const struct envelope *env);

/*
 * Append the DKIM-Signature fields that this message, as it will be sent,
 * is to have: none without a single From of a domain that has a dkim
 * section, and none that is there already (same domain and selector).
 *
 * 0.  -1 and *st, LATER 4.3.0 (unreadable) or 4.3.5 (a key cannot be had,
 * and the section is not optional).
 */
int dkim_sign(const struct convert_source *message, const struct conf *conf,
    struct keyring *keys, struct buf *out, struct status *st) MUST_CHECK;

#endif

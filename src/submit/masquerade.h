/* SPDX-License-Identifier: ISC */
/*
 * Which address a sender is to have outside (R33, A49): the masquerade
 * section of the configuration, as a pure function.  Applied twice it does
 * what it did once, so that two doors in a row do no harm.
 */
#ifndef SUBMIT_MASQUERADE_H
#define SUBMIT_MASQUERADE_H

#include <stdbool.h>

#include "conf/conf.h"
#include "mail/address.h"

/*
 * Whose sender it is.  A stranger's is changed only when it is at a domain
 * of ours or stands in senders, never to masquerade.from: mail from outside
 * must bounce to where it came from.
 */
enum masquerade_scope {
	MASQUERADE_STRANGER, /* envelope of relayed mail */
	MASQUERADE_OWN,      /* envelope, From, Sender of our own mail */
	MASQUERADE_REPLY,    /* Reply-To: from is not for it */
};

/*
 * Replace a; it has a domain or is null, and null stays null.  An address
 * that would grow too long stays as it is.  Order: what is a target already
 * stays; senders; (exempt users of ours stay;) from; domain, and senders
 * once more.
 */
void masquerade(
    const struct conf *c, enum masquerade_scope scope, struct address *a);

#endif

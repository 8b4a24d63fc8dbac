/* SPDX-License-Identifier: ISC */
/* The envelope sender and the recipients that a caller names. */
#ifndef SENDMAIL_SENDER_H
#define SENDMAIL_SENDER_H

#include <sys/types.h>

#include "base/attr.h"
#include "mail/address.h"

/* -f: "" and "<>" are the null sender, else one address, bare or not, in
 * angle brackets or not.  0; -1 and *why. */
int sender_parse(
    struct address *a, const char *text, const char **why) MUST_CHECK;

/* The login of uid; "uid-NUMBER" when it has none that is an address. */
void sender_of_uid(struct address *a, uid_t uid);

/* One operand: an address list.  0; -1 and *why. */
int operand_parse(
    struct address_list *out, const char *text, const char **why) MUST_CHECK;

#endif

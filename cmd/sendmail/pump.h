/* SPDX-License-Identifier: ISC */
/* sendmail -bs by the listener: octets both ways between the caller and its
 * unix socket; the listener holds the session. */
#ifndef SENDMAIL_PUMP_H
#define SENDMAIL_PUMP_H

#include "base/attr.h"
#include "conf/conf.h"
#include "mail/verdict.h"

/* EX_OK when the listener ended it; EX_TEMPFAIL and *st when nobody greets;
 * EX_IOERR when the caller's end broke. */
int pump_run(const struct conf *c, struct status *st) MUST_CHECK;

#endif

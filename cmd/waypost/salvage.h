/* SPDX-License-Identifier: ISC */
/* waypost queue requeue corrupt/NAME: what is whole of a damaged file. */
#ifndef WAYPOST_SALVAGE_H
#define WAYPOST_SALVAGE_H

#include "base/attr.h"
#include "conf/conf.h"
#include "queue/store.h"

/* Queue the messages of SPOOL/corrupt/NAME whose checksums are right, for the
 * recipients that the journal does not call done, under a new id; then the
 * file is NAME.salvaged.  0 or an exit code, told: 65 when there is none. */
int salvage(const struct conf *c, struct store *s, const char *name) MUST_CHECK;

#endif

/* SPDX-License-Identifier: ISC */
/* What the caller is told: one line on standard error for each matter. */
#ifndef SENDMAIL_TELL_H
#define SENDMAIL_TELL_H

#include "base/attr.h"
#include "conf/conf.h"

/* "PROGRAM: text"; control octets become '?' (INV7). */
void tell(const char *program, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* One line for each fault. */
void tell_faults(const char *program, const struct faults *f);

#endif

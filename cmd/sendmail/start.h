/* SPDX-License-Identifier: ISC */
/* The first instructions of a set-gid program, and its last. */
#ifndef SENDMAIL_START_H
#define SENDMAIL_START_H

#include <stdbool.h>

/* Make the process our own, whoever started it how; exits 71 when even
 * that is not to be had. */
void start_clean(void);

/* Does the process carry rights that its caller has not? */
bool start_privileged(void);

/* Give up the set-gid group for good; exits 71 when that fails. */
void start_drop_group(void);

#endif

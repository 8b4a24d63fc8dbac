/* SPDX-License-Identifier: ISC */
/* The house's outcome, as a caller of sendmail sees it. */
#ifndef SENDMAIL_OUTCOME_H
#define SENDMAIL_OUTCOME_H

#include "mail/verdict.h"

/* A code of sysexits.h; the same whether submit or the listener said it. */
int outcome_exit(const struct status *st);

/* What to do about it: "; ..." or "". */
const char *outcome_cure(const struct status *st);

#endif

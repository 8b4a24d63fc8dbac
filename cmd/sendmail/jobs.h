/* SPDX-License-Identifier: ISC */
/* What the program can be asked for; each returns a code of sysexits.h and
 * has told the caller why when it is not 0. */
#ifndef SENDMAIL_JOBS_H
#define SENDMAIL_JOBS_H

#include "base/attr.h"
#include "conf/conf.h"
#include "options.h"

int send_run(const struct options *o, const struct conf *c) MUST_CHECK;
int smtp_run(const struct options *o, const struct conf *c) MUST_CHECK;
int mailq_run(const struct options *o, const struct conf *c) MUST_CHECK;
int newaliases_run(const struct options *o, const struct conf *c) MUST_CHECK;
int verify_run(const struct options *o, const struct conf *c) MUST_CHECK;
int flush_run(const struct options *o, const struct conf *c) MUST_CHECK;

#endif

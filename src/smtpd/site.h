/* SPDX-License-Identifier: ISC */
/*
 * All that the administrator wrote and the listener obeys, as one counted
 * snapshot: configuration with the domain table, users, aliases.  A letter
 * or an AUTH exchange keeps the one it began with.
 */
#ifndef SMTPD_SITE_H
#define SMTPD_SITE_H

#include "base/attr.h"
#include "conf/conf.h"
#include "conf/users.h"
#include "submit/alias.h"

struct site {
	int refs;
	struct conf *conf;
	struct users *users;
	struct alias *aliases;
};

/* All or nothing (M03): NULL when anything is broken.  before is what it
 * takes the place of, NULL at the start (see conf_again()).  Faults are logged
 * by the parent; workers, who find the same, are quiet. */
enum site_faults { SITE_TELL, SITE_QUIET };
struct site *site_load(const char *conf_path, const struct site *before,
    enum site_faults faults) MUST_CHECK;

struct site *site_ref(struct site *s);
void site_unref(struct site *s); /* NULL is fine */

#endif

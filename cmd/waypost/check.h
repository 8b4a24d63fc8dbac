/* SPDX-License-Identifier: ISC */
/* The parts of waypost check, and how they tell what they found. */
#ifndef WAYPOST_CHECK_H
#define WAYPOST_CHECK_H

#include <limits.h>

#include "base/attr.h"
#include "conf/conf.h"

struct dial;

enum found { FOUND_GOOD, FOUND_WARNING, FOUND_FAULT };

struct check {
	const struct conf *c;
	enum found worst;
	char at[PATH_MAX + 16]; /* of check_at() */
};

/* One line on standard output; a cure on the next, or NULL. */
void check_tell(struct check *k, enum found what, const char *cure,
    const char *fmt, ...) PRINTF_LIKE(4, 5);

/* "file:line: " of the first of two members (the second may be NULL) that
 * the configuration sets, or "".  Until the next call. */
const char *check_at(struct check *k, const void *member, const void *other);

/* The spool, its room, who runs. */
void check_files(struct check *k);

/* Secret files, certificates and keys, each file once. */
void check_secrets(struct check *k);

/* Would a stranger's mail for elsewhere be taken?  (K304897) */
void check_relay(struct check *k);

/* Does the resolver work, and does this host have a name that others
 * believe? */
void check_names(struct check *k, struct dial *d);

/* Secret commands, and a login at each smart host and at the hosts of the
 * domain table. */
void check_hosts(struct check *k, struct dial *d);

#endif

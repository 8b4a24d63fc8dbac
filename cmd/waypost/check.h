/* SPDX-License-Identifier: ISC */
/* The parts of waypost check, and how they tell what they found. */
#ifndef WAYPOST_CHECK_H
#define WAYPOST_CHECK_H

#include "base/attr.h"
#include "conf/conf.h"

enum found { FOUND_GOOD, FOUND_WARNING, FOUND_FAULT };

struct check {
	const struct conf *c;
	enum found worst;
};

/* One line on standard output; a cure on the next, or NULL. */
void check_tell(struct check *k, enum found what, const char *cure,
    const char *fmt, ...) PRINTF_LIKE(4, 5);

/* Secret files, certificates, the spool, who runs. */
void check_files(struct check *k);

/* Would a stranger's mail for elsewhere be taken?  (K304897) */
void check_relay(struct check *k);

/* Secret commands, the resolver, and a login at each smart host. */
void check_network(struct check *k);

#endif

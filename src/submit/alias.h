/* SPDX-License-Identifier: ISC */
/*
 * /etc/aliases: "name: target, target"; local names only, without case;
 * recursive with a loop guard.  Targets are addresses or local names; pipe,
 * file and :include: targets are faults, told with file:line (A13).
 */
#ifndef SUBMIT_ALIAS_H
#define SUBMIT_ALIAS_H

#include "base/attr.h"
#include "conf/conf.h"
#include "mail/address.h"

struct alias;

/* Load path; a missing file is an empty map.  Faulty lines are told in f
 * and left out: the map is never NULL, and a name whose line is faulty
 * resolves to a fault, never silently to itself. */
struct alias *alias_load(const char *path, struct faults *f) MUST_CHECK;
void alias_free(struct alias *a);
size_t alias_size(const struct alias *a);

/*
 * Expand one recipient, appended to out and qualified by conf_origin; the
 * caller drops repeats when all are there (address_list_unique).  a NULL:
 * no aliases.  Looked up are bare names and names at a local domain of c,
 * the hostname or the origin; anything else is added as it is.  "\name"
 * stops the expansion, and so does a name on its own line ("root: root,
 * admin@example.org").  0; -1 and *why (never NULL): a circle that leads
 * nowhere, too many, a faulty line, an unreadable file.
 */
int alias_expand(const struct alias *a, const struct conf *c,
    const struct address *rcpt, struct address_list *out,
    const char **why) MUST_CHECK;

/* Expand every name and tell in f, by path and line, those that cannot be;
 * faults of lines were told by alias_load().  For whoever checks the file. */
void alias_check(const struct alias *a, const struct conf *c, const char *path,
    struct faults *f);

#endif

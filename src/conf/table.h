/* SPDX-License-Identifier: ISC */
/*
 * The domain table: local, alias and remote domains, one line each
 * (conf/domains.5).  Hashed: exact name first, then the longest wildcard;
 * "*.a.b" does not cover "a.b".  Read whole, never changed.
 */
#ifndef CONF_TABLE_H
#define CONF_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct faults;
struct session_conf;

enum domain_kind { DOMAIN_LOCAL, DOMAIN_ALIAS, DOMAIN_REMOTE };
enum route_kind { ROUTE_HOST, ROUTE_MX, ROUTE_SMARTHOST };

struct domain {
	char *name; /* as by domain_key(); with its "*." when a wildcard */
	bool name_is_own; /* a block of its own: it was in U-labels */
	enum domain_kind kind;
	bool is_default;       /* of the local ones, exactly one */
	char *maildir;         /* local: NULL = the drop directory; %d %u */
	bool relay;            /* remote: relay=yes */
	enum route_kind route; /* remote */
	char *host;            /* ROUTE_HOST: "name[:port]" or "[ip]:port" */
	struct session_conf *session; /* remote: own settings, or NULL */
};

struct table;

/* Load path.  only_local keeps local and alias entries (quickly).  Faults
 * are added to f; NULL if there was any.  A missing file is an empty
 * table. */
struct table *table_load(
    const char *path, bool only_local, struct faults *f) MUST_CHECK;
void table_free(struct table *t);

/* The entry that covers a domain name (any case, U-labels or A-labels), or
 * NULL.  t may be NULL. */
const struct domain *table_find(
    const struct table *t, const char *name, size_t len);

/* The default local domain, or NULL. */
const struct domain *table_default(const struct table *t);
size_t table_size(const struct table *t);

/* Call fn with each entry and its line, in the order of the file. */
typedef void (*table_fn)(void *arg, const struct domain *d, unsigned line);
void table_each(const struct table *t, table_fn fn, void *arg);

/* Is mail for this domain dropped here? */
static inline bool
domain_is_local(const struct domain *d)
{
	return d != 0 && d->kind != DOMAIN_REMOTE;
}

#endif

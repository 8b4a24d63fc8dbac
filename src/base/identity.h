/* SPDX-License-Identifier: ISC */
/*
 * Who a daemon is.  Started by root it becomes the owner of its spool; the
 * right to bind low ports is all that may be kept, and only by the
 * listener's parent (N08).
 */
#ifndef BASE_IDENTITY_H
#define BASE_IDENTITY_H

#include <stdbool.h>

#include "base/attr.h"

/*
 * If we are root and the directory is not root's: become its owner, with
 * the owner's groups; keep CAP_NET_BIND_SERVICE if asked.  0; -1, logged.
 */
int identity_become_owner(const char *directory, bool keep_bind) MUST_CHECK;

/* Give up every capability. */
void identity_drop_capabilities(void);

/* Keep none of the environment but TZ and JOURNAL_STREAM: libraries obey
 * variables for proxies, key logs and resolvers (B03, C18). */
void identity_clean_environment(void);

/* Secrets, keys and verifiers stay out of cores, and of what a debugger of
 * the same user sees (N20).  What is executed from here on has no core,
 * either. */
void identity_forbid_cores(void);

/*
 * What every daemon does first: no cores, signals that a peer or a limit can cause
 * are errors and no ends, new files are nobody else's, and as many
 * descriptors as are allowed.
 */
void identity_prepare_process(void);

#endif

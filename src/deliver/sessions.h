/* SPDX-License-Identifier: ISC */
/*
 * To which addresses sessions stand, of whatever destination: a look-up by
 * address, so that the end of one connection costs the same among ten
 * destinations and among ten thousand.
 */
#ifndef DELIVER_SESSIONS_H
#define DELIVER_SESSIONS_H

#include <stdbool.h>

#include "base/hash.h"
#include "deliver/hop.h"

struct sessions {
	struct hash table; /* an entry for each address that has one */
};

/* A session with this address was set up; one has ended, which was begun
 * before. */
void sessions_begin(struct sessions *s, const struct hop_target *t);
void sessions_end(struct sessions *s, const struct hop_target *t);

/* Is there any? */
bool sessions_has(const struct sessions *s, const struct hop_target *t);

void sessions_free(struct sessions *s);

#endif

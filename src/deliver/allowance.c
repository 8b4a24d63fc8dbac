/* SPDX-License-Identifier: ISC */
/*
 * Counting files by user, a minute at a time.  All begin a new minute
 * together, with the first file after the last one: exact enough for a
 * limit whose use is that others get their turn.
 *
 * Invariant: within a minute no user has more than was allowed when each
 * file was asked for, and nobody who was refused waits longer than to its
 * end.
 */
#include "deliver/allowance.h"

#include <string.h>

enum { MINUTE_MS = 60 * 1000 };

bool
allowance_take(
    struct allowance *a, uid_t uid, unsigned most, int64_t now, bool *first)
{
	size_t i = uid % PICKUP_USERS_MAX;
	*first = false;
	if (now - a->since >= MINUTE_MS) {
		memset(a, 0, sizeof(*a));
		a->since = now;
	}
	if (a->taken[i] < most) {
		a->taken[i]++;
		return true;
	}
	*first = !a->told[i];
	a->told[i] = a->surplus = true;
	return false;
}

int64_t
allowance_wait(const struct allowance *a, int64_t now)
{
	int64_t left = a->since + MINUTE_MS - now;
	return a->surplus && left > 0 ? left : -1;
}

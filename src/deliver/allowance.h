/* SPDX-License-Identifier: ISC */
/*
 * How many files of one user the pickup directory gives up in a minute
 * (pickup.rate-per-user, HAZARDS L19), so that nobody's flood holds up the
 * files of others.  What is more stays where it is.
 *
 * Flat memory for any number of users: they are counted by the last bits of
 * their uid, so that two whose uids differ by a multiple of
 * PICKUP_USERS_MAX share one allowance.
 */
#ifndef DELIVER_ALLOWANCE_H
#define DELIVER_ALLOWANCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/limits.h"

struct allowance {
	uint32_t taken[PICKUP_USERS_MAX]; /* in this minute */
	bool told[PICKUP_USERS_MAX];
	int64_t since; /* of clock_mono_ms(): when it began */
	bool surplus;  /* somebody was refused in it */
};

/* Count one more file of uid, of which most may be taken in a minute.
 * false: that is used up; *first says whether for the first time. */
bool allowance_take(
    struct allowance *a, uid_t uid, unsigned most, int64_t now, bool *first);

/* Milliseconds until what was refused may be taken; -1: nothing is refused
 * now. */
int64_t allowance_wait(const struct allowance *a, int64_t now);

#endif

/* SPDX-License-Identifier: ISC */
/* What trial.c (which address goes where) and trial_session.c (asking there)
 * share. */
#ifndef WAYPOST_TRIAL_H
#define WAYPOST_TRIAL_H

#include "base/buf.h"
#include "conf/route.h"
#include "deliver/keyring.h"
#include "deliver/rendition.h"
#include "dial.h"

struct trial {
	const struct conf *c;
	struct dial dial;
	bool send;
	struct address from; /* as it goes out */

	/* Of the recipient in hand. */
	struct envelope env;
	struct buf message;
	struct keyring *keys;
	struct rendition rendition;
	struct rendition_input input;
	struct transaction transaction;
	struct targets *targets;
	bool reached;
	struct status result;
};

/* Ask where this recipient's mail would go; t->result is what came of it. */
void trial_far(
    struct trial *t, const struct route *r, const struct address *to);

#endif

/* SPDX-License-Identifier: ISC */
/* The screen of waypost status. */
#ifndef WAYPOST_STATUS_H
#define WAYPOST_STATUS_H

#include <stdbool.h>

#include "base/buf.h"
#include "subcommand.h"
#include "survey.h"

/* One screen.  before: the look before this one, for rates, or NULL. */
void screen_draw(struct buf *out, const struct survey *s,
    const struct survey *before, bool colour);

#endif

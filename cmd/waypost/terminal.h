/* SPDX-License-Identifier: ISC */
/* A screen that is drawn again and again, until somebody has seen enough. */
#ifndef WAYPOST_TERMINAL_H
#define WAYPOST_TERMINAL_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"

/* May colours be written to standard output?  A terminal that knows them,
 * and no NO_COLOR (no-color.org). */
bool terminal_colours(void);

/* From here on signals wait for terminal_pause(), and if standard output is
 * a terminal its cursor is hidden until terminal_end(). */
void terminal_begin(void);
void terminal_end(void);

/* Draw a text over the one before, as much as there is room for; where there
 * is no terminal, below it.  0; -1: standard output is gone. */
int terminal_draw(const struct buf *text) MUST_CHECK;

/* Wait, at most so long; false: INT, TERM or HUP came, stop. */
bool terminal_pause(long seconds) MUST_CHECK;

#endif

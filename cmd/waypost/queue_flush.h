/* SPDX-License-Identifier: ISC */
/* waypost queue flush. */
#ifndef WAYPOST_QUEUE_FLUSH_H
#define WAYPOST_QUEUE_FLUSH_H

#include <stdbool.h>

#include "conf/conf.h"

/* All that waits is due now.  With wait: until each recipient that was in
 * the queue was tried once, or nothing moved for a minute; 0 when all of them
 * are gone, 75 when some are still there. */
int queue_flush(const struct conf *c, bool wait);

#endif

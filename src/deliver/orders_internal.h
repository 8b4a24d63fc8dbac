/* SPDX-License-Identifier: ISC */
/* Orders in memory, shared by those who read them and those who carry them
 * out. */
#ifndef DELIVER_ORDERS_INTERNAL_H
#define DELIVER_ORDERS_INTERNAL_H

#include "deliver/orders.h"
#include "queue/order.h"

enum stage { STAGE_OPEN, STAGE_DONE, STAGE_COMMITTING };

struct pending {
	struct pending *next; /* oldest first: ids sort by time */
	char id[BATCH_ID_LEN + 1];
	struct order order;
	enum stage stage;
	bool recalled; /* what waited with a destination was called back */
	int64_t again; /* monotonic ms: not before, since it failed */
};

struct orders {
	int dir_fd, bell_fd;
	struct pending *list;
};

#endif

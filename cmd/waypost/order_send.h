/* SPDX-License-Identifier: ISC */
/* An order to waypostd: placed, and waited for while one runs. */
#ifndef WAYPOST_ORDER_SEND_H
#define WAYPOST_ORDER_SEND_H

#include "base/attr.h"
#include "conf/conf.h"
#include "queue/order.h"

/* 0: carried out, or waits for the next start of waypostd, which is told; or
 * an exit code: 75 when it stands and was not carried out in time. */
int order_send(const struct conf *c, const struct order *o) MUST_CHECK;

#endif

/* SPDX-License-Identifier: ISC */
/*
 * The operator's orders (queue/order.h), taken from their directory and
 * carried out by the carrier.  For the carrier's own parts.
 */
#ifndef DELIVER_ORDERS_H
#define DELIVER_ORDERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

/* Recipients of one message that are removed in one step. */
#define ORDER_MESSAGE_MAX 1000
/* What could not be carried out is tried again after this. */
#define ORDER_RETRY_MS (10 * 1000LL)

struct carrier;
struct orders;

/* Watches the directory.  Never NULL; without a directory, which is logged,
 * there are no orders. */
struct orders *orders_open(const char *spool) MUST_CHECK;
void orders_close(struct orders *o);

/* Readable when an order may have come; -1: none, look now and then. */
int orders_fd(const struct orders *o);

/* Read what is there and not known yet. */
void orders_look(struct orders *o);

/* Carry out what is possible; after results were settled and before anything
 * is dispatched.  What waits for a delivery under way stays. */
void orders_run(struct carrier *c);

/* When one that failed is to be tried again: ms from now, or -1. */
int64_t orders_wait(const struct orders *o, int64_t now);

/* The ledger's part: is an effect not in a commit yet?  It is in the one
 * that begins now; that one is durable, so files go. */
bool orders_uncommitted(const struct orders *o);
void orders_commit(struct orders *o);
void orders_committed(struct orders *o);

#endif

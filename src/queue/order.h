/* SPDX-License-Identifier: ISC */
/*
 * What the operator wants of the running waypostd, as a file: SPOOL/state/
 * orders/ID, placed there whole by waypost(8), carried out and removed by
 * waypostd.  The directory is for root and the owner of the spool only.
 *
 *   "waypost-order 1\n"
 *   "hold|release|retry|remove|flush[ report][ purge]\n"
 *   "MESSAGE-ID RCPT\n"  per recipient; none for flush
 *   "END n cccccccc\n"   n: recipients; c: CRC32C of all before this line
 *
 * Carrying out one twice does no more than once, so it is removed only after
 * its effect is durable (J28).
 */
#ifndef QUEUE_ORDER_H
#define QUEUE_ORDER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "queue/store.h"

enum order_verb {
	ORDER_HOLD,    /* do not try until released */
	ORDER_RELEASE, /* ends a hold: due now */
	ORDER_RETRY,   /* due now, unless held */
	ORDER_REMOVE, /* final: to badmail unless purge; report: tell the sender */
	ORDER_FLUSH, /* all that waits is due now, unless held */
};

struct order_target {
	char batch[BATCH_ID_LEN + 1];
	uint32_t seq, rcpt;
};

struct order {
	enum order_verb verb;
	bool report, purge; /* ORDER_REMOVE */
	struct order_target *v;
	size_t n, cap;
};

const char *order_verb_name(enum order_verb v);

/* 0; -1 at ORDER_TARGETS_MAX. */
int order_add(
    struct order *o, const char *batch, uint32_t seq, uint32_t rcpt) MUST_CHECK;
void order_free(struct order *o);

/* The directory, made if need be: a descriptor, or -1 with errno (ENOENT:
 * waypostd never ran on this spool). */
int order_directory(const char *spool) MUST_CHECK;

/* Place an order, durable; id is its name.  0; -1 with errno. */
int order_place(
    int dir_fd, const struct order *o, char id[BATCH_ID_LEN + 1]) MUST_CHECK;

/* 0; -1: errno EBADMSG when it is no whole order, or another, temporary. */
int order_read(int dir_fd, const char *id, struct order *o) MUST_CHECK;

/* An order to its text and back; also fuzzed.  What is read was written by
 * order_format(), octet for octet.  It uses text up; o is an empty one, and
 * the caller's to free in any case.  0; -1: no whole order. */
void order_format(struct buf *out, const struct order *o);
int order_parse(struct order *o, struct buf *text) MUST_CHECK;

#endif

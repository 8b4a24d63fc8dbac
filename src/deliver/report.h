/* SPDX-License-Identifier: ISC */
/*
 * Delivery status notifications (RFC 3464, 3461): who gets one, and its
 * text.  Queued through submit like any mail, from <>; durable before the
 * record that it reports on is final (J18).
 */
#ifndef DELIVER_REPORT_H
#define DELIVER_REPORT_H

#include "base/attr.h"
#include "conf/conf.h"
#include "mail/verdict.h"
#include "queue/batch.h"
#include "queue/store.h"

enum report_action {
	REPORT_FAILED,
	REPORT_DELAYED,
	REPORT_DELIVERED, /* in a mailbox of this host */
	REPORT_RELAYED,   /* taken by a host that sends no such reports */
	REPORT_EXPANDED,  /* an alias that stands for several */
};

struct report_rcpt {
	uint32_t rcpt; /* index into env->rcpts */
	const struct status *status;
	const char *remote; /* host that said it, or NULL */
	const char *tls;    /* of its session, as hop_tls(), or NULL */
	int64_t at_ms;      /* when */
};

/*
 * Report on some recipients of one message.  Honours NOTIFY and the null
 * sender: nothing to send is success.  The last three actions are for those
 * who asked (NOTIFY=SUCCESS, NOTIFY_EXPANDED).  Failed mail from the null sender
 * goes to badmail.  0: durable, or nothing due.  -1: not now (the caller
 * keeps the recipients open and tries again).
 */
int report_send(const struct conf *c, struct store *s, struct batch *b,
    const struct batch_entry *e, const struct envelope *env, const char *id,
    enum report_action action, const struct report_rcpt *v,
    size_t n) MUST_CHECK;

/* Keep the message in badmail for these recipients, with their statuses in
 * the reason below why.  0: durable; -1 with errno, logged. */
int report_keep(const struct conf *c, struct batch *b,
    const struct batch_entry *e, const struct envelope *env, const char *id,
    const struct report_rcpt *v, size_t n, const char *why) MUST_CHECK;

#endif

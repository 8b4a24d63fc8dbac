/* SPDX-License-Identifier: ISC */
/*
 * The queue as the operator looks at it: messages with recipients that are
 * still owed an answer, and what the journal knows about each.  Reads files,
 * asks no daemon, changes nothing.
 */
#ifndef WAYPOST_VIEW_H
#define WAYPOST_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/conf.h"
#include "queue/envelope.h"
#include "queue/findings.h"
#include "queue/store.h"

/* Which messages and recipients.  Ids are alternatives, the rest must all
 * fit; NULL or none: any. */
struct selector {
	char **ids; /* "ID" of a message */
	int nids;
	const char *from, *to;   /* an address, or "@domain" */
	const char *destination; /* the domain of a recipient */
};

struct view_rcpt {
	const struct rcpt *rcpt;
	const struct finding *found; /* NULL: not tried yet */
};

struct view_message {
	const char *batch;
	char id[QUEUE_ID_MAX + 1];
	const struct envelope *env;
	uint64_t size;
	const struct view_rcpt *rcpts; /* open and selected: at least one */
	size_t nrcpts;
};

struct view {
	const struct selector *selector;
	struct store store;
	struct findings *findings;
	void (*fn)(void *arg, const struct view_message *m);
	void *arg;
	int error; /* errno of a queue file that could not be opened */
};

/* Read queue and journal; fn is called for each message that is selected, in
 * order of arrival.  0 or an exit code, told. */
int view_each(struct view *v, const struct conf *c, const struct selector *s,
    void (*fn)(void *arg, const struct view_message *m), void *arg) MUST_CHECK;

/* Does an address fit "user@domain" or "@domain"?  Domains without case. */
bool selector_fits(const char *pattern, const struct address *a);

#endif

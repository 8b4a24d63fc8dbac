/* SPDX-License-Identifier: ISC */
/*
 * Strings and findings that thousands of queued messages share: domains,
 * senders, "connect to [192.0.2.1]:25: Connection refused".  One copy each,
 * counted references, so that the index of the queue stays small (H07).
 */
#ifndef DELIVER_INTERN_H
#define DELIVER_INTERN_H

#include "base/attr.h"
#include "base/hash.h"
#include "mail/verdict.h"

struct interns {
	struct hash names, reasons;
};

struct name {
	struct hash_link link;
	unsigned refs;
	char text[];
};

/* A finding without what differs from message to message. */
struct reason {
	struct hash_link link;
	unsigned refs;
	enum verdict verdict;
	int code;
	char enhanced[ENHANCED_MAX + 1];
	const char *remote; /* who said it, or ""; behind text */
	char text[];
};

/* One more reference to the shared copy. */
struct name *intern_name(struct interns *in, const char *text) MUST_CHECK;
struct reason *intern_reason(
    struct interns *in, const struct status *st, const char *remote) MUST_CHECK;

/* Give one back; NULL is fine. */
void intern_drop_name(struct interns *in, struct name *n);
void intern_drop_reason(struct interns *in, struct reason *r);

/* The whole status again; NULL reason gives LATER "not tried yet". */
void reason_status(const struct reason *r, struct status *st);

void interns_free(struct interns *in); /* once nothing is referenced */

#endif

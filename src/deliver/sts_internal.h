/* SPDX-License-Identifier: ISC */
/* What sts.c (who asks), sts_fetch.c (HTTPS) and sts_cache.c (the disk)
 * share; for nobody else. */
#ifndef DELIVER_STS_INTERNAL_H
#define DELIVER_STS_INTERNAL_H

#include "base/buf.h"
#include "deliver/multi.h"
#include "deliver/sts.h"
#include "deliver/trust.h"

/* --- sts_cache.c --- */

/* One policy as it was fetched. */
struct sts_kept {
	char id[STS_ID_MAX + 1];
	int64_t fetched_ms;       /* wall clock */
	struct sts_policy policy; /* its text is in this: */
	struct buf text;
};

/* The policy of a domain that is in force.  0; -1: none, *k is empty.  Free
 * it either way. */
int sts_cache_read(
    const char *directory, const char *domain, struct sts_kept *k) MUST_CHECK;
void sts_kept_free(struct sts_kept *k);

/* Keep a policy, from now on.  0; -1 with errno, the old one stays. */
int sts_cache_write(const char *directory, const char *domain, const char *id,
    const char *text, size_t len) MUST_CHECK;

/* Remove the files of those that are not in force any more. */
void sts_cache_sweep(const char *directory);

/* --- sts_fetch.c --- */

struct sts_fetch;

/* text NULL: nothing was had, and why. */
typedef void (*sts_fetch_fn)(
    void *arg, const char *text, size_t len, const char *why);

struct sts_source {
	struct event_base *base;
	struct resolver *resolver;
	struct multi *multi; /* whose ends go to sts_fetch_done() */
	struct trust *trust;
	const char *ca_file; /* NULL: the system's */
};

/* Fetch the policy of a domain; fn is called once, from the event loop. */
struct sts_fetch *sts_fetch_new(const struct sts_source *s, const char *domain,
    sts_fetch_fn fn, void *arg) MUST_CHECK;
void sts_fetch_cancel(struct sts_fetch *f);

/* For the multi: this transfer ended. */
void sts_fetch_done(void *arg, CURL *easy, CURLcode code);

#endif

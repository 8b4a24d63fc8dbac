/* SPDX-License-Identifier: ISC */
/*
 * The two texts of MTA-STS (RFC 8461): the TXT record that says there is a
 * policy, and the policy.  Pure: where they come from and how long they are
 * kept is deliver's affair.
 */
#ifndef MAIL_MTA_STS_H
#define MAIL_MTA_STS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

#define STS_ID_MAX 32            /* RFC 8461 section 3.1 */
#define STS_AGE_MAX (31557600UL) /* seconds; section 3.2: a year */

/* A TXT record of _mta-sts.DOMAIN.  0 and the id; -1: it is none of version
 * STSv1 (another record may be), or malformed. */
int sts_record_read(
    const char *s, size_t len, char id[STS_ID_MAX + 1]) MUST_CHECK;

enum sts_mode { STS_NONE, STS_TESTING, STS_ENFORCE };

struct sts_policy {
	enum sts_mode mode;
	uint32_t max_age; /* seconds, STS_AGE_MAX at most */
	const char *text; /* as given, borrowed: the mx patterns are in it */
	size_t len;
};

/* 0; -1 when it is no policy of version STSv1 that is whole: without mode or
 * max_age, with a malformed value, or without mx where there must be one. */
int sts_policy_read(
    struct sts_policy *p, const char *text, size_t len) MUST_CHECK;

/* Is this host name one of its mx?  "*.example.com" stands for one label. */
bool sts_policy_names(const struct sts_policy *p, const char *host);

const char *sts_mode_name(enum sts_mode mode);

#endif

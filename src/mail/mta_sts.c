/* SPDX-License-Identifier: ISC */
/*
 * MTA-STS records and policies.  Not their transport, not their cache.
 *
 * Both come from whoever owns a recipient's domain.  A policy is never
 * copied: what is asked of it later is read again from its text, so that
 * neither the number nor the size of patterns needs a ceiling of its own.
 * Invariant: linear time; unknown keys are passed over, malformed known ones
 * make the whole no policy.
 */
#include "mail/mta_sts.h"

#include <string.h>
#include <strings.h>

#include "mail/address.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void
trim(const char **s, size_t *len)
{
	while (*len > 0 && is_blank(**s)) {
		++*s;
		--*len;
	}
	while (*len > 0 && is_blank((*s)[*len - 1]))
		--*len;
}

static bool
same(const char *s, size_t len, const char *word)
{
	return len == strlen(word) && memcmp(s, word, len) == 0;
}

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

/* --- the TXT record --- */

struct pair {
	const char *name, *value;
	size_t name_len, value_len;
};

/* The next "name=value"; 1, 0 at the end, -1 malformed. */
static int
next_pair(const char **p, size_t *left, struct pair *out)
{
	const char *end = memchr(*p, ';', *left);
	size_t len = end != NULL ? (size_t)(end - *p) : *left;
	const char *s = *p;
	*p += len + (end != NULL);
	*left -= len + (end != NULL);
	trim(&s, &len);
	if (len == 0) /* only behind the last delimiter */
		return end == NULL ? 0 : -1;
	const char *is = memchr(s, '=', len);
	if (is == NULL || is == s)
		return -1;
	*out = (struct pair){.name = s,
	    .name_len = (size_t)(is - s),
	    .value = is + 1,
	    .value_len = len - (size_t)(is - s) - 1};
	return 1;
}

static int
take_id(const struct pair *pair, char id[STS_ID_MAX + 1])
{
	if (pair->value_len == 0 || pair->value_len > STS_ID_MAX)
		return -1;
	for (size_t i = 0; i < pair->value_len; i++)
		if (!is_alnum(pair->value[i]))
			return -1;
	memcpy(id, pair->value, pair->value_len);
	id[pair->value_len] = '\0';
	return 0;
}

int
sts_record_read(const char *s, size_t len, char id[STS_ID_MAX + 1])
{
	struct pair pair;
	int more;
	id[0] = '\0';
	if (next_pair(&s, &len, &pair) != 1 ||
	    !same(pair.name, pair.name_len, "v") ||
	    !same(pair.value, pair.value_len, "STSv1"))
		return -1;
	while ((more = next_pair(&s, &len, &pair)) == 1)
		if (id[0] == '\0' && same(pair.name, pair.name_len, "id") &&
		    take_id(&pair, id) != 0)
			return -1;
	return more == 0 && id[0] != '\0' ? 0 : -1;
}

/* --- the policy --- */

/* The next "key: value" line; 1, 0 at the end, -1 malformed. */
static int
next_line(const char **p, size_t *left, struct pair *out)
{
	for (;;) {
		if (*left == 0)
			return 0;
		const char *lf = memchr(*p, '\n', *left);
		size_t len = lf != NULL ? (size_t)(lf - *p) : *left;
		const char *s = *p;
		*p += len + (lf != NULL);
		*left -= len + (lf != NULL);
		if (len > 0 && s[len - 1] == '\r')
			len--;
		trim(&s, &len);
		if (len == 0)
			continue;
		const char *colon = memchr(s, ':', len);
		if (colon == NULL)
			return -1;
		*out = (struct pair){.name = s,
		    .name_len = (size_t)(colon - s),
		    .value = colon + 1,
		    .value_len = len - (size_t)(colon - s) - 1};
		trim(&out->value, &out->value_len);
		return 1;
	}
}

static int
take_mode(const struct pair *pair, enum sts_mode *mode)
{
	static const enum sts_mode modes[] = {
	    STS_NONE, STS_TESTING, STS_ENFORCE};
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (same(pair->value, pair->value_len,
			sts_mode_name(modes[i]))) {
			*mode = modes[i];
			return 0;
		}
	}
	return -1;
}

/* One to ten digits; more than a year is a year. */
static int
take_age(const struct pair *pair, uint32_t *age)
{
	uint64_t n = 0;
	if (pair->value_len == 0 || pair->value_len > 10)
		return -1;
	for (size_t i = 0; i < pair->value_len; i++) {
		if (pair->value[i] < '0' || pair->value[i] > '9')
			return -1;
		n = n * 10 + (uint64_t)(pair->value[i] - '0');
	}
	*age = (uint32_t)(n < STS_AGE_MAX ? n : STS_AGE_MAX);
	return 0;
}

static bool
pattern_valid(const char *s, size_t len)
{
	if (len > 2 && memcmp(s, "*.", 2) == 0) {
		s += 2;
		len -= 2;
	}
	return domain_valid(s, len, 0);
}

enum {
	SEEN_VERSION = 1,
	SEEN_MODE = 2,
	SEEN_AGE = 4,
	SEEN_MX = 8,
};

/* Of what may stand once the first counts (RFC 8461 section 3.2). */
static int
take_line(struct sts_policy *p, const struct pair *pair, unsigned *seen)
{
	unsigned what = 0;
	int result = 0;
	if (same(pair->name, pair->name_len, "mx")) {
		*seen |= SEEN_MX;
		return pattern_valid(pair->value, pair->value_len) ? 0 : -1;
	}
	if (same(pair->name, pair->name_len, "version"))
		what = SEEN_VERSION;
	else if (same(pair->name, pair->name_len, "mode"))
		what = SEEN_MODE;
	else if (same(pair->name, pair->name_len, "max_age"))
		what = SEEN_AGE;
	if (what == 0 || (*seen & what))
		return 0;
	*seen |= what;
	if (what == SEEN_VERSION)
		result = same(pair->value, pair->value_len, "STSv1") ? 0 : -1;
	else if (what == SEEN_MODE)
		result = take_mode(pair, &p->mode);
	else
		result = take_age(pair, &p->max_age);
	return result;
}

int
sts_policy_read(struct sts_policy *p, const char *text, size_t len)
{
	const unsigned must = SEEN_VERSION | SEEN_MODE | SEEN_AGE;
	unsigned seen = 0;
	struct pair pair;
	int more;
	*p = (struct sts_policy){.text = text, .len = len};
	while ((more = next_line(&text, &len, &pair)) == 1)
		if (take_line(p, &pair, &seen) != 0)
			return -1;
	if (more != 0 || (seen & must) != must)
		return -1;
	return p->mode == STS_NONE || (seen & SEEN_MX) ? 0 : -1;
}

static bool
pattern_is(const char *pattern, size_t len, const char *host)
{
	if (len > 2 && memcmp(pattern, "*.", 2) == 0) {
		const char *dot = strchr(host, '.');
		if (dot == NULL || dot == host)
			return false;
		pattern += 2;
		len -= 2;
		host = dot + 1;
	}
	return strlen(host) == len && strncasecmp(pattern, host, len) == 0;
}

bool
sts_policy_names(const struct sts_policy *p, const char *host)
{
	const char *text = p->text;
	size_t len = p->len;
	struct pair pair;
	while (next_line(&text, &len, &pair) == 1)
		if (same(pair.name, pair.name_len, "mx") &&
		    pattern_is(pair.value, pair.value_len, host))
			return true;
	return false;
}

const char *
sts_mode_name(enum sts_mode mode)
{
	static const char *const names[] = {[STS_NONE] = "none",
	    [STS_TESTING] = "testing",
	    [STS_ENFORCE] = "enforce"};
	return names[mode];
}

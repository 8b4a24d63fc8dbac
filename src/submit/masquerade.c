/* SPDX-License-Identifier: ISC */
/*
 * The rules of the masquerade section.  Knows no header and no envelope;
 * the words were checked when the configuration was read, so that a word
 * that does not parse here is just passed over.
 *
 * Invariant: the result is null only if the argument was, and an address
 * that the rules give is one that they leave alone.
 */
#include "submit/masquerade.h"

#include <string.h>
#include <strings.h>

#include "conf/mailbox.h"

/* "user@domain" or, with a length of its own, a part of a longer text. */
static bool
same(const struct address *a, const char *text, size_t len)
{
	return len == a->len && strncasecmp(a->text, text, len) == 0;
}

/* Is it what some rule makes of others? */
static bool
is_target(const struct conf *c, const struct address *a)
{
	const char *from = c->masquerade.from;
	if (from != NULL && same(a, from, strlen(from)))
		return true;
	for (size_t i = 0; i < c->masquerade.senders.n; i++) {
		const char *to = strchr(c->masquerade.senders.v[i], '=') + 1;
		if (same(a, to, strlen(to)))
			return true;
	}
	return false;
}

static bool
set(struct address *a, const char *text, size_t len)
{
	struct address to;
	const char *why;
	if (address_parse(&to, text, len, 0, &why) != 0)
		return false;
	*a = to;
	return true;
}

/* "user" stands for that user at any domain of ours. */
static bool
matches(const struct address *a, bool ours, const char *key, size_t len)
{
	if (same(a, key, len))
		return true;
	return ours && len == a->at && strncasecmp(a->text, key, len) == 0;
}

/* The first entry that fits. */
static bool
replace(const struct conf *c, struct address *a)
{
	const struct words *w = &c->masquerade.senders;
	bool ours = w->n > 0 && mailbox_is_ours(c, a);
	for (size_t i = 0; i < w->n; i++) {
		size_t len = strcspn(w->v[i], "=");
		const char *to = w->v[i] + len + 1;
		if (matches(a, ours, w->v[i], len))
			return set(a, to, strlen(to));
	}
	return false;
}

static bool
is_exempt(const struct conf *c, const struct address *a)
{
	const struct words *w = &c->masquerade.exempt;
	if (w->n == 0 || !mailbox_is_ours(c, a))
		return false;
	for (size_t i = 0; i < w->n; i++)
		if (strlen(w->v[i]) == a->at &&
		    strncasecmp(a->text, w->v[i], a->at) == 0)
			return true;
	return false;
}

static bool
change_domain(const struct conf *c, struct address *a)
{
	const char *domain = c->masquerade.domain;
	struct address bare;
	const char *why;
	if (domain == NULL || !mailbox_is_ours(c, a) ||
	    address_parse(&bare, a->text, a->at, ADDRESS_BARE | ADDRESS_UTF8,
		&why) != 0 ||
	    address_qualify(&bare, domain) != 0)
		return false;
	*a = bare;
	return true;
}

void
masquerade(const struct conf *c, enum masquerade_scope scope, struct address *a)
{
	const char *from = c->masquerade.from;
	if (address_is_null(a) || is_target(c, a) || replace(c, a) ||
	    is_exempt(c, a))
		return;
	if (scope == MASQUERADE_OWN && from != NULL &&
	    set(a, from, strlen(from)))
		return;
	if (change_domain(c, a))
		(void)replace(c, a);
}

/* SPDX-License-Identifier: ISC */
/*
 * From who was named to who gets the message: qualified, expanded by the
 * aliases, each once.  Judges no header (fields.c).
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "submit/submit_internal.h"
#include "submit/target.h"

static int
too_many(struct status *st)
{
	status_set(
	    st, NEVER, 552, "5.5.3", "more than %d recipients", RECIPIENTS_MAX);
	return -1;
}

int
submit_rcpt(struct submit *s, const struct address *rcpt, struct status *st)
{
	const char *why = NULL;
	if (address_is_null(rcpt))
		why = "the null address is no recipient";
	else if (address_is_bare(rcpt))
		why = target_special(rcpt->text, rcpt->len);
	if (why != NULL) {
		status_set(st, NEVER, 501, "5.1.3", "%s", why);
		return -1;
	}
	return address_list_add(&s->rcpts, rcpt) == 0 ? 0 : too_many(st);
}

int
submit_rcpt_dsn(struct submit *s, const struct address *rcpt, unsigned notify,
    const char *orcpt, struct status *st)
{
	if (submit_rcpt(s, rcpt, st) != 0)
		return -1;
	s->wishes = alloc_grow(s->wishes, s->nwishes + 1, sizeof(struct wish));
	s->wishes[s->nwishes++] = (struct wish){.notify = notify,
	    .orcpt = orcpt != NULL && orcpt[0] != '\0'
			 ? alloc_string(orcpt, strlen(orcpt))
			 : NULL};
	return 0;
}

/* A fault of the alias file is the administrator's: the sender may come
 * again when it is mended. */
static int
expand(struct submit *s, const struct address *rcpt, struct address_list *out,
    struct status *st)
{
	const char *why;
	if (alias_expand(s->o.aliases, s->o.conf, rcpt, out, &why) == 0)
		return 0;
	if (out->n >= RECIPIENTS_MAX)
		return too_many(st);
	status_set(st, LATER, 451, "4.3.5", "%s: %s", rcpt->text, why);
	return -1;
}

static int
add_all(struct submit *s, const struct address_list *all,
    const struct wish *wish, struct status *st)
{
	for (size_t i = 0; i < all->n; i++) {
		s->env.utf8 |= address_is_utf8(&all->v[i]);
		if (envelope_add(
			&s->env, &all->v[i], wish->notify, wish->orcpt) != 0)
			return too_many(st);
	}
	return 0;
}

/* The wish of the i-th recipient. */
static struct wish
wish_of(const struct submit *s, size_t i)
{
	struct wish whole = {.notify = s->o.notify};
	return s->nwishes == 0 ? whole : s->wishes[i];
}

/* Then it is one answer for all, and aliases that meet make one copy. */
static bool
same_wishes(const struct submit *s)
{
	if (wish_of(s, 0).notify & NOTIFY_SUCCESS)
		return false; /* to each name its own answer */
	for (size_t i = 0; i < s->nwishes; i++)
		if (s->wishes[i].orcpt != NULL ||
		    s->wishes[i].notify != s->wishes[0].notify)
			return false;
	return true;
}

/* What a recipient became.  Several: the sender hears of that, and of their
 * success no more (RFC 3461 section 5.2.7.3, case c). */
static int
add_members(struct submit *s, const struct address *rcpt,
    const struct address_list *members, struct wish wish, struct status *st)
{
	struct address alias = *rcpt;
	if (members->n < 2 || !(wish.notify & NOTIFY_SUCCESS))
		return add_all(s, members, &wish, st);
	struct wish theirs = wish;
	theirs.notify &= ~(unsigned)NOTIFY_SUCCESS;
	if (theirs.notify == 0)
		theirs.notify = NOTIFY_NEVER;
	wish.notify = NOTIFY_EXPANDED;
	const struct address_list one = {.v = &alias, .n = 1};
	/* Too long by the origin: then so is each report on it. */
	if (add_all(s, members, &theirs, st) != 0)
		return -1;
	return address_qualify(&alias, conf_origin(s->o.conf)) != 0
		   ? 0
		   : add_all(s, &one, &wish, st);
}

/* Each recipient by itself, with its wishes; none was named twice, as the
 * session has seen to, or as here. */
static int
add_wished(struct submit *s, struct status *st)
{
	int result = 0;
	if (s->nwishes == 0)
		address_list_unique(&s->rcpts);
	for (size_t i = 0; i < s->rcpts.n && result == 0; i++) {
		struct address_list some = {0};
		result = expand(s, &s->rcpts.v[i], &some, st);
		if (result == 0)
			result = add_members(
			    s, &s->rcpts.v[i], &some, wish_of(s, i), st);
		address_list_free(&some);
	}
	return result;
}

static int
add_unique(struct submit *s, struct status *st)
{
	struct address_list all = {0};
	const struct wish wish = wish_of(s, 0);
	int result = 0;
	address_list_unique(&s->rcpts);
	for (size_t i = 0; i < s->rcpts.n && result == 0; i++)
		result = expand(s, &s->rcpts.v[i], &all, st);
	if (result == 0) {
		address_list_unique(&all);
		result = add_all(s, &all, &wish, st);
	}
	address_list_free(&all);
	return result;
}

int
submit_set_rcpts(struct submit *s, struct status *st)
{
	for (size_t i = 0; i < s->fields.rcpts.n; i++)
		if (submit_rcpt(s, &s->fields.rcpts.v[i], st) != 0)
			return -1;
	if (s->rcpts.n == 0) {
		status_set(st, NEVER, 554, "5.1.3", "no recipients");
		return -1;
	}
	return same_wishes(s) ? add_unique(s, st) : add_wished(s, st);
}

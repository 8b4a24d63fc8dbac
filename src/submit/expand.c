/* SPDX-License-Identifier: ISC */
/*
 * What a recipient becomes by the alias map.  Reads no file; changes
 * nothing in the map.
 *
 * A queue of names, not a recursion: the first path to a name is the
 * shortest, and a circle just ends where it was seen before.
 *
 * Invariant: an expansion visits each name once, so that its time is linear
 * in the file whatever it holds.
 */
#include "submit/alias.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "conf/mailbox.h"
#include "submit/entry.h"
#include "submit/target.h"

/* One name of the walk, and how deep it was found. */
struct step {
	const struct entry *entry;
	unsigned depth;
};

struct walk {
	const struct alias *map;
	const struct conf *conf;
	struct address_list *out;
	bool *seen;
	struct step *steps;
	size_t n, cap;
	const char *why;
};

static const struct entry *
look_up(const struct walk *w, const struct address *addr)
{
	char local[LOCAL_PART_MAX + 1];
	if (w->map->n == 0 || !mailbox_is_ours(w->conf, addr))
		return NULL;
	size_t len = address_local(addr, local);
	for (size_t i = 0; i < len; i++)
		local[i] = entry_lower(local[i]);
	return entry_find(w->map, local, len);
}

static int
give(struct walk *w, const struct address *addr)
{
	struct address whole = *addr;
	if (address_qualify(&whole, conf_origin(w->conf)) != 0) {
		w->why = "an address grows too long by the origin";
		return -1;
	}
	if (address_list_add(w->out, &whole) != 0) {
		w->why = "too many recipients";
		return -1;
	}
	return 0;
}

static int
visit(struct walk *w, const struct entry *e, unsigned depth)
{
	bool *seen = &w->seen[e - w->map->entries];
	if (*seen)
		return 0;
	*seen = true;
	if (e->fault != NULL) {
		w->why = e->fault;
		return -1;
	}
	if (depth > ALIAS_DEPTH_MAX) {
		w->why = "aliases are nested too deeply";
		return -1;
	}
	if (w->n == w->cap) {
		w->cap = w->cap ? 2 * w->cap : 16;
		w->steps = alloc_grow(w->steps, w->cap, sizeof(*w->steps));
	}
	w->steps[w->n++] = (struct step){e, depth};
	return 0;
}

/* All mailboxes of one target.  A name on its own line means the mailbox,
 * as "\name" does. */
static int
follow(struct walk *w, const struct step *s, const struct slice *target)
{
	struct address_list list = {0};
	bool stop;
	int result =
	    target_parse(target->text, target->len, &list, &stop, &w->why);
	for (size_t i = 0; i < list.n && result == 0; i++) {
		const struct entry *e = stop ? NULL : look_up(w, &list.v[i]);
		result = e == NULL || e == s->entry ? give(w, &list.v[i])
						    : visit(w, e, s->depth + 1);
	}
	address_list_free(&list);
	return result;
}

static int
walk(struct walk *w, const struct entry *first)
{
	w->seen = alloc_zero(w->map->n, sizeof(*w->seen));
	if (visit(w, first, 1) != 0)
		return -1;
	for (size_t i = 0; i < w->n; i++) {
		struct step s = w->steps[i];
		for (size_t k = 0; k < s.entry->count; k++)
			if (follow(w, &s,
				&w->map->targets[s.entry->first + k]) != 0)
				return -1;
	}
	return 0;
}

int
alias_expand(const struct alias *a, const struct conf *c,
    const struct address *rcpt, struct address_list *out, const char **why)
{
	struct walk w = {.map = a, .conf = c, .out = out};
	size_t before = out->n;
	int result;
	if (a != NULL && a->unreadable && mailbox_is_ours(c, rcpt)) {
		*why = "the alias file cannot be read";
		return -1;
	}
	const struct entry *e = a != NULL ? look_up(&w, rcpt) : NULL;
	if (e == NULL) {
		result = give(&w, rcpt);
	} else {
		result = walk(&w, e);
		if (result == 0 && out->n == before) {
			w.why = "aliases lead in a circle";
			result = -1;
		}
	}
	free(w.seen);
	free(w.steps);
	if (result != 0)
		*why = w.why;
	return result;
}

void
alias_check(const struct alias *a, const struct conf *c, const char *path,
    struct faults *f)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct entry *e = &a->entries[i];
		struct address_list out = {0};
		struct walk w = {.map = a, .conf = c, .out = &out};
		int result = e->fault == NULL ? walk(&w, e) : 0;
		bool circle = e->fault == NULL && result == 0 && out.n == 0;
		if (circle)
			w.why = "aliases lead in a circle";
		if (circle || result != 0)
			faults_add(f, path, e->line, "%.*s: %s",
			    (int)e->name_len, e->name, w.why);
		address_list_free(&out);
		free(w.seen);
		free(w.steps);
	}
}

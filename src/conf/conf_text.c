/* SPDX-License-Identifier: ISC */
/*
 * What libconfuse gets to see of a file.  It is given tokens, not text,
 * because libconfuse 3.3 expands ${NAME} from the environment (a caller's,
 * in set-gid sendmail), counts lines wrongly behind comments, drops
 * characters that it does not know, stops at the first unknown key, lets a
 * key given twice pass, and keeps an unfinished string for the next file.
 *
 * Not a parser: anything that is not a plain assignment or section is
 * handed on as it is, for libconfuse to refuse.
 *
 * Invariant: every token that is handed on stands on its own line number.
 */
#include "conf/conf_read.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "conf/conf_keys.h"
#include "conf/conf_scan.h"

struct text {
	struct scan scan;
	struct token t; /* the current one */
	struct buf out;
	unsigned out_line;
	bool mute; /* told as a fault: not handed on */
	const char *path;
	struct faults *f;
	uint64_t once; /* sections seen, by index */
	size_t named;
	struct token names[CONF_SECTIONS_MAX], kinds[CONF_SECTIONS_MAX];
};

static bool
is(const struct text *x, char c)
{
	return x->t.kind == TOKEN_MARK && *x->t.s == c;
}

static bool
is_value(const struct text *x)
{
	return x->t.kind == TOKEN_WORD || x->t.kind == TOKEN_STRING;
}

static void
emit(struct text *x, const struct token *t)
{
	if (x->mute || t->kind == TOKEN_END)
		return;
	(void)buf_addc(&x->out, ' ');
	for (; x->out_line < t->line; x->out_line++)
		(void)buf_addc(&x->out, '\n');
	(void)buf_add(&x->out, t->s, t->len);
	x->out_line = t->end_line;
}

static void
advance(struct text *x)
{
	scan_next(&x->scan, &x->t);
	if (x->t.kind == TOKEN_BAD) {
		faults_add(x->f, x->path, x->t.line, "%s", x->scan.why);
		x->t.kind = TOKEN_END;
	}
}

/* The current token and all behind it: libconfuse says what is wrong. */
static void
pass_on(struct text *x)
{
	x->mute = false;
	for (; x->t.kind != TOKEN_END; advance(x))
		emit(x, &x->t);
}

static void
value(struct text *x)
{
	if (is_value(x)) {
		emit(x, &x->t);
		return;
	}
	if (!is(x, '{')) {
		pass_on(x);
		return;
	}
	for (; is_value(x) || is(x, '{') || is(x, ','); advance(x))
		emit(x, &x->t);
	if (is(x, '}'))
		emit(x, &x->t);
	else
		pass_on(x);
}

/* Told and not handed on, if why is not NULL. */
static void
reject(struct text *x, const struct token *t, const struct key_section *s,
    const char *why)
{
	int len = t->len > 60 ? 60 : (int)t->len;
	if (why == NULL)
		return;
	faults_add(x->f, x->path, t->line, "%s%s%.*s %s",
	    s->name != NULL ? s->name : "", s->name != NULL ? "." : "", len,
	    t->s, why);
	x->mute = true;
}

static void
assignment(struct text *x, const struct key_section *s,
    const struct token *name, uint64_t *seen)
{
	const struct key *k = keys_find(s, name->s, name->len);
	uint64_t bit = k != NULL ? UINT64_C(1) << (k - s->keys) : 0;
	bool muted = x->mute;
	if (k == NULL)
		reject(x, name, s, "is an unknown key");
	else if (*seen & bit)
		reject(x, name, s, "is given twice");
	else if (*x->t.s == '+')
		reject(x, name, s, "+= is not offered; write all with =");
	*seen |= bit;
	emit(x, name);
	emit(x, &x->t);
	advance(x);
	value(x);
	x->mute = muted;
}

/* From the opening brace of what is unknown to its closing one. */
static void
skip_section(struct text *x)
{
	size_t depth = 0;
	for (; x->t.kind != TOKEN_END; advance(x)) {
		depth += is(x, '{');
		if (is(x, '}') && --depth == 0)
			return;
	}
}

static bool
same_token(const struct token *a, const struct token *b)
{
	return a->len == b->len &&
	       (a->len == 0 || memcmp(a->s, b->s, a->len) == 0);
}

/* Why there may be no section of this name and title here, or NULL. */
static const char *
section_fault(struct text *x, const struct key_section *s,
    const struct token *name, const struct token *title)
{
	static const char twice[] = "is given twice";
	if (s->shape == SECTION_ONCE) {
		uint64_t bit = UINT64_C(1) << (s - keys_sections);
		bool seen = (x->once & bit) != 0;
		x->once |= bit;
		return title->len > 0 ? "is a section without a name"
		       : seen         ? twice
				      : NULL;
	}
	if (title->len == 0 && s->shape == SECTION_NAMED)
		return "is a section that needs a name in quotes";
	for (size_t i = 0; i < x->named; i++)
		if (same_token(&x->kinds[i], name) &&
		    same_token(&x->names[i], title))
			return twice;
	if (x->named == CONF_SECTIONS_MAX)
		return "is one section too many";
	x->kinds[x->named] = *name;
	x->names[x->named++] = *title;
	return NULL;
}

/* A name in quotes that says nothing strange in a log; or nothing. */
static bool
title_plain(const struct token *t)
{
	if (t->len == 0)
		return true;
	if (t->kind == TOKEN_STRING && t->len < 3)
		return false;
	size_t from = t->kind == TOKEN_STRING ? 1 : 0;
	for (size_t i = from; i < t->len - from; i++)
		if (strchr("abcdefghijklmnopqrstuvwxyz"
			   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-",
			t->s[i]) == NULL)
			return false;
	return true;
}

static void statement(
    struct text *x, const struct key_section *s, uint64_t *seen);

static void
known_section(struct text *x, const struct key_section *s,
    const struct token *name, const struct token *title)
{
	static const struct token none = {
	    .kind = TOKEN_STRING, .s = "\"\"", .len = 2};
	struct token untitled = none;
	uint64_t seen = 0;
	bool muted = x->mute;
	untitled.line = untitled.end_line = name->line;
	reject(x, name, &keys_sections[0],
	    title_plain(title) ? section_fault(x, s, name, title)
			       : "has a name that is not plain");
	emit(x, name);
	if (s->shape != SECTION_ONCE)
		emit(x, title->len > 0 ? title : &untitled);
	emit(x, &x->t);
	for (advance(x); x->t.kind != TOKEN_END && !is(x, '}'); advance(x))
		statement(x, s, &seen);
	if (x->t.kind == TOKEN_END && x->scan.why == NULL) {
		faults_add(x->f, x->path, name->line,
		    "section %.*s is not closed", (int)name->len, name->s);
		x->scan.why = "";
	}
	emit(x, &x->t);
	x->mute = muted;
}

static void
section(struct text *x, const struct key_section *in, const struct token *name)
{
	const struct key_section *s =
	    in->name == NULL ? keys_section(name->s, name->len) : NULL;
	struct token title = {0};
	bool muted = x->mute;
	if (is_value(x)) {
		title = x->t;
		advance(x);
	}
	if (!is(x, '{') || (s == NULL && keys_find(in, name->s, name->len))) {
		x->mute = false;
		emit(x, name);
		emit(x, &title);
		pass_on(x);
		return;
	}
	if (s != NULL) {
		known_section(x, s, name, &title);
		return;
	}
	reject(x, name, in, "is an unknown section");
	skip_section(x);
	x->mute = muted;
}

static void
statement(struct text *x, const struct key_section *s, uint64_t *seen)
{
	struct token name = x->t;
	if (!is_value(x)) {
		pass_on(x);
		return;
	}
	advance(x);
	if (is(x, '=') || is(x, '+')) {
		assignment(x, s, &name, seen);
	} else if (is(x, '{') || is_value(x)) {
		section(x, s, &name);
	} else {
		x->mute = false;
		emit(x, &name);
		pass_on(x);
	}
}

char *
conf_text(const char *path, const char *text, size_t len, bool *whole,
    struct faults *f)
{
	struct text *x = alloc_zero(1, sizeof(*x));
	uint64_t seen = 0;
	x->path = path;
	x->f = f;
	x->out_line = 1;
	buf_init(&x->out, 8 * (size_t)CONF_FILE_MAX);
	scan_init(&x->scan, text, len);
	for (advance(x); x->t.kind != TOKEN_END; advance(x))
		statement(x, &keys_sections[0], &seen);
	*whole = x->scan.why == NULL && buf_ok(&x->out);
	char *out = alloc_string(buf_str(&x->out), x->out.len);
	buf_free(&x->out);
	free(x);
	return out;
}

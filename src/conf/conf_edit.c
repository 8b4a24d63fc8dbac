/* SPDX-License-Identifier: ISC */
/*
 * Finds one key among the tokens of waypost.conf and cuts or pastes there.
 * It judges nothing: neither the key nor the value, nor the rest of the
 * text, which conf_read() does afterwards.
 *
 * Invariant: every octet outside the place of the change is copied.
 */
#include "conf/conf_edit.h"

#include <string.h>

#include "conf/conf_scan.h"

struct found {
	const char *inside;      /* behind the { of the section, or NULL */
	const char *close;       /* its } */
	const char *key, *value; /* where they begin, or NULL */
	const char *end;         /* behind the value */
	struct token last;       /* the last element of a list; len 0: none */
	const char *comma;       /* behind the one that follows it, or NULL */
	struct token match;      /* the element that was looked for */
	const char *match_end;   /* behind the comma that follows it */
	const char *before;      /* behind the element before it, or NULL */
	bool list;               /* the value is in braces */
};

struct search {
	struct scan scan;
	struct token t;
	const struct conf_place *at;
	const char *element; /* NULL: none is looked for */
	struct found f;
};

/* What a value says, without its quotes. */
static bool
says(const struct token *t, const char *s)
{
	size_t quotes = t->kind == TOKEN_STRING ? 1 : 0;
	size_t n = t->len - 2 * quotes;
	return strlen(s) == n && memcmp(t->s + quotes, s, n) == 0;
}

static bool
mark(const struct token *t, char c)
{
	return t->kind == TOKEN_MARK && *t->s == c;
}

static bool
is_value(const struct token *t)
{
	return t->kind == TOKEN_WORD || t->kind == TOKEN_STRING;
}

/* Has the text no fault up to here? */
static bool
next(struct search *x)
{
	scan_next(&x->scan, &x->t);
	return x->t.kind != TOKEN_BAD && x->t.kind != TOKEN_END;
}

static void
element(struct search *x)
{
	struct found *f = &x->f;
	if (x->element != NULL && f->match.len == 0 &&
	    says(&x->t, x->element)) {
		f->match = x->t;
		f->match_end = x->t.s + x->t.len;
		f->before = f->last.len > 0 ? f->last.s + f->last.len : NULL;
	}
	f->last = x->t;
	f->comma = NULL;
}

/* The value of our key; the current token is its first. */
static bool
take_value(struct search *x)
{
	struct found *f = &x->f;
	f->value = x->t.s;
	f->list = mark(&x->t, '{');
	if (!f->list) {
		if (!is_value(&x->t))
			return false;
		element(x);
		f->end = x->t.s + x->t.len;
		return true;
	}
	while (next(x) && !mark(&x->t, '}')) {
		if (is_value(&x->t)) {
			element(x);
			continue;
		}
		if (!mark(&x->t, ','))
			return false;
		f->comma = x->t.s + 1;
		if (f->match.len > 0 && f->last.s == f->match.s)
			f->match_end = f->comma;
	}
	f->end = x->t.s + x->t.len;
	return mark(&x->t, '}');
}

/* Over the rest of a section that is not ours, up to its }. */
static bool
skip_section(struct search *x)
{
	size_t depth = 1;
	while (depth > 0 && next(x)) {
		depth += mark(&x->t, '{');
		depth -= mark(&x->t, '}');
	}
	return depth == 0;
}

static bool statements(struct search *x, bool ours, bool nested);

/* name [title] { ... } */
static bool
section(struct search *x, const struct token *name, const struct token *title)
{
	const struct conf_place *at = x->at;
	bool ours =
	    at->section != NULL && says(name, at->section) &&
	    (title->len == 0 ? at->title == NULL
			     : at->title != NULL && says(title, at->title));
	if (!ours)
		return skip_section(x);
	x->f.inside = x->t.s + 1;
	if (!statements(x, true, true))
		return false;
	x->f.close = x->t.s;
	return true;
}

/* Up to the end of the text, or the } of a section. */
static bool
statements(struct search *x, bool ours, bool nested)
{
	struct token name = {0}, title = {0};
	while (next(x)) {
		if (nested && mark(&x->t, '}'))
			return true;
		if (mark(&x->t, '=') && name.len > 0) {
			bool it = ours && says(&name, x->at->key);
			if (!next(x))
				return false;
			if (it && x->f.value == NULL)
				x->f.key = name.s;
			if (it ? !take_value(x)
			       : mark(&x->t, '{') && !skip_section(x))
				return false;
			name = title = (struct token){0};
		} else if (mark(&x->t, '{') && name.len > 0 && !nested) {
			if (!section(x, &name, &title))
				return false;
			name = title = (struct token){0};
		} else if (!is_value(&x->t)) {
			return false;
		} else if (name.len == 0) {
			name = x->t;
		} else {
			title = x->t;
		}
	}
	return !nested && x->t.kind == TOKEN_END && name.len == 0;
}

static bool
find(struct search *x, const char *text, size_t len,
    const struct conf_place *at, const char *element)
{
	*x = (struct search){.at = at, .element = element};
	scan_init(&x->scan, text, len);
	return statements(x, at->section == NULL, false);
}

int
conf_edit_value(struct buf *out, const char *value)
{
	bool plain = *value != '\0';
	for (const char *p = value; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;
		if (c < ' ' || c == 0x7f || c == '"' || c == '\\' ||
		    (c == '$' && p[1] == '{'))
			return -1;
		plain = plain && strchr("abcdefghijklmnopqrstuvwxyz"
					"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-",
				     c) != NULL;
	}
	return buf_addf(out, plain ? "%s" : "\"%s\"", value);
}

/* text up to from, then what, then text from "to" on. */
static int
splice(struct buf *out, const char *text, size_t len, const char *from,
    const char *what, const char *to)
{
	(void)buf_add(out, text, (size_t)(from - text));
	(void)buf_adds(out, what);
	(void)buf_add(out, to, len - (size_t)(to - text));
	return buf_ok(out) ? 0 : -1;
}

/* A key that is not there: at the end of its section, which is made when it
 * is missing; a key of the file itself at the end of the text. */
static int
insert(struct buf *out, const char *text, size_t len, const struct found *f,
    const struct conf_place *at, const char *value)
{
	const char *end = text + len, *where = end;
	struct buf s;
	buf_init(&s, out->max);
	if (f->close != NULL) {
		where = f->close;
		while (where > f->inside && strchr(" \t", where[-1]) != NULL)
			where--;
	}
	if (where > text && where[-1] != '\n')
		(void)buf_addc(&s, '\n');
	if (at->section != NULL && f->close == NULL) {
		(void)buf_addf(&s, "\n%s ", at->section);
		if (at->title != NULL)
			(void)buf_addf(&s, "\"%s\" ", at->title);
		(void)buf_addf(&s, "{\n\t%s = %s\n}\n", at->key, value);
	} else {
		(void)buf_addf(&s, "%s%s = %s\n",
		    at->section != NULL ? "\t" : "", at->key, value);
	}
	int result = buf_ok(&s) ? splice(out, text, len, where, buf_str(&s),
				      f->close != NULL ? f->close : where)
				: -1;
	buf_free(&s);
	return result;
}

/* The whole line if there is nothing else on it, else only the key. */
static int
drop(struct buf *out, const char *text, size_t len, const struct found *f)
{
	const char *from = f->key, *to = f->end, *end = text + len;
	while (from > text && strchr(" \t", from[-1]) != NULL)
		from--;
	while (to < end && (*to == ' ' || *to == '\t' || *to == '\r'))
		to++;
	if ((from == text || from[-1] == '\n') && to < end && *to == '\n')
		return splice(out, text, len, from, "", to + 1);
	return splice(out, text, len, f->key, "", f->end);
}

int
conf_edit_set(struct buf *out, const char *text, size_t len,
    const struct conf_place *at, const char *value)
{
	struct search x;
	if (!find(&x, text, len, at, NULL))
		return -1;
	if (x.f.value != NULL)
		return value != NULL
			   ? splice(out, text, len, x.f.value, value, x.f.end)
			   : drop(out, text, len, &x.f);
	return value != NULL ? insert(out, text, len, &x.f, at, value) : 1;
}

/* Behind the last element: on a line of its own when the } is on one, so
 * that a comment stays with what it speaks of. */
static int
append(struct buf *out, const char *text, size_t len, const struct found *f,
    const char *value)
{
	const char *where =
	    f->comma != NULL ? f->comma : f->last.s + f->last.len;
	const char *lf = memchr(where, '\n', (size_t)(f->end - where));
	const char *indent = f->last.s;
	struct buf s;
	buf_init(&s, out->max);
	if (f->comma == NULL)
		(void)buf_addc(&s, ',');
	if (lf == NULL) {
		(void)buf_addf(&s, " %s", value);
		lf = where;
	} else {
		while (indent > text && indent[-1] != '\n')
			indent--;
		(void)buf_add(&s, where, (size_t)(lf + 1 - where));
		(void)buf_add(&s, indent, strspn(indent, " \t"));
		(void)buf_addf(&s, "%s\n", value);
		lf++;
	}
	int result = splice(out, text, len, where, buf_str(&s), lf);
	buf_free(&s);
	return result;
}

static int
add_element(struct buf *out, const char *text, size_t len,
    const struct found *f, const struct conf_place *at, const char *value)
{
	struct buf s;
	if (f->list && f->last.len > 0)
		return append(out, text, len, f, value);
	buf_init(&s, out->max);
	if (f->last.len > 0) /* one value without braces */
		(void)buf_addf(
		    &s, "{ %.*s, %s }", (int)f->last.len, f->last.s, value);
	else
		(void)buf_addf(&s, "{ %s }", value);
	int result = f->value != NULL
			 ? splice(out, text, len, f->value, buf_str(&s), f->end)
			 : insert(out, text, len, f, at, buf_str(&s));
	buf_free(&s);
	return result;
}

/* With the whole line, and so its comment, when it stands there alone; a
 * comma may stay behind the element before it. */
static int
drop_element(
    struct buf *out, const char *text, size_t len, const struct found *f)
{
	const char *from = f->match.s, *to = f->match_end;
	const char *line = from, *end = text + len;
	bool last = f->match.s == f->last.s;
	if (!f->list)
		return splice(out, text, len, f->value, "{}", f->end);
	while (line > text && strchr(" \t", line[-1]) != NULL)
		line--;
	while (to < end && strchr(" \t\r", *to) != NULL)
		to++;
	if (line > text && line[-1] == '\n' && to < f->end &&
	    (*to == '#' || *to == '\n')) {
		const char *lf = memchr(to, '\n', (size_t)(end - to));
		if (lf != NULL && lf < f->end)
			return splice(out, text, len, line, "", lf + 1);
	}
	if (last && f->before != NULL) /* the comma before it goes */
		return splice(out, text, len, f->before, "", f->match_end);
	return splice(out, text, len, from, "", to);
}

int
conf_edit_list(struct buf *out, const char *text, size_t len,
    const struct conf_place *at, const char *element, bool add)
{
	struct search x;
	struct buf value;
	if (!find(&x, text, len, at, element))
		return -1;
	if ((x.f.match.len > 0) == add)
		return 1;
	if (!add)
		return drop_element(out, text, len, &x.f);
	buf_init(&value, out->max);
	int result = conf_edit_value(&value, element);
	if (result == 0)
		result = add_element(out, text, len, &x.f, at, buf_str(&value));
	buf_free(&value);
	return result;
}

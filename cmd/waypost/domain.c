/* SPDX-License-Identifier: ISC */
/*
 * waypost domain: the local, alias and remote domains of the domain table
 * (domains(5)), one line each.  Finds and places lines; what may stand in
 * one is conf/table's to say, which reads every new text before it becomes
 * the file.
 *
 * Invariant: comments, order and all other lines stay as they are.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/limits.h"
#include "base/log.h"
#include "conf/conf.h"
#include "conf/conf_read.h"
#include "edited.h"
#include "mail/domain_key.h"
#include "subcommand.h"

static const char usage_text[] =
    "usage: waypost [-C file] domain add|set [--dry-run] name kind "
    "[setting ...]\n"
    "       waypost [-C file] domain default|remove [--dry-run] name\n"
    "       waypost [-C file] domain list\n"
    "kind and settings are those of domains(5):\n"
    "  local    [default] [maildir=PATH]\n"
    "  alias\n"
    "  remote   host=HOST[:PORT] | route=mx | route=smarthost, relay=yes,\n"
    "           tls=..., user=..., secret-file=..., ...\n"
    "A change acts within a second.\n"
    "  -n, --dry-run      show what would change\n";

struct request {
	const struct conf *c;
	const char *name; /* NULL: none given */
	char **words;     /* kind and settings */
	int nwords;
	bool dry_run;
};

struct span { /* a line, with its LF */
	const char *from, *to;
};

/* A word of a line behind p, up to end; its length. */
static size_t
word_at(const char **p, const char *end)
{
	while (*p < end && (**p == ' ' || **p == '\t'))
		(*p)++;
	const char *q = *p;
	while (q < end && strchr(" \t\r\n", *q) == NULL)
		q++;
	return (size_t)(q - *p);
}

static bool
has_mark(const char *s, size_t len)
{
	return len >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0;
}

/* The next line of the text behind at; false at the end. */
static bool
next_line(const struct buf *text, const char *at, struct span *l)
{
	const char *s = buf_str(text), *end = s + text->len;
	l->from = at != NULL ? at : s + (has_mark(s, text->len) ? 3 : 0);
	if (l->from >= end)
		return false;
	const char *lf = memchr(l->from, '\n', (size_t)(end - l->from));
	l->to = lf != NULL ? lf + 1 : end;
	return true;
}

static bool
find_line(const struct buf *text, const char *name, struct span *l)
{
	char want[DOMAIN_MAX + 1], have[DOMAIN_MAX + 1];
	(void)domain_key(name, strlen(name), want);
	for (const char *at = NULL; next_line(text, at, l); at = l->to) {
		const char *p = l->from;
		size_t len = word_at(&p, l->to);
		if (domain_key(p, len, have) > 0 && strcmp(have, want) == 0)
			return true;
	}
	return false;
}

/* Can it stand in a line as one word, or a value as one in quotes? */
static bool
stands(const char *w, bool setting)
{
	const char *eq = setting ? strchr(w, '=') : NULL;
	if (*w == '\0' || *w == '#' || strpbrk(w, "\r\n") != NULL)
		return false;
	return strpbrk(w, " \t") == NULL ||
	       (eq != NULL && strchr(w, '"') == NULL &&
		   strcspn(w, " \t") > (size_t)(eq - w));
}

/* The line that the words make, or an exit code. */
static int
make_line(const struct request *r, struct buf *out)
{
	(void)buf_addf(out, "%-22s", r->name);
	for (int i = -1; i < r->nwords; i++) {
		const char *w = i < 0 ? r->name : r->words[i];
		const char *eq = strchr(w, '=');
		if (!stands(w, i > 0)) {
			(void)fprintf(stderr,
			    "waypost: \"%s\" cannot stand on a line of the "
			    "domain table\n",
			    w);
			return EX_DATAERR;
		}
		if (i >= 0 && strpbrk(w, " \t") != NULL)
			(void)buf_addf(
			    out, " %.*s=\"%s\"", (int)(eq - w), w, eq + 1);
		else if (i >= 0)
			(void)buf_addf(out, " %s", w);
	}
	return buf_addc(out, '\n') == 0 ? 0 : EX_DATAERR;
}

/* What we make must be what the daemons can read. */
static int
prove(const struct request *r, const struct buf *text)
{
	struct faults f;
	faults_init(&f);
	struct table *t = table_read(r->c->domains,
	    alloc_string(buf_str(text), text->len), text->len, 0, &f);
	unsigned line = t != NULL ? table_smarthost_line(t) : 0;
	if (line > 0 &&
	    (r->c->nsmarthosts == 0 || r->c->smarthosts[0].name != NULL))
		faults_add(&f, r->c->domains, line,
		    "route=smarthost needs a smarthost section in %s",
		    r->c->path);
	table_free(t);
	subcommand_faults(&f);
	int code = f.count == 0 ? 0 : EX_DATAERR;
	faults_free(&f);
	return code;
}

/* The text with line instead of the span. */
static int
finish(const struct request *r, struct edited *e, const struct span *l,
    const char *line)
{
	struct buf text;
	const char *s = buf_str(&e->text), *end = s + e->text.len;
	buf_init(&text, TABLE_FILE_MAX);
	(void)buf_add(&text, s, (size_t)(l->from - s));
	if (l->from == end && l->from > s && end[-1] != '\n')
		(void)buf_addc(&text, '\n');
	(void)buf_adds(&text, line);
	(void)buf_add(&text, l->to, (size_t)(end - l->to));
	int code = prove(r, &text);
	if (code != 0)
		(void)fprintf(stderr, "waypost: nothing was changed\n");
	else
		code = edited_finish(e, &text, r->dry_run);
	buf_free(&text);
	return code;
}

static int
no_domain(const char *name)
{
	(void)fprintf(stderr, "waypost: there is no domain %s\n", name);
	return EX_NOHOST;
}

static int
place(const struct request *r, bool adding)
{
	struct edited e;
	struct buf line;
	struct span l;
	int code = edited_open(&e, r->c->domains, TABLE_FILE_MAX);
	buf_init(&line, CONF_FILE_MAX);
	if (code == 0)
		code = make_line(r, &line);
	bool there = code == 0 && find_line(&e.text, r->name, &l);
	if (code == 0 && !there) {
		l.from = l.to = buf_str(&e.text) + e.text.len;
		code = adding ? 0 : no_domain(r->name);
	} else if (there && adding) {
		(void)fprintf(stderr,
		    "waypost: there is a domain %s already; waypost domain set "
		    "changes it\n",
		    r->name);
		code = EX_DATAERR;
	}
	if (code == 0)
		code = finish(r, &e, &l, buf_str(&line));
	buf_free(&line);
	edited_close(&e);
	return code;
}

static int
add(const struct request *r)
{
	return place(r, true);
}

static int
set(const struct request *r)
{
	return place(r, false);
}

static int
drop(const struct request *r)
{
	struct edited e;
	struct span l;
	int code = edited_open(&e, r->c->domains, TABLE_FILE_MAX);
	if (code == 0 && !find_line(&e.text, r->name, &l))
		code = no_domain(r->name);
	if (code == 0)
		code = finish(r, &e, &l, "");
	edited_close(&e);
	return code;
}

/* Add a line to out, without the word "default" that stands alone in it. */
static void
add_without_default(struct buf *out, const struct span *l)
{
	const char *p = l->from, *copied = l->from;
	size_t len;
	while ((len = word_at(&p, l->to)) > 0 && *p != '#') {
		if (len == 7 && memcmp(p, "default", 7) == 0 && p > l->from &&
		    copied < p) {
			while (p > copied && strchr(" \t", p[-1]) != NULL)
				p--, len++;
			(void)buf_add(out, copied, (size_t)(p - copied));
			copied = p + len;
		}
		p += len;
	}
	(void)buf_add(out, copied, (size_t)(l->to - copied));
}

/* Is it a line of a local domain?  Then *after is behind its kind. */
static bool
local_line(const struct span *l, const char **after)
{
	const char *p = l->from;
	size_t len = word_at(&p, l->to);
	if (len == 0 || *p == '#')
		return false;
	p += len;
	len = word_at(&p, l->to);
	*after = p + len;
	return len == 5 && memcmp(p, "local", 5) == 0;
}

/* The default goes from the line that has it to ours. */
static int
make_default(const struct request *r)
{
	struct edited e;
	struct buf text;
	struct span l, ours;
	const char *after;
	int code = edited_open(&e, r->c->domains, TABLE_FILE_MAX);
	buf_init(&text, TABLE_FILE_MAX);
	if (code == 0 && !find_line(&e.text, r->name, &ours))
		code = no_domain(r->name);
	if (code == 0 && !local_line(&ours, &after)) {
		(void)fprintf(stderr,
		    "waypost: %s is no local domain and cannot be the "
		    "default\n",
		    r->name);
		code = EX_DATAERR;
	}
	if (code == 0 && has_mark(buf_str(&e.text), e.text.len))
		(void)buf_adds(&text, "\xef\xbb\xbf");
	for (const char *at = NULL; code == 0 && next_line(&e.text, at, &l);
	     at = l.to) {
		if (!local_line(&l, &after)) {
			(void)buf_add(&text, l.from, (size_t)(l.to - l.from));
			continue;
		}
		if (l.from == ours.from) {
			(void)buf_add(&text, l.from, (size_t)(after - l.from));
			(void)buf_adds(&text, " default");
			l.from = after;
		}
		add_without_default(&text, &l);
	}
	if (code == 0)
		code = prove(r, &text);
	if (code == 0)
		code = edited_finish(&e, &text, r->dry_run);
	buf_free(&text);
	edited_close(&e);
	return code;
}

/* The lines of the file, in columns and without comments. */
static int
list(const struct request *r)
{
	struct edited e;
	struct span l;
	int code = edited_read(&e, r->c->domains, TABLE_FILE_MAX);
	if (code == 0)
		code = prove(r, &e.text);
	for (const char *at = NULL; code == 0 && next_line(&e.text, at, &l);
	     at = l.to) {
		const char *p = l.from;
		size_t len;
		int column = 0, printed = 0;
		while ((len = word_at(&p, l.to)) > 0 && *p != '#') {
			static const int width[] = {0, 24, 33}; /* before */
			if (column > 0 && column < 3)
				printed += printf("%*s",
				    printed < width[column]
					? width[column] - printed
					: 1,
				    "");
			else if (column > 0)
				printed += printf(" ");
			printed += printf("%.*s", (int)len, p);
			column++;
			p += len;
		}
		if (column > 0)
			(void)putchar('\n');
	}
	edited_close(&e);
	return code != 0 ? code : subcommand_flush();
}

static const struct verb {
	const char *name;
	int words; /* -1: a name, a kind and more */
	int (*run)(const struct request *r);
} verbs[] = {
    {"add", -1, add},
    {"set", -1, set},
    {"default", 1, make_default},
    {"remove", 1, drop},
    {"list", 0, list},
};

static int
usage(void)
{
	(void)fputs(usage_text, stderr);
	return EX_USAGE;
}

int
domain_run(const struct invocation *v)
{
	static const struct option options[] = {
	    {"dry-run", no_argument, NULL, 'n'},
	    {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	struct request r = {0};
	const struct verb *verb = NULL;
	int opt;
	optind = 0; /* begin anew, behind the subcommand */
	while (
	    (opt = getopt_long(v->argc, v->argv, "nh", options, NULL)) != -1) {
		if (opt == 'h')
			return fputs(usage_text, stdout) < 0 ? EX_IOERR : EX_OK;
		if (opt != 'n')
			return usage();
		r.dry_run = true;
	}
	int words = v->argc - optind - 1;
	for (size_t i = 0; words >= 0 && i < sizeof(verbs) / sizeof(*verbs);
	     i++)
		if (strcmp(verbs[i].name, v->argv[optind]) == 0)
			verb = &verbs[i];
	if (verb == NULL ||
	    (verb->words >= 0 ? words != verb->words : words < 2))
		return usage();
	r.name = words > 0 ? v->argv[optind + 1] : NULL;
	r.words = v->argv + optind + 2;
	r.nwords = words - 1;
	struct conf *c = subcommand_conf(v, 0);
	if (c == NULL)
		return EX_CONFIG;
	r.c = c;
	int code = verb->run(&r);
	conf_unref(c);
	return code;
}

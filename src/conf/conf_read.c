/* SPDX-License-Identifier: ISC */
/*
 * From text to struct conf.  libconfuse parses; each value comes out of it
 * as text with its line (struct written), is converted here by its key's
 * type, and is checked.  A bad value leaves the default and one fault, so
 * that one load tells all faults.
 *
 * libconfuse never sees a file, an include or an environment variable:
 * conf_text() gives it tokens.  Nothing here allows a value that its key's
 * entry in conf_keys.c does not.
 */
#include "conf/conf_read.h"

#include <confuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "conf/conf_keys.h"

struct reader {
	struct conf *c;
	struct faults *f;
};

struct written {
	unsigned line;
	char text[];
};

static int
keep(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	size_t len = strlen(value);
	struct written *w = alloc_zero(1, sizeof(*w) + len + 1);
	(void)opt;
	w->line = cfg->line > 0 ? (unsigned)cfg->line : 0;
	memcpy(w->text, value, len);
	*(struct written **)result = w;
	return 0;
}

/* libconfuse gives its complaint no place to go to but here; the comment
 * of the section where it happened is ours, and freed with it. */
static void
complain(cfg_t *cfg, const char *fmt, va_list ap)
{
	char text[300];
	if (cfg->comment != NULL)
		return;
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	cfg->comment = alloc_string(text, strlen(text));
}

static cfg_opt_t *
make_options(const struct key_section *s, size_t more)
{
	cfg_opt_t *o = alloc_zero(s->nkeys + more + 1, sizeof(*o));
	for (size_t i = 0; i < s->nkeys; i++) {
		bool list = s->keys[i].type == KEY_WORDS ||
			    s->keys[i].type == KEY_TIMES;
		o[i].name = s->keys[i].name;
		o[i].type = CFGT_PTR;
		o[i].flags = CFGF_NODEFAULT | (list ? CFGF_LIST : 0);
		o[i].parsecb = keep;
		o[i].freecb = free;
	}
	return o;
}

static cfg_t *
make_parser(void)
{
	size_t more = keys_nsections - 1, n = keys_sections[0].nkeys;
	cfg_opt_t *o = make_options(&keys_sections[0], more);
	for (size_t i = 0; i < more; i++) {
		const struct key_section *s = &keys_sections[i + 1];
		o[n + i].name = s->name;
		o[n + i].type = CFGT_SEC;
		o[n + i].subopts = make_options(s, 0);
		if (s->shape != SECTION_ONCE)
			o[n + i].flags = CFGF_MULTI | CFGF_TITLE;
	}
	cfg_t *root = cfg_init(o, CFGF_NONE);
	for (size_t i = 0; i < more; i++)
		free(o[n + i].subopts);
	free(o);
	if (root == NULL)
		die("out of memory");
	(void)cfg_set_error_function(root, complain);
	return root;
}

static void
tell_syntax(struct reader *r, cfg_t *cfg)
{
	if (cfg->comment != NULL)
		faults_add(r->f, r->c->path,
		    cfg->line > 0 ? (unsigned)cfg->line : 0, "%s",
		    cfg->comment);
	/* Without memory libconfuse leaves sections without options (H05). */
	for (size_t i = 0; cfg->opts != NULL && cfg->opts[i].name != NULL; i++)
		for (unsigned k = 0;
		     cfg->opts[i].type == CFGT_SEC && k < cfg->opts[i].nvalues;
		     k++)
			tell_syntax(r, cfg->opts[i].values[k]->section);
}

static void
bad_value(struct reader *r, const struct key_section *s, const struct key *k,
    const struct written *w, const char *why)
{
	faults_add(r->f, r->c->path, w->line, "%s%s%s: \"%.80s\" %s",
	    s->name != NULL ? s->name : "", s->name != NULL ? "." : "", k->name,
	    w->text, why);
}

static void
read_list(struct reader *r, const struct key_section *s, const struct key *k,
    cfg_opt_t *opt, unsigned line, void *at)
{
	char why[KEY_WHY];
	size_t n = opt->nvalues;
	size_t min = k->type == KEY_TIMES ? 1 : k->min;
	size_t max = k->type == KEY_TIMES ? 100 : k->max;
	if (n < min || n > max) {
		faults_add(r->f, r->c->path, line,
		    "%s.%s: needs %zu to %zu values", s->name, k->name, min,
		    max);
		return;
	}
	unsigned before = r->f->count;
	key_list_start(k, at, n);
	for (size_t i = 0; i < n; i++) {
		const struct written *w = opt->values[i]->ptr;
		if (key_list_add(k, at, w->text, why) != 0)
			bad_value(r, s, k, w, why);
	}
	if (r->f->count != before)
		key_default(k, at);
}

static void
note_source(struct conf *c, const void *member, unsigned line)
{
	c->sources =
	    alloc_grow(c->sources, c->nsources + 1, sizeof(*c->sources));
	c->sources[c->nsources++] = (struct conf_source){member, line};
}

static void
read_section(
    struct reader *r, cfg_t *cfg, const struct key_section *s, void *base)
{
	char why[KEY_WHY];
	for (size_t i = 0; i < s->nkeys; i++) {
		const struct key *k = &s->keys[i];
		cfg_opt_t *opt = &cfg->opts[i];
		void *at = (char *)base + k->offset;
		if (!(opt->flags & CFGF_MODIFIED))
			continue;
		note_source(r->c, at, conf_line(cfg, k->name));
		if (opt->flags & CFGF_LIST) {
			read_list(r, s, k, opt, conf_line(cfg, k->name), at);
			continue;
		}
		const struct written *w =
		    opt->nvalues > 0 ? opt->values[0]->ptr : NULL;
		if (w != NULL && key_set(k, w->text, at, why) != 0)
			bad_value(r, s, k, w, why);
	}
}

static const struct written *
first_written(const cfg_t *section, const char *key)
{
	for (size_t i = 0; section->opts[i].name != NULL; i++) {
		const cfg_opt_t *o = &section->opts[i];
		if (o->type == CFGT_PTR && strcmp(o->name, key) == 0)
			return o->nvalues > 0 ? o->values[0]->ptr : NULL;
	}
	return NULL;
}

bool
conf_given(struct cfg_t *section, const char *key)
{
	const struct written *w = first_written(section, key);
	return w != NULL && w->text[0] != '\0';
}

unsigned
conf_line(struct cfg_t *section, const char *key)
{
	const struct written *w = first_written(section, key);
	if (w != NULL)
		return w->line;
	return section->line > 0 ? (unsigned)section->line : 0;
}

static char *
title_of(const cfg_t *cfg)
{
	const char *t = cfg->title;
	return t == NULL || *t == '\0' ? NULL : alloc_string(t, strlen(t));
}

/* The plain one comes first, wherever it stands in the file. */
static void
read_smarthosts(struct reader *r, cfg_opt_t *opt, const struct key_section *s)
{
	struct conf *c = r->c;
	c->smarthosts = alloc_zero(opt->nvalues, sizeof(*c->smarthosts));
	for (int named = 0; named < 2; named++)
		for (unsigned i = 0; i < opt->nvalues; i++) {
			cfg_t *cfg = opt->values[i]->section;
			char *name = title_of(cfg);
			struct smarthost *h = &c->smarthosts[c->nsmarthosts];
			if ((name != NULL) != (named != 0)) {
				free(name);
				continue;
			}
			h->name = name;
			c->nsmarthosts++;
			keys_default(s, h);
			read_section(r, cfg, s, h);
		}
}

/* In the order of the file. */
static void
read_named(struct reader *r, cfg_opt_t *opt, const struct key_section *s)
{
	size_t n = opt->nvalues;
	char *array = alloc_zero(n, s->size);
	for (unsigned i = 0; i < n; i++) {
		char *one = array + i * s->size;
		char *name = title_of(opt->values[i]->section);
		memcpy(one, &name, sizeof(name));
		keys_default(s, one);
		read_section(r, opt->values[i]->section, s, one);
	}
	memcpy((char *)r->c + s->array, &array, sizeof(array));
	memcpy((char *)r->c + s->number, &n, sizeof(n));
}

static void
read_all(struct reader *r, cfg_t *root)
{
	read_section(r, root, &keys_sections[0], r->c);
	for (size_t i = 1; i < keys_nsections; i++) {
		const struct key_section *s = &keys_sections[i];
		cfg_opt_t *opt = &root->opts[keys_sections[0].nkeys + i - 1];
		if (s->shape == SECTION_ONCE && opt->nvalues > 0)
			read_section(r, opt->values[0]->section, s, r->c);
		else if (s->shape == SECTION_NAMED)
			read_named(r, opt, s);
		else if (s->shape == SECTION_MAY_BE_NAMED)
			read_smarthosts(r, opt, s);
	}
}

/* False when the text ended early or is no configuration at all: then
 * what is missing in it is no fault of its own. */
static bool
parse(struct reader *r, cfg_t *root, const char *text, size_t len)
{
	bool whole;
	unsigned first = r->f->count;
	char *clean = conf_text(r->c->path, text, len, &whole, r->f);
	unsigned before = r->f->count;
	bool empty = *clean == '\0' && before == first;
	bool parsed = cfg_parse_buf(root, clean) == CFG_SUCCESS;
	free(clean);
	if (!parsed && whole)
		tell_syntax(r, root);
	if (!parsed && whole && r->f->count == before)
		faults_add(r->f, r->c->path, 0, "syntax error");
	/* A file that is just being written must not be taken for one that
	 * wants the defaults (M02). */
	if (empty)
		faults_add(r->f, r->c->path, 0,
		    "sets nothing: is it only half there?");
	return parsed && whole && !empty;
}

static void
read_table(struct conf *c, unsigned flags, struct faults *f)
{
	size_t len;
	bool may_miss = (flags & CONF_DOMAINS) == 0;
	char *text = conf_slurp(c->domains, TABLE_FILE_MAX, may_miss, &len, f);
	if (text == NULL)
		return;
	c->domains_there = len > 0;
	c->table = table_read(c->domains, text, len,
	    (flags & CONF_TABLE ? 0 : TABLE_LOCAL) |
		(flags & CONF_LENIENT ? TABLE_LENIENT : 0),
	    f);
	unsigned line = table_smarthost_line(c->table);
	if (line > 0 && (c->nsmarthosts == 0 || c->smarthosts[0].name != NULL))
		faults_add(f, c->domains, line,
		    "route=smarthost needs a smarthost section in %s", c->path);
}

/* libconfuse does not look whether it got memory, and how much there is may
 * be a caller's choice (B11): see first that there is enough.  Address space
 * that was there once is there again, since nobody else takes it. */
static void
ensure_memory(size_t len)
{
	free(alloc_grow(NULL, CONF_MEMORY + len, CONF_MEMORY_PER_OCTET));
}

struct conf *
conf_read(const char *path, const char *text, size_t len, unsigned flags,
    struct faults *f)
{
	unsigned before = f->count;
	struct conf *c = alloc_zero(1, sizeof(*c));
	struct reader r = {.c = c, .f = f};
	c->refs = 1;
	c->loaded_ms = clock_wall_ms();
	c->path = alloc_string(path, strlen(path));
	for (size_t i = 0; i < keys_nsections; i++)
		if (keys_sections[i].shape == SECTION_ONCE)
			keys_default(&keys_sections[i], c);
	if (text != NULL)
		ensure_memory(len);
	cfg_t *root = make_parser();
	bool whole = text != NULL && parse(&r, root, text, len);
	read_all(&r, root);
	conf_complete(c, whole && !conf_given(root, "hostname"),
	    (flags & CONF_LENIENT) != 0, f);
	if (whole)
		conf_agree(c, root, f);
	(void)cfg_free(root);
	if (flags & (CONF_TABLE | CONF_LOCAL))
		read_table(c, flags, f);
	if (f->count == before || (flags & CONF_LENIENT))
		return c;
	conf_unref(c);
	return NULL;
}

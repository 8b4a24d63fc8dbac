/* SPDX-License-Identifier: ISC */
/*
 * waypost set, unset: one key of waypost.conf.  Where a key stands in the
 * text is conf/conf_edit's matter, what it may be conf/conf's: the new text
 * is read whole, with the files it names, before it becomes the file.
 */
#include "setting.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/limits.h"
#include "base/log.h"
#include "conf/conf_keys.h"
#include "conf/conf_read.h"

static const char usage_text[] =
    "usage: waypost [-C file] set [--dry-run] key value ...\n"
    "       waypost [-C file] unset [--dry-run] key\n"
    "key is one of waypost.conf(5), with its section: hostname,\n"
    "smarthost.hosts, queue.retry, listen.NAME.tls.  A list takes any number\n"
    "of values.  unset gives back the default.  A change acts within a\n"
    "second.\n"
    "  -n, --dry-run      show what would change\n";

const char *
setting_file(const struct invocation *v)
{
	return v->conf_path != NULL ? v->conf_path : CONF_PATH;
}

int
setting_finish(struct edited *e, const struct buf *text, bool dry_run)
{
	struct faults f;
	faults_init(&f);
	struct conf *c =
	    conf_read(e->path, buf_str(text), text->len, CONF_TABLE, &f);
	conf_unref(c);
	subcommand_faults(&f);
	int code = f.count == 0 ? 0 : EX_DATAERR;
	faults_free(&f);
	if (code == 0)
		return edited_finish(e, text, dry_run);
	(void)fprintf(stderr, "waypost: nothing was changed\n");
	return code;
}

/* "section.title.key", cut up in place; NULL: no such key. */
static const struct key *
find_key(char *name, struct conf_place *at)
{
	char *first = strchr(name, '.'), *last = strrchr(name, '.');
	*at = (struct conf_place){.key = name};
	const struct key_section *s = &keys_sections[0];
	if (first != NULL) {
		*first = *last = '\0';
		at->section = name;
		at->key = last + 1;
		at->title = first != last ? first + 1 : NULL;
		s = keys_section(name, strlen(name));
	}
	if (s == NULL || (at->title != NULL && s->shape == SECTION_ONCE) ||
	    (at->title == NULL && s->shape == SECTION_NAMED))
		return NULL;
	return keys_find(s, at->key, strlen(at->key));
}

/* The words as the file has them.  -1: one cannot be written. */
static int
make_value(const struct key *k, char *const *words, int nwords, struct buf *out)
{
	bool list = k->type == KEY_WORDS || k->type == KEY_TIMES;
	int result = 0;
	if (list)
		(void)buf_adds(out, nwords > 0 ? "{ " : "{");
	for (int i = 0; result == 0 && i < nwords; i++) {
		if (i > 0)
			(void)buf_adds(out, ", ");
		result = conf_edit_value(out, words[i]);
	}
	if (list)
		(void)buf_adds(out, nwords > 0 ? " }" : "}");
	return result;
}

static int
change(const struct invocation *v, const struct conf_place *at,
    const char *value, bool dry_run)
{
	struct edited e;
	struct buf text;
	int code = edited_open(&e, setting_file(v), CONF_FILE_MAX);
	buf_init(&text, CONF_FILE_MAX);
	int got = code == 0 ? conf_edit_set(&text, buf_str(&e.text), e.text.len,
				  at, value)
			    : -1;
	if (code == 0 && got < 0) {
		(void)fprintf(stderr,
		    "waypost: %s has a fault that keeps it from being edited; "
		    "waypost reload names it\n",
		    e.path);
		code = EX_CONFIG;
	}
	if (got == 0)
		code = setting_finish(&e, &text, dry_run);
	buf_free(&text);
	edited_close(&e);
	return code;
}

static int
usage(void)
{
	(void)fputs(usage_text, stderr);
	return EX_USAGE;
}

static int
run(const struct invocation *v, char *const *words, int nwords, bool dry_run)
{
	struct conf_place at;
	struct buf value;
	bool set = strcmp(v->argv[0], "set") == 0;
	char *name = alloc_string(words[0], strlen(words[0]));
	const struct key *k = find_key(name, &at);
	bool list = k != NULL && (k->type == KEY_WORDS || k->type == KEY_TIMES);
	int code;
	buf_init(&value, CONF_FILE_MAX);
	if (k == NULL) {
		(void)fprintf(stderr,
		    "waypost: %s is no key of waypost.conf(5)\n", words[0]);
		code = EX_DATAERR;
	} else if (set ? !list && nwords != 2 : nwords != 1) {
		code = usage();
	} else if (make_value(k, words + 1, nwords - 1, &value) != 0) {
		(void)fprintf(stderr,
		    "waypost: control characters, \" and \\ cannot stand in a "
		    "value\n");
		code = EX_DATAERR;
	} else {
		code = change(v, &at, set ? buf_str(&value) : NULL, dry_run);
	}
	buf_free(&value);
	free(name);
	return code;
}

int
setting_run(const struct invocation *v)
{
	static const struct option options[] = {
	    {"dry-run", no_argument, NULL, 'n'},
	    {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	bool dry_run = false;
	int opt;
	optind = 0; /* begin anew, behind the subcommand */
	/* "+": a value may begin with a hyphen. */
	while (
	    (opt = getopt_long(v->argc, v->argv, "+nh", options, NULL)) != -1) {
		if (opt == 'h')
			return fputs(usage_text, stdout) < 0 ? EX_IOERR : EX_OK;
		if (opt != 'n')
			return usage();
		dry_run = true;
	}
	if (optind >= v->argc)
		return usage();
	return run(v, v->argv + optind, v->argc - optind, dry_run);
}

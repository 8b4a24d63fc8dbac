/* SPDX-License-Identifier: ISC */
/*
 * Thirty years of sendmail options.  A table says what each letter takes;
 * a letter that is not in it is a usage error, so nothing is ignored by
 * accident.  What is ignored on purpose is in the table, too, and in the
 * manual.
 *
 * Not getopt(3): it has globals, reads the environment, prints what a
 * caller wrote, and knows no options that take their value only attached
 * (-q, -d).  Like it, options may follow operands until "--".
 *
 * Invariant: no value names a file that is opened, except that of -C,
 * about which main.c decides.
 */
#include "options.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

enum takes {
	NOTHING,
	VALUE,    /* attached or the next argument */
	ATTACHED, /* the rest of the word, if any */
};

typedef int (*option_fn)(struct options *o, const char *value, char *why);

struct option {
	char letter;
	enum takes takes;
	option_fn fn;
};

static int
refuse(char *why, const char *sentence)
{
	(void)snprintf(why, OPTIONS_WHY_MAX, "%s", sentence);
	return EX_USAGE;
}

static int
ignore(struct options *o, const char *value, char *why)
{
	(void)o, (void)value, (void)why;
	return EX_OK;
}

static int
set_body(struct options *o, const char *value, char *why)
{
	(void)o; /* what is sent decides, not what is said of it */
	if (strcasecmp(value, "7BIT") == 0 ||
	    strcasecmp(value, "8BITMIME") == 0)
		return EX_OK;
	return refuse(why, "-B takes 7BIT or 8BITMIME");
}

static int
set_mode(struct options *o, const char *value, char *why)
{
	switch (value[0] != '\0' && value[1] == '\0' ? value[0] : '\0') {
	case 'm':
	case 'q': /* everything is queued first */
		return EX_OK;
	case 'p':
		o->job = JOB_LIST;
		return EX_OK;
	case 'i':
		o->job = JOB_ALIASES;
		return EX_OK;
	case 's':
		o->job = JOB_SMTP;
		return EX_OK;
	case 'v':
		o->job = JOB_VERIFY;
		return EX_OK;
	case 'd':
	case 'D':
		return refuse(why,
		    "-bd is not here: the daemons are waypostd and "
		    "waypost-smtpd, started as services");
	case 't':
		return refuse(why, "-bt is not here: -bv ADDRESS tells where "
				   "mail goes");
	case 'h':
	case 'H':
		return refuse(why, "-bh and -bH are not here: mailq tells why "
				   "mail waits for a host");
	default:
		return refuse(
		    why, "of -b there are -bm, -bp, -bi, -bq, -bs and -bv");
	}
}

static int
set_config(struct options *o, const char *value, char *why)
{
	(void)why;
	o->config = value;
	return EX_OK;
}

static int
set_full_name(struct options *o, const char *value, char *why)
{
	(void)why;
	o->full_name = value;
	return EX_OK;
}

static int
set_sender(struct options *o, const char *value, char *why)
{
	(void)why;
	o->sender = value;
	return EX_OK;
}

static int
set_dots(struct options *o, const char *value, char *why)
{
	(void)value, (void)why;
	o->ignore_dots = true;
	return EX_OK;
}

static int
set_aliases_job(struct options *o, const char *value, char *why)
{
	(void)value, (void)why;
	o->job = JOB_ALIASES;
	return EX_OK;
}

static int
set_notify(struct options *o, const char *value, char *why)
{
	if (notify_parse(value, strlen(value), &o->notify) == 0)
		return EX_OK;
	return refuse(
	    why, "-N takes \"never\", or a list of success, failure and delay");
}

/* Of Sendmail it sets a macro; what Exim does by these to the queue must not
 * become a message to a queue id. */
static int
set_macro(struct options *o, const char *value, char *why)
{
	static const char *const exim[] = {"", "ar", "c", "es", "f", "g", "G",
	    "mad", "md", "rm", "set", "t", "vb", "vc", "vh", "vl"};
	(void)o;
	for (size_t i = 0; i < sizeof(exim) / sizeof(exim[0]); i++)
		if (strcmp(value, exim[i]) == 0)
			return refuse(why, "-M with an order for the queue is "
					   "not here: see waypost(8)");
	return EX_OK;
}

static int
set_no_aliases(struct options *o, const char *value, char *why)
{
	(void)value, (void)why;
	o->no_aliases = true;
	return EX_OK;
}

/* -oX: one letter, then its value. */
static int
set_letter(struct options *o, const char *value, char *why)
{
	(void)why;
	if (value[0] == 'd' && (value[1] == 'i' || value[1] == 'f'))
		o->delivery = DELIVERY_WAIT;
	else if (value[0] == 'd')
		o->delivery =
		    value[1] == 'q' ? DELIVERY_QUEUE : DELIVERY_BACKGROUND;
	if (value[0] == 'i' && value[1] == '\0')
		o->ignore_dots = true;
	return EX_OK;
}

/* A time would make a daemon of it, which is waypostd: one run will do. */
static int
set_flush(struct options *o, const char *value, char *why)
{
	(void)value, (void)why;
	o->job = JOB_FLUSH;
	return EX_OK;
}

static int
set_return(struct options *o, const char *value, char *why)
{
	if (strcasecmp(value, "full") == 0)
		o->ret = RET_FULL;
	else if (strcasecmp(value, "hdrs") == 0)
		o->ret = RET_HDRS;
	else
		return refuse(why, "-R takes \"full\" or \"hdrs\"");
	return EX_OK;
}

static int
set_header_rcpts(struct options *o, const char *value, char *why)
{
	(void)value, (void)why;
	o->header_rcpts = true;
	return EX_OK;
}

static int
set_envid(struct options *o, const char *value, char *why)
{
	if (!xtext_valid(value, strlen(value), ENVID_MAX))
		return refuse(why,
		    "-V takes printable xtext (RFC 3461), at most 100 "
		    "characters");
	o->envid = value;
	return EX_OK;
}

static int
set_verbose(struct options *o, const char *value, char *why)
{
	(void)value, (void)why;
	o->verbose = true;
	return EX_OK;
}

static const struct option table[] = {
    {'A', VALUE, ignore},
    {'a', NOTHING, ignore},
    {'B', VALUE, set_body},
    {'b', VALUE, set_mode},
    {'C', VALUE, set_config},
    {'c', NOTHING, ignore},
    {'D', VALUE, ignore},
    {'d', ATTACHED, ignore},
    {'e', VALUE, ignore},
    {'F', VALUE, set_full_name},
    {'f', VALUE, set_sender},
    {'G', NOTHING, ignore},
    {'h', VALUE, ignore},
    {'I', NOTHING, set_aliases_job},
    {'i', NOTHING, set_dots},
    {'L', VALUE, ignore},
    {'M', ATTACHED, set_macro},
    {'m', NOTHING, ignore},
    {'N', VALUE, set_notify},
    {'n', NOTHING, set_no_aliases},
    {'O', VALUE, ignore},
    {'o', VALUE, set_letter},
    {'p', VALUE, ignore},
    {'Q', ATTACHED, ignore},
    {'q', ATTACHED, set_flush},
    {'R', VALUE, set_return},
    {'r', VALUE, set_sender},
    {'s', NOTHING, ignore},
    {'T', ATTACHED, ignore},
    {'t', NOTHING, set_header_rcpts},
    {'U', NOTHING, ignore},
    {'V', VALUE, set_envid},
    {'v', NOTHING, set_verbose},
    {'X', VALUE, ignore},
    {'x', NOTHING, ignore},
};

static const struct option *
look_up(char letter)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].letter == letter)
			return &table[i];
	return NULL;
}

/* One argument "-abc"; next is the argument behind it, or NULL, and *used
 * tells whether it was this one's value. */
static int
parse_word(struct options *o, const char *word, const char *next, bool *used,
    char *why)
{
	*used = false;
	for (const char *p = word + 1; *p != '\0'; p++) {
		const struct option *option = look_up(*p);
		const char *value = p + 1;
		if (option == NULL) {
			bool plain = *p > ' ' && *p < 0x7f;
			(void)snprintf(why, OPTIONS_WHY_MAX,
			    "unknown option -%c", plain ? *p : '?');
			return EX_USAGE;
		}
		if (option->takes == VALUE && *value == '\0') {
			if (next == NULL) {
				(void)snprintf(why, OPTIONS_WHY_MAX,
				    "option -%c needs a value", *p);
				return EX_USAGE;
			}
			value = next;
			*used = true;
		}
		int code = option->fn(o, value, why);
		if (code != EX_OK || option->takes != NOTHING)
			return code;
	}
	return EX_OK;
}

/* "mailq" and "newaliases" are what the program is called, not options. */
static void
set_program(struct options *o, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	o->program = "sendmail";
	if (strcmp(name, "mailq") == 0) {
		o->program = "mailq";
		o->job = JOB_LIST;
	} else if (strcmp(name, "newaliases") == 0) {
		o->program = "newaliases";
		o->job = JOB_ALIASES;
	}
}

int
options_parse(
    struct options *o, int argc, char **argv, char why[OPTIONS_WHY_MAX])
{
	int operands = 0, i;
	*o = (struct options){0};
	set_program(o, argv[0]);
	for (i = 1; i < argc; i++) {
		char *word = argv[i];
		if (word[0] != '-' || word[1] == '\0') {
			argv[1 + operands++] = word;
			continue;
		}
		if (strcmp(word, "--") == 0)
			break;
		bool used;
		int code = parse_word(
		    o, word, i + 1 < argc ? argv[i + 1] : NULL, &used, why);
		if (code != EX_OK)
			return code;
		i += used;
	}
	for (i++; i < argc; i++)
		argv[1 + operands++] = argv[i];
	o->rcpts = argv + 1;
	o->nrcpts = (size_t)operands;
	return EX_OK;
}

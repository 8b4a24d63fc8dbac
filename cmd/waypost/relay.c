/* SPDX-License-Identifier: ISC */
/*
 * waypost relay: the dialog "relay restrictions" of the original.  allow and
 * deny say what shall be true of a client; whether that means an entry in
 * relay.except or the lack of one follows from relay.default.
 *
 * Invariant: what it reports as done is so by the rule that the listener
 * asks (relay_listed), for an address; or nothing was changed.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

#include "base/limits.h"
#include "conf/conf_read.h"
#include "net/ip.h"
#include "setting.h"

static const char usage_text[] =
    "usage: waypost [-C file] relay allow|deny [--dry-run] client\n"
    "       waypost [-C file] relay list\n"
    "client is an address, a block (192.0.2.0/24) or a name (host.example,\n"
    ".example).  A change acts within a second, on open sessions too.\n"
    "  -n, --dry-run      show what would change\n";

static const struct conf_place except = {.section = "relay", .key = "except"};

struct request {
	const struct invocation *v;
	const char *client;
	bool allow, dry_run;
};

/* The entry that equals the client, or else one that covers it. */
static const char *
find_entry(const struct words *list, const char *client, bool *equal)
{
	const char *why, *found = NULL;
	struct cidr ours, other;
	bool block = cidr_parse(client, strlen(client), &ours, &why) == 0;
	*equal = false;
	for (size_t i = 0; i < list->n; i++) {
		const char *s = list->v[i];
		bool is_block = cidr_parse(s, strlen(s), &other, &why) == 0;
		*equal = block && is_block
			     ? ours.bits == other.bits &&
				   ip_equal(&ours.base, &other.base)
			     : strcasecmp(s, client) == 0;
		if (*equal)
			return s;
		if (block && is_block && other.bits < ours.bits &&
		    cidr_covers(&other, &ours.base))
			found = s;
	}
	return found;
}

static int
edit(const struct request *r, struct edited *e, const char *entry, bool add)
{
	struct buf text;
	buf_init(&text, CONF_FILE_MAX);
	int code = 0;
	int got = conf_edit_list(
	    &text, buf_str(&e->text), e->text.len, &except, entry, add);
	if (got == 0) {
		code = setting_finish(e, &text, r->dry_run);
	} else {
		(void)fprintf(stderr,
		    "waypost: %s: relay.except cannot be edited for \"%s\"\n",
		    e->path, entry);
		code = EX_DATAERR;
	}
	buf_free(&text);
	return code;
}

static int
apply(const struct request *r, const struct conf *c, struct edited *e)
{
	bool equal, add = r->allow != c->relay.allow;
	const char *entry = find_entry(&c->relay.except, r->client, &equal);
	if (add && entry != NULL) {
		(void)printf("%s %s relay already: %s is in relay.except\n",
		    r->client, r->allow ? "may" : "may not", entry);
		return subcommand_flush();
	}
	if (!add && entry == NULL) {
		(void)printf("%s %s relay already: it is not in relay.except\n",
		    r->client, r->allow ? "may" : "may not");
		return subcommand_flush();
	}
	if (!add && !equal) {
		(void)fprintf(stderr,
		    "waypost: %s is covered by %s in relay.except; take that "
		    "out and put in the parts that shall stay\n",
		    r->client, entry);
		return EX_DATAERR;
	}
	return edit(r, e, add ? r->client : entry, add);
}

static int
change(const struct request *r)
{
	struct edited e;
	struct faults f;
	struct conf *c = NULL;
	int code = edited_open(&e, setting_file(r->v), CONF_FILE_MAX);
	faults_init(&f);
	if (code == 0)
		c = conf_read(e.path, buf_str(&e.text), e.text.len, 0, &f);
	subcommand_faults(&f);
	faults_free(&f);
	if (code == 0)
		code = c != NULL ? apply(r, c, &e) : EX_CONFIG;
	conf_unref(c);
	edited_close(&e);
	return code;
}

static int
list(const struct invocation *v)
{
	struct conf *c = subcommand_conf(v, 0);
	if (c == NULL)
		return EX_CONFIG;
	(void)printf("default        %s\nauthenticated  %s\n",
	    c->relay.allow ? "allow" : "deny",
	    c->relay.authenticated ? "allow" : "as anybody");
	for (size_t i = 0; i < c->relay.except.n; i++)
		(void)printf("%-14s %s\n", c->relay.allow ? "deny" : "allow",
		    c->relay.except.v[i]);
	conf_unref(c);
	return subcommand_flush();
}

static int
usage(void)
{
	(void)fputs(usage_text, stderr);
	return EX_USAGE;
}

int
relay_run(const struct invocation *v)
{
	static const struct option options[] = {
	    {"dry-run", no_argument, NULL, 'n'},
	    {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	struct request r = {.v = v};
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
	int words = v->argc - optind;
	const char *verb = words > 0 ? v->argv[optind] : "";
	if (words == 1 && !r.dry_run && strcmp(verb, "list") == 0)
		return list(v);
	r.allow = strcmp(verb, "allow") == 0;
	if (words != 2 || (!r.allow && strcmp(verb, "deny") != 0))
		return usage();
	r.client = v->argv[optind + 1];
	return change(&r);
}

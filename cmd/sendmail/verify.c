/* SPDX-License-Identifier: ISC */
/*
 * sendmail -bv: where mail for an address would go, as the configuration
 * says.  Asks no network and queues nothing; what a far host knows about
 * its users is not known here.
 */
#include "jobs.h"

#include <stdio.h>
#include <sysexits.h>

#include "conf/mailbox.h"
#include "conf/route.h"
#include "sender.h"
#include "submit/alias.h"
#include "tell.h"

#define KEY_MAX 4096

/* One that the alias file leads to.  An exit code. */
static int
verify_target(
    const struct conf *c, const char *sender, const struct address *to)
{
	struct route r;
	struct buf key;
	int code = EX_OK;
	buf_init(&key, KEY_MAX);
	route_find(c, address_domain(to), sender, &r);
	route_key(&r, address_domain(to), &key);
	if (r.way == WAY_LOCAL && r.entry != NULL && r.entry->maildir != NULL &&
	    mailbox_missing(c, r.entry, to))
		code = EX_NOUSER;
	printf("%s... %s: %s\n", to->text,
	    code == EX_OK ? "deliverable" : "no such mailbox", buf_str(&key));
	buf_free(&key);
	return code;
}

static int
verify_address(const struct options *o, const struct conf *c,
    const struct alias *aliases, const char *sender, const struct address *a)
{
	struct address_list all = {0};
	const char *why;
	int code = EX_OK;
	if (alias_expand(aliases, c, a, &all, &why) != 0) {
		tell(o->program, "%s: %s", a->text, why);
		code = EX_CONFIG;
	}
	for (size_t i = 0; i < all.n && code != EX_CONFIG; i++) {
		int one = verify_target(c, sender, &all.v[i]);
		code = code == EX_OK ? one : code;
	}
	address_list_free(&all);
	return code;
}

static int
verify_operand(const struct options *o, const struct conf *c,
    const struct alias *aliases, const char *sender, const char *text)
{
	struct address_list list = {0};
	const char *why;
	int code = EX_OK;
	if (operand_parse(&list, text, &why) != 0) {
		tell(o->program, "recipient %.300s: %s", text, why);
		code = EX_DATAERR;
	}
	for (size_t i = 0; i < list.n && code != EX_DATAERR; i++) {
		int one = verify_address(o, c, aliases, sender, &list.v[i]);
		code = code == EX_OK ? one : code;
	}
	address_list_free(&list);
	return code;
}

int
verify_run(const struct options *o, const struct conf *c)
{
	struct faults ignored; /* told when one of them concerns an address */
	struct alias *aliases = NULL;
	int code = EX_OK;
	if (o->nrcpts == 0) {
		tell(o->program, "-bv needs an address");
		return EX_USAGE;
	}
	faults_init(&ignored);
	if (!o->no_aliases)
		aliases = alias_load(c->aliases, &ignored);
	for (size_t i = 0; i < o->nrcpts; i++) {
		int one = verify_operand(o, c, aliases, o->sender, o->rcpts[i]);
		code = code == EX_OK ? one : code;
	}
	alias_free(aliases);
	faults_free(&ignored);
	if (fflush(stdout) != 0 && code == EX_OK)
		code = EX_IOERR;
	return code;
}

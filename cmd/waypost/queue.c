/* SPDX-License-Identifier: ISC */
/*
 * waypost queue: looks at the queue, and gives orders about it to waypostd.
 * Reads files and writes orders; it touches no mail itself but for requeue
 * and import, which are doors like sendmail.
 *
 * Invariant: an order names recipients that were looked up before, so that
 * mail that comes in meanwhile is never caught by it (but by flush).
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/identity.h"
#include "base/log.h"
#include "order_send.h"
#include "queue_flush.h"
#include "queue_move.h"
#include "queue_print.h"
#include "requeue.h"
#include "subcommand.h"
#include "view.h"

struct request {
	const struct conf *c;
	struct selector selector;
	bool all, held, json, report, purge, wait;
	const struct verb *verb;
};

struct verb {
	const char *name;
	int (*run)(const struct request *r);
	enum order_verb order;
	bool needs_choice; /* a selector, or --all */
	const char *done;
};

static const char usage_text[] =
    "usage: waypost [-C file] queue list [--json] [selector ...]\n"
    "       waypost [-C file] queue show [--json] selector ...\n"
    "       waypost [-C file] queue hold|release|retry selector ...\n"
    "       waypost [-C file] queue remove [--report] [--purge] selector ...\n"
    "       waypost [-C file] queue flush [--wait]\n"
    "       waypost [-C file] queue requeue name ...\n"
    "       waypost [-C file] queue export [--held] >file\n"
    "       waypost [-C file] queue import <file\n"
    "A selector is a message id, or one of\n"
    "  --from ADDRESS, --to ADDRESS   user@domain or @domain; <> in --from\n"
    "  --destination DOMAIN           of the recipient\n"
    "  --all                          everything\n"
    "hold, release, retry, remove and flush are orders to waypostd.\n"
    "  --json             one JSON object a line\n"
    "  --report           the senders get a report\n"
    "  --purge            keep nothing in badmail\n"
    "  --wait             until each was tried once\n"
    "  --held             what is on hold, too\n";

static int
usage(void)
{
	(void)fputs(usage_text, stderr);
	return EX_USAGE;
}

/* --- looking --- */

struct listing {
	void (*print)(const struct view_message *m);
	size_t messages;
};

static void
list_one(void *arg, const struct view_message *m)
{
	struct listing *l = arg;
	l->print(m);
	l->messages++;
}

static int
look(const struct request *r, void (*print)(const struct view_message *m))
{
	struct view v;
	struct listing l = {.print = r->json ? print_json : print};
	int code = view_each(&v, r->c, &r->selector, list_one, &l);
	int flushed = subcommand_flush();
	if (code != 0 || flushed != 0)
		return code != 0 ? code : flushed;
	if (l.messages == 0 && r->verb->needs_choice) {
		(void)fprintf(stderr, "waypost: nothing in the queue fits\n");
		return EX_UNAVAILABLE;
	}
	return EX_OK;
}

static int
run_list(const struct request *r)
{
	return look(r, print_short);
}

static int
run_show(const struct request *r)
{
	return look(r, print_long);
}

/* --- orders --- */

struct gathering {
	struct order order;
	size_t messages;
	bool full;
};

static void
gather(void *arg, const struct view_message *m)
{
	struct gathering *g = arg;
	g->messages++;
	for (size_t i = 0; i < m->nrcpts; i++)
		if (order_add(&g->order, m->batch, m->env->seq,
			m->rcpts[i].rcpt->number) != 0)
			g->full = true;
}

static int
give(const struct request *r, const struct gathering *g)
{
	if (g->full) {
		(void)fprintf(stderr, "waypost: too many for one order\n");
		return EX_DATAERR;
	}
	if (g->order.n == 0) {
		(void)fprintf(stderr, "waypost: nothing in the queue fits\n");
		return EX_UNAVAILABLE;
	}
	int code = order_send(r->c, &g->order);
	if (code == EX_OK)
		(void)printf("%s: %zu message%s, %zu recipient%s\n",
		    r->verb->done, g->messages, g->messages == 1 ? "" : "s",
		    g->order.n, g->order.n == 1 ? "" : "s");
	return code != 0 ? code : subcommand_flush();
}

static int
run_order(const struct request *r)
{
	struct view v;
	struct gathering g = {.order = {.verb = r->verb->order,
				  .report = r->report,
				  .purge = r->purge}};
	int code = view_each(&v, r->c, &r->selector, gather, &g);
	if (code == 0)
		code = give(r, &g);
	order_free(&g.order);
	return code;
}

static int
run_flush(const struct request *r)
{
	return queue_flush(r->c, r->wait);
}

static int
run_requeue(const struct request *r)
{
	return requeue(r->c, r->selector.ids, r->selector.nids);
}

static int
run_export(const struct request *r)
{
	return queue_export(r->c, r->held);
}

static int
run_import(const struct request *r)
{
	return queue_import(r->c);
}

static const struct verb verbs[] = {
    {"list", run_list, 0, false, NULL},
    {"show", run_show, 0, true, NULL},
    {"hold", run_order, ORDER_HOLD, true, "held"},
    {"release", run_order, ORDER_RELEASE, true, "released"},
    {"retry", run_order, ORDER_RETRY, true, "due now"},
    {"remove", run_order, ORDER_REMOVE, true, "removed"},
    {"flush", run_flush, 0, false, NULL},
    {"requeue", run_requeue, 0, true, NULL},
    {"export", run_export, 0, false, NULL},
    {"import", run_import, 0, false, NULL},
};

#define NVERBS (sizeof(verbs) / sizeof(*verbs))

/* Options may be given only where they mean something. */
static bool
sound(const struct request *r)
{
	const struct selector *s = &r->selector;
	const struct verb *v = r->verb;
	bool filter = s->from != NULL || s->to != NULL ||
		      s->destination != NULL || r->all;
	bool looks = v->run == run_list || v->run == run_show;
	bool removes = v->run == run_order && v->order == ORDER_REMOVE;
	if ((r->json && !looks) || ((r->report || r->purge) && !removes) ||
	    (r->wait && v->run != run_flush) ||
	    (r->held && v->run != run_export))
		return false;
	if (v->run == run_flush || v->run == run_export || v->run == run_import)
		return !filter && s->nids == 0;
	if (v->run == run_requeue)
		return !filter && s->nids > 0;
	return !v->needs_choice || filter || s->nids > 0;
}

enum {
	OPT_JSON = 256,
	OPT_FROM,
	OPT_TO,
	OPT_DEST,
	OPT_ALL,
	OPT_REPORT,
	OPT_PURGE,
	OPT_WAIT,
	OPT_HELD
};

static const struct option options[] = {
    {"json", no_argument, NULL, OPT_JSON},
    {"from", required_argument, NULL, OPT_FROM},
    {"to", required_argument, NULL, OPT_TO},
    {"destination", required_argument, NULL, OPT_DEST},
    {"all", no_argument, NULL, OPT_ALL},
    {"report", no_argument, NULL, OPT_REPORT},
    {"purge", no_argument, NULL, OPT_PURGE},
    {"wait", no_argument, NULL, OPT_WAIT},
    {"held", no_argument, NULL, OPT_HELD},
    {NULL, 0, NULL, 0},
};

static bool
take_option(struct request *r, int opt)
{
	switch (opt) {
	case OPT_JSON:
		return r->json = true;
	case OPT_FROM:
		r->selector.from = optarg;
		return true;
	case OPT_TO:
		r->selector.to = optarg;
		return true;
	case OPT_DEST:
		r->selector.destination = optarg;
		return true;
	case OPT_ALL:
		return r->all = true;
	case OPT_REPORT:
		return r->report = true;
	case OPT_PURGE:
		return r->purge = true;
	case OPT_WAIT:
		return r->wait = true;
	case OPT_HELD:
		return r->held = true;
	default:
		return false;
	}
}

int
queue_run(const struct invocation *v)
{
	struct request r = {0};
	int opt;
	if (subcommand_help(v, usage_text))
		return subcommand_flush();
	optind = 0; /* begin anew, behind the subcommand */
	while ((opt = getopt_long(v->argc, v->argv, "", options, NULL)) != -1)
		if (!take_option(&r, opt))
			return usage();
	const char *name = optind < v->argc ? v->argv[optind++] : "";
	for (size_t i = 0; i < NVERBS; i++)
		if (strcmp(verbs[i].name, name) == 0)
			r.verb = &verbs[i];
	r.selector.ids = v->argv + optind;
	r.selector.nids = v->argc - optind;
	if (r.verb == NULL || !sound(&r))
		return usage();
	struct conf *c = subcommand_conf(v, CONF_TABLE);
	if (c == NULL)
		return EX_CONFIG;
	r.c = c;
	/* As waypostd does: what is written must be its own. */
	int code = identity_become_owner(c->spool, false) == 0 ? r.verb->run(&r)
							       : EX_CONFIG;
	conf_unref(c);
	return code;
}

/* SPDX-License-Identifier: ISC */
/*
 * Questions and their answers.  Not the options of libunbound (context.c),
 * not the decoder (dns.c), and no mail.
 *
 * libunbound is started by the first question that needs it and may answer
 * from within ub_resolve_event(); answers therefore wait in a list that an
 * event empties, one a turn, so that callbacks may do anything, even free
 * the resolver.  Every question has its own deadline.  Invariant: a question
 * is in exactly one list, waiting, asked or answered; asked ones are known to
 * the present context and to no other, and are DNS_QUESTIONS_MAX at most.
 */
#include "net/resolver.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/time.h>
#include <unbound-event.h>
#include <unbound.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/log.h"
#include "net/changed.h"
#include "net/context.h"
#include "net/dns.h"
#include "net/hosts.h"

#define RESOLV_CONF "/etc/resolv.conf"
#define HOSTS_FILE "/etc/hosts"
#define WHY_MAX 512
#define HOSTS_TTL 1
#define CLASS_IN 1

TAILQ_HEAD(list, question);

struct question {
	TAILQ_ENTRY(question) link;
	struct resolver *resolver;
	struct event *deadline;
	resolver_fn fn;
	void *arg;
	char *name;
	struct answer answer; /* owns records */
	struct buf why;
	struct list *in; /* one of the resolver's */
	int id;          /* libunbound's, while it is asked */
};

struct resolver {
	struct event_base *base;
	struct event *deliver;
	struct ub_ctx *ctx;  /* NULL until the first question */
	struct stat servers; /* resolv.conf as ctx knows it */
	struct hosts *hosts; /* NULL: not to be used */
	struct list waiting, asked, answered;
	unsigned nasked;
	struct buf trouble; /* "" when the last was answered */
	struct context_options kept;
};

static const char *const type_names[] = {
    [RECORD_A] = "A",
    [RECORD_CNAME] = "CNAME",
    [RECORD_AAAA] = "AAAA",
    [RECORD_MX] = "MX",
    [RECORD_PTR] = "PTR",
    [RECORD_TXT] = "TXT",
    [RECORD_TLSA] = "TLSA",
};

static void
free_question(struct question *q)
{
	if (q->deadline != NULL)
		event_free(q->deadline);
	free(q->answer.records);
	free(q->name);
	buf_free(&q->why);
	free(q);
}

static void
move(struct question *q, struct list *to)
{
	struct resolver *r = q->resolver;
	if (q->in == &r->asked)
		r->nasked--;
	if (to == &r->asked)
		r->nasked++;
	TAILQ_REMOVE(q->in, q, link);
	TAILQ_INSERT_TAIL(to, q, link);
	q->in = to;
}

/* The answer is complete: let the event loop bring it. */
static void
answer(struct question *q, enum answer_kind kind, const char *why)
{
	struct resolver *r = q->resolver;
	move(q, &r->answered);
	q->answer.kind = kind;
	if (kind != ANSWER_OK)
		(void)buf_addf(&q->why, "DNS: %s of %s: %s",
		    type_names[q->answer.type], q->name, why);
	(void)event_del(q->deadline);
	event_active(r->deliver, EV_TIMEOUT, 0);
}

/* The same, from a server or for want of one. */
static void
server_answer(struct question *q, enum answer_kind kind, const char *why)
{
	answer(q, kind, why);
	buf_clear(&q->resolver->trouble);
	if (kind == ANSWER_FAIL)
		(void)buf_adds(&q->resolver->trouble, buf_str(&q->why));
}

static void
read_answer(struct question *q, const void *packet, size_t len)
{
	struct dns_message m;
	const char *why = "malformed answer";
	enum answer_kind kind = ANSWER_FAIL;
	if (dns_read(packet, len, q->answer.type, &m) == 0)
		kind = dns_judge(&m, &why);
	q->answer.ttl = m.ttl;
	q->answer.records = m.records;
	q->answer.n = m.n;
	memcpy(q->answer.owner, m.owner, sizeof(m.owner));
	server_answer(q, kind, why);
}

/* libunbound's callback; it may run inside of ub_resolve_event(). */
static void
take_answer(void *arg, int rcode, void *packet, int len, int security,
    char *why_bogus, int limited)
{
	struct question *q = arg;
	char why[256];
	(void)limited;
	q->answer.secure = security == 2;
	if (security == 1) {
		(void)snprintf(why, sizeof(why), "not validated by DNSSEC: %s",
		    why_bogus != NULL ? why_bogus : "bogus");
		server_answer(q, ANSWER_FAIL, why);
	} else if (rcode == 0 && packet != NULL && len > 0) {
		read_answer(q, packet, (size_t)len);
	} else {
		(void)snprintf(why, sizeof(why),
		    rcode == 2 ? "no server can answer (SERVFAIL)"
			       : "no answer, code %d",
		    rcode);
		server_answer(q, ANSWER_FAIL, why);
	}
}

/* Hand the question to the context, which there is.  Its time begins. */
static void
ask_context(struct question *q)
{
	static const struct timeval limit = {.tv_sec = DNS_TIMEOUT_MS / 1000,
	    .tv_usec = DNS_TIMEOUT_MS % 1000 * 1000};
	struct resolver *r = q->resolver;
	move(q, &r->asked);
	if (!evtimer_pending(q->deadline, NULL) &&
	    evtimer_add(q->deadline, &limit) != 0)
		die("cannot start a timer");
	int error = ub_resolve_event(r->ctx, q->name, (int)q->answer.type,
	    CLASS_IN, q, take_answer, &q->id);
	if (error != 0 && q->in == &r->asked)
		server_answer(q, ANSWER_FAIL, ub_strerror(error));
}

/* libunbound will not call back for q any more. */
static void
withdraw(struct question *q)
{
	if (q->in == &q->resolver->asked)
		(void)ub_cancel(q->resolver->ctx, q->id);
}

static void
time_out(evutil_socket_t fd, short what, void *arg)
{
	struct question *q = arg;
	(void)fd;
	(void)what;
	withdraw(q);
	server_answer(q, ANSWER_FAIL, "no answer in time");
}

/* A laptop changes networks. */
static bool
servers_changed(struct resolver *r)
{
	return r->kept.options.n == 0 && file_changed(RESOLV_CONF, &r->servers);
}

/* A new context, which is asked all that the old one owes. */
static void
start_context(struct resolver *r)
{
	struct question *q;
	struct buf why;
	buf_init(&why, WHY_MAX);
	/* It calls nobody back. */
	if (r->ctx != NULL)
		ub_ctx_delete(r->ctx);
	while ((q = TAILQ_LAST(&r->asked, list)) != NULL) {
		move(q, &r->waiting);
		TAILQ_REMOVE(&r->waiting, q, link);
		TAILQ_INSERT_HEAD(&r->waiting, q, link);
	}
	r->ctx = context_open(r->base, &r->kept.options, &why);
	while (r->ctx == NULL && (q = TAILQ_FIRST(&r->waiting)) != NULL)
		server_answer(q, ANSWER_FAIL, buf_str(&why));
	buf_free(&why);
}

/* As many as may be asked at a time.  The context's callbacks move
 * questions between the lists, hence the search from the start. */
static void
ask_waiting(struct resolver *r)
{
	struct question *q;
	if (TAILQ_EMPTY(&r->waiting))
		return;
	if (servers_changed(r) || r->ctx == NULL)
		start_context(r);
	while (r->nasked < DNS_QUESTIONS_MAX &&
	       (q = TAILQ_FIRST(&r->waiting)) != NULL)
		ask_context(q);
}

static bool
ask_hosts(struct question *q)
{
	struct resolver *r = q->resolver;
	struct ip v[MX_ADDRESSES_MAX];
	if (r->hosts == NULL ||
	    (q->answer.type != RECORD_A && q->answer.type != RECORD_AAAA))
		return false;
	size_t n = hosts_find(r->hosts, q->name, v, MX_ADDRESSES_MAX);
	if (n == 0)
		return false;
	q->answer.records = alloc_zero(n, sizeof(struct dns_record));
	q->answer.ttl = HOSTS_TTL;
	for (size_t i = 0; i < n; i++)
		if (ip_is_v4(&v[i]) == (q->answer.type == RECORD_A))
			q->answer.records[q->answer.n++].ip = v[i];
	answer(q, q->answer.n > 0 ? ANSWER_OK : ANSWER_NODATA,
	    "not in " HOSTS_FILE);
	return true;
}

/* Not a name of the DNS.  One that is not ASCII may have a form that is,
 * which the caller could not compute: no proof that it does not exist. */
static void
refuse(struct question *q)
{
	for (const char *p = q->name; *p != '\0'; p++) {
		if ((unsigned char)*p >= 0x80) {
			answer(q, ANSWER_FAIL, "not in its ASCII form (xn--)");
			return;
		}
	}
	answer(q, ANSWER_NXDOMAIN, "not a domain name");
}

static void
ask(struct question *q)
{
	struct resolver *r = q->resolver;
	if (!dns_name_valid(q->name, strlen(q->name)))
		refuse(q);
	else if (!ask_hosts(q))
		ask_waiting(r);
}

struct question *
resolver_ask(struct resolver *r, const char *name, enum record_type type,
    resolver_fn fn, void *arg)
{
	struct question *q = alloc_zero(1, sizeof(*q));
	q->resolver = r;
	q->fn = fn;
	q->arg = arg;
	q->name = alloc_string(name, strlen(name));
	q->answer.name = q->name;
	q->answer.type = type;
	buf_init(&q->why, WHY_MAX);
	q->deadline = evtimer_new(r->base, time_out, q);
	if (q->deadline == NULL)
		die("cannot make a timer");
	q->in = &r->waiting;
	TAILQ_INSERT_TAIL(q->in, q, link);
	ask(q);
	return q;
}

void
resolver_cancel(struct question *q)
{
	withdraw(q);
	struct resolver *r = q->resolver;
	/* By way of the answered: its place may be for another one. */
	move(q, &r->answered);
	TAILQ_REMOVE(&r->answered, q, link);
	if (!TAILQ_EMPTY(&r->waiting))
		event_active(r->deliver, EV_TIMEOUT, 0);
	free_question(q);
}

/* Ask what may be asked now; bring one answer.  Behind fn() nothing of the resolver may be touched. */
static void
deliver(evutil_socket_t fd, short what, void *arg)
{
	struct resolver *r = arg;
	(void)fd;
	(void)what;
	ask_waiting(r);
	struct question *q = TAILQ_FIRST(&r->answered);
	if (q == NULL)
		return;
	TAILQ_REMOVE(&r->answered, q, link);
	if (!TAILQ_EMPTY(&r->answered))
		event_active(r->deliver, EV_TIMEOUT, 0);
	q->answer.why = q->answer.kind != ANSWER_OK ? buf_str(&q->why) : NULL;
	q->fn(q->arg, &q->answer);
	free_question(q);
}

struct resolver *
resolver_new(struct event_base *base, const struct resolver_options *o)
{
	for (size_t i = 0; i < o->n; i++) {
		if (!context_server_valid(o->servers[i])) {
			errno = EINVAL;
			return NULL;
		}
	}
	struct resolver *r = alloc_zero(1, sizeof(*r));
	r->base = base;
	r->deliver = event_new(base, -1, 0, deliver, r);
	if (r->deliver == NULL)
		die("cannot make an event");
	TAILQ_INIT(&r->waiting);
	TAILQ_INIT(&r->asked);
	TAILQ_INIT(&r->answered);
	buf_init(&r->trouble, WHY_MAX);
	context_keep(&r->kept, o);
	if (o->hosts_file)
		r->hosts = hosts_new(HOSTS_FILE);
	return r;
}

static void
free_all(struct list *l)
{
	struct question *q;
	while ((q = TAILQ_FIRST(l)) != NULL) {
		TAILQ_REMOVE(l, q, link);
		free_question(q);
	}
}

void
resolver_free(struct resolver *r)
{
	if (r == NULL)
		return;
	if (r->ctx != NULL)
		ub_ctx_delete(r->ctx);
	free_all(&r->waiting);
	free_all(&r->asked);
	free_all(&r->answered);
	event_free(r->deliver);
	hosts_free(r->hosts);
	context_drop(&r->kept);
	buf_free(&r->trouble);
	free(r);
}

struct event_base *
resolver_base(const struct resolver *r)
{
	return r->base;
}

const char *
resolver_trouble(const struct resolver *r)
{
	return r->trouble.len > 0 ? buf_str(&r->trouble) : NULL;
}

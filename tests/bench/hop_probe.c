/* SPDX-License-Identifier: ISC */
/*
 * Delivers messages over src/deliver/hop.h to one server, without queue,
 * routes or configuration, and prints what came of it:
 *
 *   hop_probe [options] HOST IP PORT [RECIPIENT...]
 *     -t none|opportunistic|require|verify   -i (TLS from the first octet)
 *     -u USER  -s SECRET-FILE  -x SECRET-COMMAND  -m MECHANISM
 *     -a CA-FILE  -e EHLO-NAME
 *     -S SOURCE-ADDRESS  -c CONNECT-TIMEOUT-MS  -T TIMEOUT-MS
 *     -f FROM  -F MESSAGE-FILE  -b OCTETS (of a made message)  -8
 *     -n MESSAGES  -C CONNECTIONS  -w MS (wait between messages)
 *     -k (keep going after closed: open another connection for the rest)
 *     -q (no outcomes; at the end the rate)
 *
 *   ready TLS
 *   outcome MESSAGE RECIPIENT VERDICT CODE ENHANCED sent|unsent TEXT
 *   closed VERDICT ready|not-ready TEXT
 *   rate MESSAGES SECONDS PER-SECOND CPU-MS-PER-MESSAGE  (only with -q)
 *
 * Exit 0 when every recipient was answered, 70 otherwise.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "deliver/hop.h"

struct probe {
	struct event_base *base;
	struct hops *hops;
	struct hop_options options;
	struct session_conf session;
	struct envelope env;
	struct buf body;
	uint32_t *rcpts;
	unsigned long messages, given, answered, connections, open;
	long wait_ms;
	bool quiet, again;
};

/* One connection. */
struct line {
	struct probe *p;
	struct hop *hop;
	struct event *wait;
};

struct letter {
	struct transaction t;
	unsigned long number;
};

static void connect_line(struct probe *p);

static void
give(struct line *l)
{
	struct probe *p = l->p;
	struct letter *x = alloc_zero(1, sizeof(*x));
	x->number = ++p->given;
	x->t = (struct transaction){.env = &p->env,
	    .rcpts = p->rcpts,
	    .nrcpts = p->env.nrcpts,
	    .size = p->body.len,
	    .cookie = x};
	hop_start(l->hop, &x->t);
}

static void
feed(struct line *l)
{
	struct probe *p = l->p;
	if (p->wait_ms > 0 && p->given > 0 && p->given < p->messages)
		return; /* the timer does it */
	while (p->given < p->messages && hop_can_take(l->hop)) {
		give(l);
		if (p->wait_ms > 0)
			return;
	}
	if (p->given == p->messages && hop_can_take(l->hop))
		hop_quit(l->hop);
}

static void
on_wait(evutil_socket_t fd, short what, void *arg)
{
	struct line *l = arg;
	(void)fd;
	(void)what;
	if (l->p->given < l->p->messages && hop_can_take(l->hop))
		give(l);
}

static void
on_ready(void *arg, struct hop *h)
{
	struct line *l = arg;
	l->hop = h;
	if (!l->p->quiet)
		printf("ready %s\n", hop_tls(h));
	feed(l);
}

static void
on_room(void *arg, struct hop *h)
{
	(void)h;
	feed(arg);
}

static void
on_outcome(void *arg, struct transaction *t, size_t i, const struct status *st,
    bool unsent)
{
	const struct line *l = arg;
	const struct letter *x = t->cookie;
	if (l->p->quiet && st->verdict == DONE)
		return;
	printf("outcome %lu %s %s %d %s %s %s\n", x->number,
	    t->env->rcpts[t->rcpts[i]].addr.text, verdict_name(st->verdict),
	    st->code, st->enhanced, unsent ? "unsent" : "sent", st->text);
}

static void
on_finished(void *arg, struct transaction *t)
{
	struct line *l = arg;
	struct probe *p = l->p;
	p->answered++;
	free(t->cookie);
	if (p->wait_ms > 0 && p->given < p->messages) {
		struct timeval tv = {
		    p->wait_ms / 1000, p->wait_ms % 1000 * 1000};
		evtimer_add(l->wait, &tv);
	}
}

static ssize_t
on_body(
    void *arg, struct transaction *t, uint64_t offset, char *out, size_t room)
{
	const struct line *l = arg;
	(void)t;
	memcpy(out, l->p->body.data + offset, room);
	return (ssize_t)room;
}

static void
on_closed(void *arg, struct hop *h, const struct status *st, bool was_ready)
{
	struct line *l = arg;
	struct probe *p = l->p;
	(void)h;
	if (!p->quiet || st->verdict != DONE)
		printf("closed %s %s %d %s %s\n", verdict_name(st->verdict),
		    was_ready ? "ready" : "not-ready", st->code, st->enhanced,
		    st->text);
	event_free(l->wait);
	free(l);
	p->open--;
	if (p->again && was_ready && p->given < p->messages)
		connect_line(p);
}

static const struct hop_hooks hooks = {
    .ready = on_ready,
    .room = on_room,
    .closed = on_closed,
    .client = {.outcome = on_outcome, .finished = on_finished, .body = on_body},
};

static void
connect_line(struct probe *p)
{
	struct line *l = alloc_zero(1, sizeof(*l));
	l->p = p;
	l->wait = evtimer_new(p->base, on_wait, l);
	p->open++;
	l->hop = hop_open(p->hops, &p->options, &hooks, l);
}

static enum tls_policy
policy(const char *s)
{
	static const char *const names[] = {
	    "none", "opportunistic", "require", "verify"};
	for (unsigned i = 0; i < 4; i++)
		if (strcmp(s, names[i]) == 0)
			return (enum tls_policy)i;
	errx(64, "no TLS policy: %s", s);
}

static void
set_address(struct address *a, const char *s)
{
	const char *why;
	if (address_parse(a, s, strlen(s), ADDRESS_EMPTY, &why) != 0)
		errx(64, "%s: %s", s, why);
}

static void
make_body(struct probe *p, const char *file, size_t octets)
{
	buf_init(&p->body, (size_t)256 << 20);
	if (file != NULL) {
		int fd = open(file, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || io_slurp(fd, &p->body) != 0)
			err(66, "%s", file);
		close(fd);
		return;
	}
	buf_adds(&p->body, "Subject: probe\r\n\r\n");
	while (p->body.len + 72 < octets)
		buf_addf(&p->body, "%070d\r\n", 0);
	buf_adds(&p->body, ".\r\n");
}

/* An option about how much.  false: it is none. */
static bool
amount(struct probe *p, int c)
{
	switch (c) {
	case 'n':
		p->messages = (unsigned long)atol(optarg);
		break;
	case 'C':
		p->connections = (unsigned long)atol(optarg);
		break;
	case 'w':
		p->wait_ms = atol(optarg);
		break;
	case 'k':
		p->again = true;
		break;
	case 'q':
		p->quiet = true;
		break;
	default:
		return false;
	}
	return true;
}

/* One option.  false: it is none. */
static bool
option(struct probe *p, int c, const char **file, size_t *octets)
{
	struct session_conf *s = &p->session;
	switch (c) {
	case 't':
		s->tls = policy(optarg);
		break;
	case 'i':
		s->implicit = true;
		break;
	case 'u':
		s->user = optarg;
		break;
	case 's':
		s->secret_file = optarg;
		break;
	case 'x':
		s->secret_command = optarg;
		break;
	case 'm':
		s->mechanism = optarg;
		break;
	case 'a':
		s->ca_file = optarg;
		break;
	case 'e':
		p->options.helo = optarg;
		break;
	case 'S':
		p->options.source_address = optarg;
		break;
	case 'c':
		p->options.connect_timeout_ms = atol(optarg);
		break;
	case 'T':
		p->options.timeout_ms = atol(optarg);
		break;
	case 'f':
		set_address(&p->env.from, optarg);
		break;
	case 'F':
		*file = optarg;
		break;
	case 'b':
		*octets = (size_t)atol(optarg);
		break;
	case '8':
		p->env.eight_bit = true;
		break;
	default:
		return amount(p, c);
	}
	return true;
}

static void
add_recipients(struct probe *p, char **v, int n)
{
	struct address a;
	static char *usual[] = {"rcpt@example.net"};
	if (n == 0) {
		v = usual;
		n = 1;
	}
	p->rcpts = alloc_zero((size_t)n, sizeof(*p->rcpts));
	for (int i = 0; i < n; i++) {
		set_address(&a, v[i]);
		if (envelope_add(&p->env, &a, 0, NULL) != 0)
			errx(64, "too many recipients");
		p->rcpts[i] = (uint32_t)i;
	}
}

static void
run(struct probe *p)
{
	struct rusage u;
	int64_t start = clock_mono_ms();
	for (unsigned long i = 0; i < p->connections; i++)
		connect_line(p);
	event_base_dispatch(p->base);
	double s = (double)(clock_mono_ms() - start) / 1000;
	getrusage(RUSAGE_SELF, &u);
	double cpu = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
		     (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
	if (p->quiet)
		printf("rate %lu %.2f %.0f %.4f\n", p->answered, s,
		    (double)p->answered / s, cpu / (double)p->answered);
}

int
main(int argc, char **argv)
{
	struct probe p = {.messages = 1, .connections = 1};
	const char *file = NULL;
	size_t octets = 1024;
	int c;
	setvbuf(stdout, NULL, _IOLBF, 0);
	log_open("hop_probe", LOG_TO_STDERR);
	envelope_init(&p.env);
	set_address(&p.env.from, "sender@example.com");
	p.options.helo = "probe.example.com";
	p.options.connect_timeout_ms = 10000;
	p.options.timeout_ms = 10000;
	while ((c = getopt(
		    argc, argv, "t:iu:s:x:m:a:e:S:c:T:f:F:b:8n:C:w:kq")) != -1)
		if (!option(&p, c, &file, &octets))
			return 64;
	if (argc - optind < 3)
		errx(64, "usage: hop_probe [options] HOST IP PORT [RCPT...]");
	struct hop_target *t = &p.options.target;
	(void)snprintf(t->host, sizeof(t->host), "%s", argv[optind]);
	if (ip_parse(argv[optind + 1], strlen(argv[optind + 1]), &t->ip) != 0)
		errx(64, "%s: no IP address", argv[optind + 1]);
	t->port = (unsigned)atoi(argv[optind + 2]);
	p.options.session = &p.session;
	add_recipients(&p, argv + optind + 3, argc - optind - 3);
	make_body(&p, file, octets);
	p.base = event_base_new();
	p.hops = p.base ? hops_new(p.base) : NULL;
	if (p.hops == NULL)
		err(71, "engine");
	run(&p);
	hops_free(p.hops);
	event_base_free(p.base);
	buf_free(&p.body);
	free(p.rcpts);
	envelope_free(&p.env);
	return p.answered == p.messages ? 0 : 70;
}

/* SPDX-License-Identifier: ISC */
/*
 * Asks what the carrier asks, and prints what it would be told.
 *
 *   mx_lookup [-H] [-f] [-s SERVER]... [-a ANCHOR] [-p PORT] [-o OWN]
 *       [-t TYPE] [-r TIMES] [-w SECONDS] [-i SECONDS] NAME...
 *
 * One line for each outcome, in the order of the names: "NAME HOST IP PORT"
 * for a target, "NAME VERDICT CODE TEXT" without one; with -t A, AAAA or MX
 * the answer itself.  -H: hosts, not domains.  -f: with /etc/hosts.  -r: ask
 * so many times, one after the other, and print microseconds and memory
 * instead.  -w: wait between names.  -i: stay idle in the end.
 */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "deliver/mx.h"

struct lookup {
	struct event_base *base;
	struct resolver *resolver;
	struct self self;
	unsigned port;
	enum mx_kind kind;
	enum record_type type; /* 0: targets */
	bool quiet, failed;
	const char *name;
};

static void
found(void *arg, const struct hop_target *t, size_t n, const struct status *st)
{
	struct lookup *l = arg;
	for (size_t i = 0; i < n && !l->quiet; i++) {
		char ip[IP_TEXT_MAX];
		ip_format(&t[i].ip, ip);
		(void)printf(
		    "%s %s %s %u\n", l->name, t[i].host, ip, t[i].port);
	}
	if (n == 0 && !l->quiet)
		(void)printf("%s %s %s %s\n", l->name,
		    verdict_name(st->verdict), st->enhanced, st->text);
	l->failed = n == 0;
	(void)event_base_loopbreak(l->base);
}

static void
answered(void *arg, const struct answer *a)
{
	static const char *const kinds[] = {"ok", "nodata", "nxdomain", "fail"};
	struct lookup *l = arg;
	if (!l->quiet)
		(void)printf("%s %s %s ttl=%u %s\n", l->name, kinds[a->kind],
		    a->secure ? "secure" : "insecure", a->ttl,
		    a->kind == ANSWER_OK ? "" : a->why);
	for (size_t i = 0; i < a->n && !l->quiet; i++) {
		char ip[IP_TEXT_MAX];
		ip_format(&a->records[i].ip, ip);
		if (a->type == RECORD_MX)
			(void)printf("%s MX %u \"%s\"\n", l->name,
			    a->records[i].preference, a->records[i].name);
		else
			(void)printf("%s address %s\n", l->name, ip);
	}
	l->failed = a->kind != ANSWER_OK;
	(void)event_base_loopbreak(l->base);
}

static void
look_up(struct lookup *l, const char *name)
{
	l->name = name;
	if (l->type != 0) {
		if (resolver_ask(l->resolver, name, l->type, answered, l) ==
		    NULL)
			exit(EX_SOFTWARE);
	} else if (mx_find(l->resolver, name, l->port, l->kind, &l->self, found,
		       l) == NULL) {
		exit(EX_SOFTWARE);
	}
	(void)event_base_dispatch(l->base);
}

static long
resident_kb(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	if (f == NULL || fscanf(f, "%*d %ld", &pages) != 1)
		exit(EX_OSERR);
	(void)fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static int64_t
now_us(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
measure(struct lookup *l, const char *name, int times)
{
	long before = resident_kb();
	int64_t start = now_us();
	l->quiet = true;
	look_up(l, name);
	(void)printf("first_us %lld\nresident_kb %ld\n",
	    (long long)(now_us() - start), resident_kb() - before);
	start = now_us();
	for (int i = 0; i < times; i++)
		look_up(l, name);
	(void)printf("cached_us %.1f\n",
	    (double)(now_us() - start) / (times > 0 ? times : 1));
}

static void
stay_idle(struct event_base *base, int seconds)
{
	struct timeval t = {.tv_sec = seconds};
	(void)event_base_loopexit(base, &t);
	(void)event_base_dispatch(base);
}

static enum record_type
type_of(const char *s)
{
	return strcmp(s, "MX") == 0     ? RECORD_MX
	       : strcmp(s, "AAAA") == 0 ? RECORD_AAAA
					: RECORD_A;
}

int
main(int argc, char **argv)
{
	const char *servers[8];
	struct resolver_options o = {.servers = servers};
	struct lookup l = {.port = 25};
	int times = 0, idle = 0, wait = 0, opt;
	while ((opt = getopt(argc, argv, "Hfs:a:p:o:t:r:w:i:")) != -1) {
		if (opt == 'H')
			l.kind = MX_HOST;
		else if (opt == 'f')
			o.hosts_file = true;
		else if (opt == 's' && o.n < 8)
			servers[o.n++] = optarg;
		else if (opt == 'a')
			o.trust_anchor = optarg;
		else if (opt == 'p')
			l.port = (unsigned)atoi(optarg);
		else if (opt == 'o')
			l.self.name = optarg;
		else if (opt == 't')
			l.type = type_of(optarg);
		else if (opt == 'r')
			times = atoi(optarg);
		else if (opt == 'w')
			wait = atoi(optarg);
		else if (opt == 'i')
			idle = atoi(optarg);
		else
			return EX_USAGE;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	l.base = event_base_new();
	if (l.base == NULL)
		return EX_OSERR;
	l.resolver = resolver_new(l.base, &o);
	if (l.resolver == NULL) {
		perror("mx_lookup");
		event_base_free(l.base);
		return EX_OSERR;
	}
	for (int i = optind; i < argc; i++) {
		if (i > optind && wait > 0)
			stay_idle(l.base, wait);
		if (times > 0)
			measure(&l, argv[i], times);
		else
			look_up(&l, argv[i]);
	}
	if (l.type != 0 && resolver_trouble(l.resolver) != NULL)
		(void)printf("trouble %s\n", resolver_trouble(l.resolver));
	if (idle > 0)
		stay_idle(l.base, idle);
	resolver_free(l.resolver);
	event_base_free(l.base);
	return l.failed;
}

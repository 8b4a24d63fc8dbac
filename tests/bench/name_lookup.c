/* SPDX-License-Identifier: ISC */
/*
 * Asks what the listener asks about a client, and prints what it is told.
 *
 *   name_lookup [-s SERVER]... [-n TIMES] IP...
 *
 * One line for each address, in their order: "IP NAME", with "-" for none.
 * -n: ask so many times together, print the last answer and how many there
 * were.  An address given again is answered from the cache: "IP NAME kept".
 */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "smtpd/names.h"

struct lookup {
	struct event_base *base;
	int wanted, got;
	char name[256];
};

static void
named(void *arg, const char *name)
{
	struct lookup *l = arg;
	(void)snprintf(l->name, sizeof(l->name), "%s", name);
	if (++l->got == l->wanted)
		(void)event_base_loopbreak(l->base);
}

static void
look_up(struct lookup *l, struct names *n, const char *text)
{
	struct ip ip;
	bool kept = true;
	if (ip_parse(text, strlen(text), &ip) != 0)
		exit(EX_USAGE);
	l->got = 0;
	for (int i = 0; i < l->wanted; i++)
		if (names_find(n, &ip, clock_mono_ms(), named, l) != NULL)
			kept = false;
	if (!kept)
		(void)event_base_dispatch(l->base);
	(void)printf("%s %s%s", text, l->name[0] != '\0' ? l->name : "-",
	    kept ? " kept" : "");
	if (l->wanted > 1)
		(void)printf(" %d", l->got);
	(void)printf("\n");
}

int
main(int argc, char **argv)
{
	const char *servers[8];
	struct resolver_options o = {.servers = servers};
	struct lookup l = {.wanted = 1};
	int opt;
	while ((opt = getopt(argc, argv, "s:n:")) != -1) {
		if (opt == 's' && o.n < 8)
			servers[o.n++] = optarg;
		else if (opt == 'n')
			l.wanted = atoi(optarg);
		else
			return EX_USAGE;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	l.base = event_base_new();
	struct resolver *r = l.base != NULL ? resolver_new(l.base, &o) : NULL;
	if (r == NULL)
		return EX_OSERR;
	struct names *n = names_new(r);
	for (int i = optind; i < argc; i++)
		look_up(&l, n, argv[i]);
	names_free(n);
	resolver_free(r);
	event_base_free(l.base);
	return 0;
}

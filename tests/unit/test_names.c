/* SPDX-License-Identifier: ISC */
/*
 * smtpd/names.h: when callbacks come and what they may do, what is kept and
 * what is bounded.  What name servers answer is for tests/e2e/71-names.sh;
 * here one is silent, and localhost needs none.
 */
#include "smtpd/names.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

static struct {
	struct event_base *base;
	struct resolver *resolver;
	struct names *names;
	int silent;
	char server[32];
} here;

struct seen {
	int calls;
	char name[256];
	struct name_query *cancel; /* another, when called */
	struct seen *after;        /* who must have been called before */
	const char *find;          /* ask for this, when called */
	struct seen *found;
};

static struct ip
ip(const char *s)
{
	struct ip a;
	if (ip_parse(s, strlen(s), &a) != 0)
		fail_msg("%s is an address", s);
	return a;
}

static void
named(void *arg, const char *name)
{
	struct seen *s = arg;
	s->calls++;
	(void)snprintf(s->name, sizeof(s->name), "%s", name);
	if (s->after != NULL)
		assert_int_equal(s->after->calls, 1);
	names_cancel(s->cancel);
	if (s->find != NULL) {
		struct ip a = ip(s->find);
		(void)names_find(
		    here.names, &a, clock_mono_ms(), named, s->found);
	}
}

static struct name_query *
find(const char *text, int64_t later_ms, struct seen *s)
{
	struct ip a = ip(text);
	return names_find(here.names, &a, clock_mono_ms() + later_ms, named, s);
}

static void
run_until(const struct seen *s, int calls)
{
	while (s->calls < calls)
		assert_int_equal(event_base_loop(here.base, EVLOOP_ONCE), 0);
}

static void
open_with(const char *server)
{
	struct resolver_options o = {.servers = &server, .n = 1};
	here.base = event_base_new();
	here.resolver = resolver_new(here.base, &o);
	assert_non_null(here.resolver);
	here.names = names_new(here.resolver);
}

static void
close_all(void)
{
	names_free(here.names);
	resolver_free(here.resolver);
	event_base_free(here.base);
}

static void
test_cache(void **state)
{
	struct seen s = {0};
	(void)state;
	open_with("127.0.0.1@1");
	assert_non_null(find("127.0.0.1", 0, &s));
	assert_int_equal(s.calls, 0); /* never from within */
	run_until(&s, 1);
	assert_string_equal(s.name, "localhost");
	assert_null(find("::ffff:127.0.0.1", 0, &s));
	assert_int_equal(s.calls, 2);
	/* It is asked again when its time is over: 10 minutes at most. */
	assert_null(find("127.0.0.1", 20 * 1000, &s));
	assert_non_null(find("127.0.0.1", 601 * 1000, &s));
	run_until(&s, 4);
	assert_string_equal(s.name, "localhost");
	assert_non_null(find("::1", 0, &s));
	run_until(&s, 5);
	assert_string_equal(s.name, "localhost");
	close_all();
}

/* All wait for one search, in the order of their coming; a callback may
 * cancel another and ask again. */
static void
test_many_wait(void **state)
{
	enum { N = 20 };
	struct seen s[N] = {0}, more = {0}, cached = {0};
	struct name_query *q[N];
	(void)state;
	open_with("127.0.0.1@1");
	for (int i = 0; i < N; i++)
		q[i] = find("127.0.0.1", 0, &s[i]);
	s[0].cancel = q[1];
	s[2].after = &s[0];
	s[2].cancel = q[N - 1];
	s[3].find = "127.0.0.1";
	s[3].found = &cached;
	s[4].find = "::1";
	s[4].found = &more;
	names_cancel(q[5]);
	names_cancel(NULL);
	run_until(&more, 1);
	for (int i = 0; i < N; i++)
		assert_int_equal(
		    s[i].calls, i != 1 && i != 5 && i != N - 1 ? 1 : 0);
	assert_int_equal(cached.calls, 1);
	assert_string_equal(s[N - 2].name, "localhost");
	close_all();
}

/* A search goes on when nobody waits, and fills the cache. */
static void
test_cancelled(void **state)
{
	struct seen s = {0}, other = {0};
	(void)state;
	open_with("127.0.0.1@1");
	names_cancel(find("127.0.0.1", 0, &s));
	(void)find("::1", 0, &other);
	run_until(&other, 1);
	while (find("127.0.0.1", 0, &s) != NULL)
		run_until(&s, s.calls + 1);
	assert_string_equal(s.name, "localhost");
	close_all();
}

static int
open_silent(void **state)
{
	struct sockaddr_in sin = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sin);
	(void)state;
	here.silent = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(
	    bind(here.silent, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(
	    getsockname(here.silent, (struct sockaddr *)&sin, &len), 0);
	(void)snprintf(here.server, sizeof(here.server), "127.0.0.1@%u",
	    (unsigned)ntohs(sin.sin_port));
	return 0;
}

/* H13, H16: so many searches and no more; those beyond have no name. */
static void
test_H16_bounded(void **state)
{
	struct seen s = {0};
	int asked = 0;
	(void)state;
	open_with(here.server);
	for (unsigned i = 0; i < 1500; i++) {
		char text[32];
		(void)snprintf(
		    text, sizeof(text), "198.18.%u.%u", i / 250, i % 250);
		asked += find(text, 0, &s) != NULL;
	}
	assert_int_equal(asked, 1000);
	assert_int_equal(s.calls, 500);
	assert_string_equal(s.name, "");
	close_all();
	assert_int_equal(s.calls, 500);
}

static void
test_H13_patience(void **state)
{
	struct seen s = {0};
	(void)state;
	open_with(here.server);
	int64_t start = clock_mono_ms();
	assert_non_null(find("192.0.2.1", 0, &s));
	run_until(&s, 1);
	int64_t took = clock_mono_ms() - start;
	assert_string_equal(s.name, "");
	assert_true(took < NAMES_PATIENCE_MS + 3000);
	/* That is kept for a short while only. */
	assert_null(find("192.0.2.1", 5000, &s));
	assert_non_null(find("192.0.2.1", 11000, &s));
	close_all();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cache),
	    cmocka_unit_test(test_many_wait),
	    cmocka_unit_test(test_cancelled),
	    cmocka_unit_test(test_H16_bounded),
	    cmocka_unit_test(test_H13_patience),
	};
	return cmocka_run_group_tests(tests, open_silent, NULL);
}

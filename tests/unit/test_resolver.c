/* SPDX-License-Identifier: ISC */
/*
 * net/resolver.h: when callbacks come, and that anything may be done in
 * them.  What servers answer is for tests/e2e/30-dns.sh; here one is dead,
 * one is silent (a socket that nobody reads), and the names of localhost
 * and invalid need none.
 */
#include "net/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"

static struct {
	struct event_base *base;
	struct resolver *resolver;
	int silent;
	char server[32];
} here;

struct seen {
	int calls;
	enum answer_kind kind;
	size_t n;
	struct question *cancel;
	bool free, again;
	struct seen *next; /* where the question asked again goes */
};

static int
set_up(void **state)
{
	struct sockaddr_in sin = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sin);
	const char *servers[] = {here.server};
	struct resolver_options o = {.servers = servers, .n = 1};
	(void)state;
	here.silent = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(
	    bind(here.silent, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(
	    getsockname(here.silent, (struct sockaddr *)&sin, &len), 0);
	(void)snprintf(here.server, sizeof(here.server), "127.0.0.1@%u",
	    (unsigned)ntohs(sin.sin_port));
	here.base = event_base_new();
	assert_non_null(here.base);
	here.resolver = resolver_new(here.base, &o);
	assert_non_null(here.resolver);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	resolver_free(here.resolver);
	event_base_free(here.base);
	(void)close(here.silent);
	return 0;
}

static void
answered(void *arg, const struct answer *a)
{
	struct seen *s = arg;
	s->calls++;
	s->kind = a->kind;
	s->n = a->n;
	assert_true((a->kind == ANSWER_OK) == (a->why == NULL));
	if (s->cancel != NULL)
		resolver_cancel(s->cancel);
	if (s->again)
		assert_non_null(resolver_ask(here.resolver, "localhost",
		    RECORD_AAAA, answered, s->next));
	if (s->free) {
		resolver_free(here.resolver);
		here.resolver = NULL;
	}
}

static struct question *
ask(const char *name, enum record_type type, struct seen *s)
{
	struct question *q =
	    resolver_ask(here.resolver, name, type, answered, s);
	assert_non_null(q);
	assert_int_equal(s->calls, 0);
	return q;
}

/* Until nothing is under way. */
static void
run(void)
{
	assert_true(event_base_dispatch(here.base) >= 0);
}

static void
test_without_servers(void **state)
{
	static const struct {
		const char *name;
		enum record_type type;
		enum answer_kind kind;
		size_t n;
	} t[] = {
	    {"localhost", RECORD_A, ANSWER_OK, 1},
	    {"LOCALHOST", RECORD_AAAA, ANSWER_OK, 1},
	    {"localhost", RECORD_MX, ANSWER_NODATA, 0},
	    {"no.such.invalid", RECORD_MX, ANSWER_NXDOMAIN, 0},
	    {"x.onion", RECORD_A, ANSWER_NXDOMAIN, 0},
	    {"", RECORD_MX, ANSWER_NXDOMAIN, 0},
	    {"not a name", RECORD_MX, ANSWER_NXDOMAIN, 0},
	    {"192.0.2.1", RECORD_A, ANSWER_NXDOMAIN, 0},
	    {"b\xc3\xbc"
	     "cher.test",
		RECORD_A, ANSWER_FAIL, 0},
	    {"[192.0.2.1]", RECORD_A, ANSWER_NXDOMAIN, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct seen s = {0};
		(void)ask(t[i].name, t[i].type, &s);
		run();
		assert_int_equal(s.calls, 1);
		assert_int_equal(s.kind, t[i].kind);
		assert_int_equal(s.n, t[i].n);
	}
	assert_null(resolver_trouble(here.resolver));
}

static void
test_cancel_before(void **state)
{
	struct seen s[4] = {0};
	(void)state;
	struct question *ready = ask("localhost", RECORD_A, &s[0]);
	struct question *asked = ask("silent.test", RECORD_A, &s[1]);
	struct question *same = ask("silent.test", RECORD_A, &s[2]);
	(void)ask("localhost", RECORD_A, &s[3]);
	resolver_cancel(ready);
	resolver_cancel(asked);
	resolver_cancel(same);
	assert_int_equal(event_base_loop(here.base, EVLOOP_ONCE), 0);
	assert_int_equal(s[0].calls + s[1].calls + s[2].calls, 0);
	assert_int_equal(s[3].calls, 1);
}

static void
test_cancel_others_within(void **state)
{
	struct seen s[3] = {0};
	(void)state;
	(void)ask("localhost", RECORD_A, &s[0]);
	(void)ask("localhost", RECORD_AAAA, &s[2]);
	s[0].cancel = ask("localhost", RECORD_A, &s[1]);
	s[2].cancel = ask("silent.test", RECORD_A, &s[1]);
	run();
	assert_int_equal(s[0].calls, 1);
	assert_int_equal(s[1].calls, 0);
	assert_int_equal(s[2].calls, 1);
}

static void
test_ask_within(void **state)
{
	struct seen after = {0}, s = {.again = true, .next = &after};
	(void)state;
	(void)ask("localhost", RECORD_A, &s);
	run();
	assert_int_equal(s.calls, 1);
	assert_int_equal(after.calls, 1);
	assert_int_equal(after.kind, ANSWER_OK);
}

static void
test_free_within(void **state)
{
	struct seen s[4] = {{.free = true}};
	(void)state;
	(void)ask("localhost", RECORD_A, &s[0]);
	(void)ask("localhost", RECORD_A, &s[1]);
	(void)ask("silent.test", RECORD_A, &s[2]);
	(void)ask("silent.test", RECORD_MX, &s[3]);
	run();
	assert_int_equal(s[0].calls, 1);
	assert_int_equal(s[1].calls + s[2].calls + s[3].calls, 0);
	assert_null(here.resolver);
}

static void
test_free_with_questions(void **state)
{
	struct seen s = {0};
	char name[32];
	(void)state;
	for (int i = 0; i < 300; i++) {
		(void)snprintf(name, sizeof(name), "n%d.silent.test", i);
		(void)ask(name, RECORD_A, &s);
	}
	assert_int_equal(event_base_loop(here.base, EVLOOP_NONBLOCK), 0);
	resolver_free(here.resolver);
	here.resolver = NULL;
	run();
	assert_int_equal(s.calls, 0);
}

static void
test_servers_are_addresses(void **state)
{
	static const char *const bad[] = {"", "localhost", "192.0.2.1:53",
	    "192.0.2.1@", "192.0.2.1@0", "192.0.2.1@65536", "192.0.2.1@53x",
	    "192.0.2.1@+53", "[2001:db8::1]", "192.0.2.1 ", "@53",
	    "192.0.2.1@99999999999999999999"};
	static const char *const good[] = {
	    "192.0.2.1", "192.0.2.1@53", "2001:db8::1", "2001:db8::1@65535"};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct resolver_options o = {.servers = &bad[i], .n = 1};
		errno = 0;
		if (resolver_new(here.base, &o) != NULL)
			fail_msg("\"%s\" is no server", bad[i]);
		assert_int_equal(errno, EINVAL);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct resolver_options o = {.servers = &good[i], .n = 1};
		struct resolver *r = resolver_new(here.base, &o);
		assert_non_null(r);
		assert_ptr_equal(resolver_base(r), here.base);
		resolver_free(r);
	}
}

static void
test_R8_dead_server(void **state)
{
	static const char *const dead[] = {"127.0.0.1@1"};
	struct resolver_options o = {.servers = dead, .n = 1};
	struct seen s = {0};
	(void)state;
	resolver_free(here.resolver);
	here.resolver = resolver_new(here.base, &o);
	assert_non_null(here.resolver);
	(void)ask("any.test", RECORD_MX, &s);
	run();
	assert_int_equal(s.calls, 1);
	assert_int_equal(s.kind, ANSWER_FAIL);
	const char *why = resolver_trouble(here.resolver);
	assert_non_null(why);
	assert_non_null(strstr(why, "any.test"));
}

/* How many of the questions have come to the silent server by now? */
static unsigned
come(bool came[], size_t n)
{
	unsigned char q[512];
	unsigned count = 0;
	while (recv(here.silent, q, sizeof(q), MSG_DONTWAIT) > 16) {
		/* The name begins behind 12 octets and its label's length. */
		unsigned number;
		if (sscanf((char *)q + 13, "n%3u", &number) == 1 && number < n)
			came[number] = true;
	}
	for (size_t i = 0; i < n; i++)
		count += came[i];
	return count;
}

static void
test_DNS_QUESTIONS_MAX(void **state)
{
	enum { MORE = 30, ALL = DNS_QUESTIONS_MAX + MORE };
	struct seen s[ALL] = {0};
	struct question *q[ALL];
	bool came[ALL] = {false};
	char name[32];
	(void)state;
	for (unsigned i = 0; i < ALL; i++) {
		(void)snprintf(name, sizeof(name), "n%03u.test", i);
		q[i] = ask(name, RECORD_MX, &s[i]);
	}
	while (come(came, ALL) < DNS_QUESTIONS_MAX)
		assert_int_equal(event_base_loop(here.base, EVLOOP_ONCE), 0);
	assert_false(came[DNS_QUESTIONS_MAX]);
	/* What needs no server need not wait. */
	struct seen literal = {0};
	(void)ask("192.0.2.1", RECORD_A, &literal);
	while (literal.calls == 0)
		(void)event_base_loop(here.base, EVLOOP_ONCE);
	assert_int_equal(come(came, ALL), DNS_QUESTIONS_MAX);
	/* Those that wait have the places of those that go. */
	for (unsigned i = 0; i < MORE; i++)
		resolver_cancel(q[i]);
	while (come(came, ALL) < ALL)
		assert_int_equal(event_base_loop(here.base, EVLOOP_ONCE), 0);
	for (unsigned i = MORE; i < ALL; i++) {
		assert_int_equal(s[i].calls, 0);
		resolver_cancel(q[i]);
	}
	run();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_without_servers),
	    TEST(test_cancel_before),
	    TEST(test_cancel_others_within),
	    TEST(test_ask_within),
	    TEST(test_free_within),
	    TEST(test_free_with_questions),
	    TEST(test_servers_are_addresses),
	    TEST(test_R8_dead_server),
	    TEST(test_DNS_QUESTIONS_MAX),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/*
 * smtpd/guard.h: limits, what is remembered and what is forgotten, and the
 * shared table between processes of which some are killed in the middle.
 * Time is an argument.
 */
#include "smtpd/guard.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MINUTE 60000
#define T0 (1000 * (int64_t)MINUTE)

static struct conf conf;

static struct guard *
fresh(
    unsigned entries, unsigned connections, unsigned per_client, unsigned rate)
{
	conf.limits.connections = connections;
	conf.limits.per_client = per_client;
	conf.limits.rate_per_client = rate;
	struct guard *g = guard_new(entries);
	assert_non_null(g);
	return g;
}

static struct ip
ip(const char *s)
{
	struct ip a;
	if (ip_parse(s, strlen(s), &a) != 0)
		fail_msg("%s is an address", s);
	return a;
}

static struct ip
nth(unsigned n)
{
	struct ip a = ip("10.0.0.0");
	for (int i = 0; i < 3; i++)
		a.octets[15 - i] = (uint8_t)(n >> 8 * i);
	return a;
}

/* DONE: NULL; else the words. */
static const char *
enter(struct guard *g, unsigned worker, struct ip a, int64_t now)
{
	static struct status st;
	guard_enter(g, &conf, worker, &a, now, &st);
	if (st.verdict == DONE)
		return NULL;
	assert_int_equal(st.verdict, LATER);
	assert_int_equal(st.code, 421);
	assert_string_equal(st.enhanced, "4.7.0");
	return st.text;
}

static void
leave(struct guard *g, unsigned worker, struct ip a)
{
	guard_leave(g, worker, &a);
}

static int64_t
failed(struct guard *g, struct ip a, int64_t now)
{
	return guard_auth_failed(g, &a, now);
}

static void
test_connections_in_all(void **state)
{
	struct guard *g = fresh(1024, 3, 50, 0);
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_null(enter(g, i, nth(i), T0));
	assert_int_equal(guard_connections(g), 3);
	assert_non_null(enter(g, 0, nth(9), T0));
	assert_int_equal(guard_connections(g), 3);
	leave(g, 1, nth(1));
	assert_int_equal(guard_connections(g), 2);
	assert_null(enter(g, 0, nth(9), T0));
	/* A smaller limit holds at once, and for new ones only. */
	conf.limits.connections = 1;
	assert_non_null(enter(g, 0, nth(9), T0));
	assert_int_equal(guard_connections(g), 3);
	guard_free(g);
}

static void
test_per_client(void **state)
{
	struct guard *g = fresh(1024, 1000, 2, 0);
	(void)state;
	assert_null(enter(g, 0, ip("192.0.2.1"), T0));
	assert_null(enter(g, 1, ip("::ffff:192.0.2.1"), T0));
	assert_non_null(
	    strstr(enter(g, 2, ip("192.0.2.1"), T0), "from your address"));
	assert_null(enter(g, 2, ip("192.0.2.2"), T0));
	/* IPv6: the /64. */
	assert_null(enter(g, 0, ip("2001:db8::1"), T0));
	assert_null(enter(g, 0, ip("2001:db8::ffff:ffff:ffff:ffff"), T0));
	assert_non_null(enter(g, 0, ip("2001:db8::2"), T0));
	assert_null(enter(g, 0, ip("2001:db8:0:1::2"), T0));
	leave(g, 0, ip("2001:db8::2"));
	assert_null(enter(g, 0, ip("2001:db8::3"), T0));
	guard_free(g);
}

static void
test_leaving_without_coming(void **state)
{
	struct guard *g = fresh(64, 1000, 2, 0);
	(void)state;
	leave(g, 0, nth(1));
	assert_null(enter(g, 0, nth(1), T0));
	leave(g, 1, nth(1)); /* not that worker's */
	assert_int_equal(guard_connections(g), 1);
	leave(g, 0, nth(1));
	leave(g, 0, nth(1));
	assert_int_equal(guard_connections(g), 0);
	guard_free(g);
}

static void
visit(struct guard *g, struct ip a, int64_t now)
{
	assert_null(enter(g, 0, a, now));
	leave(g, 0, a);
}

static void
test_rate(void **state)
{
	struct guard *g = fresh(1024, 1000, 50, 4);
	(void)state;
	for (int i = 0; i < 4; i++)
		visit(g, nth(1), T0 + i);
	assert_non_null(strstr(enter(g, 0, nth(1), T0 + 5), "new connect"));
	visit(g, nth(2), T0 + 5);
	/* The limit is not lifted by trying, nor by the minute's turn. */
	assert_non_null(enter(g, 0, nth(1), T0 + MINUTE));
	/* A quarter of the next minute: three of four are left. */
	visit(g, nth(1), T0 + MINUTE + MINUTE / 4 + 1);
	assert_non_null(enter(g, 0, nth(1), T0 + MINUTE + MINUTE / 4 + 2));
	/* After two minutes nothing is. */
	for (int i = 0; i < 4; i++)
		visit(g, nth(1), T0 + 4 * MINUTE);
	assert_non_null(enter(g, 0, nth(1), T0 + 4 * MINUTE));
	conf.limits.rate_per_client = 0;
	assert_null(enter(g, 0, nth(1), T0 + 4 * MINUTE));
	guard_free(g);
}

static void
test_F13_penalties(void **state)
{
	static const int64_t want[] = {2000, 4000, 8000, 15000, 15000, 15000};
	struct guard *g = fresh(1024, 1000, 50, 0);
	struct ip a = ip("192.0.2.1"), six = ip("2001:db8::1");
	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_int_equal(failed(g, a, T0), want[i]);
	assert_int_equal(failed(g, nth(2), T0), 2000);
	/* From a connection to the next, and for the whole /64. */
	assert_int_equal(failed(g, six, T0), 2000);
	visit(g, six, T0);
	assert_int_equal(failed(g, ip("2001:db8::2"), T0), 4000);
	guard_auth_done(g, &a);
	assert_int_equal(failed(g, a, T0), 2000);
	assert_int_equal(failed(g, a, T0 + 15 * MINUTE), 4000);
	assert_int_equal(failed(g, a, T0 + 31 * MINUTE), 2000);
	guard_auth_done(g, &(struct ip){{0}});
	guard_free(g);
}

/* One set of sixteen: who goes first is exact. */
static void
test_H16_oldest_idle_goes(void **state)
{
	struct guard *g = fresh(1, 1000, 50, 0);
	(void)state;
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(failed(g, nth(i), T0 + i), 2000);
	/* Both oldest are kept: one is connected, one came again. */
	assert_null(enter(g, 0, nth(0), T0));
	visit(g, nth(1), T0 + 100);
	assert_int_equal(failed(g, nth(16), T0 + 101), 2000);
	assert_int_equal(failed(g, nth(0), T0 + 102), 4000);
	assert_int_equal(failed(g, nth(1), T0 + 103), 4000);
	assert_int_equal(failed(g, nth(3), T0 + 104), 4000);
	assert_int_equal(failed(g, nth(2), T0 + 105), 2000); /* had gone */
	guard_free(g);
}

static void
test_all_connected(void **state)
{
	struct guard *g = fresh(16, 1000, 50, 0);
	(void)state;
	for (unsigned i = 0; i < 16; i++)
		assert_null(enter(g, 0, nth(i), T0));
	assert_non_null(enter(g, 0, nth(16), T0));
	assert_int_equal(guard_connections(g), 16);
	assert_int_equal(failed(g, nth(16), T0), 2000);
	assert_null(enter(g, 0, nth(3), T0));
	leave(g, 0, nth(5));
	assert_null(enter(g, 0, nth(16), T0));
	guard_free(g);
}

static void
test_H16_a_million_clients(void **state)
{
	struct guard *g = fresh(4096, 1000, 1, 0);
	struct ip held = ip("192.0.2.1");
	struct rusage before, after;
	(void)state;
	assert_null(enter(g, 0, held, T0));
	for (unsigned i = 0; i < 100000; i++)
		visit(g, nth(i), T0 + i);
	assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
	for (unsigned i = 0; i < 1000000; i++)
		visit(g, nth(i), T0 + i);
	assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
	assert_true(after.ru_maxrss - before.ru_maxrss < 256);
	assert_int_equal(guard_connections(g), 1);
	assert_non_null(enter(g, 0, held, T0));
	guard_free(g);
}

static void
test_worker_died(void **state)
{
	struct guard *g = fresh(1024, 100, 2, 0);
	(void)state;
	assert_null(enter(g, 63, nth(1), T0));
	assert_null(enter(g, 63, nth(2), T0));
	assert_null(enter(g, 0, nth(1), T0));
	assert_non_null(enter(g, 0, nth(1), T0));
	guard_worker_died(g, 63);
	assert_int_equal(guard_connections(g), 1);
	assert_null(enter(g, 0, nth(1), T0));
	assert_non_null(enter(g, 0, nth(1), T0));
	guard_worker_died(g, 63);
	guard_worker_died(g, 7);
	assert_int_equal(guard_connections(g), 2);
	guard_free(g);
}

/* Comes and goes; for ever, or n times. */
static pid_t
start_worker(struct guard *g, unsigned worker, unsigned n)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	for (unsigned i = 0; n == 0 || i < n; i++) {
		struct status st;
		struct ip a = nth(i % 50);
		guard_enter(g, &conf, worker, &a, T0, &st);
		if (st.verdict == DONE)
			guard_leave(g, worker, &a);
	}
	_exit(0);
}

static void
test_workers_together(void **state)
{
	struct guard *g = fresh(1024, 1000, 50, 0);
	pid_t pids[3];
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		pids[i] = start_worker(g, i, 30000);
	for (unsigned i = 0; i < 3; i++) {
		int status;
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(guard_connections(g), 0);
	for (unsigned i = 0; i < 50; i++)
		assert_null(enter(g, 0, nth(i), T0));
	guard_free(g);
}

/* Killed anywhere, most often inside of the lock: nobody waits for ever,
 * and when its worker is declared dead no count is left. */
static void
test_killed_inside(void **state)
{
	struct guard *g = fresh(64, 1000, 50, 0);
	(void)state;
	(void)alarm(60);
	assert_null(enter(g, 0, nth(1), T0));
	for (unsigned i = 0; i < 300; i++) {
		int status;
		pid_t pid = start_worker(g, 1, 0);
		assert_true(pid > 0);
		for (unsigned k = 0; k < 20 + i; k++)
			visit(g, nth(k % 50), T0);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		visit(g, nth(2), T0);
		guard_worker_died(g, 1);
		assert_int_equal(guard_connections(g), 1);
	}
	(void)alarm(0);
	leave(g, 0, nth(1));
	assert_int_equal(guard_connections(g), 0);
	guard_free(g);
}

/* H19: a user has enough; others of this host have room when all addresses
 * together have none. */
static void
users_count_each(void **state)
{
	(void)state;
	struct guard *g = fresh(64, 2, 2, 0);
	struct ip one, two;
	guard_user(0x01020304, &one);
	guard_user(0x01020305, &two);
	assert_null(enter(g, 0, one, T0));
	assert_null(enter(g, 1, one, T0));
	assert_string_equal(
	    enter(g, 0, one, T0), "Too many connections from your address");
	assert_string_equal(enter(g, 0, ip("192.0.2.1"), T0),
	    "Too many connections, try again later");
	assert_null(enter(g, 0, two, T0));
	guard_leave(g, 1, &one);
	assert_null(enter(g, 0, one, T0));
	assert_int_equal(guard_connections(g), 3);
	guard_free(g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(users_count_each),
	    cmocka_unit_test(test_connections_in_all),
	    cmocka_unit_test(test_per_client),
	    cmocka_unit_test(test_leaving_without_coming),
	    cmocka_unit_test(test_rate),
	    cmocka_unit_test(test_F13_penalties),
	    cmocka_unit_test(test_H16_oldest_idle_goes),
	    cmocka_unit_test(test_all_connected),
	    cmocka_unit_test(test_H16_a_million_clients),
	    cmocka_unit_test(test_worker_died),
	    cmocka_unit_test(test_workers_together),
	    cmocka_unit_test(test_killed_inside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

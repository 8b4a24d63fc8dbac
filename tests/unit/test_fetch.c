/* SPDX-License-Identifier: ISC */
/*
 * smtpd/fetch.h: a parent opens what its configuration names, for a worker
 * that may be in other hands, and nothing else (N05).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "smtpd/fetch.h"

static char directory[] = "/tmp/waypost-fetch.XXXXXX";
static char aliases[64], domains[64], users[64], other[64];
static struct conf c = {
    .path = other + sizeof(other) - 1, /* "" */
    .aliases = aliases,
    .domains = domains,
    .users = users,
};
static int parent, worker;

static void
put(char *path, size_t size, const char *name)
{
	(void)snprintf(path, size, "%s/%s", directory, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "text", 4), 4);
	(void)close(fd);
}

static int
set_up(void **state)
{
	int pair[2];
	(void)state;
	assert_non_null(mkdtemp(directory));
	put(aliases, sizeof(aliases), "aliases");
	put(other, sizeof(other), "other");
	(void)snprintf(domains, sizeof(domains), "%s/domains", directory);
	(void)snprintf(users, sizeof(users), "%s/users", directory);
	assert_int_equal(mkdir(users, 0700), 0);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	parent = pair[0];
	worker = pair[1];
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	(void)unlink(aliases);
	(void)unlink(other);
	(void)rmdir(users);
	return rmdir(directory);
}

/* The parent's side, once: it may be asked before and after. */
static void *
serve(void *arg)
{
	char octet;
	(void)arg;
	(void)recv(parent, &octet, 1, MSG_PEEK);
	return (void *)(intptr_t)fetch_answer(parent, &c);
}

static int
ask(const char *path)
{
	pthread_t thread;
	void *result;
	assert_int_equal(pthread_create(&thread, NULL, serve, NULL), 0);
	int fd = fetch_ask(worker, path), error = errno;
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_null(result);
	errno = error;
	return fd;
}

static void
opens_what_is_named(void **state)
{
	char text[8];
	(void)state;
	for (int i = 0; i < 2; i++) {
		int fd = ask(aliases);
		assert_true(fd >= 0);
		/* To be read, from its beginning, and by no other program. */
		assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		assert_int_equal(read(fd, text, sizeof(text)), 4);
		(void)close(fd);
	}
}

static void
opens_nothing_else(void **state)
{
	char around[128];
	(void)state;
	(void)snprintf(around, sizeof(around), "%s/./aliases", directory);
	const struct {
		const char *path;
		int error;
	} t[] = {{other, EPERM}, {"/etc/shadow", EPERM}, {around, EPERM},
	    {directory, EPERM}, {"aliases", EPERM}, {domains, ENOENT},
	    {users, EINVAL /* a directory */}};
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(ask(t[i].path), -1);
		assert_int_equal(errno, t[i].error);
	}
	assert_int_equal(fetch_ask(worker, ""), -1);
}

static void
is_not_led_astray(void **state)
{
	char odd[sizeof(aliases) + 8] = "", long_one[PATH_MAX + 100];
	int error;
	(void)state;
	/* A name that ends within the question. */
	memcpy(odd, aliases, strlen(aliases));
	assert_true(send(worker, odd, strlen(aliases) + 2, 0) > 0);
	assert_int_equal(fetch_answer(parent, &c), 0);
	assert_int_equal(recv(worker, &error, sizeof(error), 0), sizeof(error));
	assert_int_equal(error, EPERM);
	memset(long_one, '/', sizeof(long_one));
	assert_true(send(worker, long_one, sizeof(long_one), 0) > 0);
	assert_int_equal(fetch_answer(parent, &c), 0);
	assert_int_equal(recv(worker, &error, sizeof(error), 0), sizeof(error));
	assert_int_equal(error, EPERM);
	/* Nothing was asked. */
	assert_int_equal(fetch_answer(parent, &c), 0);
}

/* A worker that asks and never listens is not waited for. */
static void
waits_for_nobody(void **state)
{
	int result = 0;
	(void)state;
	for (int i = 0; i < 100000 && result == 0; i++) {
		if (send(worker, "x", 1, MSG_DONTWAIT) < 0)
			break;
		result = fetch_answer(parent, &c);
	}
	assert_int_equal(result, -1);
	(void)close(parent);
	while (recv(worker, &result, sizeof(result), 0) > 0)
		continue;
	assert_int_equal(fetch_ask(worker, aliases), -1);
	assert_int_equal(errno, EPIPE);
	(void)close(worker);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(opens_what_is_named),
	    cmocka_unit_test(opens_nothing_else),
	    cmocka_unit_test(is_not_led_astray),
	    cmocka_unit_test(waits_for_nobody),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* SPDX-License-Identifier: ISC */
/* queue/order.h: what is placed is read back, and nothing else is an order. */
#include "queue/order.h"

#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define ID "0123456789abcdefghj"

static struct spool sp;
static int dir_fd;

static int
set_up(void **state)
{
	(void)state;
	spool_open(&sp);
	int spool = open(sp.path, O_RDONLY | O_DIRECTORY);
	assert_true(mkdirat(spool, "state", 0700) == 0 || errno == EEXIST);
	(void)close(spool);
	dir_fd = order_directory(sp.path);
	assert_true(dir_fd >= 0);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	(void)close(dir_fd);
	spool_close(&sp);
	return 0;
}

static void
test_round_trip(void **state)
{
	(void)state;
	for (int verb = ORDER_HOLD; verb <= ORDER_FLUSH; verb++) {
		struct order o = {.verb = (enum order_verb)verb}, back;
		char id[BATCH_ID_LEN + 1];
		o.report = verb == ORDER_REMOVE;
		o.purge = o.report;
		if (verb != ORDER_FLUSH) {
			assert_int_equal(order_add(&o, ID, 1, 1), 0);
			assert_int_equal(order_add(&o, ID, 4096, 50000), 0);
		}
		assert_int_equal(order_place(dir_fd, &o, id), 0);
		assert_int_equal(order_read(dir_fd, id, &back), 0);
		assert_int_equal(back.verb, verb);
		assert_int_equal(back.report, o.report);
		assert_int_equal(back.purge, o.purge);
		assert_int_equal(back.n, o.n);
		for (size_t i = 0; i < o.n; i++) {
			assert_string_equal(back.v[i].batch, ID);
			assert_int_equal(back.v[i].seq, o.v[i].seq);
			assert_int_equal(back.v[i].rcpt, o.v[i].rcpt);
		}
		order_free(&back);
		order_free(&o);
	}
}

static void
put(const char *text, size_t len)
{
	int fd = openat(dir_fd, "x", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0 && write(fd, text, len) == (ssize_t)len);
	(void)close(fd);
}

/* Each cut, each bit. */
static void
test_J28_only_whole_orders(void **state)
{
	struct order o = {.verb = ORDER_REMOVE, .purge = true}, back;
	char id[BATCH_ID_LEN + 1], text[512];
	(void)state;
	assert_int_equal(order_add(&o, ID, 2, 3), 0);
	assert_int_equal(order_place(dir_fd, &o, id), 0);
	order_free(&o);
	int fd = openat(dir_fd, id, O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text));
	(void)close(fd);
	assert_true(n > 0);
	for (ssize_t cut = 0; cut < n; cut++) {
		put(text, (size_t)cut);
		assert_int_equal(order_read(dir_fd, "x", &back), -1);
		assert_int_equal(errno, EBADMSG);
	}
	for (ssize_t bit = 0; bit < n * 8; bit++) {
		text[bit / 8] ^= (char)(1 << bit % 8);
		put(text, (size_t)n);
		if (order_read(dir_fd, "x", &back) == 0)
			fail_msg("bit %zd", bit);
		text[bit / 8] ^= (char)(1 << bit % 8);
	}
	put(text, (size_t)n);
	assert_int_equal(order_read(dir_fd, "x", &back), 0);
	order_free(&back);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_round_trip, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_J28_only_whole_orders, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

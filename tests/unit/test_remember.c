/* SPDX-License-Identifier: ISC */
/* queue/remember.h: lists are read back, what is no list binds nobody, and
 * what lies in corrupt/ needs none. */
#include "queue/remember.h"

#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"

#define ONE "0123456789abcdefghj"
#define TWO "0123456789abcdefghk"
#define LIST "0123456789abcdefghm"
#define DAY 86400

static struct spool sp;

static int
set_up(void **state)
{
	const char ids[2][BATCH_ID_LEN + 1] = {ONE, TWO};
	(void)state;
	spool_open(&sp);
	assert_int_equal(remember_place(sp.path, LIST, ids, 2), 0);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	spool_close(&sp);
	return 0;
}

static bool
has(const char *batch)
{
	struct remembered *r = remember_read(sp.path);
	bool found = remember_any(r) && remember_has(r, batch);
	remember_free(r);
	return found;
}

static int
at(const char *name)
{
	int dir = open(sp.path, O_RDONLY | O_DIRECTORY);
	int fd = openat(dir, name, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	(void)close(dir);
	return fd;
}

static void
test_lists(void **state)
{
	(void)state;
	assert_true(has(ONE) && has(TWO) && !has(LIST));
	assert_true(remember_known(sp.path, LIST));
	assert_false(remember_known(sp.path, ONE));
	remember_drop(sp.path, LIST);
	assert_false(has(ONE));
	remember_drop(sp.path, LIST);
}

static void
test_age(void **state)
{
	struct timespec old[2];
	(void)state;
	int fd = at("state/remember/" LIST);
	(void)clock_gettime(CLOCK_REALTIME, &old[0]);
	old[0].tv_sec -= REMEMBER_SECONDS - DAY;
	old[1] = old[0];
	assert_int_equal(futimens(fd, old), 0);
	assert_true(has(ONE));
	old[1].tv_sec -= 2 * DAY;
	assert_int_equal(futimens(fd, old), 0);
	(void)close(fd);
	assert_false(has(ONE));
	assert_false(remember_known(sp.path, LIST));
}

/* Each cut and each flipped bit. */
static void
test_damaged(void **state)
{
	char text[256];
	(void)state;
	int fd = at("state/remember/" LIST);
	ssize_t len = io_pread(fd, text, sizeof(text), 0);
	assert_true(len > 0);
	for (ssize_t i = 0; i < len; i++) {
		text[i] ^= 1;
		assert_int_equal(io_pwrite(fd, text, (size_t)len, 0), 0);
		assert_false(has(ONE));
		text[i] ^= 1;
	}
	while (len-- > 0) {
		assert_int_equal(io_pwrite(fd, text, (size_t)len, 0), 0);
		assert_int_equal(ftruncate(fd, len), 0);
		assert_false(has(ONE));
	}
	(void)close(fd);
}

static void
test_corrupt(void **state)
{
	(void)state;
	remember_drop(sp.path, LIST);
	int dir = open(sp.path, O_RDONLY | O_DIRECTORY);
	assert_true(mkdirat(dir, "corrupt", 0700) == 0 || errno == EEXIST);
	(void)close(dir);
	(void)close(at("corrupt/" ONE));
	(void)close(at("corrupt/" TWO ".salvaged"));
	(void)close(at("corrupt/" LIST ".1764000000123"));
	(void)close(at("corrupt/notes"));
	assert_true(has(ONE) && has(LIST) && !has(TWO));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_lists, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_age, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_damaged, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_corrupt, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* board: what a daemon shows, and what a reader sees of it. */
#include "queue/board.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char spool[] = "/tmp/waypost-board.XXXXXX";
static struct board copy;

static int
set_up(void **state)
{
	(void)state;
	return mkdtemp(spool) != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	static const char *const files[] = {
	    "carrier", "carrier.new", "listener"};
	char path[256];
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(
		    path, sizeof(path), "%s/state/%s", spool, files[i]);
		(void)unlink(path);
	}
	(void)snprintf(path, sizeof(path), "%s/state", spool);
	(void)rmdir(path);
	return rmdir(spool);
}

static void
test_nothing_there(void **state)
{
	(void)state;
	errno = 0;
	assert_int_equal(board_look(spool, BOARD_LISTENER, &copy), -1);
	assert_int_equal(errno, ENOENT);
}

static void
test_counts_and_rows(void **state)
{
	(void)state;
	struct board *b = board_open(spool, BOARD_CARRIER);
	board_add(b, COUNT_DELIVERED, 3);
	board_add(b, COUNT_DELIVERED, 1);
	board_add(b, COUNT_SESSIONS_NOW, -1);
	board_set(b, COUNT_WAITING_NOW, 7);
	board_speed(b, 0);
	board_speed(b, 1);
	board_speed(b, 11);
	board_speed(b, 1000000);
	board_ill(b, "mx a.test", "line\none", 1000, 1);
	board_ill(b, "mx b.test", "two", 2000, 1);
	board_ill(b, "mx a.test", "again", 3000, 2);
	board_well(b, "mx b.test");
	board_well(b, "mx c.test");
	assert_int_equal(board_look(spool, BOARD_CARRIER, &copy), 1);
	assert_int_equal(copy.pid, getpid());
	assert_int_equal(copy.counts[COUNT_DELIVERED], 4);
	assert_int_equal(copy.counts[COUNT_WAITING_NOW], 7);
	assert_int_equal(copy.counts[COUNT_SPEED], 2);
	assert_int_equal(copy.counts[COUNT_SPEED + 2], 1);
	assert_int_equal(copy.counts[COUNT_SPEED + COUNT_SPEEDS - 1], 1);
	unsigned used = 0;
	for (size_t i = 0; i < BOARD_ROWS; i++)
		if (copy.rows[i].used) {
			used++;
			assert_string_equal(copy.rows[i].key, "mx a.test");
			assert_string_equal(copy.rows[i].text, "again");
			assert_int_equal(copy.rows[i].until_ms, 3000);
			assert_int_equal(copy.rows[i].failures, 2);
			assert_true(copy.rows[i].since_ms > 0);
		}
	assert_int_equal(used, 1);
	board_close(b);
}

static void
test_harmless_text(void **state)
{
	(void)state;
	char key[400], text[400];
	memset(key, 'k', sizeof(key) - 1);
	memset(text, '\n', sizeof(text) - 1);
	key[sizeof(key) - 1] = text[sizeof(text) - 1] = '\0';
	struct board *b = board_open(spool, BOARD_CARRIER);
	board_ill(b, key, text, 0, 1);
	board_ill(b, key, text, 0, 2);
	assert_int_equal(board_look(spool, BOARD_CARRIER, &copy), 1);
	assert_int_equal(
	    strlen(copy.rows[0].key), sizeof(copy.rows[0].key) - 1);
	assert_null(strchr(copy.rows[0].text, '\n'));
	assert_int_equal(copy.rows[0].failures, 2);
	assert_int_equal(copy.rows[1].used, 0);
	board_well(b, key);
	assert_int_equal(board_look(spool, BOARD_CARRIER, &copy), 1);
	assert_int_equal(copy.rows[0].used, 0);
	board_close(b);
}

static void
test_more_than_rows(void **state)
{
	(void)state;
	char key[16];
	struct board *b = board_open(spool, BOARD_CARRIER);
	for (int i = 0; i < BOARD_ROWS + 5; i++) {
		(void)snprintf(key, sizeof(key), "k%d", i);
		board_ill(b, key, "", 0, 1);
	}
	assert_int_equal(board_look(spool, BOARD_CARRIER, &copy), 1);
	assert_int_equal(copy.nrows_lost, 5);
	board_close(b);
}

/* The lock goes with the process, however it ends. */
static void
test_killed(void **state)
{
	(void)state;
	int tube[2];
	char c;
	assert_int_equal(pipe(tube), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct board *b = board_open(spool, BOARD_LISTENER);
		board_add(b, COUNT_CLIENTS, 5);
		if (write(tube[1], "x", 1) == 1)
			(void)pause();
		_exit(1);
	}
	assert_int_equal(read(tube[0], &c, 1), 1);
	assert_int_equal(board_look(spool, BOARD_LISTENER, &copy), 1);
	assert_int_equal(copy.pid, pid);
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(board_look(spool, BOARD_LISTENER, &copy), 0);
	assert_int_equal(copy.counts[COUNT_CLIENTS], 5);
	(void)close(tube[0]);
	(void)close(tube[1]);
}

static void
test_foreign_file(void **state)
{
	(void)state;
	char path[256], zero[sizeof(struct board)] = {0};
	(void)snprintf(path, sizeof(path), "%s/state/carrier", spool);
	for (size_t len = 0; len <= sizeof(zero); len += sizeof(zero) / 2) {
		int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		assert_true(fd >= 0);
		assert_int_equal(write(fd, zero, len), len);
		(void)close(fd);
		assert_int_equal(board_look(spool, BOARD_CARRIER, &copy), -1);
		assert_int_equal(errno, EPROTO);
	}
}

/* A daemon that cannot show itself still has a board to count on. */
static void
test_no_place(void **state)
{
	(void)state;
	struct board *b = board_open("/nonexistent", BOARD_CARRIER);
	board_add(b, COUNT_TAKEN, 1);
	board_ill(b, "k", "t", 0, 1);
	assert_int_equal(b->counts[COUNT_TAKEN], 1);
	board_close(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_nothing_there),
	    cmocka_unit_test(test_counts_and_rows),
	    cmocka_unit_test(test_harmless_text),
	    cmocka_unit_test(test_more_than_rows),
	    cmocka_unit_test(test_killed),
	    cmocka_unit_test(test_foreign_file),
	    cmocka_unit_test(test_no_place),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}

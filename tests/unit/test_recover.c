/* SPDX-License-Identifier: ISC */
/*
 * queue/store.h, store_recover(): what writers leave that die at each step
 * of the way, and what else may lie about in tmp/.
 */
#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "spool.h"

#define ID "0123456789abcdefghj"

static void
assert_queue(const struct spool *sp, int in_tmp, int in_new)
{
	assert_int_equal(directory_count(sp->s.tmp_fd), in_tmp);
	assert_int_equal(directory_count(sp->s.new_fd), in_new);
}

static void
make_old(int dirfd, const char *name)
{
	time_t then = (time_t)(clock_wall_ms() / 1000) - TORN_AGE_SECONDS - 60;
	struct timespec times[2] = {{.tv_sec = then}, {.tv_sec = then}};
	assert_int_equal(utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void
test_J04_J05_whole_is_promoted(void **state)
{
	struct spool sp;
	(void)state;
	spool_open(&sp);
	assert_int_equal(store_recover(&sp.s), 0);
	letter_leave(&sp.s, ID, 2, 500);
	letter_leave(&sp.s, "1123456789abcdefghj", 1, 200000);
	make_old(sp.s.tmp_fd, ID); /* never too old */
	assert_int_equal(store_recover(&sp.s), 2);
	assert_queue(&sp, 0, 2);
	assert_int_equal(batch_whole(sp.s.new_fd, ID), 2);
	assert_int_equal(batch_whole(sp.s.new_fd, "1123456789abcdefghj"), 1);
	assert_int_equal(store_recover(&sp.s), 0);
	assert_queue(&sp, 0, 2);
	spool_close(&sp);
}

/* Of a carrier that runs for long: what is not old is not looked at. */
static void
test_B12_old_ones_only(void **state)
{
	struct spool sp;
	size_t len;
	(void)state;
	spool_open(&sp);
	letter_leave(&sp.s, ID, 1, 300);
	char *data = file_read(sp.s.tmp_fd, ID, &len);
	assert_int_equal(store_recover_old(&sp.s), 0);
	assert_queue(&sp, 1, 0);
	file_write(sp.s.tmp_fd, ID, data, len / 2);
	make_old(sp.s.tmp_fd, ID);
	letter_leave(&sp.s, "1123456789abcdefghj", 1, 300);
	make_old(sp.s.tmp_fd, "1123456789abcdefghj");
	assert_int_equal(store_recover_old(&sp.s), 1);
	assert_queue(&sp, 0, 1);
	assert_int_equal(batch_whole(sp.s.new_fd, "1123456789abcdefghj"), 1);
	free(data);
	spool_close(&sp);
}

static void
test_J01_J02_J03_torn(void **state)
{
	struct spool sp;
	size_t len;
	(void)state;
	spool_open(&sp);
	letter_leave(&sp.s, ID, 2, 300);
	char *data = file_read(sp.s.tmp_fd, ID, &len);
	for (size_t i = 0; i < len; i++) { /* cut at every byte */
		file_write(sp.s.tmp_fd, ID, data, i);
		assert_int_equal(store_recover(&sp.s), 0);
		assert_queue(&sp, 1, 0);
		if (i % 50 != 0)
			continue;
		make_old(sp.s.tmp_fd, ID);
		assert_int_equal(store_recover(&sp.s), 0);
		assert_queue(&sp, 0, 0);
	}
	memset(data + len / 2, 0, len - len / 2); /* and a zeroed tail */
	file_write(sp.s.tmp_fd, ID, data, len);
	assert_int_equal(store_recover(&sp.s), 0);
	assert_queue(&sp, 1, 0);
	free(data);
	spool_close(&sp);
}

static void
test_damaged_data_is_not_promoted(void **state)
{
	struct spool sp;
	size_t len;
	(void)state;
	spool_open(&sp);
	letter_leave(&sp.s, ID, 2, 70000);
	char *data = file_read(sp.s.tmp_fd, ID, &len);
	data[len - 1000] ^= 1;
	file_write(sp.s.tmp_fd, ID, data, len);
	assert_int_equal(store_recover(&sp.s), 0);
	assert_queue(&sp, 1, 0);
	free(data);
	spool_close(&sp);
}

static void
test_B16_living_writer_is_left_alone(void **state)
{
	struct spool sp;
	struct draft d;
	(void)state;
	spool_open(&sp);
	assert_int_equal(draft_create(&sp.s, &d, NULL), 0);
	make_old(sp.s.tmp_fd, d.id);
	assert_int_equal(store_recover(&sp.s), 0);
	assert_queue(&sp, 1, 0);
	assert_int_equal(letter_write(&d.writer, 1, 70000), 0);
	assert_int_equal(store_recover(&sp.s), 0);
	assert_queue(&sp, 1, 0);
	assert_int_equal(draft_commit(&d), 0);
	assert_queue(&sp, 0, 1);
	spool_close(&sp);
}

/* The same with a writer that is killed, at its last moment before the
 * rename. */
static void
test_J04_killed_writer(void **state)
{
	struct spool sp;
	int ends[2], status;
	char c;
	(void)state;
	spool_open(&sp);
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct draft d;
		if (draft_create(&sp.s, &d, NULL) != 0 ||
		    letter_write(&d.writer, 3, 1000) != 0 ||
		    batch_finish(&d.writer) != 0 || write(ends[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			(void)pause();
	}
	assert_int_equal(read(ends[0], &c, 1), 1);
	assert_int_equal(store_recover(&sp.s), 0); /* it is whole, but held */
	assert_queue(&sp, 1, 0);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(store_recover(&sp.s), 1);
	assert_queue(&sp, 0, 1);
	(void)close(ends[0]);
	(void)close(ends[1]);
	spool_close(&sp);
}

static void
test_I17_foreign(void **state)
{
	static const char *const names[] = {"x", ".hidden", "README", ID "~~",
	    "0123456789abcdefghi", "name\nwith=lf", "core"};
	struct spool sp;
	(void)state;
	spool_open(&sp);
	int n = (int)(sizeof(names) / sizeof(names[0]));
	for (int i = 0; i < n; i++) {
		file_write(sp.s.tmp_fd, names[i], "x", 1);
		make_old(sp.s.tmp_fd, names[i]);
	}
	assert_int_equal(symlinkat("/etc/passwd", sp.s.tmp_fd, ID), 0);
	assert_int_equal(mkdirat(sp.s.tmp_fd, "1123456789abcdefghj", 0700), 0);
	assert_int_equal(mkfifoat(sp.s.tmp_fd, "2123456789abcdefghj", 0600), 0);
	make_old(sp.s.tmp_fd, ID);
	make_old(sp.s.tmp_fd, "1123456789abcdefghj");
	make_old(sp.s.tmp_fd, "2123456789abcdefghj");
	letter_leave(&sp.s, "3123456789abcdefghj", 1, 10);
	assert_int_equal(store_recover(&sp.s), 1); /* the others flow */
	assert_queue(&sp, n + 3, 1);
	spool_close(&sp);
}

static void
test_I20_both_are_kept(void **state)
{
	struct spool sp;
	(void)state;
	spool_open(&sp);
	letter_leave(&sp.s, ID, 1, 10);
	assert_int_equal(store_recover(&sp.s), 1);
	letter_leave(&sp.s, ID, 2, 10);
	assert_int_equal(store_recover(&sp.s), 1);
	assert_queue(&sp, 0, 2);
	assert_int_equal(batch_whole(sp.s.new_fd, ID), 1);
	spool_close(&sp);
}

static void
test_two_names_of_one_file(void **state)
{
	struct spool sp;
	(void)state;
	spool_open(&sp);
	letter_leave(&sp.s, ID, 1, 10);
	assert_int_equal(linkat(sp.s.tmp_fd, ID, sp.s.new_fd, ID, 0), 0);
	assert_int_equal(batch_whole(sp.s.new_fd, ID), -1);
	assert_int_equal(store_recover(&sp.s), 1);
	assert_queue(&sp, 0, 1);
	assert_int_equal(batch_whole(sp.s.new_fd, ID), 1);
	spool_close(&sp);
}

static void
test_J27_newer_version_is_kept(void **state)
{
	static const char text[] = "waypost-batch 2\nwho knows\n";
	struct spool sp;
	(void)state;
	spool_open(&sp);
	file_write(sp.s.tmp_fd, ID, text, sizeof(text) - 1);
	make_old(sp.s.tmp_fd, ID);
	assert_int_equal(store_recover(&sp.s), 0);
	assert_queue(&sp, 1, 0);
	spool_close(&sp);
}

static void
test_J20_rewrite_left_its_copy(void **state)
{
	struct spool sp;
	(void)state;
	spool_open(&sp);
	letter_leave(&sp.s, ID, 3, 10);
	assert_int_equal(store_recover(&sp.s), 1);

	letter_leave(&sp.s, ID "~", 1, 10); /* before its rename */
	assert_int_equal(store_recover(&sp.s), 0);
	assert_queue(&sp, 0, 1);
	assert_int_equal(batch_whole(sp.s.new_fd, ID), 3);

	file_write(sp.s.tmp_fd, ID "~", "torn", 4);
	assert_int_equal(store_recover(&sp.s), 0);
	assert_queue(&sp, 0, 1);

	/* Never the last one that is whole. */
	letter_leave(&sp.s, ID "~", 1, 10);
	file_write(sp.s.new_fd, ID, "damaged", 7);
	assert_int_equal(store_recover(&sp.s), 0);
	assert_queue(&sp, 1, 1);
	assert_int_equal(store_quarantine(&sp.s, ID, "damaged"), 0);
	assert_int_equal(store_recover(&sp.s), 1);
	assert_queue(&sp, 0, 1);
	assert_int_equal(batch_whole(sp.s.new_fd, ID), 1);
	spool_close(&sp);
}

/* Recovery is killed again and again; nothing is lost or doubled.  When the
 * kill comes does not matter for the result. */
static void
test_J23_killed_recovery(void **state)
{
	struct spool sp;
	const int total = 300;
	(void)state;
	spool_open(&sp);
	for (int i = 0; i < total; i++) {
		char id[BATCH_ID_LEN + 1];
		(void)snprintf(id, sizeof(id), "%019d", i);
		letter_leave(&sp.s, id, 1, 100);
	}
	for (int round = 0; round < 50; round++) {
		int status, before = directory_count(sp.s.new_fd);
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			_exit(store_recover(&sp.s) < 0);
		}
		/* Let it settle some, if it is not done yet. */
		while (directory_count(sp.s.new_fd) < before + 3 &&
		       waitpid(child, &status, WNOHANG) == 0)
			continue;
		(void)kill(child, SIGKILL);
		(void)waitpid(child, &status, 0);
		assert_int_equal(
		    directory_count(sp.s.tmp_fd) + directory_count(sp.s.new_fd),
		    total);
	}
	assert_true(store_recover(&sp.s) >= 0);
	assert_queue(&sp, 0, total);
	for (int i = 0; i < total; i++) {
		char id[BATCH_ID_LEN + 1];
		(void)snprintf(id, sizeof(id), "%019d", i);
		assert_int_equal(batch_whole(sp.s.new_fd, id), 1);
	}
	spool_close(&sp);
}

int
main(void)
{
	log_level(LOG_CRIT); /* much goes wrong here, on purpose */
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_J04_J05_whole_is_promoted),
	    cmocka_unit_test(test_B12_old_ones_only),
	    cmocka_unit_test(test_J01_J02_J03_torn),
	    cmocka_unit_test(test_damaged_data_is_not_promoted),
	    cmocka_unit_test(test_B16_living_writer_is_left_alone),
	    cmocka_unit_test(test_J04_killed_writer),
	    cmocka_unit_test(test_I17_foreign),
	    cmocka_unit_test(test_I20_both_are_kept),
	    cmocka_unit_test(test_two_names_of_one_file),
	    cmocka_unit_test(test_J27_newer_version_is_kept),
	    cmocka_unit_test(test_J20_rewrite_left_its_copy),
	    cmocka_unit_test(test_J23_killed_recovery),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/*
 * deliver/allowance.h, and the pickup directory that obeys it: one user's
 * flood leaves room for others, and nothing of it is lost (L19).
 */
#include "pickup_place.h"

#include <time.h>

#include "deliver/allowance.h"

enum { ALICE = 12345, BOB = 12346, MINUTE = 60000 };

static int64_t ahead_ms; /* of the true clocks */

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	if (syscall(SYS_clock_gettime, id, ts) != 0)
		return -1;
	ts->tv_sec += ahead_ms / 1000;
	return 0;
}

static void
test_L19_counting(void **state)
{
	(void)state;
	struct allowance a = {0};
	bool first;
	int64_t now = 5 * MINUTE;
	assert_true(allowance_wait(&a, now) == -1);
	assert_true(allowance_take(&a, ALICE, 2, now, &first));
	assert_true(allowance_take(&a, ALICE, 2, now + 1, &first));
	assert_true(allowance_wait(&a, now + 1) == -1);
	assert_false(allowance_take(&a, ALICE, 2, now + 2, &first));
	assert_true(first);
	assert_false(allowance_take(&a, ALICE, 2, now + 3, &first));
	assert_false(first);
	assert_true(allowance_take(&a, BOB, 2, now + 3, &first));
	assert_true(allowance_wait(&a, now + 3) == MINUTE - 3);
	assert_true(allowance_wait(&a, now + MINUTE) == -1);
	assert_true(allowance_take(&a, ALICE, 2, now + MINUTE, &first));
	assert_true(allowance_wait(&a, now + MINUTE) == -1);
}

/* Uids that share a place share what is allowed, and no more than that. */
static void
test_L19_any_uid(void **state)
{
	(void)state;
	static const uid_t uids[] = {
	    0, PICKUP_USERS_MAX - 1, PICKUP_USERS_MAX, (uid_t)-2};
	struct allowance a = {0};
	bool first;
	unsigned taken = 0;
	for (size_t i = 0; i < sizeof(uids) / sizeof(uids[0]); i++)
		taken += allowance_take(&a, uids[i], 1, MINUTE, &first);
	assert_int_equal(taken, 3);
}

static void
put_of(uid_t uid, const char *name)
{
	file_write(dir_fd, ".part", LETTER, strlen(LETTER));
	assert_int_equal(fchownat(dir_fd, ".part", uid, uid, 0), 0);
	assert_int_equal(renameat(dir_fd, ".part", dir_fd, name), 0);
}

static void
flood(uid_t uid, int n)
{
	for (int i = 0; i < n; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "m%d-%d", (int)uid, i);
		put_of(uid, name);
	}
}

/* Files that wait in the directory itself. */
static int
waiting(void)
{
	return place_names(dir_fd, "", NULL) - 1; /* claim/ */
}

static int
set_up_on_time(void **state)
{
	ahead_ms = 0;
	return set_up(state);
}

static void
test_L19_one_uid_floods(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	place_conf(&p, "pickup { rate-per-user = 3 }\n");
	flood(ALICE, 10);
	flood(BOB, 2);
	flood(0, 5);
	(void)run();
	assert_int_equal(queued(), 3 + 2 + 5);
	assert_int_equal(waiting(), 7);
	int64_t wait = pickup_wait(door);
	assert_in_range(wait, MINUTE - 20000, MINUTE);
	rescan(); /* sooner than that changes nothing */
	assert_int_equal(waiting(), 7);
	/* Later all of them are taken, in turn; each once. */
	for (int left = 7; left > 0; left = left > 3 ? left - 3 : 0) {
		assert_int_equal(waiting(), left);
		ahead_ms += MINUTE;
		assert_true(pickup_wait(door) == -1);
		rescan();
	}
	assert_state(3 + 2 + 5 + 7, 0);
	assert_int_equal(waiting(), 0);
	assert_true(pickup_wait(door) == -1);
}

static void
test_L19_told_once_a_minute(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	FILE *log = tmpfile();
	int saved = dup(STDERR_FILENO), lines = 0;
	place_conf(&p, "pickup { rate-per-user = 1 }\n");
	flood(ALICE, 20);
	log_level(LOG_WARNING);
	(void)dup2(fileno(log), STDERR_FILENO);
	(void)run();
	rescan();
	(void)dup2(saved, STDERR_FILENO);
	(void)close(saved);
	log_level(LOG_EMERG);
	char line[1024];
	rewind(log);
	while (fgets(line, sizeof(line), log) != NULL) {
		assert_has(line, "pickup-flood uid=12345 rate=1");
		lines++;
	}
	(void)fclose(log);
	assert_int_equal(lines, 1);
}

static void
test_L19_no_limit(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	place_conf(&p, "pickup { rate-per-user = 0 }\n");
	flood(ALICE, 50);
	(void)run();
	assert_state(50, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_L19_counting),
	    cmocka_unit_test(test_L19_any_uid),
	    cmocka_unit_test_setup_teardown(
		test_L19_one_uid_floods, set_up_on_time, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_L19_told_once_a_minute, set_up_on_time, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_L19_no_limit, set_up_on_time, tear_down),
	};
	log_level(LOG_EMERG);
	return cmocka_run_group_tests_name("allowance", tests, NULL, NULL);
}

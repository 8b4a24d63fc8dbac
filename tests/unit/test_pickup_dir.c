/* SPDX-License-Identifier: ISC */
/*
 * deliver/pickup.h: races, numbers, and a directory that comes and goes.
 */
#include "pickup_place.h"

#include <sys/resource.h>
#include <sys/wait.h>

/* Where an fsync costs nothing: these are about numbers. */
static int
set_up_in_memory(void **state)
{
	const char *was = getenv("TMPDIR");
	char *saved = was != NULL ? strdup(was) : NULL;
	if (access("/dev/shm", W_OK) == 0)
		assert_int_equal(setenv("TMPDIR", "/dev/shm", 1), 0);
	int rc = set_up(state);
	if (saved != NULL)
		(void)setenv("TMPDIR", saved, 1);
	else
		(void)unsetenv("TMPDIR");
	free(saved);
	return rc;
}

#define TEST_IN_MEMORY(f) \
	cmocka_unit_test_setup_teardown(f, set_up_in_memory, tear_down)

/* A child swaps a good file and a link to a secret under one name. */
static void
test_L04_swap_race(void **state)
{
	(void)state;
	enum { ROUNDS = 20000 };
	char *secret = place_path(&p, "secret");
	place_text(&p, "secret",
	    "x-sender: a@e.test\nx-receiver: u@e.test\n"
	    "Subject: SECRET\n\nSECRET\n");
	pid_t pid = fork();
	if (pid == 0) {
		for (int i = 0; i < ROUNDS; i++) {
			file_write(dir_fd, ".good", LETTER, strlen(LETTER));
			(void)renameat(dir_fd, ".good", dir_fd, "m");
			if (symlinkat(secret, dir_fd, ".link") != 0)
				_exit(2);
			(void)renameat(dir_fd, ".link", dir_fd, "m");
		}
		_exit(0);
	}
	int status;
	while (waitpid(pid, &status, WNOHANG) == 0)
		rescan();
	assert_int_equal(status, 0);
	rescan();
	free(secret);
	char name[NAME_MAX + 1];
	int fds[] = {new_fd, bad_fd};
	for (int i = 0; i < 2; i++) {
		DIR *dir = fdopendir(openat(fds[i], ".", O_RDONLY));
		for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
			if (e->d_name[0] == '.')
				continue;
			(void)snprintf(name, sizeof(name), "%s", e->d_name);
			char *text = place_file(fds[i], name);
			assert_has_not(text, "SECRET");
			free(text);
		}
		(void)closedir(dir);
	}
	assert_true(queued() > 0);
	assert_int_equal(claims(), 0);
}

static long
peak_kib(void)
{
	struct rusage use;
	(void)getrusage(RUSAGE_SELF, &use);
	return use.ru_maxrss;
}

/* All are queued, few at a time, events first, and memory stays flat. */
static void
test_L14_ten_thousand_files(void **state)
{
	(void)state;
	enum { FILES = 10000, MOST = 16 };
	for (int i = 0; i < FILES; i++) {
		char name[16];
		(void)snprintf(name, sizeof(name), "m%d", i);
		file_write(dir_fd, name, LETTER, strlen(LETTER));
	}
	(void)pickup_run(door, p.c, NULL, MOST);
	int before = queued();
	assert_in_range(before, 1, MOST);
	long memory = peak_kib();
	int calls = 1;
	while (pickup_run(door, p.c, NULL, MOST))
		calls++;
	assert_int_equal(queued(), FILES);
	assert_int_equal(claims(), 0);
	assert_int_equal(place_names(dir_fd, "", NULL), 1);
	assert_true(calls >= FILES / MOST);
#ifndef __SANITIZE_ADDRESS__
	assert_in_range(peak_kib() - memory, 0, 1024);
#else
	(void)memory;
#endif
}

/* More events than the kernel keeps: a pass finds what was not told. */
static void
test_H17_overflow(void **state)
{
	(void)state;
	FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
	int most = 0;
	if (f == NULL || fscanf(f, "%d", &most) != 1 || most > 20000)
		skip();
	(void)fclose(f);
	(void)run();
	/* Events of one name after another, none merged with the last. */
	for (int i = 0; i <= most; i++) {
		const char *name = i % 2 ? ".a" : ".b";
		file_write(dir_fd, name, "", 0);
	}
	put("m", LETTER);
	(void)run();
	assert_state(1, 0);
}

/* --- the directory --- */

static void
test_mode_and_claim(void **state)
{
	(void)state;
	struct stat sb;
	assert_int_equal(fstatat(dir_fd, ".", &sb, 0), 0);
	assert_int_equal(sb.st_mode & 07777, 01733);
	assert_int_equal(fstatat(dir_fd, "claim", &sb, 0), 0);
	assert_int_equal(sb.st_mode & 07777, 0700);
}

/* The world may make files here, and remove only its own. */
static void
test_L10_N03_only_the_owner_removes(void **state)
{
	(void)state;
	enum { ALICE = 12345, BOB = 12346 };
	if (geteuid() != 0)
		skip();
	file_write(dir_fd, ".m", LETTER, strlen(LETTER));
	assert_int_equal(fchownat(dir_fd, ".m", ALICE, ALICE, 0), 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (setresgid(BOB, BOB, BOB) != 0 ||
		    setresuid(BOB, BOB, BOB) != 0)
			_exit(1);
		if (unlinkat(dir_fd, ".m", 0) == 0 || errno != EPERM)
			_exit(2);
		if (renameat(dir_fd, ".m", dir_fd, ".n") == 0 || errno != EPERM)
			_exit(3);
		file_write(dir_fd, ".b", "x", 1);
		if (renameat(dir_fd, ".b", dir_fd, ".m") == 0 || errno != EPERM)
			_exit(4);
		_exit(unlinkat(dir_fd, ".b", 0) != 0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	char *text = place_file(dir_fd, ".m");
	assert_string_equal(text, LETTER);
	free(text);
}

/* Anyone may have made a "claim" before us. */
static void
test_foreign_claim_is_moved_aside(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		close_door();
		assert_int_equal(unlinkat(dir_fd, "claim", AT_REMOVEDIR), 0);
		if (i == 0)
			assert_int_equal(symlinkat("/tmp", dir_fd, "claim"), 0);
		else if (i == 1)
			file_write(dir_fd, "claim", "x", 1);
		else
			assert_int_equal(mkdirat(dir_fd, "claim", 0777), 0);
		if (i == 2)
			assert_int_equal(fchmodat(dir_fd, "claim", 0777, 0), 0);
		open_door();
		put("m", LETTER);
		(void)run();
		assert_int_equal(queued(), i + 1);
		struct stat sb;
		assert_int_equal(
		    fstatat(dir_fd, "claim", &sb, AT_SYMLINK_NOFOLLOW), 0);
		assert_true(S_ISDIR(sb.st_mode));
		assert_int_equal(sb.st_mode & 07777, 0700);
	}
}

static void
forget_directory(void)
{
	char *path = place_path(&p, "pickup");
	(void)close(dir_fd);
	(void)close(claim_fd);
	spool_remove(path);
	free(path);
}

static void
find_directory(void)
{
	dir_fd = place_dir(&p, "pickup");
	claim_fd = place_dir(&p, "pickup/claim");
}

static void
test_L16_removed_and_made_again(void **state)
{
	(void)state;
	(void)run();
	forget_directory();
	(void)run();
	char *path = place_path(&p, "pickup");
	assert_int_equal(mkdir(path, 0777), 0);
	free(path);
	rescan();
	find_directory();
	put("m", LETTER);
	(void)run(); /* its events are heard, too */
	assert_state(1, 0);
}

static void
test_L16_removed_and_made_by_us(void **state)
{
	(void)state;
	(void)run();
	forget_directory();
	(void)run();
	rescan();
	find_directory();
	put("m", LETTER);
	(void)run();
	assert_state(1, 0);
}

/* Another directory in its place, without an event that we could have
 * missed: found by the next pass. */
static void
test_L16_replaced(void **state)
{
	(void)state;
	char *path = place_path(&p, "pickup"), *old = place_path(&p, "old");
	(void)run();
	put("before", LETTER);
	assert_int_equal(rename(path, old), 0);
	(void)close(dir_fd);
	(void)close(claim_fd);
	assert_int_equal(mkdir(path, 0777), 0);
	(void)run();
	rescan();
	find_directory();
	put("m", LETTER);
	(void)run();
	assert_state(1, 0);
	free(path);
	free(old);
}

static void
test_L16_replaced_by_a_link(void **state)
{
	(void)state;
	char *path = place_path(&p, "pickup"), *old = place_path(&p, "old");
	(void)run();
	assert_int_equal(rename(path, old), 0);
	assert_int_equal(symlink(old, path), 0);
	put("m", LETTER);
	(void)run();
	rescan();
	assert_state(0, 0);
	assert_true(file_exists(dir_fd, "m"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rename(old, path), 0);
	rescan();
	assert_state(1, 0);
	free(path);
	free(old);
}

static void
test_another_directory_by_the_configuration(void **state)
{
	(void)state;
	(void)run();
	place_conf(&p, "pickup { directory = \"@PLACE@/other\" }\n"
		       "drop { directory = \"@PLACE@/drop\" }\n");
	(void)run();
	(void)close(dir_fd);
	(void)close(claim_fd);
	dir_fd = place_dir(&p, "other");
	claim_fd = place_dir(&p, "other/claim");
	put("m", LETTER);
	(void)run();
	assert_state(1, 0);
}

static void
test_no_directory(void **state)
{
	(void)state;
	close_door();
	place_conf(&p, "pickup { directory = \"@PLACE@/no/where\" }\n"
		       "drop { directory = \"@PLACE@/drop\" }\n");
	errno = 0;
	assert_null(pickup_open(p.c, &p.sp.s, NULL));
	assert_int_equal(errno, ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST_IN_MEMORY(test_L04_swap_race),
	    TEST_IN_MEMORY(test_L14_ten_thousand_files),
	    TEST_IN_MEMORY(test_H17_overflow),
	    TEST(test_mode_and_claim),
	    TEST(test_L10_N03_only_the_owner_removes),
	    TEST(test_foreign_claim_is_moved_aside),
	    TEST(test_L16_removed_and_made_again),
	    TEST(test_L16_removed_and_made_by_us),
	    TEST(test_L16_replaced),
	    TEST(test_L16_replaced_by_a_link),
	    TEST(test_another_directory_by_the_configuration),
	    TEST(test_no_directory),
	};
	log_level(LOG_EMERG);
	return cmocka_run_group_tests_name("pickup_dir", tests, NULL, NULL);
}

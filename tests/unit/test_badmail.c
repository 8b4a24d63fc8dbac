/* SPDX-License-Identifier: ISC */
/*
 * deliver/badmail.h: what is kept, under which name, with which reason, and
 * what leaves the ring.
 */
#include "deliver/badmail.h"

#include <limits.h>
#include <sys/stat.h>
#include <time.h>

#include "place.h"

#define MESSAGE "Received: x\r\nSubject: x\r\n\r\nbody\r\n"

static struct place p;
static int bad_fd, from_fd;

static int
set_up(void **state)
{
	(void)state;
	place_open(&p, "example.com local default\n", PLACE_DIRECTORIES);
	bad_fd = badmail_open(p.c);
	from_fd = place_dir(&p, "from");
	return bad_fd < 0;
}

static int
tear_down(void **state)
{
	(void)state;
	(void)close(bad_fd);
	(void)close(from_fd);
	place_close(&p);
	return 0;
}

static void
letter(const char *from, const char *rcpts)
{
	struct envelope env;
	place_envelope(&env, from, rcpts);
	place_letter(&p, &env, MESSAGE);
}

static int
keep(const char *why)
{
	return badmail_keep(p.c, &p.batch, &p.entry, &p.env, p.id, why);
}

static char *
file(const char *stem, const char *tail)
{
	char name[NAME_MAX + 1];
	(void)snprintf(name, sizeof(name), "%s%s", stem, tail);
	return place_file(bad_fd, name);
}

static void
test_A47_kept_as_a_pickup_file(void **state)
{
	(void)state;
	letter("", "u@example.net v@example.net");
	assert_int_equal(keep("line one\nline two"), 0);
	char *text = file(p.id, ".eml");
	assert_string_equal(text, "x-sender: <>\r\n"
				  "x-receiver: u@example.net\r\n"
				  "x-receiver: v@example.net\r\n" MESSAGE);
	free(text);
	text = file(p.id, ".reason");
	assert_has(text, "kept: ");
	assert_has(text, "source: test uid=0\n");
	assert_has(text, "sender: <>\n");
	assert_has(text, "recipient: <v@example.net>\n");
	assert_has(text, "\nline one\nline two\n");
	free(text);
	assert_int_equal(directory_count(bad_fd), 2);
	assert_int_equal(keep("again"), 0);
	assert_int_equal(directory_count(bad_fd), 2);
}

static void
test_other_recipients_are_kept_beside(void **state)
{
	(void)state;
	letter("", "u@example.net v@example.net");
	struct envelope part = p.env;
	part.nrcpts = 1;
	assert_int_equal(
	    badmail_keep(p.c, &p.batch, &p.entry, &part, p.id, "u"), 0);
	part.rcpts++;
	assert_int_equal(
	    badmail_keep(p.c, &p.batch, &p.entry, &part, p.id, "v"), 0);
	assert_int_equal(directory_count(bad_fd), 4);
	char *text = file(p.id, ".eml");
	assert_has(text, "x-receiver: u@example.net\r\nReceived");
	free(text);
	text = file(p.id, "-2.eml");
	assert_has(text, "x-receiver: v@example.net\r\nReceived");
	free(text);
}

static void
test_not_kept_when_there_is_no_place(void **state)
{
	(void)state;
	char *path = place_path(&p, "badmail");
	letter("", "u@example.net");
	assert_int_equal(rmdir(path), 0);
	place_text(&p, "badmail", "a file");
	assert_int_equal(keep("x"), -1);
	free(path);
}

static void
test_move(void **state)
{
	(void)state;
	file_write(from_fd, "one", "bad\0mail", 8);
	assert_int_equal(badmail_move(p.c, from_fd, "one", "name", "why"), 0);
	assert_false(file_exists(from_fd, "one"));
	size_t len;
	char *text = file_read(bad_fd, "name.eml", &len);
	assert_int_equal(len, 8);
	assert_memory_equal(text, "bad\0mail", 8);
	free(text);
	text = file("name", ".reason");
	assert_has(text, "\nwhy\n");
	assert_has(text, "size: 8\n");
	free(text);
	file_write(from_fd, "two", "other", 5);
	assert_int_equal(badmail_move(p.c, from_fd, "two", "name", "y"), 0);
	text = file("name-2", ".eml");
	assert_string_equal(text, "other");
	free(text);
	assert_int_equal(directory_count(bad_fd), 4);
	assert_int_equal(badmail_move(p.c, from_fd, "none", "name", "y"), -1);
}

/* A reason without its file is an interrupted move: taken over. */
static void
test_J_interrupted_move(void **state)
{
	(void)state;
	file_write(bad_fd, "name.reason", "torn", 4);
	file_write(bad_fd, ".name.reason.tmp", "torn", 4);
	file_write(from_fd, "one", "bad", 3);
	assert_int_equal(badmail_move(p.c, from_fd, "one", "name", "why"), 0);
	char *text = file("name", ".reason");
	assert_has(text, "why");
	free(text);
	assert_int_equal(directory_count(bad_fd), 2);
}

static void
test_L01_a_link_is_told_not_kept(void **state)
{
	(void)state;
	assert_int_equal(symlinkat("/etc/sha\ndow", from_fd, "one"), 0);
	assert_int_equal(badmail_move(p.c, from_fd, "one", "name", "why"), 0);
	assert_false(file_exists(from_fd, "one"));
	char *text = file("name", ".reason");
	assert_has(text, "symbolic link to: /etc/sha\\x0adow\n");
	free(text);
	assert_int_equal(directory_count(bad_fd), 1);
}

static void
test_L03_no_pipes(void **state)
{
	(void)state;
	assert_int_equal(mkfifoat(from_fd, "one", 0600), 0);
	assert_int_equal(badmail_move(p.c, from_fd, "one", "name", "why"), -1);
	assert_int_equal(directory_count(bad_fd), 0);
}

static void
test_L15_from_another_file_system(void **state)
{
	(void)state;
	char other[] = "/dev/shm/waypost-XXXXXX";
	struct stat here, there;
	if (mkdtemp(other) == NULL)
		skip();
	int fd = open(other, O_RDONLY | O_DIRECTORY);
	assert_int_equal(fstat(fd, &there), 0);
	assert_int_equal(fstat(bad_fd, &here), 0);
	file_write(fd, "one", "bad", 3);
	int rc = badmail_move(p.c, fd, "one", "name", "why");
	bool left = file_exists(fd, "one");
	(void)close(fd);
	spool_remove(other);
	assert_int_equal(rc, 0);
	assert_false(left);
	char *text = file("name", ".eml");
	assert_string_equal(text, "bad");
	free(text);
	if (here.st_dev == there.st_dev)
		skip();
}

/* --- the ring --- */

static void
put(const char *stem, size_t size, time_t at)
{
	char name[NAME_MAX + 1];
	struct timespec times[2] = {{.tv_sec = at}, {.tv_sec = at}};
	char *body = letter_body(size, 1);
	(void)snprintf(name, sizeof(name), "%s.eml", stem);
	file_write(bad_fd, name, body, size);
	free(body);
	(void)snprintf(name, sizeof(name), "%s.reason", stem);
	file_write(bad_fd, name, "why\n", 4);
	assert_int_equal(utimensat(bad_fd, name, times, 0), 0);
}

static void
ring(const char *queue)
{
	char more[512];
	(void)snprintf(
	    more, sizeof(more), "queue { %s }\n%s", queue, PLACE_DIRECTORIES);
	place_conf(&p, more);
	badmail_trim(p.c);
}

static bool
kept(const char *stem)
{
	char name[2][NAME_MAX + 1];
	(void)snprintf(name[0], NAME_MAX + 1, "%s.eml", stem);
	(void)snprintf(name[1], NAME_MAX + 1, "%s.reason", stem);
	assert_int_equal(
	    file_exists(bad_fd, name[0]), file_exists(bad_fd, name[1]));
	return file_exists(bad_fd, name[0]);
}

static void
test_A47_ring_by_size(void **state)
{
	(void)state;
	time_t now = time(NULL);
	put("b", 100000, now - 30);
	put("c", 100000, now - 10);
	put("a", 100000, now - 20);
	ring("badmail-max = \"250K\" badmail-keep = \"30d\"");
	assert_false(kept("b"));
	assert_true(kept("a"));
	assert_true(kept("c"));
	ring("badmail-max = \"1K\" badmail-keep = \"30d\"");
	assert_false(kept("a"));
	assert_true(kept("c")); /* the newest stays */
}

static void
test_A47_ring_by_age(void **state)
{
	(void)state;
	time_t now = time(NULL);
	put("old", 100, now - 3 * 86400);
	put("new", 100, now - 86400);
	file_write(bad_fd, "foreign.txt", "x", 1);
	ring("badmail-max = \"100M\" badmail-keep = \"2d\"");
	assert_false(kept("old"));
	assert_true(kept("new"));
	assert_true(file_exists(bad_fd, "foreign.txt"));
}

static void
test_L11_a_sparse_file_drives_out_nobody(void **state)
{
	(void)state;
	put("small", 100, time(NULL) - 20);
	put("huge", 1, time(NULL) - 10);
	int fd = openat(bad_fd, "huge.eml", O_WRONLY);
	assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
	(void)close(fd);
	ring("badmail-max = \"1M\" badmail-keep = \"2d\"");
	assert_true(kept("small"));
	assert_true(kept("huge"));
}

static void
test_leftovers_go_after_a_day(void **state)
{
	(void)state;
	struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	file_write(bad_fd, ".x.eml.tmp", "x", 1);
	file_write(bad_fd, ".y.eml.tmp", "x", 1);
	assert_int_equal(utimensat(bad_fd, ".x.eml.tmp", old, 0), 0);
	badmail_trim(p.c);
	assert_false(file_exists(bad_fd, ".x.eml.tmp"));
	assert_true(file_exists(bad_fd, ".y.eml.tmp"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_A47_kept_as_a_pickup_file),
	    TEST(test_other_recipients_are_kept_beside),
	    TEST(test_not_kept_when_there_is_no_place),
	    TEST(test_move),
	    TEST(test_J_interrupted_move),
	    TEST(test_L01_a_link_is_told_not_kept),
	    TEST(test_L03_no_pipes),
	    TEST(test_L15_from_another_file_system),
	    TEST(test_A47_ring_by_size),
	    TEST(test_A47_ring_by_age),
	    TEST(test_L11_a_sparse_file_drives_out_nobody),
	    TEST(test_leftovers_go_after_a_day),
	};
	log_level(LOG_CRIT);
	return cmocka_run_group_tests_name("badmail", tests, NULL, NULL);
}

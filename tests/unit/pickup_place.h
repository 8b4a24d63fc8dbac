/* SPDX-License-Identifier: ISC */
/*
 * A pickup directory with its door, for the tests of deliver/pickup.h.  Some
 * calls of the system are replaced here to fail, or to have somebody act, at
 * an exact moment.  Not a test itself.
 */
#ifndef TESTS_PICKUP_PLACE_H
#define TESTS_PICKUP_PLACE_H

#include "place.h"

#include <sys/syscall.h>

#include "deliver/pickup.h"

#define LETTER                                                 \
	"x-sender: a@example.org\nx-receiver: u@example.net\n" \
	"From: a@example.org\nTo: u@example.net\nSubject: s\n\nbody\n"

static struct place p;
static struct pickup *door;
static int dir_fd, new_fd, bad_fd, claim_fd;

/* --- the system, when it fails --- */

static struct {
	int unlink_errno;  /* of the next unlinkat in claim/ */
	const char *stuck; /* renameat2 of this name: EXDEV */
	int looks;         /* fstats of a claim until its size changes */
	off_t size;        /* to this, or -1 for some octets more */
} plan;

int
unlinkat(int fd, const char *name, int flags)
{
	char path[64], where[512] = "";
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (plan.unlink_errno != 0 && batch_id_valid(name, strlen(name)) &&
	    readlink(path, where, sizeof(where) - 1) > 0 &&
	    strstr(where, "/claim") != NULL) {
		errno = plan.unlink_errno;
		return -1;
	}
	return (int)syscall(SYS_unlinkat, fd, name, flags);
}

int
renameat2(int from, const char *name, int to, const char *as, unsigned flags)
{
	if (plan.stuck != NULL && strcmp(name, plan.stuck) == 0) {
		errno = EXDEV;
		return -1;
	}
	return (int)syscall(SYS_renameat2, from, name, to, as, flags);
}

/* What another process does that has the file open. */
UNUSED_OK static void
change_claim(int fd)
{
	char path[64], where[512] = "";
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (readlink(path, where, sizeof(where) - 1) < 0 ||
	    strstr(where, "/claim/") == NULL || --plan.looks > 0)
		return;
	int writer = open(path, O_WRONLY | O_APPEND);
	assert_true(writer >= 0);
	if (plan.size < 0)
		assert_int_equal(write(writer, "more\n", 5), 5);
	else
		assert_int_equal(ftruncate(writer, plan.size), 0);
	(void)close(writer);
}

int
fstat(int fd, struct stat *sb)
{
	if (plan.looks > 0)
		change_claim(fd);
	return (int)syscall(SYS_newfstatat, fd, "", sb, AT_EMPTY_PATH);
}

/* --- the place --- */

UNUSED_OK static void
open_door(void)
{
	door = pickup_open(p.c, &p.sp.s, NULL);
	assert_non_null(door);
}

UNUSED_OK static void
close_door(void)
{
	pickup_close(door);
	door = NULL;
}

UNUSED_OK static int
set_up(void **state)
{
	(void)state;
	memset(&plan, 0, sizeof(plan));
	place_open(&p, "example.com local default\n", PLACE_DIRECTORIES);
	open_door();
	new_fd = p.sp.s.new_fd;
	dir_fd = place_dir(&p, "pickup");
	claim_fd = place_dir(&p, "pickup/claim");
	bad_fd = place_dir(&p, "badmail");
	return 0;
}

UNUSED_OK static int
tear_down(void **state)
{
	(void)state;
	memset(&plan, 0, sizeof(plan));
	if (door != NULL)
		close_door();
	(void)close(dir_fd);
	(void)close(claim_fd);
	(void)close(bad_fd);
	place_close(&p);
	return 0;
}

/* As a good writer does it. */
UNUSED_OK static void
put_octets(const char *name, const char *text, size_t len)
{
	file_write(dir_fd, ".part", text, len);
	assert_int_equal(renameat(dir_fd, ".part", dir_fd, name), 0);
}

UNUSED_OK static void
put(const char *name, const char *text)
{
	put_octets(name, text, strlen(text));
}

UNUSED_OK static void
put_old(const char *name, const char *text)
{
	struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	put(name, text);
	assert_int_equal(utimensat(dir_fd, name, old, 0), 0);
}

/* Until it has nothing to do; the number of calls. */
UNUSED_OK static unsigned
run(void)
{
	unsigned n = 1;
	while (pickup_run(door, p.c, NULL, 16))
		if (++n > 100000)
			fail_msg("the door never rests");
	return n;
}

UNUSED_OK static void
rescan(void)
{
	pickup_rescan(door);
	(void)run();
}

UNUSED_OK static int
queued(void)
{
	return directory_count(new_fd);
}

UNUSED_OK static int
bad(void)
{
	return place_names(bad_fd, ".reason", NULL);
}

UNUSED_OK static int
claims(void)
{
	return directory_count(claim_fd);
}

/* The reason of the only file in badmail. */
UNUSED_OK static char *
reason(void)
{
	char name[NAME_MAX + 1];
	assert_int_equal(place_names(bad_fd, ".reason", name), 1);
	return place_file(bad_fd, name);
}

/* Load the only batch; its message. */
UNUSED_OK static char *
message(void)
{
	char name[NAME_MAX + 1];
	assert_int_equal(place_names(new_fd, "", name), 1);
	place_load(&p, name);
	return place_message(&p);
}

UNUSED_OK static void
assert_state(int in_queue, int in_badmail)
{
	if (queued() != in_queue || bad() != in_badmail || claims() != 0)
		fail_msg("queue %d, badmail %d, claim %d", queued(), bad(),
		    claims());
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif

/* SPDX-License-Identifier: ISC */
/*
 * deliver/pickup.h: what a crash between any two steps leaves to the next run,
 * and a queue that takes nothing.
 */
#include "pickup_place.h"

#include "deliver/claim.h"

/* Claimed, not queued: the next run queues it, under the claim's id. */
static void
test_A39_J08_claimed(void **state)
{
	(void)state;
	char id[BATCH_ID_LEN + 1];
	close_door();
	store_make_id(id);
	file_write(claim_fd, id, LETTER, strlen(LETTER));
	open_door();
	(void)run();
	assert_state(1, 0);
	free(message());
	assert_string_equal(p.id, id);
}

/* Queued, not removed: the claim goes, nothing is queued again, and that
 * at open, before the carrier can deliver. */
static void
test_A39_J08_queued(void **state)
{
	(void)state;
	char id[BATCH_ID_LEN + 1];
	close_door();
	letter_queue(&p.sp.s, 1, 100, id);
	file_write(claim_fd, id, LETTER, strlen(LETTER));
	open_door();
	assert_int_equal(claims(), 0);
	assert_int_equal(store_remove(&p.sp.s, id), 0);
	rescan();
	assert_state(0, 0);
}

/* Removed: nothing to do. */
static void
test_J09_removed(void **state)
{
	(void)state;
	char id[BATCH_ID_LEN + 1];
	close_door();
	letter_queue(&p.sp.s, 1, 100, id);
	open_door();
	rescan();
	assert_state(1, 0);
}

/* A torn draft of that id was promised to nobody: queued under another. */
static void
test_J02_torn_draft(void **state)
{
	(void)state;
	char id[BATCH_ID_LEN + 1];
	close_door();
	store_make_id(id);
	file_write(claim_fd, id, LETTER, strlen(LETTER));
	file_write(p.sp.s.tmp_fd, id, "waypost-batch 1\nM 00", 20);
	open_door();
	(void)run();
	assert_state(1, 0);
	free(message());
	assert_string_not_equal(p.id, id);
}

/* Written and synced, not renamed: recovery made it mail. */
static void
test_J05_whole_draft(void **state)
{
	(void)state;
	char id[BATCH_ID_LEN + 1];
	close_door();
	store_make_id(id);
	file_write(claim_fd, id, LETTER, strlen(LETTER));
	letter_leave(&p.sp.s, id, 1, 100);
	assert_int_equal(store_recover(&p.sp.s), 1);
	open_door();
	rescan();
	assert_state(1, 0);
}

/* Bad ones that were claimed have lost their name, not their reason. */
static void
test_L12_bad_claim(void **state)
{
	(void)state;
	char id[BATCH_ID_LEN + 1];
	close_door();
	store_make_id(id);
	file_write(claim_fd, id, "no mail", 7);
	open_door();
	(void)run();
	assert_state(0, 1);
	char *text = reason();
	assert_has(text, "(name lost in a crash)");
	free(text);
}

static void
test_L13_unlink_denied(void **state)
{
	(void)state;
	put("m", LETTER);
	plan.unlink_errno = EPERM;
	(void)run();
	assert_int_equal(queued(), 1);
	rescan();
	assert_int_equal(queued(), 1);
	free(message());
	/* The carrier delivers it; another run must not send it again. */
	close_door();
	assert_int_equal(store_remove(&p.sp.s, p.id), 0);
	open_door();
	rescan();
	assert_int_equal(queued(), 0);
	plan.unlink_errno = 0;
	rescan();
	assert_state(0, 0);
}

static void
test_foreign_names_in_claim(void **state)
{
	(void)state;
	file_write(claim_fd, "README", "x", 1);
	file_write(claim_fd, "m.eml", LETTER, strlen(LETTER));
	rescan();
	assert_int_equal(queued(), 0);
	assert_int_equal(claims(), 2);
}

/* --- the queue takes nothing --- */

static void
test_I01_LATER_puts_it_back(void **state)
{
	(void)state;
	int tmp_fd = p.sp.s.tmp_fd;
	for (int i = 0; i < 100; i++) {
		char name[8];
		(void)snprintf(name, sizeof(name), "m%d", i);
		put(name, LETTER);
	}
	p.sp.s.tmp_fd = open("/proc/self/fdinfo", O_RDONLY | O_DIRECTORY);
	(void)run();
	assert_state(0, 0);
	assert_int_equal(place_names(dir_fd, "", NULL), 101);
	/* It rests: neither its own renames nor new files move it. */
	put("late", LETTER);
	assert_int_equal(run(), 1);
	assert_int_equal(run(), 1);
	(void)close(p.sp.s.tmp_fd);
	p.sp.s.tmp_fd = tmp_fd;
	rescan();
	assert_state(101, 0);
}

/* The name was taken by another meanwhile: the claim waits. */
static void
test_LATER_when_the_name_is_taken(void **state)
{
	(void)state;
	int tmp_fd = p.sp.s.tmp_fd;
	struct door d = {dir_fd, claim_fd, &p.sp.s, NULL};
	struct claim cl;
	put("m", LETTER);
	assert_int_equal(claim_take(&d, "m", &cl), 0);
	put("m", LETTER);
	assert_int_equal(claim_back(&d, &cl), -1);
	p.sp.s.tmp_fd = open("/proc/self/fdinfo", O_RDONLY | O_DIRECTORY);
	rescan();
	assert_int_equal(queued(), 0);
	assert_int_equal(claims(), 1);
	(void)close(p.sp.s.tmp_fd);
	p.sp.s.tmp_fd = tmp_fd;
	rescan();
	assert_state(2, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_A39_J08_claimed),
	    TEST(test_A39_J08_queued),
	    TEST(test_J09_removed),
	    TEST(test_J02_torn_draft),
	    TEST(test_J05_whole_draft),
	    TEST(test_L12_bad_claim),
	    TEST(test_L13_unlink_denied),
	    TEST(test_foreign_names_in_claim),
	    TEST(test_I01_LATER_puts_it_back),
	    TEST(test_LATER_when_the_name_is_taken),
	};
	log_level(LOG_EMERG);
	return cmocka_run_group_tests_name("pickup_crash", tests, NULL, NULL);
}

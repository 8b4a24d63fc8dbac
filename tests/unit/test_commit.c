/* SPDX-License-Identifier: ISC */
/*
 * smtpd/commit.h: everybody is answered once, with a message that is in the
 * queue or with the reason why it is not; who may commit at once, and that
 * letters which come together share a batch.  The disk is the real one; its
 * pace and its faults are put on here.
 */
#include "smtpd/commit.h"

#include <event2/event.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "base/log.h"
#include "spool.h"

#define LETTERS_MAX 64

static struct conf conf = {.hostname = "h.example.com",
    .origin = "example.com",
    .max_hops = 30,
    .limits.message_size = 4 * 1024 * 1024};

/* Of the disk: how long a sync takes at least, and whether it fails. */
static atomic_int sync_us, sync_error;

int fsync(int fd);

/* The queue's syncs come by here. */
int
fsync(int fd)
{
	if (sync_us > 0)
		(void)usleep((useconds_t)sync_us);
	if (sync_error != 0) {
		errno = sync_error;
		return -1;
	}
	return (int)syscall(SYS_fsync, fd);
}

struct place {
	struct spool spool;
	struct event_base *base;
	struct commit *commit;
	unsigned answered, accepted;
	char ids[LETTERS_MAX][QUEUE_ID_MAX + 1];
	struct status last;
};

static int
set_up(void **state)
{
	struct place *p = alloc_zero(1, sizeof(*p));
	sync_us = sync_error = 0;
	spool_open(&p->spool);
	p->base = event_base_new();
	p->commit = commit_new(p->base, &p->spool.s);
	*state = p;
	return 0;
}

static int
tear_down(void **state)
{
	struct place *p = *state;
	sync_us = sync_error = 0;
	if (p->commit != NULL)
		commit_free(p->commit);
	event_base_free(p->base);
	spool_close(&p->spool);
	free(p);
	return 0;
}

/* A sealed letter with a body of so many octets. */
static struct submit *
letter(struct place *p, size_t size)
{
	struct status st;
	struct address to = letter_address("b@example.net");
	static struct address from; /* as long as the letter */
	from = letter_address("a@example.com");
	struct submit *s = submit_new(&(struct submit_options){.conf = &conf,
	    .store = &p->spool.s,
	    .flags = SUBMIT_RELAY,
	    .from = &from,
	    .source = "test uid=1"});
	char *body = letter_body(size, 1);
	assert_int_equal(submit_rcpt(s, &to, &st), 0);
	assert_true(submit_feed(s, "Subject: x\r\n\r\n", 14, &st) >= 0);
	assert_true(submit_feed(s, body, size, &st) >= 0);
	assert_int_equal(submit_seal(s, &st), 0);
	free(body);
	return s;
}

static void
on_answer(void *arg, const char *id, const struct status *st)
{
	struct place *p = arg;
	assert_true(p->answered < LETTERS_MAX);
	(void)snprintf(
	    p->ids[p->answered++], sizeof(p->ids[0]), "%.*s", QUEUE_ID_MAX, id);
	p->accepted += st->verdict == DONE;
	p->last = *st;
}

static void
give(struct place *p, unsigned n, size_t size)
{
	for (unsigned i = 0; i < n; i++)
		commit_give(p->commit, letter(p, size), on_answer, p);
}

static void
until_answered(struct place *p, unsigned n)
{
	while (p->answered < n)
		assert_int_equal(event_base_loop(p->base, EVLOOP_ONCE), 0);
	assert_int_equal(p->answered, n);
}

/* --- by the thread --- */

static void
everybody_is_answered_once_with_an_id_of_ones_own(void **state)
{
	struct place *p = *state;
	give(p, 20, 500);
	give(p, 1, 2 * 1024 * 1024); /* has a draft of its own */
	give(p, 20, 500);
	until_answered(p, 41);
	assert_int_equal(p->accepted, 41);
	for (unsigned i = 0; i < 41; i++)
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(p->ids[i], p->ids[j]);
	assert_int_equal(directory_count(p->spool.s.tmp_fd), 0);
}

/* While the first is made durable the others come: they share the next. */
static void
what_comes_together_shares_a_batch(void **state)
{
	struct place *p = *state;
	sync_us = 20000;
	give(p, 20, 500);
	until_answered(p, 20);
	assert_true(directory_count(p->spool.s.new_fd) < 20);
}

static void
R2_a_sync_that_fails_refuses_them_all(void **state)
{
	struct place *p = *state;
	sync_error = EIO;
	give(p, 5, 500);
	until_answered(p, 5);
	assert_int_equal(p->accepted, 0);
	assert_int_equal(p->last.code, 451);
	assert_string_equal(p->ids[4], "");
	assert_int_equal(directory_count(p->spool.s.new_fd), 0);
	assert_int_equal(directory_count(p->spool.s.tmp_fd), 0);
}

static void
the_end_waits_for_what_was_given(void **state)
{
	struct place *p = *state;
	sync_us = 5000;
	give(p, 10, 500);
	commit_free(p->commit);
	p->commit = NULL;
	assert_int_equal(p->accepted, 10);
}

/* --- at once --- */

static bool
now(struct place *p, struct submit *s, struct status *st)
{
	char id[QUEUE_ID_MAX + 1];
	if (!commit_now(p->commit, s, id, st)) {
		submit_free(s);
		return false;
	}
	assert_int_equal(id[0] != '\0', st->verdict == DONE);
	return true;
}

static void
one_that_is_alone_needs_no_thread(void **state)
{
	struct place *p = *state;
	struct status st;
	for (int i = 0; i < 3; i++) {
		assert_true(now(p, letter(p, 500), &st));
		assert_int_equal(st.code, 250);
	}
	assert_int_equal(directory_count(p->spool.s.new_fd), 3);
	sync_error = ENOSPC;
	assert_true(now(p, letter(p, 500), &st));
	assert_int_equal(st.code, 452);
	assert_int_equal(directory_count(p->spool.s.new_fd), 3);
}

/* In the batch that is alone in the queue. */
static off_t
octets_queued(const struct place *p)
{
	struct stat st;
	char id[BATCH_ID_LEN + 1];
	(void)snprintf(id, sizeof(id), "%.*s", BATCH_ID_LEN, p->ids[0]);
	assert_int_equal(fstatat(p->spool.s.new_fd, id, &st, 0), 0);
	return st.st_size;
}

static void
not_beside_others_nor_when_it_is_large(void **state)
{
	struct place *p = *state;
	struct status st;
	struct submit *large = letter(p, 2 * 1024 * 1024);
	char id[QUEUE_ID_MAX + 1];
	assert_false(commit_now(p->commit, large, id, &st));
	commit_give(p->commit, large, on_answer, p);
	until_answered(p, 1);
	assert_true(octets_queued(p) > 2 * 1024 * 1024); /* as a whole */
	give(p, 1, 500);
	assert_false(now(p, letter(p, 500), &st));
	until_answered(p, 2);
	assert_true(now(p, letter(p, 500), &st));
}

/* It would stop the loop: the thread has to find the disk quick again. */
static void
not_behind_a_commit_that_was_slow(void **state)
{
	struct place *p = *state;
	struct status st;
	sync_us = 25000;
	assert_true(now(p, letter(p, 500), &st));
	assert_false(now(p, letter(p, 500), &st));
	give(p, 1, 500);
	until_answered(p, 1);
	assert_false(now(p, letter(p, 500), &st));
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(everybody_is_answered_once_with_an_id_of_ones_own),
	    TEST(what_comes_together_shares_a_batch),
	    TEST(R2_a_sync_that_fails_refuses_them_all),
	    TEST(the_end_waits_for_what_was_given),
	    TEST(one_that_is_alone_needs_no_thread),
	    TEST(not_beside_others_nor_when_it_is_large),
	    TEST(not_behind_a_commit_that_was_slow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

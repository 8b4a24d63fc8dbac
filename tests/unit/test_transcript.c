/* SPDX-License-Identifier: ISC */
/* queue/transcript.h: who may be written to, and what a line is. */
#include "queue/transcript.h"

#include "base/limits.h"
#include "spool.h"

static struct spool place;

static int
set_up(void **state)
{
	(void)state;
	spool_open(&place);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	spool_close(&place);
	return 0;
}

static void
check_content(int fd, const char *want)
{
	char text[4096] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	assert_int_equal(n, strlen(want));
	assert_string_equal(text, want);
}

/* One line each, whatever is in it (INV7). */
static void
test_lines(void **state)
{
	static const char evil[] = "250 a\r\n= done\0\x1b[1m\x7f";
	char id[BATCH_ID_LEN + 1];
	struct stat st;
	(void)state;
	int fd = transcript_create(&place.s, id);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	int out = transcript_open(&place.s, id);
	assert_true(out >= 0);
	transcript_add(out, '>', "MAIL FROM:<>", 12);
	transcript_add(out, '<', evil, sizeof(evil) - 1);
	transcript_add(out, '.', "", 0);
	transcript_add(-1, '.', "", 0);
	check_content(fd, "> MAIL FROM:<>\n< 250 a?"
			  "?= done?"
			  "?[1m?\n.\n");
	(void)close(out);
	(void)close(fd);
	transcript_remove(&place.s, id);
	assert_int_equal(transcript_open(&place.s, id), -1);
}

/* The outcome finds room, however much was said. */
static void
test_full(void **state)
{
	char id[BATCH_ID_LEN + 1], *line = calloc(1, 2001);
	struct stat st;
	(void)state;
	memset(line, 'x', 2000);
	int fd = transcript_create(&place.s, id);
	int out = transcript_open(&place.s, id);
	for (int i = 0; i < 2000; i++)
		transcript_add(out, '<', line, 2000);
	assert_int_equal(fstat(fd, &st), 0);
	assert_in_range(st.st_size, TRANSCRIPT_MAX, TRANSCRIPT_MAX + 1100);
	off_t full = st.st_size;
	transcript_add(out, '=', "done", 4);
	transcript_add(out, '.', "", 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, full + 9);
	(void)close(out);
	(void)close(fd);
	free(line);
}

/* N12: what a member of the group could put there instead. */
static void
test_N12_others(void **state)
{
	char id[BATCH_ID_LEN + 1], other[BATCH_ID_LEN + 1];
	int tmp = place.s.tmp_fd;
	(void)state;
	int fd = transcript_create(&place.s, id);
	store_make_id(other);
	assert_int_equal(symlinkat(id, tmp, other), 0);
	assert_int_equal(transcript_open(&place.s, other), -1);
	assert_int_equal(unlinkat(tmp, other, 0), 0);
	assert_int_equal(linkat(tmp, id, tmp, other, 0), 0);
	assert_int_equal(transcript_open(&place.s, other), -1);
	assert_int_equal(transcript_open(&place.s, id), -1);
	assert_int_equal(unlinkat(tmp, other, 0), 0);
	assert_int_equal(fchmod(fd, 0640), 0); /* a batch being written */
	assert_int_equal(transcript_open(&place.s, id), -1);
	assert_int_equal(fchmod(fd, 0660), 0);
	assert_int_equal(mkfifoat(tmp, other, 0660), 0);
	assert_int_equal(transcript_open(&place.s, other), -1);
	assert_int_equal(transcript_open(&place.s, "../lock"), -1);
	assert_int_equal(transcript_open(&place.s, ""), -1);
	assert_int_equal(unlinkat(tmp, other, 0), 0);
	(void)close(fd);
}

/* What a killed sendmail left is never taken for mail, and goes when old. */
static void
test_recovery(void **state)
{
	char id[BATCH_ID_LEN + 1];
	struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	(void)state;
	int fd = transcript_create(&place.s, id);
	transcript_add(fd, '*', "host", 4);
	assert_int_equal(store_recover(&place.s), 0);
	assert_int_equal(faccessat(place.s.tmp_fd, id, F_OK, 0), 0);
	assert_int_equal(futimens(fd, old), 0);
	assert_int_equal(store_recover(&place.s), 0);
	assert_int_equal(faccessat(place.s.tmp_fd, id, F_OK, 0), -1);
	(void)close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_lines, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_full, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_N12_others, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_recovery, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

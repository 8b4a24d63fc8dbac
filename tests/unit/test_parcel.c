/* SPDX-License-Identifier: ISC */
/* queue/parcel.h: what is written is read back; each cut and each flipped bit
 * is seen before anything of it is believed. */
#include "queue/parcel.h"

#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/io.h"

#define FIRST "0123456789abcdefghj"
#define SECOND "0123456789abcdefghk"

static struct spool sp;
static char data[4096]; /* a parcel of two */
static size_t data_len;

static void
add(struct parcel_writer *w, const char *id, unsigned messages)
{
	struct batch_writer b;
	int fd = store_scratch(sp.s.tmp_fd);
	assert_true(fd >= 0);
	batch_start(&b, fd);
	letter_write(&b, messages, 100);
	assert_int_equal(batch_finish(&b), 0);
	assert_int_equal(parcel_add(w, id, fd, b.offset), 0);
	batch_writer_free(&b);
	(void)close(fd);
}

static int
set_up(void **state)
{
	(void)state;
	struct parcel_writer w;
	spool_open(&sp);
	int fd = store_scratch(sp.s.tmp_fd);
	assert_int_equal(parcel_start(&w, fd), 0);
	add(&w, FIRST, 1);
	add(&w, SECOND, 2);
	assert_int_equal(parcel_finish(&w), 0);
	ssize_t n = io_pread(fd, data, sizeof(data), 0);
	assert_true(n > 0 && (size_t)n < sizeof(data));
	data_len = (size_t)n;
	(void)close(fd);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	spool_close(&sp);
	return 0;
}

/* 0, or -1 with EBADMSG and a reason. */
static int
check(const char *octets, size_t len)
{
	struct parcel p;
	const char *why = "";
	int fd = store_scratch(sp.s.tmp_fd);
	assert_int_equal(io_write(fd, octets, len), 0);
	int result = parcel_open(&p, fd, &why);
	if (result == 0)
		result = parcel_check(&p, &why);
	if (result != 0) {
		assert_int_equal(errno, EBADMSG);
		assert_string_not_equal(why, "");
	}
	(void)close(fd);
	return result;
}

static void
test_round_trip(void **state)
{
	(void)state;
	struct parcel p;
	struct batch b;
	const char *why;
	char id[BATCH_ID_LEN + 1];
	uint64_t at = 0;
	int fd = store_scratch(sp.s.tmp_fd);
	assert_int_equal(io_write(fd, data, data_len), 0);
	assert_int_equal(parcel_open(&p, fd, &why), 0);
	assert_int_equal(p.count, 2);
	assert_int_equal(parcel_check(&p, &why), 0);
	assert_int_equal(parcel_next(&p, &at, id, &b, &why), 1);
	assert_string_equal(id, FIRST);
	assert_int_equal(b.count, 1);
	batch_close(&b);
	assert_int_equal(parcel_next(&p, &at, id, &b, &why), 1);
	assert_string_equal(id, SECOND);
	assert_int_equal(b.count, 2);
	batch_close(&b);
	assert_int_equal(parcel_next(&p, &at, id, &b, &why), 0);
	(void)close(fd);
}

static void
test_none(void **state)
{
	(void)state;
	struct parcel_writer w;
	struct parcel p;
	const char *why;
	int fd = store_scratch(sp.s.tmp_fd);
	assert_int_equal(parcel_start(&w, fd), 0);
	assert_int_equal(parcel_finish(&w), 0);
	assert_int_equal(parcel_open(&p, fd, &why), 0);
	assert_int_equal(p.count, 0);
	assert_int_equal(parcel_check(&p, &why), 0);
	(void)close(fd);
}

static void
test_each_cut(void **state)
{
	(void)state;
	for (size_t len = 0; len < data_len; len++)
		if (check(data, len) == 0)
			fail_msg("cut at %zu is taken", len);
	assert_int_equal(check(data, data_len), 0);
}

static void
test_each_octet(void **state)
{
	(void)state;
	for (size_t i = 0; i < data_len; i++)
		for (int bit = 1; bit < 256; bit <<= 3) {
			data[i] = (char)(data[i] ^ bit);
			if (check(data, data_len) == 0)
				fail_msg("octet %zu flipped is taken", i);
			data[i] = (char)(data[i] ^ bit);
		}
}

static void
test_more_behind(void **state)
{
	(void)state;
	char twice[2 * sizeof(data)];
	memcpy(twice, data, data_len);
	memcpy(twice + data_len, data, data_len);
	assert_int_equal(check(twice, 2 * data_len), -1);
	assert_int_equal(check(twice, data_len + 1), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_none),
	    cmocka_unit_test(test_each_cut),
	    cmocka_unit_test(test_each_octet),
	    cmocka_unit_test(test_more_behind),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}

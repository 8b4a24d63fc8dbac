/* SPDX-License-Identifier: ISC */
/* Buffers: the ceiling, the sticky `over`, the NUL that is not counted. */
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
test_empty(void **state)
{
	struct buf b;
	(void)state;
	buf_init(&b, 10);
	assert_string_equal(buf_str(&b), "");
	assert_true(buf_ok(&b));
	assert_null(b.data);
	buf_drop(&b, 0);
	buf_clear(&b);
	buf_free(&b);
	buf_free(&b);
}

static void
test_additions(void **state)
{
	struct buf b;
	(void)state;
	buf_init(&b, 100);
	assert_int_equal(buf_add(&b, "a\0b", 3), 0);
	assert_int_equal(buf_adds(&b, "cd"), 0);
	assert_int_equal(buf_addc(&b, 'e'), 0);
	assert_int_equal(buf_addf(&b, "%d-%s", 42, "x"), 0);
	assert_int_equal(buf_add(&b, NULL, 0), 0);
	assert_int_equal(b.len, 10);
	assert_memory_equal(b.data, "a\0bcde42-x", 11);
	buf_free(&b);
	assert_int_equal(b.max, 100);
}

static void
test_nothing_passes_the_ceiling(void **state)
{
	(void)state;
	for (size_t max = 0; max < 200; max++) {
		struct buf b;
		buf_init(&b, max);
		while (buf_addc(&b, 'x') == 0)
			assert_true(b.len <= max);
		assert_int_equal(b.len, max);
		assert_false(buf_ok(&b));
		assert_int_equal(strlen(buf_str(&b)), max);
		buf_free(&b);
	}
}

static void
test_over_changes_nothing_and_stays(void **state)
{
	struct buf b;
	(void)state;
	buf_init(&b, 5);
	assert_int_equal(buf_adds(&b, "abc"), 0);
	assert_int_equal(buf_adds(&b, "def"), -1);
	assert_string_equal(buf_str(&b), "abc");
	assert_int_equal(buf_addf(&b, "%s", "def"), -1);
	assert_string_equal(buf_str(&b), "abc");
	assert_int_equal(buf_adds(&b, "de"), 0);
	assert_string_equal(buf_str(&b), "abcde");
	assert_false(buf_ok(&b));
	buf_drop(&b, 2);
	assert_false(buf_ok(&b));
	buf_clear(&b);
	assert_true(buf_ok(&b));
	assert_string_equal(buf_str(&b), "");
	buf_free(&b);
}

static void
test_sizes_do_not_wrap(void **state)
{
	struct buf b;
	(void)state;
	buf_init(&b, 1000);
	assert_int_equal(buf_addc(&b, 'x'), 0);
	assert_null(buf_room(&b, SIZE_MAX));
	assert_null(buf_room(&b, SIZE_MAX - 1));
	assert_null(buf_room(&b, 1000));
	assert_non_null(buf_room(&b, 999));
	assert_int_equal(b.len, 1);
	buf_free(&b);
}

/* Formatted text longer than the small buffer inside takes another way. */
static void
test_formatted_text_of_any_length(void **state)
{
	static char text[2001];
	(void)state;
	for (size_t n = 0; n <= 2000; n += n < 250 || n > 260 ? 50 : 1) {
		struct buf b;
		memset(text, 'y', n);
		text[n] = '\0';
		buf_init(&b, 2010);
		assert_int_equal(buf_addf(&b, "<%s>", text), 0);
		assert_int_equal(b.len, n + 2);
		assert_int_equal(b.data[n + 1], '>');
		assert_int_equal(b.data[n + 2], '\0');
		buf_free(&b);
	}
}

static void
test_room_and_drop(void **state)
{
	struct buf b;
	char *p;
	(void)state;
	buf_init(&b, 100);
	p = buf_room(&b, 6);
	assert_non_null(p);
	memcpy(p, "abcdef", 6);
	b.len += 6;
	buf_drop(&b, 2);
	assert_string_equal(buf_str(&b), "cdef");
	buf_drop(&b, 4);
	assert_string_equal(buf_str(&b), "");
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_empty),
	    cmocka_unit_test(test_additions),
	    cmocka_unit_test(test_nothing_passes_the_ceiling),
	    cmocka_unit_test(test_over_changes_nothing_and_stays),
	    cmocka_unit_test(test_sizes_do_not_wrap),
	    cmocka_unit_test(test_formatted_text_of_any_length),
	    cmocka_unit_test(test_room_and_drop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

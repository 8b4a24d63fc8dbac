/* SPDX-License-Identifier: ISC */
/* What waits at a destination keeps its order, whatever the ring does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "deliver/runs.h"
#include "deliver/schedule.h"

static void
take(struct runs *r, struct letter *l, uint32_t first, uint32_t n, bool joins)
{
	struct run got;
	assert_true(runs_take(r, &got));
	assert_ptr_equal(got.letter, l);
	assert_int_equal(got.first, first);
	assert_int_equal(got.n, n);
	assert_int_equal(got.joins, joins);
}

static void
test_neighbours_are_one_run(void **state)
{
	struct letter a = {0}, b = {0};
	struct runs r = {0};
	(void)state;
	runs_add(&r, &a, 0, false);
	runs_add(&r, &a, 1, true);
	runs_add(&r, &a, 2, true);
	runs_add(&r, &a, 5, true);  /* others between */
	runs_add(&r, &a, 6, false); /* another transaction */
	runs_add(&r, &b, 7, false);
	assert_int_equal(r.n, 4);
	take(&r, &a, 0, 3, false);
	take(&r, &a, 5, 1, true);
	take(&r, &a, 6, 1, false);
	take(&r, &b, 7, 1, false);
	assert_null(runs_first(&r));
	runs_free(&r);
}

static void
test_put_back_comes_first(void **state)
{
	struct letter a = {0}, b = {0};
	struct runs r = {0};
	(void)state;
	runs_add(&r, &b, 0, false);
	runs_put_back(&r, &a, 4, true);
	runs_put_back(&r, &a, 2, false);
	assert_ptr_equal(runs_first(&r)->letter, &a);
	take(&r, &a, 2, 1, false);
	take(&r, &a, 4, 1, true);
	take(&r, &b, 0, 1, false);
	runs_free(&r);
}

/* It grows while it is wound anywhere, and forgets when it ran empty. */
static void
test_ring(void **state)
{
	struct letter a = {0};
	struct run got;
	struct runs r = {0};
	uint32_t in = 0, out = 0;
	(void)state;
	for (int turn = 0; turn < 200; turn++) {
		for (int i = 0; i < 7; i++)
			runs_add(&r, &a, 2 * in++, false);
		for (int i = 0; i < 3; i++)
			take(&r, &a, 2 * out++, 1, false);
	}
	while (runs_take(&r, &got))
		assert_int_equal(got.first, 2 * out++);
	assert_int_equal(in, out);
	assert_int_equal(r.cap, 0);
	runs_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_neighbours_are_one_run),
	    cmocka_unit_test(test_put_back_comes_first),
	    cmocka_unit_test(test_ring),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

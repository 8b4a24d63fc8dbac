/* SPDX-License-Identifier: ISC */
/* Lists of addresses: their ceiling, and one of each. */
#include "mail/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
make(struct address *a, const char *s)
{
	const char *why;
	assert_int_equal(address_parse(a, s, strlen(s), ADDRESS_BARE, &why), 0);
}

static void
test_list_ceiling(void **state)
{
	struct address_list l = {0};
	struct address a;
	(void)state;
	make(&a, "a@b");
	for (size_t i = 0; i < RECIPIENTS_MAX; i++)
		assert_int_equal(
		    address_list_add(&l, i == 0 ? &a : &l.v[0]), 0);
	assert_int_equal(address_list_add(&l, &a), -1);
	assert_int_equal(l.n, RECIPIENTS_MAX);
	assert_true(address_equal(&l.v[RECIPIENTS_MAX - 1], &a));
	address_list_unique(&l);
	assert_int_equal(l.n, 1);
	address_list_free(&l);
	assert_int_equal(l.n, 0);
	address_list_unique(&l);
	address_list_free(&l);
}

static void
test_list_unique_keeps_order(void **state)
{
	static const char *const in[] = {
	    "c@d", "a@b", "C@d", "c@D", "e", "a@b", "\"e\"", "f@g"};
	static const char *const out[] = {"c@d", "a@b", "C@d", "e", "f@g"};
	struct address_list l = {0};
	struct address a;
	(void)state;
	for (size_t i = 0; i < COUNT(in); i++) {
		make(&a, in[i]);
		assert_int_equal(address_list_add(&l, &a), 0);
	}
	address_list_unique(&l);
	assert_int_equal(l.n, COUNT(out));
	for (size_t i = 0; i < COUNT(out); i++)
		assert_string_equal(l.v[i].text, out[i]);
	address_list_free(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_list_ceiling),
	    cmocka_unit_test(test_list_unique_keeps_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

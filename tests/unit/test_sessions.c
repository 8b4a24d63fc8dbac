/* SPDX-License-Identifier: ISC */
/* To which addresses sessions stand; and that ten thousand of them cost a
 * look-up no more steps than ten. */
#include "deliver/sessions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MANY 10000
/* By Poisson, a chain of 20 links in a full table is one in 10^18. */
#define STEPS_MAX 20

static struct hop_target
address(unsigned n, unsigned port)
{
	struct hop_target t = {.port = port};
	t.ip.octets[10] = t.ip.octets[11] = 0xff;
	t.ip.octets[12] = 10;
	t.ip.octets[14] = (uint8_t)(n >> 8);
	t.ip.octets[15] = (uint8_t)n;
	return t;
}

static void
test_counted(void **state)
{
	struct sessions s = {0};
	struct hop_target a = address(1, 25), b = address(1, 587),
			  c = address(2, 25);
	(void)state;
	assert_false(sessions_has(&s, &a));
	sessions_end(&s, &a); /* nothing there: nothing happens */
	sessions_begin(&s, &a);
	sessions_begin(&s, &a);
	assert_true(sessions_has(&s, &a));
	assert_false(sessions_has(&s, &b));
	assert_false(sessions_has(&s, &c));
	sessions_end(&s, &a);
	assert_true(sessions_has(&s, &a));
	sessions_end(&s, &a);
	assert_false(sessions_has(&s, &a));
	assert_int_equal(s.table.n, 0);
	sessions_free(&s);
}

/* The name that led to an address is not part of it. */
static void
test_any_name(void **state)
{
	struct sessions s = {0};
	struct hop_target a = address(1, 25), b = a;
	(void)state;
	memcpy(a.host, "mx1.test", sizeof("mx1.test"));
	memcpy(b.host, "mx2.test", sizeof("mx2.test"));
	sessions_begin(&s, &a);
	assert_true(sessions_has(&s, &b));
	sessions_free(&s);
}

/* The longest way that a look-up goes. */
static unsigned
longest(const struct sessions *s)
{
	unsigned most = 0;
	for (size_t i = 0; i < s->table.cap; i++) {
		unsigned n = 0;
		const struct hash_link *l = s->table.slots[i];
		for (; l != NULL; l = l->next)
			n++;
		most = n > most ? n : most;
	}
	return most;
}

static void
test_steps(void **state)
{
	struct sessions s = {0};
	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		struct hop_target t = address(i, 25);
		for (unsigned k = 0; k < 3; k++)
			sessions_begin(&s, &t);
	}
	assert_int_equal(s.table.n, MANY);
	assert_in_range(longest(&s), 1, STEPS_MAX);
	for (unsigned i = 0; i < MANY; i++) {
		struct hop_target t = address(i, 25);
		assert_true(sessions_has(&s, &t));
	}
	sessions_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_counted),
	    cmocka_unit_test(test_any_name),
	    cmocka_unit_test(test_steps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* The table against a plain array of what should be in it. */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MANY 10000

struct item {
	struct hash_link link;
	unsigned key;
	bool in;
};

static struct item items[MANY];

static bool
same(const struct hash_link *link, const void *key)
{
	return ((const struct item *)link)->key == *(const unsigned *)key;
}

static struct item *
find(const struct hash *h, unsigned key)
{
	return (struct item *)hash_find(
	    h, hash_bytes(&key, sizeof(key)), same, &key);
}

static void
fill(struct hash *h)
{
	memset(items, 0, sizeof(items));
	for (unsigned i = 0; i < MANY; i++) {
		items[i].key = i;
		items[i].in = true;
		hash_add(h, &items[i].link, hash_bytes(&i, sizeof(i)));
	}
}

static void
test_add_find_remove(void **state)
{
	struct hash h = {0};
	(void)state;
	assert_null(find(&h, 1));
	fill(&h);
	assert_int_equal(h.n, MANY);
	for (unsigned i = 0; i < MANY; i += 3) {
		hash_remove(&h, &items[i].link);
		items[i].in = false;
	}
	for (unsigned i = 0; i < MANY; i++)
		assert_ptr_equal(find(&h, i), items[i].in ? &items[i] : NULL);
	assert_null(find(&h, MANY));
	hash_free(&h);
	assert_null(find(&h, 1));
}

static void
take_out(void *arg, struct hash_link *link)
{
	struct item *item = (struct item *)link;
	assert_true(item->in);
	item->in = false;
	hash_remove(arg, link);
	memset(link, 0xff, sizeof(*link));
}

static void
test_each_may_remove(void **state)
{
	struct hash h = {0};
	(void)state;
	fill(&h);
	hash_each(&h, take_out, &h);
	assert_int_equal(h.n, 0);
	for (unsigned i = 0; i < MANY; i++)
		assert_false(items[i].in);
	hash_free(&h);
}

/* One hash for all: same() alone must tell them apart. */
static void
test_collisions(void **state)
{
	struct hash h = {0};
	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		items[i].key = i;
		hash_add(&h, &items[i].link, 42);
	}
	for (unsigned i = 0; i < 100; i++)
		assert_ptr_equal(hash_find(&h, 42, same, &i), &items[i].link);
	hash_free(&h);
}

/* Every octet and the length count, whatever the alignment. */
static void
test_hash_bytes(void **state)
{
	char a[40] = {0}, b[41] = {0};
	(void)state;
	for (size_t len = 0; len <= 39; len++) {
		uint64_t hash = hash_bytes(a, len);
		assert_true(hash == hash_bytes(b + 1, len));
		assert_true(hash != hash_bytes(a, len + 1));
		for (size_t i = 0; i < len; i++) {
			a[i] ^= 1;
			assert_true(hash != hash_bytes(a, len));
			a[i] ^= 1;
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_add_find_remove),
	    cmocka_unit_test(test_each_may_remove),
	    cmocka_unit_test(test_collisions),
	    cmocka_unit_test(test_hash_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* Base64: RFC 4648's vectors, and all that must not decode. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/base64.h"

static void
test_both_ways(void **state)
{
	static const struct {
		const char *plain, *text;
	} cases[] = {
	    {"", ""},
	    {"f", "Zg=="},
	    {"fo", "Zm8="},
	    {"foo", "Zm9v"},
	    {"foob", "Zm9vYg=="},
	    {"fooba", "Zm9vYmE="},
	    {"foobar", "Zm9vYmFy"},
	    {"\xff\xff\xfe", "///+"},
	    {"\xfb\xf0", "+/A="},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char out[16];
		size_t n, len = strlen(cases[i].plain);
		struct buf b;
		buf_init(&b, 100);
		assert_int_equal(base64_encode(&b, cases[i].plain, len), 0);
		assert_string_equal(buf_str(&b), cases[i].text);
		assert_int_equal(
		    base64_decode(cases[i].text, strlen(cases[i].text), out,
			sizeof(out), &n),
		    0);
		assert_int_equal(n, len);
		assert_memory_equal(out, cases[i].plain, len);
		buf_free(&b);
	}
}

static void
test_all_octets(void **state)
{
	unsigned char octets[256], back[256];
	struct buf b;
	size_t n;
	(void)state;
	for (int i = 0; i < 256; i++)
		octets[i] = (unsigned char)i;
	for (size_t len = 0; len <= sizeof(octets); len++) {
		buf_init(&b, 400);
		assert_int_equal(base64_encode(&b, octets, len), 0);
		assert_true(BASE64_ROOM(b.len) >= len);
		assert_int_equal(
		    base64_decode(buf_str(&b), b.len, back, len, &n), 0);
		assert_int_equal(n, len);
		assert_memory_equal(back, octets, len);
		buf_free(&b);
	}
}

static void
test_F11_malformed(void **state)
{
	static const char *const cases[] = {
	    "=",
	    "==",
	    "===",
	    "====",
	    "Z",
	    "Zg",
	    "Zg=",
	    "Zg===",
	    "Z===",
	    "Zh==",
	    "Zm9=",
	    "Zg==Zg==",
	    "Zm8=Zg==",
	    "Zg=a",
	    "=Zg=",
	    " Zg==",
	    "Zg== ",
	    "Zg==\n",
	    "Zm 9v",
	    "Zm9v\r\n==",
	    "Zm9-",
	    "Zm9_",
	    "Zm9*",
	    "Zm\xc3\xa9",
	    "*",
	    "Zm9v=",
	    "Zm9v====",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char out[16];
		size_t n;
		if (base64_decode(
			cases[i], strlen(cases[i]), out, sizeof(out), &n) == 0)
			fail_msg("\"%s\" decodes", cases[i]);
	}
	char out[4];
	size_t n;
	assert_int_equal(base64_decode("Zm\0v", 4, out, 4, &n), -1);
}

static void
test_room(void **state)
{
	char out[8] = "xxxxxxx";
	size_t n;
	struct buf b;
	(void)state;
	assert_int_equal(base64_decode("Zm9vYmFy", 8, out, 5, &n), -1);
	assert_int_equal(out[5], 'x');
	assert_int_equal(base64_decode("Zm9vYmE=", 8, out, 5, &n), 0);
	assert_int_equal(n, 5);
	assert_int_equal(out[5], 'x');
	assert_int_equal(base64_decode("", 0, out, 0, &n), 0);
	buf_init(&b, 7);
	assert_int_equal(base64_encode(&b, "abc", 3), 0);
	assert_int_equal(base64_encode(&b, "abc", 3), -1);
	assert_false(buf_ok(&b));
	assert_string_equal(buf_str(&b), "YWJj");
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_both_ways),
	    cmocka_unit_test(test_all_octets),
	    cmocka_unit_test(test_F11_malformed),
	    cmocka_unit_test(test_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* The relaxed forms, by RFC 6376 section 3.4.5; and who is entitled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "deliver/dkim_sign.h"
#include "mail/dkim.h"

static void
gather(void *arg, const char *data, size_t len)
{
	assert_int_equal(buf_add(arg, data, len), 0);
}

static void
body(const char *in, const char *want)
{
	size_t len = strlen(in);
	for (size_t cut = 0; cut <= len; cut++) {
		struct dkim_body b;
		struct buf out;
		buf_init(&out, 1000);
		dkim_body_init(&b, gather, &out);
		dkim_body_feed(&b, in, cut);
		dkim_body_feed(&b, in + cut, len - cut);
		dkim_body_finish(&b);
		assert_string_equal(buf_str(&out), want);
		buf_free(&out);
	}
}

static void
test_body(void **state)
{
	(void)state;
	body(" C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n");
	body("", "");
	body("\r\n\r\n", "");
	body(" \r\n\t\r\n", "");
	body("\r\n\r\na", "\r\n\r\na\r\n");
	body("a\r\n \r\nb \r\n", "a\r\n\r\nb\r\n");
	body("a\rb\r\n", "a\rb\r\n");
}

static void
test_fields(void **state)
{
	static const char in[] = "A: X\r\nB : Y\t\r\n\tZ  \r\nC:\r\n";
	struct field f;
	struct buf out;
	size_t at = 0;
	(void)state;
	buf_init(&out, 1000);
	while (at < sizeof(in) - 1) {
		assert_int_equal(
		    field_next(in + at, sizeof(in) - 1 - at, &f), 1);
		assert_int_equal(dkim_field(&out, &f), 0);
		at += f.len;
	}
	assert_string_equal(buf_str(&out), "a:X\r\nb:Y Z\r\nc:\r\n");
	buf_free(&out);
}

static void
test_tags(void **state)
{
	static const char v[] = " v=1; dd=x; d = a.b\r\n\t; s=c";
	const char *tag;
	(void)state;
	assert_int_equal(dkim_tag(v, strlen(v), "d", &tag), 3);
	assert_memory_equal(tag, "a.b", 3);
	assert_int_equal(dkim_tag(v, strlen(v), "s", &tag), 1);
	assert_int_equal(dkim_tag(v, strlen(v), "b", &tag), 0);
}

static void
test_entitled(void **state)
{
	static const struct {
		const char *source;
		bool entitled;
	} cases[] = {
	    {"sendmail uid=1000", true},
	    {"socket uid=0", true},
	    {"smtp relay=yes ip=192.0.2.1 user=-", true},
	    {"smtp relay=no ip=192.0.2.1 user=-", false},
	    {"smtp ip=192.0.2.1 user=relay=yes", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[64];
		struct envelope env = {.source = text};
		memcpy(text, cases[i].source, strlen(cases[i].source) + 1);
		assert_int_equal(dkim_entitled(&env), cases[i].entitled);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_body),
	    cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_tags),
	    cmocka_unit_test(test_entitled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

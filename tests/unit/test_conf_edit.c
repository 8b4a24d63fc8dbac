/* SPDX-License-Identifier: ISC */
/* conf_edit: one key changes, every other octet stays. */
#include "conf/conf_edit.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdint.h>
#include <string.h>

static const struct conf_place except = {"relay", NULL, "except"};
static const struct conf_place hostname = {NULL, NULL, "hostname"};
static const struct conf_place door = {"listen", "lan", "tls"};

struct set_case {
	const char *text;
	const struct conf_place *at;
	const char *value; /* NULL: unset */
	int result;
	const char *out;
};

static const struct set_case set_cases[] = {
    {"", &hostname, "a", 0, "hostname = a\n"},
    {"# c", &hostname, "a", 0, "# c\nhostname = a\n"},
    {"hostname = x # c\n", &hostname, "\"a.b\"", 0, "hostname = \"a.b\" # c\n"},
    {"hostname=\"x\"\nspool = y\n", &hostname, "a", 0,
	"hostname=a\nspool = y\n"},
    /* the same word in a section is another key */
    {"drop { hostname = x }\n", &hostname, "a", 0,
	"drop { hostname = x }\nhostname = a\n"},
    {"except = x\n", &except, "{}", 0,
	"except = x\n\nrelay {\n\texcept = {}\n}\n"},
    {"relay {\n\tdefault = deny\n}\n", &except, "{}", 0,
	"relay {\n\tdefault = deny\n\texcept = {}\n}\n"},
    {"relay { default = deny }", &except, "{}", 0,
	"relay { default = deny\n\texcept = {}\n}"},
    {"relay {}", &except, "{}", 0, "relay {\n\texcept = {}\n}"},
    {"access { except = { a } }\nrelay { except = { b, c } } # d\n", &except,
	"{}", 0, "access { except = { a } }\nrelay { except = {} } # d\n"},
    {"listen \"wan\" { tls = none }\nlisten \"lan\" { tls = none }\n", &door,
	"implicit", 0,
	"listen \"wan\" { tls = none }\nlisten \"lan\" { tls = implicit }\n"},
    {"listen lan { tls = none }\n", &door, "implicit", 0,
	"listen lan { tls = implicit }\n"},
    {"listen { tls = none }\n", &door, "x", 0,
	"listen { tls = none }\n\nlisten \"lan\" {\n\ttls = x\n}\n"},
    {"relay {\n\texcept = { a,\n\t\tb } # c\n\tx = y\n}\n", &except, NULL, 0,
	"relay {\n\t # c\n\tx = y\n}\n"},
    {"relay {\n\texcept = { a }\n\tx = y\n}\n", &except, NULL, 0,
	"relay {\n\tx = y\n}\n"},
    {"relay { x = y }", &except, NULL, 1, ""},
    {"/* hostname = x */ # hostname = y\n", &hostname, NULL, 1, ""},
    {"relay {", &except, "{}", -1, ""},
    {"relay { except = { a }", &except, "{}", -1, ""},
    {"relay { except = = }", &except, "{}", -1, ""},
    {"} relay { }", &except, "{}", -1, ""},
    {"hostname", &hostname, "a", -1, ""},
    {"hostname = \"a", &hostname, "a", -1, ""},
};

static void
test_set(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(set_cases) / sizeof(*set_cases); i++) {
		const struct set_case *c = &set_cases[i];
		struct buf out;
		buf_init(&out, 4096);
		int got = conf_edit_set(
		    &out, c->text, strlen(c->text), c->at, c->value);
		if (got != c->result || strcmp(buf_str(&out), c->out) != 0)
			fail_msg("%zu: %d \"%s\"", i, got, buf_str(&out));
		buf_free(&out);
	}
}

struct list_case {
	const char *list; /* behind "relay { except = " */
	bool add;
	const char *element;
	int result;
	const char *out;
};

static const struct list_case list_cases[] = {
    {"{}", true, "b", 0, "{ b }"},
    {"{ }", true, "1.2.3.4", 0, "{ \"1.2.3.4\" }"},
    {"a", true, "b", 0, "{ a, b }"},
    {"{ a }", true, "b", 0, "{ a, b }"},
    {"{ a, }", true, "b", 0, "{ a, b }"},
    {"{ \"a\" }", true, "a", 1, ""},
    {"{ 'a' }", true, "a", 1, ""},
    {"{\n\ta # of a\n}", true, "b", 0, "{\n\ta, # of a\n\tb\n}"},
    {"{\n\ta, # of a\n}", true, "b", 0, "{\n\ta, # of a\n\tb\n}"},
    {"{ a }", false, "a", 0, "{ }"},
    {"a", false, "a", 0, "{}"},
    {"{ a, b }", false, "a", 0, "{ b }"},
    {"{ a, b }", false, "b", 0, "{ a }"},
    {"{ a,b,c }", false, "b", 0, "{ a,c }"},
    {"{ a, b, }", false, "b", 0, "{ a }"},
    {"{\n\ta, # of a\n\tb # of b\n}", false, "a", 0, "{\n\tb # of b\n}"},
    {"{\n\ta, # of a\n\tb # of b\n}", false, "b", 0, "{\n\ta, # of a\n}"},
    {"{\n\ta, b,\n\tc\n}", false, "a", 0, "{\n\tb,\n\tc\n}"},
    {"{ a }", false, "b", 1, ""},
    {"{}", false, "b", 1, ""},
    {"{ a }", true, "b\nc", -1, ""},
    {"{ a }", true, "b\"c", -1, ""},
    {"{ a }", true, "${HOME}", -1, ""},
    {"{ a }", true, "b\\", -1, ""},
};

static void
test_list(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(list_cases) / sizeof(*list_cases); i++) {
		const struct list_case *c = &list_cases[i];
		struct buf in, out, want;
		buf_init(&in, 4096);
		buf_init(&out, 4096);
		buf_init(&want, 4096);
		buf_addf(&in, "# x\nrelay { except = %s }\n# y\n", c->list);
		if (c->result == 0)
			buf_addf(
			    &want, "# x\nrelay { except = %s }\n# y\n", c->out);
		int got = conf_edit_list(
		    &out, in.data, in.len, &except, c->element, c->add);
		if (got != c->result ||
		    strcmp(buf_str(&out), buf_str(&want)) != 0)
			fail_msg("%zu: %d \"%s\"", i, got, buf_str(&out));
		buf_free(&in);
		buf_free(&out);
		buf_free(&want);
	}
}

static void
test_list_without_key(void **state)
{
	(void)state;
	struct buf out;
	buf_init(&out, 4096);
	assert_int_equal(
	    conf_edit_list(&out, "a = b\n", 6, &except, "x.y", true), 0);
	assert_string_equal(
	    buf_str(&out), "a = b\n\nrelay {\n\texcept = { \"x.y\" }\n}\n");
	buf_clear(&out);
	assert_int_equal(
	    conf_edit_list(&out, "a = b\n", 6, &except, "x.y", false), 1);
	buf_free(&out);
}

/* A text cut anywhere is either refused or extended; it is never read
 * beyond its end (the sanitizer looks), and what was there stays. */
static void
test_cut_anywhere(void **state)
{
	(void)state;
	static const char text[] =
	    "a = \"b\" # c\nrelay { x = { 1, 2 }\n except = { 'a', b, } }\n"
	    "listen \"lan\" { /* t */ tls = none }\n";
	for (size_t len = 0; len < sizeof(text); len++) {
		struct buf out;
		char cut[sizeof(text)];
		memcpy(cut, text, len);
		memset(cut + len, '=', sizeof(cut) - len);
		buf_init(&out, 4096);
		int got = conf_edit_list(&out, cut, len, &except, "new", true);
		if (got == 0)
			assert_true(out.len > len);
		buf_free(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_set),
	    cmocka_unit_test(test_list),
	    cmocka_unit_test(test_list_without_key),
	    cmocka_unit_test(test_cut_anywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

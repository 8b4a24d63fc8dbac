/* SPDX-License-Identifier: ISC */
/*
 * Header fields, address lists as people and programs write them, and
 * phrases.
 */
#include "mail/header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MEGABYTE (1024 * 1024)

struct field_case {
	const char *in;
	int result;
	const char *name, *value;
	size_t len;
};

static const struct field_case fields[] = {
    {"", 0, NULL, NULL, 0},
    {"\r\nbody", 0, NULL, NULL, 0},
    {"A: b\r\n", 1, "A", " b", 6},
    {"A:b\r\nC: d\r\n", 1, "A", "b", 5},
    {"A:\r\n\r\nbody", 1, "A", "", 4},
    {"A:", 1, "A", "", 2},
    {"A: b", 1, "A", " b", 4},
    {"A: b\r", 1, "A", " b\r", 5},
    {"Subject: x\r\n\tBcc: y@z\r\nTo: a@b\r\n", 1, "Subject",
	" x\r\n\tBcc: y@z", 23}, /* C06 */
    {"A: b\r\n \r\n c\r\nD: e\r\n", 1, "A", " b\r\n \r\n c", 13},
    {"A: b:c\r\n", 1, "A", " b:c", 8},
    {"A: b\nB: c\r\n", 1, "A", " b\nB: c", 11},
    {"A-b_c!: d\r\n", 1, "A-b_c!", " d", 11},
    {"From joe Tue Nov 24\r\nA: b\r\n", -1, NULL, NULL, 0}, /* C05 */
    {"no colon\r\nA: b\r\n", -1, NULL, NULL, 0},            /* C05 */
    {"nocolon\r\nA: b\r\n", -1, NULL, NULL, 0},
    {"nocolon", -1, NULL, NULL, 0},
    {": b\r\n", -1, NULL, NULL, 0},
    {" A: b\r\n", -1, NULL, NULL, 0},
    {"A : b\r\n", 1, "A", " b", 7}, /* RFC 5322 section 4.5 */
    {"A \t: b\r\n", 1, "A", " b", 8},
    {"A ", -1, NULL, NULL, 0},
    {"A b: c\r\n", -1, NULL, NULL, 0},
    {"A\x1b: b\r\n", -1, NULL, NULL, 0},
    {"A\x7f: b\r\n", -1, NULL, NULL, 0},
    {"\r", -1, NULL, NULL, 0},
    {"\n", -1, NULL, NULL, 0},
};

static void
test_field_next(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(fields); i++) {
		const struct field_case *c = &fields[i];
		struct field f;
		if (field_next(c->in, strlen(c->in), &f) != c->result)
			fail_msg("case %zu: %s", i, c->in);
		if (c->result != 1)
			continue;
		assert_int_equal(f.name_len, strlen(c->name));
		assert_memory_equal(f.name, c->name, f.name_len);
		assert_int_equal(f.value_len, strlen(c->value));
		assert_memory_equal(f.value, c->value, f.value_len);
		assert_int_equal(f.len, c->len);
	}
}

static void
test_field_is(void **state)
{
	struct field f;
	(void)state;
	assert_int_equal(field_next("rEsEnt-To: x\r\n", 14, &f), 1);
	assert_true(field_is(&f, "Resent-To"));
	assert_false(field_is(&f, "Resent-T"));
	assert_false(field_is(&f, "Resent-To "));
	assert_false(field_is(&f, "To"));
}

/* Addresses joined by blanks; NULL when the list is refused. */
struct list_case {
	const char *in, *out;
};

static const struct list_case lists[] = {
    {"", ""},
    {" \r\n\t", ""},
    {"(only a comment)", ""},
    {",,", ""},
    {" a@b", "a@b"},
    {"a@b, c@d", "a@b c@d"},   /* A12 */
    {"\"x, y\" <a@b>", "a@b"}, /* A12 */
    {"a@b (c)", "a@b"},        /* A12 */
    {"(c) a@b", "a@b"},
    {"(a(b(c)\\)) (d)) a@b", "a@b"},
    {"John Q. Public <a@b>", "a@b"},
    {"Dr. J\xc3\xb6rg <a@b>", "a@b"},
    {"<a@b>", "a@b"},
    {"x <a@b> (c)", "a@b"},
    {"x < a@b >", "a@b"},
    {"x\r\n\t<a@b>,\r\n c@d", "a@b c@d"},
    {",a@b,, ,c@d,", "a@b c@d"},
    {"<@x:a@b>", "a@b"}, /* C07 */
    {"<@x,@y,:a@b>", "a@b"},
    {"X < @x . y : a@b >", "a@b"},
    {"a . b @ c . d", "a.b@c.d"},
    {"a@b <c@d>", "c@d"},
    {"\"\" <a@b>", "a@b"},
    {"\"a b\"@c", "\"a b\"@c"},
    {"\"a\r\n b\"@c", "\"a b\"@c"},
    {"\"a\\\"@b\"@c", "\"a\\\"@b\"@c"},
    {"a@[1.2.3.4], b@[IPv6:::1]", "a@[1.2.3.4] b@[IPv6:::1]"},
    {"g: a@b, x <c@d>;", "a@b c@d"},
    {"g:;", ""},
    {"undisclosed-recipients:", ""},
    {"g: a@b; h: c@d;, e@f", "a@b c@d e@f"},
    {"\"my group\" (c): a@b;", "a@b"},
    {"a@b; c@d", "a@b c@d"},
    {"root, joe", "root joe"},
    {"|cmd, -x@y", "|cmd -x@y"}, /* C08: inert */
    {"y!u@l", "y!u@l"},
    {"\"\x1b[2J\" <a@b>", "a@b"},
    {"\"\\\" <a@b>", NULL},
    {"a b", NULL},
    {"a b@c", NULL},
    {"a \"b\"@c", NULL},
    {"\"a\"\"b\"@c", NULL},
    {"a@b c@d", NULL},
    {"a@b c", NULL},
    {"a@b\x1b", NULL},    /* C08 */
    {"\"a\tb\"@c", NULL}, /* C08 */
    {"<a@b", NULL},
    {"a@b>", NULL},
    {"<<a@b>>", NULL},
    {"<a@b> c", NULL},
    {"<a@b> <c@d>", NULL},
    {"<a@b, c@d>", NULL},
    {"<a@b;", NULL},
    {"<g: a@b;>", NULL},
    {"<@x:@y:a@b>", NULL},
    {"<@x a@b>", NULL},
    {"<>", NULL},
    {"g: h: a@b;;", NULL},
    {": a@b", NULL},
    {"a@b: c@d", NULL},
    {":include:/etc/shadow", NULL}, /* A13 */
    {"(", NULL},
    {")", NULL},
    {"(a@b", NULL},
    {"(a\\", NULL},
    {"a@b (c\\)", NULL},
    {"\"a@b", NULL},
    {"\"", NULL},
    {"a@[1.2.3.4", NULL},
    {"a@[1.2.3.4]]", NULL},
    {"a\\b@c", NULL},
    {"a..b@c", NULL},
    {"a@b.", NULL},
    {"a@-b", NULL},
    {"a@\xc3\xa9.de", NULL},
};

static char *
joined(const struct address_list *l)
{
	static char text[4096];
	size_t n = 0;
	for (size_t i = 0; i < l->n && n + l->v[i].len + 2 < 4096; i++) {
		if (i > 0)
			text[n++] = ' ';
		memcpy(text + n, l->v[i].text, l->v[i].len);
		n += l->v[i].len;
	}
	text[n] = '\0';
	return text;
}

static void
test_A12_C07_C08_address_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(lists); i++) {
		const struct list_case *c = &lists[i];
		struct address_list l = {0};
		const char *why = NULL;
		int result = header_mailboxes(
		    c->in, strlen(c->in), ADDRESS_BARE, &l, &why);
		assert_non_null(why);
		if ((result == 0) != (c->out != NULL))
			fail_msg("%s: %d, %s", c->in, result, why);
		if (result != 0)
			assert_true(why[0] != '\0');
		else
			assert_string_equal(joined(&l), c->out);
		address_list_free(&l);
	}
}

static void
test_flags_reach_the_grammar(void **state)
{
	struct address_list l = {0};
	const char *why;
	(void)state;
	assert_int_equal(header_mailboxes("root", 4, 0, &l, &why), -1);
	assert_int_equal(
	    header_mailboxes("\xc3\xa9@b", 4, ADDRESS_UTF8, &l, &why), 0);
	assert_int_equal(header_mailboxes("<>", 2, ADDRESS_EMPTY, &l, &why), 0);
	assert_int_equal(l.n, 2);
	assert_true(address_is_null(&l.v[1]));
	address_list_free(&l);
}

static void
test_refusal_keeps_what_came_before(void **state)
{
	struct address_list l = {0};
	const char *why;
	(void)state;
	assert_int_equal(
	    header_mailboxes("a@b, c@d, <, e@f", 16, 0, &l, &why), -1);
	assert_string_equal(joined(&l), "a@b c@d");
	address_list_free(&l);
}

static void
test_NUL_is_no_end(void **state)
{
	struct address_list l = {0};
	const char *why;
	(void)state;
	assert_int_equal(header_mailboxes("a@b\0, c@d", 9, 0, &l, &why), -1);
	assert_int_equal(
	    header_mailboxes("\"a\0\"@b", 7, ADDRESS_BARE, &l, &why), -1);
	assert_int_equal(l.n, 0);
	address_list_free(&l);
}

/*
 * C07, H15: a megabyte of each.  A quadratic or recursive reader takes
 * minutes here, or dies of its stack.
 */
static void
test_C07_H15_megabytes(void **state)
{
	static const char *const units[] = {"(", "()", "(\\", ",", "\"",
	    "\"\" ", "\\", "<", ">", "[", "[]", ":", "g:;", ";", ".", "@", "a",
	    "a.", ".!", "<@", "@a,", "\r\n ", "a ", "<a@b>", "\"(", "a@b(",
	    "\xff"};
	char *text = malloc(MEGABYTE);
	(void)state;
	for (size_t u = 0; u < COUNT(units); u++) {
		struct address_list l = {0};
		const char *why;
		size_t n = strlen(units[u]);
		for (size_t i = 0; i < MEGABYTE; i++)
			text[i] = units[u][i % n];
		int result = header_mailboxes(text, MEGABYTE, 7, &l, &why);
		assert_true(result == 0 || why[0] != '\0');
		text[0] = '<';
		text[1] = '@';
		result = header_mailboxes(text, MEGABYTE, 7, &l, &why);
		assert_true(result == 0 || why[0] != '\0');
		address_list_free(&l);
	}
	memset(text, '(', MEGABYTE / 2);
	memset(text + MEGABYTE / 2, ')', MEGABYTE / 2);
	struct address_list l = {0};
	const char *why;
	assert_int_equal(header_mailboxes(text, MEGABYTE, 0, &l, &why), 0);
	free(text);
}

static void
test_recipients_have_a_ceiling(void **state)
{
	size_t len = 4 * ((size_t)RECIPIENTS_MAX + 1);
	char *text = malloc(len);
	struct address_list l = {0};
	const char *why;
	(void)state;
	for (size_t i = 0; i < len; i++)
		text[i] = "a@b,"[i % 4];
	assert_int_equal(header_mailboxes(text, len - 4, 0, &l, &why), 0);
	assert_int_equal(l.n, RECIPIENTS_MAX);
	address_list_free(&l);
	assert_int_equal(header_mailboxes(text, len, 0, &l, &why), -1);
	assert_int_equal(l.n, RECIPIENTS_MAX);
	address_list_free(&l);
	free(text);
}

static void
test_A08_phrases(void **state)
{
	static const struct {
		const char *in, *out;
	} t[] = {
	    {"John Smith", "John Smith"},
	    {"joe", "joe"},
	    {"John Q. Public", "\"John Q. Public\""},
	    {".(", "\".(\""},
	    {"", "\"\""},
	    {" x", "\" x\""},
	    {"x ", "\"x \""},
	    {"x  y", "\"x  y\""},
	    {"a\"b\\c", "\"a\\\"b\\\\c\""},
	    {"N\r\nBcc: e@x", "\"N  Bcc: e@x\""},
	    {"N\x1b[2J", "\"N [2J\""},
	    {"J\xc3\xb6rg", "=?UTF-8?Q?J=C3=B6rg?="},
	    {"J\xc3\xb6rg M", "=?UTF-8?Q?J=C3=B6rg_M?="},
	    {"\xc3\xa9\r\nBcc: e@x", "=?UTF-8?Q?=C3=A9__Bcc=3A_e=40x?="},
	    {"\xc2\x85\xc3\xa9", "=?UTF-8?Q?_=C3=A9?="},
	    {"a\xff", "=?UTF-8?Q?a=3F?="},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		struct buf b;
		buf_init(&b, 1000);
		header_phrase(&b, t[i].in, strlen(t[i].in));
		assert_string_equal(buf_str(&b), t[i].out);
		buf_free(&b);
	}
}

/* A08: a megabyte of name stays in lines of a sane length. */
static void
test_A08_long_phrases_fold(void **state)
{
	static const char *const units[] = {"a", "a ", "\xe2\x82\xac", "\r\n"};
	static char name[MEGABYTE];
	(void)state;
	for (size_t u = 0; u < COUNT(units); u++) {
		struct buf b;
		size_t line = 0, lines = 0;
		buf_init(&b, 8 * MEGABYTE);
		for (size_t i = 0; i < sizeof(name); i++)
			name[i] = units[u][i % strlen(units[u])];
		header_phrase(&b, name, sizeof(name));
		assert_true(buf_ok(&b));
		for (size_t i = 0; i < b.len; i++) {
			line = b.data[i] == '\n' ? 0 : line + 1;
			assert_true(line <= 76);
			if (b.data[i] != '\n')
				continue;
			lines++;
			assert_int_equal(b.data[i - 1], '\r');
			assert_int_equal(b.data[i + 1], ' ');
		}
		assert_true(lines > 1000);
		buf_free(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_field_next),
	    cmocka_unit_test(test_field_is),
	    cmocka_unit_test(test_A12_C07_C08_address_lists),
	    cmocka_unit_test(test_flags_reach_the_grammar),
	    cmocka_unit_test(test_refusal_keeps_what_came_before),
	    cmocka_unit_test(test_NUL_is_no_end),
	    cmocka_unit_test(test_C07_H15_megabytes),
	    cmocka_unit_test(test_recipients_have_a_ceiling),
	    cmocka_unit_test(test_A08_phrases),
	    cmocka_unit_test(test_A08_long_phrases_fold),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

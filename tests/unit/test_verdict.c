/* SPDX-License-Identifier: ISC */
/* Outcomes: one printable line, a well-formed code, names that round-trip. */
#include "mail/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void
test_defaults_follow_the_verdict(void **state)
{
	struct status st;
	(void)state;
	status_set(&st, DONE, 250, NULL, "ok %d", 7);
	assert_int_equal(st.verdict, DONE);
	assert_int_equal(st.code, 250);
	assert_string_equal(st.enhanced, "2.0.0");
	assert_string_equal(st.text, "ok 7");
	status_set(&st, LATER, 0, NULL, "%s", "");
	assert_string_equal(st.enhanced, "4.0.0");
	assert_string_equal(st.text, "");
	status_set(&st, NEVER, 550, NULL, "no");
	assert_string_equal(st.enhanced, "5.0.0");
}

static void
test_codes_are_kept_or_replaced(void **state)
{
	struct status st;
	(void)state;
	status_set(&st, LATER, 535, "5.7.8", "refused");
	assert_string_equal(st.enhanced, "5.7.8");
	status_set(&st, NEVER, 550, "5.1.1\r\nX: y", "no");
	assert_string_equal(st.enhanced, "5.0.0");
	status_set(&st, NEVER, 550, "", "no");
	assert_string_equal(st.enhanced, "5.0.0");
}

static void
test_INV7_one_printable_line(void **state)
{
	struct status st;
	char all[256];
	(void)state;
	for (int i = 0; i < 255; i++)
		all[i] = (char)(i + 1);
	all[255] = '\0';
	status_set(&st, NEVER, 0, NULL, "%s", all);
	assert_int_equal(strlen(st.text), 255);
	for (size_t i = 0; i < 255; i++) {
		int c = (int)i + 1;
		int kept = c >= ' ' && c <= '~';
		assert_int_equal(st.text[i], kept ? c : '?');
	}
}

static void
test_long_text_is_cut(void **state)
{
	struct status st;
	char text[2 * STATUS_TEXT_MAX];
	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	status_set(&st, LATER, 0, NULL, "%s", text);
	assert_int_equal(strlen(st.text), STATUS_TEXT_MAX);
}

static void
test_arguments_may_lie_in_the_status(void **state)
{
	struct status st;
	(void)state;
	status_set(&st, LATER, 451, "4.3.2", "busy");
	status_set(&st, NEVER, 0, st.enhanced, "gave up: %s", st.text);
	assert_string_equal(st.text, "gave up: busy");
	assert_string_equal(st.enhanced, "4.3.2");
}

static void
test_names_round_trip(void **state)
{
	enum verdict v;
	(void)state;
	for (enum verdict i = DONE; i <= NEVER; i++) {
		assert_int_equal(verdict_parse(verdict_name(i), &v), 0);
		assert_int_equal(v, i);
	}
	assert_string_equal(verdict_name(LATER), "later");
	assert_int_equal(verdict_parse("", &v), -1);
	assert_int_equal(verdict_parse("Done", &v), -1);
	assert_int_equal(verdict_parse("done ", &v), -1);
}

static void
test_enhanced_valid(void **state)
{
	static const struct {
		const char *text;
		int valid;
	} t[] = {
	    {"2.0.0", 1},
	    {"4.123.123", 1},
	    {"5.7.23", 1},
	    {"5.70.1", 1},
	    {"3.0.0", 0},
	    {"1.0.0", 0},
	    {"5.0", 0},
	    {"5.0.", 0},
	    {"5..0", 0},
	    {"5.1234.0", 0},
	    {"5.0.1234", 0},
	    {"5.0.0 ", 0},
	    {" 5.0.0", 0},
	    {"5.0.0.", 0},
	    {"5,0,0", 0},
	    {"55.0.0", 0},
	    {"5.a.0", 0},
	    {"5.123.", 0},
	    {"5.12345", 0},
	    {"", 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (enhanced_valid(t[i].text, strlen(t[i].text)) != t[i].valid)
			fail_msg("wrong: %s", t[i].text);
	assert_int_equal(enhanced_valid("5.0.0xyz", 5), 1);
	assert_int_equal(enhanced_valid("5.0.0", 4), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_defaults_follow_the_verdict),
	    cmocka_unit_test(test_codes_are_kept_or_replaced),
	    cmocka_unit_test(test_INV7_one_printable_line),
	    cmocka_unit_test(test_long_text_is_cut),
	    cmocka_unit_test(test_arguments_may_lie_in_the_status),
	    cmocka_unit_test(test_names_round_trip),
	    cmocka_unit_test(test_enhanced_valid),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

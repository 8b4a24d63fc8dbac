/* SPDX-License-Identifier: ISC */
/* mail/mta_sts.h: records and policies, good and bad (RFC 8461). */
#include "mail/mta_sts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void
test_records(void **state)
{
	static const struct {
		const char *text, *id; /* NULL: none */
	} t[] = {
	    {"v=STSv1; id=20160831085700Z;", "20160831085700Z"},
	    {"v=STSv1;id=1", "1"},
	    {"v=STSv1 ; id=a ; x=y ;  ", "a"},
	    {"v=STSv1; x=y; id=a; id=b", "a"},
	    {"v=STSv1; id=01234567890123456789012345678901",
		"01234567890123456789012345678901"},
	    {"v=STSv1; id=012345678901234567890123456789012", NULL},
	    {"v=STSv1; id=", NULL},
	    {"v=STSv1; id=a.b", NULL},
	    {"v=STSv1; id=a b", NULL},
	    {"v=STSv1", NULL},
	    {"v=STSv1;", NULL},
	    {"v=STSv1;;id=a", NULL},
	    {"v=STSv1; id", NULL},
	    {"v=STSv1; =a; id=a", NULL},
	    {"id=a; v=STSv1", NULL},
	    {"v=STSv2; id=a", NULL},
	    {"v=stsv1; id=a", NULL},
	    {"v=spf1 -all", NULL},
	    {"", NULL},
	    {";", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char id[STS_ID_MAX + 1];
		int r = sts_record_read(t[i].text, strlen(t[i].text), id);
		if ((r == 0) != (t[i].id != NULL))
			fail_msg("%s", t[i].text);
		if (r == 0)
			assert_string_equal(id, t[i].id);
	}
}

static void
test_policies(void **state)
{
	static const struct {
		const char *text;
		int result;
		enum sts_mode mode;
		unsigned long age;
	} t[] = {
	    {"version: STSv1\r\nmode: enforce\r\nmx: a.test\r\n"
	     "max_age: 86400\r\n",
		0, STS_ENFORCE, 86400},
	    {"max_age:1\nmx:*.b.test\nmode:testing\nversion:STSv1", 0,
		STS_TESTING, 1},
	    {"version: STSv1 \nmode: none\t\nmax_age: 9999999999\n\n", 0,
		STS_NONE, STS_AGE_MAX},
	    {"version: STSv1\nmode: enforce\nmode: none\nmx: a.test\n"
	     "max_age: 5\nmax_age: x\nfuture: what: ever\n",
		0, STS_ENFORCE, 5},
	    {"version: STSv1\nmode: enforce\nmax_age: 5\n", -1, 0, 0},
	    {"version: STSv1\nmode: testing\nmax_age: 5\n", -1, 0, 0},
	    {"version: STSv2\nmode: none\nmax_age: 5\n", -1, 0, 0},
	    {"mode: none\nmax_age: 5\n", -1, 0, 0},
	    {"version: STSv1\nmax_age: 5\nmx: a.test\n", -1, 0, 0},
	    {"version: STSv1\nmode: enforce\nmx: a.test\n", -1, 0, 0},
	    {"version: STSv1\nmode: Enforce\nmx: a.test\nmax_age: 5\n", -1, 0,
		0},
	    {"version: STSv1\nmode: none\nmax_age: -5\n", -1, 0, 0},
	    {"version: STSv1\nmode: none\nmax_age: 12345678901\n", -1, 0, 0},
	    {"version: STSv1\nmode: none\nmax_age:\n", -1, 0, 0},
	    {"version: STSv1\nmode: enforce\nmx: *\nmax_age: 5\n", -1, 0, 0},
	    {"version: STSv1\nmode: enforce\nmx: a*.test\nmax_age: 5\n", -1, 0,
		0},
	    {"version: STSv1\nmode: enforce\nmx: \nmax_age: 5\n", -1, 0, 0},
	    {"version: STSv1\nmode: none\nmax_age: 5\nwhat\n", -1, 0, 0},
	    {"<html>version: STSv1</html>", -1, 0, 0},
	    {"", -1, 0, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct sts_policy p;
		if (sts_policy_read(&p, t[i].text, strlen(t[i].text)) !=
		    t[i].result)
			fail_msg("%s", t[i].text);
		if (t[i].result != 0)
			continue;
		assert_int_equal(p.mode, t[i].mode);
		assert_int_equal(p.max_age, t[i].age);
	}
}

static void
test_names(void **state)
{
	static const char text[] = "version: STSv1\nmode: enforce\n"
				   "mx: mail.a.test\nmx: *.B.test\n"
				   "max_age: 5\nmxx: other.test\n";
	static const struct {
		const char *host;
		bool named;
	} t[] = {
	    {"mail.a.test", true},
	    {"MAIL.A.TEST", true},
	    {"a.test", false},
	    {"x.mail.a.test", false},
	    {"one.b.test", true},
	    {"two.one.b.test", false},
	    {"b.test", false},
	    {".b.test", false},
	    {"xb.test", false},
	    {"*.b.test", true}, /* no name of the DNS; it is one label */
	    {"other.test", false},
	    {"", false},
	};
	struct sts_policy p;
	(void)state;
	assert_int_equal(sts_policy_read(&p, text, sizeof(text) - 1), 0);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (sts_policy_names(&p, t[i].host) != t[i].named)
			fail_msg("%s", t[i].host);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_records),
	    cmocka_unit_test(test_policies),
	    cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* Sizes and durations, and back (M07: 1e99, -1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conf/conf.h"
#include "conf/conf_read.h"

static void
test_units(void **state)
{
	static const struct {
		const char *text;
		int64_t want; /* -1: refused */
	} sizes[] = {{"0", 0}, {"1", 1}, {"10M", 10 << 20}, {"2k", 2048},
	    {"", -1}, {"K", -1}, {"-1", -1}, {"+1", -1}, {" 1", -1},
	    {"1 K", -1}, {"1KB", -1}, {"0x10", -1}, {"1.5M", -1},
	    {"1048577T", 1048577LL << 40}, {"16777216T", -1}},
	  times[] = {{"0", 0}, {"1ms", 1}, {"1s", 1000}, {"2m", 120000},
	      {"1h30m", 5400000}, {"1d", 86400000}, {"1w", 604800000},
	      {"0s", 0}, {"", -1}, {"5", -1}, {"m", -1}, {"1x", -1},
	      {"1mm", -1}, {"-1s", -1}, {"1e3s", -1}, {"1s ", -1},
	      {"9223372036854775807s", -1}, {"9223372036854775807ms1ms", -1}};
	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint64_t n = 0;
		int r = conf_size(sizes[i].text, &n);
		if (r != (sizes[i].want < 0 ? -1 : 0) ||
		    (r == 0 && n != (uint64_t)sizes[i].want))
			fail_msg("size %s", sizes[i].text);
	}
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		int64_t n = 0;
		int r = conf_duration(times[i].text, &n);
		if (r != (times[i].want < 0 ? -1 : 0) ||
		    (r == 0 && n != times[i].want))
			fail_msg("duration %s", times[i].text);
	}
}

static void
test_format(void **state)
{
	static const struct {
		uint64_t n;
		const char *size, *duration;
	} cases[] = {{0, "0", "0"}, {1, "1", "1ms"}, {1000, "1000", "1s"},
	    {1024, "1K", "1024ms"}, {90000, "90000", "90s"},
	    {86400000, "84375K", "1d"}, {UINT64_C(10) << 20, "10M", NULL}};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char out[32];
		conf_format_size(cases[i].n, out);
		assert_string_equal(out, cases[i].size);
		conf_format_duration(cases[i].n, out);
		if (cases[i].duration != NULL)
			assert_string_equal(out, cases[i].duration);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_units),
	    cmocka_unit_test(test_format),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

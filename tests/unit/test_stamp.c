/* SPDX-License-Identifier: ISC */
/* Dates in several zones, and whole fields byte by byte. */
#include "mail/stamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define WHEN 1795515249000 /* Tue, 24 Nov 2026 10:14:09 UTC */

static void
zone(const char *tz)
{
	setenv("TZ", tz, 1);
	tzset();
}

static void
test_dates(void **state)
{
	static const struct {
		const char *tz;
		int64_t ms;
		const char *out;
	} t[] = {
	    {"UTC", WHEN, "Tue, 24 Nov 2026 10:14:09 +0000"},
	    {"UTC", WHEN + 999, "Tue, 24 Nov 2026 10:14:09 +0000"},
	    {"EST5", WHEN, "Tue, 24 Nov 2026 05:14:09 -0500"},
	    {"NST3:30", WHEN, "Tue, 24 Nov 2026 06:44:09 -0330"},
	    {"IST-5:30", WHEN, "Tue, 24 Nov 2026 15:44:09 +0530"},
	    {"NZST-13", WHEN, "Tue, 24 Nov 2026 23:14:09 +1300"},
	    {"NZST-14", WHEN, "Wed, 25 Nov 2026 00:14:09 +1400"},
	    {"UTC", 0, "Thu, 01 Jan 1970 00:00:00 +0000"},
	    {"UTC", -1, "Wed, 31 Dec 1969 23:59:59 +0000"},
	    {"UTC", 951782400000, "Tue, 29 Feb 2000 00:00:00 +0000"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char out[STAMP_DATE_MAX];
		zone(t[i].tz);
		stamp_date(out, t[i].ms);
		assert_string_equal(out, t[i].out);
	}
}

static void
test_any_number_makes_a_date(void **state)
{
	static const int64_t odd[] = {
	    INT64_MIN, INT64_MIN + 1, -62135596800001, INT64_MAX};
	(void)state;
	zone("UTC");
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		char out[STAMP_DATE_MAX];
		stamp_date(out, odd[i]);
		assert_true(strlen(out) > 20);
		assert_int_equal(out[3], ',');
	}
}

static void
test_id_and_date_fields(void **state)
{
	struct buf b;
	(void)state;
	zone("UTC");
	buf_init(&b, 1000);
	stamp_message_id(&b, "abc.1", "relay.example\r\nX: y");
	stamp_date_field(&b, WHEN);
	assert_string_equal(buf_str(&b),
	    "Message-ID: <abc.1@relay.exampleX: y>\r\n"
	    "Date: Tue, 24 Nov 2026 10:14:09 +0000\r\n");
	buf_free(&b);
}

static void
test_received(void **state)
{
	static const struct {
		struct received r;
		const char *out;
	} t[] = {
	    {{.from = "client.example (host [192.0.2.1])",
		 .by = "relay.example",
		 .with = "ESMTPSA",
		 .id = "id1",
		 .for_rcpt = "a@b",
		 .wall_ms = WHEN},
		"Received: from client.example (host [192.0.2.1])\r\n"
		"\tby relay.example\r\n"
		"\twith ESMTPSA id id1\r\n"
		"\tfor <a@b>;\r\n"
		"\tTue, 24 Nov 2026 10:14:09 +0000\r\n"},
	    {{.by = "relay.example",
		 .id = "id2",
		 .comment = "sendmail, uid 1000",
		 .wall_ms = WHEN},
		"Received: by relay.example (sendmail, uid 1000)\r\n"
		"\tid id2;\r\n"
		"\tTue, 24 Nov 2026 10:14:09 +0000\r\n"},
	    {{.from = "a\r\nX: y",
		 .by = "b\x1b\x7f",
		 .id = "id\n3",
		 .for_rcpt = "\"a\r\"@b",
		 .comment = "x) (\\\r\n",
		 .wall_ms = WHEN},
		"Received: from aX: y\r\n"
		"\tby b (x\\) \\(\\\\)\r\n"
		"\tid id3\r\n"
		"\tfor <\"a\"@b>;\r\n"
		"\tTue, 24 Nov 2026 10:14:09 +0000\r\n"},
	};
	(void)state;
	zone("UTC");
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct buf b;
		buf_init(&b, 4000);
		stamp_received(&b, &t[i].r);
		assert_string_equal(buf_str(&b), t[i].out);
		buf_free(&b);
	}
}

static void
test_lines_stay_short(void **state)
{
	static char huge[100000];
	struct buf b;
	size_t line = 0;
	(void)state;
	memset(huge, '(', sizeof(huge) - 1);
	buf_init(&b, sizeof(huge));
	stamp_received(&b, &(struct received){.from = huge,
			       .by = huge,
			       .with = huge,
			       .id = huge,
			       .for_rcpt = huge,
			       .comment = huge});
	assert_true(buf_ok(&b));
	for (size_t i = 0; i < b.len; i++) {
		line = b.data[i] == '\n' ? 0 : line + 1;
		assert_true(line < 998);
	}
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_dates),
	    cmocka_unit_test(test_any_number_makes_a_date),
	    cmocka_unit_test(test_id_and_date_fields),
	    cmocka_unit_test(test_received),
	    cmocka_unit_test(test_lines_stay_short),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/*
 * The log as a reader of standard error sees it.  Each case runs in a child
 * of its own, since the log is the one global of the house.
 */
#include "base/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char text[100000];

/* What fn writes to standard error; its exit status is returned. */
static int
run(void (*fn)(void))
{
	int fds[2], status;
	size_t n = 0;
	ssize_t got;
	assert_int_equal(pipe(fds), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		fn();
		_exit(0);
	}
	close(fds[1]);
	while ((got = read(fds[0], text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
plain(void)
{
	unsetenv("JOURNAL_STREAM");
	log_open("test", LOG_TO_STDERR);
	log_event(LOG_INFO, "accepted", LOG_STR("id", "x1"),
	    LOG_NUM("size", -7), LOG_STR("none", NULL),
	    LOG_MEM("part", "abcdef", 3));
	log_event(LOG_INFO, "bare", LOG_STR("k", ""));
}

static void
test_one_line_per_event(void **state)
{
	(void)state;
	assert_int_equal(run(plain), 0);
	assert_string_equal(text,
	    "test: accepted id=x1 size=-7 none=- part=abc\n"
	    "test: bare k=\"\"\n");
}

static void
hostile(void)
{
	unsetenv("JOURNAL_STREAM");
	log_open("test", LOG_TO_STDERR);
	log_event(LOG_INFO, "e", LOG_STR("a", "x\r\nfake: y"),
	    LOG_MEM("b", "\0\x1b[2J", 5), LOG_STR("c", "\xff\xc3\xa9\x7f"),
	    LOG_STR("d", "x k=v"), LOG_STR("e", "\"\\"), LOG_STR("f", "k=v"));
}

static void
test_N13_INV7_values_are_escaped(void **state)
{
	(void)state;
	assert_int_equal(run(hostile), 0);
	assert_string_equal(text,
	    "test: e a=\"x\\x0d\\x0afake: y\" b=\\x00\\x1b[2J "
	    "c=\\xff\\xc3\\xa9\\x7f d=\"x k=v\" e=\"\\\"\\\\\" f=\"k=v\"\n");
}

static void
every_octet(void)
{
	char c;
	log_open("test", LOG_TO_STDERR);
	for (int i = 0; i < 256; i++) {
		c = (char)i;
		log_event(LOG_INFO, "e", LOG_MEM("k", &c, 1));
	}
}

static void
test_N13_every_octet_is_one_line(void **state)
{
	int lines = 0;
	(void)state;
	assert_int_equal(run(every_octet), 0);
	for (char *p = text; *p != '\0'; p++) {
		assert_true(*p == '\n' || (*p >= ' ' && *p <= '~'));
		lines += *p == '\n';
	}
	assert_int_equal(lines, 256);
}

static void
huge(void)
{
	static char value[1000000];
	struct log_field many[40] = {{0}};
	memset(value, '\n', sizeof(value) - 1);
	log_open("test", LOG_TO_STDERR);
	log_event(LOG_INFO, "e", LOG_STR("k", value));
	for (int i = 0; i < 39; i++)
		many[i] = (struct log_field)LOG_STR("key", value);
	log_write(LOG_INFO, "many", many);
	log_text(LOG_INFO, "%s", value);
}

static void
test_long_values_stay_one_bounded_line(void **state)
{
	int lines = 0;
	(void)state;
	assert_int_equal(run(huge), 0);
	for (char *p = text; *p != '\0'; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 3);
	assert_true(strlen(text) < 3 * 8400);
}

static const struct {
	const char *value;
	size_t len;
	const char *json;
} json_cases[] = {
    {"plain", 5, "\"plain\""},
    {"", 0, "\"\""},
    {"a\"b\\c/", 6, "\"a\\\"b\\\\c/\""},
    {"x\r\n{}", 5, "\"x\\u000d\\u000a{}\""},
    {"\0\x7f", 2, "\"\\u0000\\u007f\""},
    {"gr\xc3\xbc\xc3\x9f", 6, "\"gr\xc3\xbc\xc3\x9f\""},
    {"\xc2\x85\xe2\x80\xa8", 5, "\"\\u0085\\u2028\""},
    {"\xff\xc3", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\""},
    {"\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    {"\xf0\x9f\x93\xa7", 4, "\"\xf0\x9f\x93\xa7\""},
};

static void
as_json(void)
{
	log_open("test", LOG_AS_JSON);
	for (size_t i = 0; i < sizeof(json_cases) / sizeof(*json_cases); i++)
		log_event(LOG_NOTICE, "e", LOG_NUM("n", -7),
		    LOG_STR("none", NULL),
		    LOG_MEM("v", json_cases[i].value, json_cases[i].len));
}

static void
test_N13_json_values(void **state)
{
	char wanted[200];
	const char *p = text;
	(void)state;
	setenv("JOURNAL_STREAM", "1:2", 1);
	assert_int_equal(run(as_json), 0);
	for (size_t i = 0; i < sizeof(json_cases) / sizeof(*json_cases); i++) {
		snprintf(wanted, sizeof(wanted),
		    "\"level\":\"notice\",\"program\":\"test\",\"event\":\"e\","
		    "\"n\":-7,\"none\":null,\"v\":%s}\n",
		    json_cases[i].json);
		/* {"time":"2026-11-24T14:49:23.123Z", */
		assert_memory_equal(p, "{\"time\":\"2", 10);
		assert_memory_equal(p + 32, "Z\",", 3);
		assert_memory_equal(p + 35, wanted, strlen(wanted));
		p += 35 + strlen(wanted);
	}
	assert_int_equal(*p, '\0');
}

static void
huge_json(void)
{
	static char value[1000000];
	struct log_field many[40] = {{0}};
	memset(value, '\x01', sizeof(value) - 1);
	for (int i = 0; i < 39; i++)
		many[i] = (struct log_field)LOG_STR("key", value);
	log_open("test", LOG_AS_JSON);
	log_write(LOG_INFO, "many", many);
	memset(value, 'a', sizeof(value) - 1);
	log_write(LOG_INFO, "many", many);
	log_text(LOG_INFO, "%s", value);
	die("\"%s\n", "\xff\\");
}

static void
test_json_lines_are_whole(void **state)
{
	size_t lines = 0;
	const char *last = text;
	(void)state;
	assert_int_equal(run(huge_json), 75);
	assert_non_null(strstr(text, "\"event\":\"many\",\"cut\":true}\n"));
	assert_non_null(strstr(text, "aaa\",\"cut\":true}\n"));
	assert_non_null(strstr(text, "aaa\"}\n"));
	for (const char *p = text; *p != '\0'; p++)
		if (*p == '\n') {
			assert_true(p - last < 4096);
			assert_int_equal(p[-1], '}');
			if (p[1] != '\0')
				last = p + 1;
			lines++;
		}
	assert_int_equal(lines, 4);
	assert_string_equal(last, "{\"level\":\"crit\",\"program\":\"test\","
				  "\"event\":\"fatal\",\"text\":\"????\"}\n");
}

static void
test_named_targets(void **state)
{
	enum log_target target = LOG_TO_SYSLOG;
	(void)state;
	assert_int_equal(log_target_named("xml", &target), -1);
	assert_int_equal(target, LOG_TO_SYSLOG);
	assert_int_equal(log_target_named("json", &target), 0);
	assert_int_equal(target, LOG_AS_JSON);
	assert_int_equal(log_target_named("text", &target), 0);
	assert_int_equal(target, LOG_TO_STDERR);
}

static void
levels(void)
{
	unsetenv("JOURNAL_STREAM");
	log_open("test", LOG_TO_STDERR);
	log_text(LOG_DEBUG, "hidden");
	log_level(LOG_WARNING);
	log_text(LOG_NOTICE, "hidden");
	log_text(LOG_WARNING, "seen %d", 1);
	log_level(LOG_DEBUG);
	log_text(LOG_ERR, "a b");
	log_text(LOG_DEBUG, "x");
}

static void
test_levels(void **state)
{
	(void)state;
	assert_int_equal(run(levels), 0);
	assert_string_equal(text, "test: warning text=\"seen 1\"\n"
				  "test: error text=\"a b\"\n"
				  "test: notice text=x\n");
}

static void
journald(void)
{
	setenv("JOURNAL_STREAM", "1:2", 1);
	log_open("test", LOG_TO_STDERR);
	log_event(LOG_ERR, "e", LOG_NUM("n", 1));
}

static void
test_levels_for_journald(void **state)
{
	(void)state;
	assert_int_equal(run(journald), 0);
	assert_string_equal(text, "<3>e n=1\n");
}

/* H12: the pipe is full and nobody reads; then somebody does. */
static void
blocked(void)
{
	static char page[4096];
	int fds[2], saved = dup(STDERR_FILENO);
	unsetenv("JOURNAL_STREAM");
	if (pipe(fds) != 0)
		_exit(1);
	(void)fcntl(fds[1], F_SETFL, O_NONBLOCK);
	while (write(fds[1], page, sizeof(page)) > 0)
		;
	(void)fcntl(fds[1], F_SETFL, 0);
	dup2(fds[1], STDERR_FILENO);
	log_open("test", LOG_TO_STDERR);
	log_text(LOG_INFO, "lost");
	log_text(LOG_INFO, "lost");
	dup2(saved, STDERR_FILENO);
	log_text(LOG_INFO, "back");
	log_text(LOG_INFO, "again");
}

static void
test_H12_a_full_pipe_stops_nothing(void **state)
{
	(void)state;
	assert_int_equal(run(blocked), 0);
	assert_string_equal(text, "test: [2 lines lost] notice text=back\n"
				  "test: notice text=again\n");
}

static void
dies(void)
{
	log_open("test", LOG_TO_STDERR);
	die("no %s\x1b here", "memory\n");
}

static void
test_die_exits_75_with_one_line(void **state)
{
	(void)state;
	assert_int_equal(run(dies), 75);
	assert_string_equal(text, "test: fatal: no memory?? here\n");
}

/* Under AddressSanitizer too, an allocation that cannot be must fail. */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void
too_much(void)
{
	log_open("test", LOG_TO_STDERR);
	free(alloc_grow(NULL, SIZE_MAX / 2, 16));
}

static void
test_allocation(void **state)
{
	char *p = alloc_zero(3, 5), *s;
	(void)state;
	for (int i = 0; i < 15; i++)
		assert_int_equal(p[i], 0);
	p = alloc_grow(p, 100, 10);
	memset(p, 1, 1000);
	free(p);
	s = alloc_string("abc", 2);
	assert_string_equal(s, "ab");
	free(s);
	s = alloc_string(NULL, 0);
	assert_string_equal(s, "");
	free(s);
	free(alloc_zero(0, 8));
	assert_int_equal(run(too_much), 75);
	assert_non_null(strstr(text, "test: fatal: out of memory\n"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_line_per_event),
	    cmocka_unit_test(test_N13_INV7_values_are_escaped),
	    cmocka_unit_test(test_N13_every_octet_is_one_line),
	    cmocka_unit_test(test_long_values_stay_one_bounded_line),
	    cmocka_unit_test(test_N13_json_values),
	    cmocka_unit_test(test_json_lines_are_whole),
	    cmocka_unit_test(test_named_targets),
	    cmocka_unit_test(test_levels),
	    cmocka_unit_test(test_levels_for_journald),
	    cmocka_unit_test(test_H12_a_full_pipe_stops_nothing),
	    cmocka_unit_test(test_die_exits_75_with_one_line),
	    cmocka_unit_test(test_allocation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

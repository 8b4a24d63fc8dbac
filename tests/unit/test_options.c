/* SPDX-License-Identifier: ISC */
/* cmd/sendmail/options.h: what real callers write, and what attackers do. */
#include "../../cmd/sendmail/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sysexits.h>

#include <cmocka.h>

#define ARGS_MAX 16

struct line {
	const char *args[ARGS_MAX];
	int code;
	const char *rcpts; /* joined by blanks */
};

static int
parse(struct options *o, const char *const *args, char **argv, char *why)
{
	int argc = 0;
	for (; args[argc] != NULL; argc++)
		argv[argc] = (char *)(uintptr_t)args[argc];
	why[0] = '\0';
	return options_parse(o, argc, argv, why);
}

static void
check(const struct line *lines, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct options o;
		char *argv[ARGS_MAX], why[OPTIONS_WHY_MAX], all[256] = "";
		int code = parse(&o, lines[i].args, argv, why);
		if (code != lines[i].code)
			fail_msg("line %zu: %d, not %d: %s", i, code,
			    lines[i].code, why);
		assert_int_equal(code != EX_OK, why[0] != '\0');
		for (size_t k = 0; code == EX_OK && k < o.nrcpts; k++) {
			strncat(
			    all, k ? " " : "", sizeof(all) - strlen(all) - 1);
			strncat(all, o.rcpts[k], sizeof(all) - strlen(all) - 1);
		}
		if (code == EX_OK)
			assert_string_equal(all, lines[i].rcpts);
	}
}

#define CHECK(lines) check(lines, sizeof(lines) / sizeof((lines)[0]))

/* The shapes of cron, PHP, git, mailx, mutt, logwatch, smartd and others. */
static void
test_A28_real_callers(void **state)
{
	static const struct line lines[] = {
	    {{"sendmail", "-i", "-FCronDaemon", "-B8BITMIME", "-oem", "root"},
		0, "root"},
	    {{"sendmail", "-t", "-i"}, 0, ""},
	    {{"sendmail", "-ti"}, 0, ""},
	    {{"sendmail", "-t", "-i", "-fwww@example.com"}, 0, ""},
	    {{"sendmail", "-oi", "-f", "a@b", "-t"}, 0, ""},
	    {{"sendmail", "-oem", "-oi", "--", "a@b"}, 0, "a@b"},
	    {{"sendmail", "-i", "a@b", "c@d"}, 0, "a@b c@d"},
	    {{"sendmail", "-odb", "-oep", "a"}, 0, "a"},
	    {{"sendmail", "-bm", "-bq", "a"}, 0, "a"},
	    {{"sendmail", "a@b", "-f", "c@d"}, 0, "a@b"},
	    {{"sendmail", "-"}, 0, "-"},
	};
	(void)state;
	CHECK(lines);
}

/* What Symfony, Swift Mailer and swaks write. */
static void
test_A24_bs(void **state)
{
	const char *const args[] = {"/usr/sbin/sendmail", "-bs", NULL};
	struct options o;
	char *argv[ARGS_MAX], why[OPTIONS_WHY_MAX];
	(void)state;
	assert_int_equal(parse(&o, args, argv, why), EX_OK);
	assert_int_equal(o.job, JOB_SMTP);
}

static void
test_A27_accepted(void **state)
{
	static const struct line lines[] = {
	    {{"sendmail", "-r", "a@b", "-h", "3", "-U", "-v", "-L", "tag",
		 "-Ac", "-G", "-oem", "x"},
		0, "x"},
	    {{"sendmail", "-A", "m", "-n", "-m", "-x", "-s", "-c", "x"}, 0,
		"x"},
	    {{"sendmail", "-em", "-e", "q", "-p", "smtp", "x"}, 0, "x"},
	};
	(void)state;
	CHECK(lines);
}

static void
test_A01_A02_A04_paths_are_ignored(void **state)
{
	static const struct line lines[] = {
	    {{"sendmail", "-oQ/tmp/x", "-X/tmp/x/l.php", "a"}, 0, "a"},
	    {{"sendmail", "-OQueueDirectory=/tmp/x", "-O", "LogFile=/x", "a"},
		0, "a"},
	    {{"sendmail", "-D/tmp/x", "-d0-99.127", "-d", "-pSMTP", "a"}, 0,
		"a"},
	    {{"sendmail", "-MrSMTP", "-M{daemon_name}x", "a"}, 0, "a"},
	    {{"sendmail", "-M", "1abc"}, EX_USAGE, ""},
	    {{"sendmail", "-Mrm", "1abc"}, EX_USAGE, ""},
	    {{"sendmail", "-MG", "1abc"}, EX_USAGE, ""},
	};
	(void)state;
	CHECK(lines);
}

static void
test_A05_modes(void **state)
{
	static const struct line lines[] = {
	    {{"sendmail", "-be", "${run{id}}"}, EX_USAGE, ""},
	    {{"sendmail", "-bd"}, EX_USAGE, ""},
	    {{"sendmail", "-bt"}, EX_USAGE, ""},
	    {{"sendmail", "-bh"}, EX_USAGE, ""},
	    {{"sendmail", "-bX"}, EX_USAGE, ""},
	    {{"sendmail", "-bmm"}, EX_USAGE, ""},
	    {{"sendmail", "-b"}, EX_USAGE, ""},
	    {{"sendmail", "-bd", "-q15m"}, EX_USAGE, ""},
	    {{"sendmail", "-bH"}, EX_USAGE, ""},
	    {{"sendmail", "-bv", "a"}, 0, "a"},
	};
	(void)state;
	CHECK(lines);
}

static void
test_A10_addresses_like_options(void **state)
{
	static const struct line lines[] = {
	    {{"sendmail", "--", "-oops@x", "--"}, 0, "-oops@x --"},
	    {{"sendmail", "-f", "-x@y", "a"}, 0, "a"},
	    {{"sendmail", "a", "--", "-t"}, 0, "a -t"},
	};
	struct options o;
	char *argv[ARGS_MAX], why[OPTIONS_WHY_MAX];
	(void)state;
	CHECK(lines);
	assert_int_equal(parse(&o, lines[1].args, argv, why), 0);
	assert_string_equal(o.sender, "-x@y");
	assert_int_equal(parse(&o, lines[2].args, argv, why), 0);
	assert_false(o.header_rcpts);
}

static void
test_A25_bad_values(void **state)
{
	static const struct line lines[] = {
	    {{"sendmail", "-V", "x\n", "a"}, EX_USAGE, ""},
	    {{"sendmail", "-V", "a+00", "a"}, EX_USAGE, ""},
	    {{"sendmail", "-N", "bogus", "a"}, EX_USAGE, ""},
	    {{"sendmail", "-N", "never,delay", "a"}, EX_USAGE, ""},
	    {{"sendmail", "-R"}, EX_USAGE, ""},
	    {{"sendmail", "-R", "some", "a"}, EX_USAGE, ""},
	    {{"sendmail", "-B", "FOO", "a"}, EX_USAGE, ""},
	    {{"sendmail", "-f"}, EX_USAGE, ""},
	    {{"sendmail", "--help"}, EX_USAGE, ""},
	    {{"sendmail", "-\033x"}, EX_USAGE, ""},
	};
	(void)state;
	CHECK(lines);
}

static void
test_dsn_values(void **state)
{
	static const char *const args[] = {"sendmail", "-N", "Success,failure",
	    "-RHDRS", "-V", "q+2Bx", "-t", NULL};
	struct options o;
	char *argv[ARGS_MAX], why[OPTIONS_WHY_MAX];
	(void)state;
	assert_int_equal(parse(&o, args, argv, why), 0);
	assert_int_equal(o.notify, NOTIFY_SUCCESS | NOTIFY_FAILURE);
	assert_int_equal(o.ret, RET_HDRS);
	assert_string_equal(o.envid, "q+2Bx");
	assert_true(o.header_rcpts);
}

static void
test_A09_null_sender_values(void **state)
{
	static const char *const empty[] = {"sendmail", "-f", "", "a", NULL};
	static const char *const null[] = {"sendmail", "-f<>", "a", NULL};
	struct options o;
	char *argv[ARGS_MAX], why[OPTIONS_WHY_MAX];
	(void)state;
	assert_int_equal(parse(&o, empty, argv, why), 0);
	assert_string_equal(o.sender, "");
	assert_int_equal(o.nrcpts, 1);
	assert_int_equal(parse(&o, null, argv, why), 0);
	assert_string_equal(o.sender, "<>");
}

static void
test_A26_dots(void **state)
{
	static const struct {
		const char *arg;
		bool ignore;
	} cases[] = {{"-i", true}, {"-oi", true}, {"-vi", true},
	    {"-oie", false}, {"-t", false}, {"-om", false}};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *const args[] = {"sendmail", cases[i].arg, NULL};
		struct options o;
		char *argv[ARGS_MAX], why[OPTIONS_WHY_MAX];
		assert_int_equal(parse(&o, args, argv, why), 0);
		assert_int_equal(o.ignore_dots, cases[i].ignore);
	}
}

static void
test_names_and_jobs(void **state)
{
	static const struct {
		const char *args[4];
		enum job job;
		const char *program;
	} cases[] = {
	    {{"/usr/bin/mailq"}, JOB_LIST, "mailq"},
	    {{"newaliases"}, JOB_ALIASES, "newaliases"},
	    {{"/usr/lib/sendmail", "-bp"}, JOB_LIST, "sendmail"},
	    {{"sendmail", "-bi"}, JOB_ALIASES, "sendmail"},
	    {{"sendmail", "-I"}, JOB_ALIASES, "sendmail"},
	    {{"sendmail", "-q"}, JOB_FLUSH, "sendmail"},
	    {{"sendmail", "-qIabc"}, JOB_FLUSH, "sendmail"},
	    {{"sendmail", "-q15m"}, JOB_FLUSH, "sendmail"},
	    {{"sendmail", "-bv", "a"}, JOB_VERIFY, "sendmail"},
	    {{"%n%s\nmailq"}, JOB_SEND, "sendmail"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct options o;
		char *argv[ARGS_MAX], why[OPTIONS_WHY_MAX];
		assert_int_equal(parse(&o, cases[i].args, argv, why), 0);
		assert_int_equal(o.job, cases[i].job);
		assert_string_equal(o.program, cases[i].program);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_A28_real_callers),
	    cmocka_unit_test(test_A27_accepted),
	    cmocka_unit_test(test_A24_bs),
	    cmocka_unit_test(test_A01_A02_A04_paths_are_ignored),
	    cmocka_unit_test(test_A05_modes),
	    cmocka_unit_test(test_A10_addresses_like_options),
	    cmocka_unit_test(test_A25_bad_values),
	    cmocka_unit_test(test_dsn_values),
	    cmocka_unit_test(test_A09_null_sender_values),
	    cmocka_unit_test(test_A26_dots),
	    cmocka_unit_test(test_names_and_jobs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

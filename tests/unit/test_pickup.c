/* SPDX-License-Identifier: ISC */
/*
 * deliver/pickup.h: what is taken and queued, and what is bad.
 */
#include "pickup_place.h"

static void
test_A36_a_file_is_queued(void **state)
{
	(void)state;
	put("letter.eml", LETTER);
	(void)run();
	assert_state(1, 0);
	assert_false(file_exists(dir_fd, "letter.eml"));
	char *text = message();
	char source[64];
	(void)snprintf(
	    source, sizeof(source), "pickup uid=%lu", (unsigned long)getuid());
	assert_string_equal(p.env.source, source);
	assert_string_equal(p.env.from.text, "a@example.org");
	assert_int_equal(p.env.nrcpts, 1);
	assert_string_equal(p.env.rcpts[0].addr.text, "u@example.net");
	assert_has(text, "Received: ");
	assert_has(text, "pickup, uid ");
	assert_has(text, "\r\nFrom: a@example.org\r\nTo: u@example.net\r\n"
			 "Subject: s\r\n");
	assert_has(text, "\r\n\r\nbody\r\n");
	assert_has_not(text, "x-sender");
	assert_has_not(text, "x-receiver");
	free(text);
}

static void
test_A36_envelope_from_the_header(void **state)
{
	(void)state;
	put("m", "From: A <a@example.org>\nTo: u@example.net\nCc: v@e.test\n"
		 "Bcc: w@e.test\n\nx\n");
	(void)run();
	char *text = message();
	assert_string_equal(p.env.from.text, "a@example.org");
	assert_int_equal(p.env.nrcpts, 3);
	assert_has_not(text, "Bcc");
	assert_has(text, "Message-ID: <");
	assert_has(text, "Date: ");
	free(text);
}

/* 4 KB of To, folded by whoever wrote it: all of them, and the folding. */
static void
test_A36_folding_is_kept(void **state)
{
	char letter[8192] = "From: a@e.test\nTo: r0@e.test";
	char want[8192] = "\r\nTo: r0@e.test";
	size_t n = strlen(letter), m = strlen(want);
	(void)state;
	for (int i = 1; i < 250; i++) {
		n += (size_t)snprintf(
		    letter + n, sizeof(letter) - n, ",\n\tr%d@e.test", i);
		m += (size_t)snprintf(
		    want + m, sizeof(want) - m, ",\r\n\tr%d@e.test", i);
	}
	(void)snprintf(letter + n, sizeof(letter) - n, "\n\nx\n");
	(void)snprintf(want + m, sizeof(want) - m, "\r\n");
	put("m", letter);
	(void)run();
	char *text = message();
	assert_int_equal(p.env.nrcpts, 250);
	assert_has(text, want);
	free(text);
}

static void
test_A38_dots(void **state)
{
	(void)state;
	static const char *const want[] = {
	    "\r\n\r\n.\r\n..a\r\n.b\r\nend\r\n", "\r\n\r\n.a\r\nb\r\nend\r\n"};
	for (int i = 0; i < 2; i++) {
		if (i == 1)
			place_conf(&p,
			    "pickup { directory = \"@PLACE@/pickup\" "
			    "dot-stuffed = true }\n"
			    "drop { directory = \"@PLACE@/drop\" }\n");
		put("m", "From: a@e.test\nTo: u@e.test\n\n.\n..a\n.b\nend\n");
		(void)run();
		char *text = message();
		assert_has(text, want[i]);
		free(text);
		assert_int_equal(store_remove(&p.sp.s, p.id), 0);
	}
}

static void
test_L05_L07_names(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		bool taken;
	} cases[] = {
	    {".hidden", false},
	    {"x.tmp", false},
	    {"x.TMP", false},
	    {"x.part", false},
	    {".tmp", false},
	    {"tmp", true},
	    {"new\nline", true},
	    {"; rm -rf x", true},
	    {"%s%n%s", true},
	    {"-rf", true},
	    {"bad\xff\xfeutf8", true},
	    {"\x1b[2J", true},
	    {"..x", false},
	    {"x..", true},
	    {"a\\..\\b", true},
	};
	char longest[NAME_MAX + 1];
	memset(longest, 'n', NAME_MAX);
	longest[NAME_MAX] = '\0';
	int want = 1;
	put(longest, LETTER);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put(cases[i].name, LETTER);
		want += cases[i].taken;
	}
	rescan();
	assert_false(file_exists(dir_fd, longest));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (file_exists(dir_fd, cases[i].name) == cases[i].taken)
			fail_msg("%s", cases[i].name);
	assert_state(want, 0);
}

static void
test_L07_a_bad_name_is_escaped_in_the_reason(void **state)
{
	(void)state;
	put("a\n\x1b\xff.eml", "\n");
	(void)run();
	char *text = reason();
	assert_has(text, "pickup file: a\\x0a\\x1b\\xff.eml\n");
	free(text);
}

static void
test_L09_the_owner_is_named(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	file_write(dir_fd, ".m", LETTER, strlen(LETTER));
	assert_int_equal(fchownat(dir_fd, ".m", 12345, 12345, 0), 0);
	assert_int_equal(renameat(dir_fd, ".m", dir_fd, "m"), 0);
	(void)run();
	free(message());
	assert_string_equal(p.env.source, "pickup uid=12345");
}

static void
test_L18_times_of_any_kind(void **state)
{
	(void)state;
	static const time_t times[] = {0, 1, 4102444800};
	for (int i = 0; i < 3; i++) {
		char name[8];
		struct timespec ts[2] = {
		    {.tv_sec = times[i]}, {.tv_sec = times[i]}};
		(void)snprintf(name, sizeof(name), "m%d", i);
		put(name, LETTER);
		assert_int_equal(utimensat(dir_fd, name, ts, 0), 0);
	}
	(void)run();
	assert_state(3, 0);
}

/* A37, K221432: a read-only file is sent once. */
static void
test_A37_L20_modes(void **state)
{
	(void)state;
	put("read-only", LETTER);
	assert_int_equal(fchmodat(dir_fd, "read-only", 0444, 0), 0);
	put("set-id", LETTER);
	assert_int_equal(fchmodat(dir_fd, "set-id", 06755, 0), 0);
	(void)run();
	rescan();
	assert_state(2, 0);
}

/* --- what is bad --- */

static void
test_L12_bad_files(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {
#define CASE(s) {s, sizeof(s) - 1}
	    CASE(""),
	    CASE("\n"),
	    CASE("From: a@e.test\nSubject: nobody to send to\n\nx\n"),
	    CASE("To: u@e.test\n\nno sender\n"),
	    CASE("x-sender: a@e.test\nx-receiver: not an address\n\nx\n"),
	    CASE("x-sender: a@e.test\r\nx-receiver: u@e.test\r\n\r\nnul \0\n"),
	    CASE("\x7f"
		 "ELF\x02\x01\x01\0\0\0\0\0\0\0\0\0"),
	    CASE("binary \xff\xfe junk \x00\x01"),
	};
	int n = sizeof(cases) / sizeof(cases[0]);
	struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	for (int i = 0; i < n; i++) {
		char name[16];
		(void)snprintf(name, sizeof(name), "m%d", i);
		put_octets(name, cases[i].text, cases[i].len);
		assert_int_equal(utimensat(dir_fd, name, old, 0), 0);
	}
	put("good", LETTER);
	(void)run();
	assert_state(1, n);
	assert_int_equal(place_names(bad_fd, ".eml", NULL), n);
}

static void
test_A37_the_reason_is_readable(void **state)
{
	(void)state;
	put("m.eml", "From: a@e.test\n\nx\n");
	(void)run();
	char *text = reason(), owner[64];
	(void)snprintf(
	    owner, sizeof(owner), "owner: uid %lu\n", (unsigned long)getuid());
	assert_has(text, owner);
	assert_has(text, "pickup file: m.eml\n");
	assert_has(text, "no recipients");
	free(text);
}

static void
test_L01_symbolic_link(void **state)
{
	(void)state;
	char name[NAME_MAX + 1];
	assert_int_equal(symlinkat("/etc/shadow", dir_fd, "m"), 0);
	put("good", LETTER);
	rescan();
	assert_state(1, 1);
	assert_int_equal(place_names(bad_fd, ".eml", name), 0);
	char *text = reason();
	assert_has(text, "symbolic link to: /etc/shadow");
	free(text);
	assert_false(file_exists(dir_fd, "m"));
}

static void
test_L11_oversize(void **state)
{
	(void)state;
	place_conf(
	    &p, "limits { message-size = \"100K\" }\n" PLACE_DIRECTORIES);
	int fd = openat(dir_fd, ".m", O_WRONLY | O_CREAT, 0644);
	assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
	(void)close(fd);
	assert_int_equal(renameat(dir_fd, ".m", dir_fd, "terabyte"), 0);
	char *body = letter_body(200 * 1024, 1);
	memcpy(body, LETTER, strlen(LETTER));
	put("twice", body);
	free(body);
	(void)run();
	assert_state(0, 2);
	assert_int_equal(place_names(bad_fd, ".eml", NULL), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_A36_a_file_is_queued),
	    TEST(test_A36_envelope_from_the_header),
	    TEST(test_A36_folding_is_kept),
	    TEST(test_A38_dots),
	    TEST(test_L05_L07_names),
	    TEST(test_L07_a_bad_name_is_escaped_in_the_reason),
	    TEST(test_L09_the_owner_is_named),
	    TEST(test_L18_times_of_any_kind),
	    TEST(test_A37_L20_modes),
	    TEST(test_L12_bad_files),
	    TEST(test_A37_the_reason_is_readable),
	    TEST(test_L01_symbolic_link),
	    TEST(test_L11_oversize),
	};
	log_level(LOG_EMERG);
	return cmocka_run_group_tests_name("pickup", tests, NULL, NULL);
}

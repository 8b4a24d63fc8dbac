/* SPDX-License-Identifier: ISC */
/*
 * deliver/drop.h, deliver/maildir.h: what is written where, and what each
 * fault means for the recipients.
 */
#include "conf/mailbox.h"
#include "deliver/drop.h"

#include <sys/mount.h>

#include "place.h"

#include "deliver/maildir.h"

#define MESSAGE                                        \
	"Received: by relay.example.com id X; now\r\n" \
	"From: a@example.net\r\nSubject: x\r\n\r\n.\r\n..\r\n"

static struct place p;
static int drop_fd;

static int
set_up(void **state)
{
	(void)state;
	place_open(&p, "example.com local default\nexample.org local\n",
	    PLACE_DIRECTORIES);
	drop_fd = place_dir(&p, "drop");
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	(void)close(drop_fd);
	place_close(&p);
	return 0;
}

static void
letter(const char *from, const char *rcpts)
{
	struct envelope env;
	place_envelope(&env, from, rcpts);
	place_letter(&p, &env, MESSAGE);
}

static void
deliver(const char *domain, const uint32_t *rcpts, size_t n, struct status *st)
{
	const struct domain *d = table_find(p.c->table, domain, strlen(domain));
	assert_non_null(d);
	drop_deliver(p.c, d, &p.batch, &p.entry, &p.env, p.id, rcpts, n, st);
}

static void
assert_status(const struct status *st, enum verdict v, const char *enhanced)
{
	if (st->verdict != v || strcmp(st->enhanced, enhanced) != 0)
		fail_msg("%s %s %s", verdict_name(st->verdict), st->enhanced,
		    st->text);
}

static char *
stem_file(const char *tail)
{
	char name[NAME_MAX + 1];
	(void)snprintf(name, sizeof(name), "%s%s.eml", p.id, tail);
	return place_file(drop_fd, name);
}

/* --- the drop directory --- */

static void
test_A3_x_lines_then_the_message(void **state)
{
	(void)state;
	uint32_t all[] = {0, 1};
	struct status st[2];
	letter("a@example.net", "u@example.com \"v(w\"@example.com");
	deliver("example.com", all, 2, st);
	assert_status(&st[0], DONE, "2.0.0");
	assert_status(&st[1], DONE, "2.0.0");
	char *text = stem_file("");
	assert_string_equal(text,
	    "x-sender: a@example.net\r\n"
	    "x-receiver: u@example.com\r\n"
	    "x-receiver: \"v(w\"@example.com\r\n" MESSAGE);
	free(text);
	assert_int_equal(directory_count(drop_fd), 1);
}

static void
test_null_sender(void **state)
{
	(void)state;
	uint32_t all[] = {0};
	struct status st;
	letter("", "u@example.com");
	deliver("example.com", all, 1, &st);
	char *text = stem_file("");
	assert_has(text, "x-sender: <>\r\nx-receiver: u@example.com\r\nRec");
	free(text);
}

static void
test_only_these_recipients(void **state)
{
	(void)state;
	uint32_t second[] = {1};
	struct status st;
	letter("a@example.net", "u@remote.test v@example.com w@example.com");
	deliver("example.com", second, 1, &st);
	char *text = stem_file("");
	assert_has(text, "x-receiver: v@example.com\r\nReceived:");
	free(text);
}

static void
test_A39_again_replaces(void **state)
{
	(void)state;
	uint32_t all[] = {0};
	struct status st;
	letter("a@example.net", "u@example.com");
	for (int i = 0; i < 3; i++) {
		deliver("example.com", all, 1, &st);
		assert_status(&st, DONE, "2.0.0");
		assert_int_equal(directory_count(drop_fd), 1);
	}
}

/* Two local domains come in two steps: the second must not replace the
 * first, and each is repeated in place. */
static void
test_steps_for_other_recipients_are_other_files(void **state)
{
	(void)state;
	uint32_t first[] = {0, 2}, second[] = {1};
	struct status st[2];
	letter("a@example.net", "u@example.com v@example.org w@example.com");
	for (int i = 0; i < 2; i++) {
		deliver("example.com", first, 2, st);
		deliver("example.org", second, 1, st);
		assert_int_equal(directory_count(drop_fd), 2);
	}
	char *text = stem_file("");
	assert_has(text, "x-receiver: u@example.com\r\n"
			 "x-receiver: w@example.com\r\nReceived");
	free(text);
	text = stem_file("-2");
	assert_has(text, "x-receiver: v@example.org\r\nReceived");
	free(text);
}

/* The head of the one file is the start of the other's. */
static void
test_a_part_of_the_recipients_is_another_file(void **state)
{
	(void)state;
	uint32_t both[] = {0, 1}, one[] = {0};
	struct status st[2];
	letter("a@example.net", "u@example.com v@example.com");
	deliver("example.com", both, 2, st);
	deliver("example.com", one, 1, st);
	char *text = stem_file("");
	assert_has(text, "x-receiver: v@example.com\r\nReceived");
	free(text);
	text = stem_file("-1");
	assert_has(text, "x-receiver: u@example.com\r\nReceived");
	free(text);
}

static void
test_large_message_streams(void **state)
{
	(void)state;
	uint32_t all[] = {0};
	struct status st;
	struct envelope env;
	char *body = letter_body(3 * 1024 * 1024 + 17, 3);
	place_envelope(&env, "a@example.net", "u@example.com");
	place_letter(&p, &env, body);
	deliver("example.com", all, 1, &st);
	char *text = stem_file("");
	assert_string_equal(
	    strstr(text, "x-receiver: u@example.com\r\n") + 27, body);
	free(text);
	free(body);
}

static void
test_leftover_temporary_is_replaced(void **state)
{
	(void)state;
	uint32_t all[] = {0};
	struct status st;
	char name[NAME_MAX + 1];
	letter("a@example.net", "u@example.com");
	(void)snprintf(name, sizeof(name), ".%s.tmp", p.id);
	file_write(drop_fd, name, "torn and much longer than the letter", 36);
	deliver("example.com", all, 1, &st);
	assert_status(&st, DONE, "2.0.0");
	assert_int_equal(directory_count(drop_fd), 1);
}

static void
test_A48_quota(void **state)
{
	(void)state;
	uint32_t all[] = {0};
	struct status st;
	place_conf(&p,
	    "pickup { directory = \"@PLACE@/pickup\" }\n"
	    "drop { directory = \"@PLACE@/drop\" quota = \"1K\" }\n");
	char *body = letter_body(900, 1);
	file_write(drop_fd, "other.eml", body, 900);
	free(body);
	letter("a@example.net", "u@example.com");
	deliver("example.com", all, 1, &st);
	assert_status(&st, LATER, "4.2.2");
	assert_int_equal(st.code, 452);
	assert_int_equal(directory_count(drop_fd), 1);
	assert_int_equal(unlinkat(drop_fd, "other.eml", 0), 0);
	deliver("example.com", all, 1, &st);
	assert_status(&st, DONE, "2.0.0");
}

static void
test_missing_directory_of_ours_is_made(void **state)
{
	(void)state;
	uint32_t all[] = {0};
	struct status st;
	struct stat sb;
	char *path = place_path(&p, "drop");
	letter("a@example.net", "u@example.com");
	assert_int_equal(rmdir(path), 0);
	deliver("example.com", all, 1, &st);
	assert_status(&st, DONE, "2.0.0");
	assert_int_equal(stat(path, &sb), 0);
	assert_int_equal(sb.st_mode & 07777, 0750);
	free(path);
}

static void
test_R8_missing_directory_is_temporary(void **state)
{
	(void)state;
	uint32_t all[] = {0, 1};
	struct status st[2];
	char *path = place_path(&p, "elsewhere");
	letter("a@example.net", "u@example.com v@example.com");
	free(p.c->drop.directory);
	p.c->drop.directory = place_path(&p, "elsewhere");
	deliver("example.com", all, 2, st);
	assert_status(&st[0], LATER, "4.3.0");
	assert_status(&st[1], LATER, "4.3.0");
	assert_int_equal(mkdir(path, 0755), 0);
	deliver("example.com", all, 2, st);
	assert_status(&st[1], DONE, "2.0.0");
	free(path);
}

static void
test_I01_full_disk_leaves_nothing(void **state)
{
	(void)state;
	uint32_t all[] = {0};
	struct status st;
	struct envelope env;
	char *path = place_path(&p, "drop");
	if (mount("tmpfs", path, "tmpfs", 0, "size=64k") != 0) {
		free(path);
		skip();
	}
	int full_fd = open(path, O_RDONLY | O_DIRECTORY);
	char *body = letter_body(512 * 1024, 3);
	place_envelope(&env, "a@example.net", "u@example.com");
	place_letter(&p, &env, body);
	deliver("example.com", all, 1, &st);
	int left = directory_count(full_fd);
	(void)close(full_fd);
	assert_int_equal(umount(path), 0);
	assert_status(&st, LATER, "4.3.1");
	assert_int_equal(left, 0);
	free(body);
	free(path);
}

static void
test_I15_broken_queue_file_is_not_delivered(void **state)
{
	(void)state;
	uint32_t all[] = {0};
	struct status st;
	letter("a@example.net", "u@example.com");
	int fd = openat(p.sp.s.new_fd, p.id, O_WRONLY);
	assert_int_equal(
	    io_pwrite(fd, "!", 1, (off_t)p.entry.data_offset + 9), 0);
	(void)close(fd);
	place_load(&p, p.id); /* the start of a file is kept in memory */
	deliver("example.com", all, 1, &st);
	assert_status(&st, LATER, "4.3.0");
	assert_int_equal(directory_count(drop_fd), 0);
}

/* --- maildirs --- */

static void
maildir(const char *name)
{
	char path[512];
	(void)close(place_dir(&p, name));
	static const char *const parts[] = {"tmp", "new", "cur"};
	for (int i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", name, parts[i]);
		(void)close(place_dir(&p, path));
	}
}

static void
maildir_table(const char *template)
{
	char text[1024];
	(void)snprintf(text, sizeof(text),
	    "maild.test local default maildir=%s%s\nalias.test alias\n",
	    p.sp.path, template);
	place_text(&p, "domains", text);
	place_conf(&p, PLACE_DIRECTORIES);
	(void)close(place_dir(&p, "mail"));
}

static void
test_maildir_file(void **state)
{
	(void)state;
	uint32_t all[] = {0};
	struct status st;
	char name[NAME_MAX + 1];
	maildir_table("/mail/%u");
	maildir("mail/Joe");
	letter("a@example.net", "Joe@maild.test");
	for (int i = 0; i < 2; i++)
		deliver("maild.test", all, 1, &st);
	assert_status(&st, DONE, "2.0.0");
	int new_fd = place_dir(&p, "mail/Joe/new");
	int tmp_fd = place_dir(&p, "mail/Joe/tmp");
	assert_int_equal(place_names(new_fd, "", name), 1);
	assert_int_equal(directory_count(tmp_fd), 0);
	assert_has(name, p.id);
	assert_null(strchr(name, ':'));
	char *text = place_file(new_fd, name);
	assert_string_equal(text, "Return-Path: <a@example.net>\n"
				  "Delivered-To: Joe@maild.test\n"
				  "Received: by relay.example.com id X; now\n"
				  "From: a@example.net\nSubject: x\n\n.\n..\n");
	free(text);
	(void)close(new_fd);
	(void)close(tmp_fd);
}

static void
test_maildir_names_are_lower_case_domains(void **state)
{
	(void)state;
	uint32_t all[] = {0, 1};
	struct status st[2];
	maildir_table("/mail/%d/%u");
	(void)close(place_dir(&p, "mail/maild.test"));
	maildir("mail/maild.test/joe");
	letter("a@example.net", "joe@MAILD.Test joe@alias.test");
	deliver("maild.test", all, 2, st);
	assert_status(&st[0], DONE, "2.0.0");
	assert_status(&st[1], DONE, "2.0.0");
	int new_fd = place_dir(&p, "mail/maild.test/joe/new");
	assert_int_equal(place_names(new_fd, "", NULL), 2);
	(void)close(new_fd);
}

/* What a caller that knows the alias entry gets. */
static void
test_maildir_alias_entry(void **state)
{
	(void)state;
	uint32_t all[] = {0};
	struct status st;
	maildir_table("/mail/%d-%u");
	maildir("mail/maild.test-joe");
	letter("a@example.net", "joe@alias.test");
	deliver("alias.test", all, 1, &st);
	assert_status(&st, DONE, "2.0.0");
}

static void
test_maildir_refusals(void **state)
{
	(void)state;
	static const struct {
		const char *rcpt;
		enum verdict verdict;
		const char *enhanced;
	} cases[] = {
	    {"\"a/b\"@maild.test", NEVER, "5.1.3"},
	    {"\"../joe\"@maild.test", NEVER, "5.1.3"},
	    {"\"..\"@maild.test", NEVER, "5.1.3"},
	    {"\".\"@maild.test", NEVER, "5.1.3"},
	    {"\".hidden\"@maild.test", NEVER, "5.1.3"},
	    {"\"\"@maild.test", NEVER, "5.1.3"},
	    {"nobody@maild.test", NEVER, "5.1.1"},
	    {"file@maild.test", LATER, "4.3.0"},
	    {"hollow@maild.test", LATER, "4.3.0"},
	    {"linked@maild.test", LATER, "4.3.0"},
	    {"joe@maild.test", DONE, "2.0.0"},
	};
	enum { N = sizeof(cases) / sizeof(cases[0]) };
	uint32_t all[N];
	struct status st[N];
	char rcpts[1024] = "";
	maildir_table("/mail/%u");
	maildir("mail/joe");
	place_text(&p, "mail/file", "");
	(void)close(place_dir(&p, "mail/hollow"));
	(void)close(place_dir(&p, "mail/linked"));
	(void)close(place_dir(&p, "mail/linked/tmp"));
	char *path = place_path(&p, "mail/linked/new");
	assert_int_equal(symlink("../joe/new", path), 0);
	free(path);
	for (uint32_t i = 0; i < N; i++) {
		size_t len = strlen(rcpts);
		(void)snprintf(rcpts + len, sizeof(rcpts) - len, "%s%s",
		    i > 0 ? " " : "", cases[i].rcpt);
		all[i] = i;
	}
	letter("a@example.net", rcpts);
	deliver("maild.test", all, N, st);
	for (uint32_t i = 0; i < N; i++)
		if (st[i].verdict != cases[i].verdict ||
		    strcmp(st[i].enhanced, cases[i].enhanced) != 0)
			fail_msg("%s: %s %s %s", cases[i].rcpt,
			    verdict_name(st[i].verdict), st[i].enhanced,
			    st[i].text);
	int fd = place_dir(&p, "mail/joe/new");
	assert_int_equal(place_names(fd, "", NULL), 1);
	(void)close(fd);
}

/* An unmounted /var/mail must not bounce everybody's mail. */
static void
test_R8_maildir_without_its_holder(void **state)
{
	(void)state;
	uint32_t all[] = {0};
	struct status st;
	maildir_table("/mail/%d/%u/Maildir");
	letter("a@example.net", "joe@maild.test");
	deliver("maild.test", all, 1, &st);
	assert_status(&st, LATER, "4.3.0");
	(void)close(place_dir(&p, "mail/maild.test"));
	deliver("maild.test", all, 1, &st);
	assert_status(&st, NEVER, "5.1.1");
}

static void
test_maildir_path(void **state)
{
	(void)state;
	static const struct {
		const char *template, *want;
	} cases[] = {
	    {"/m/%d/%u", "/m/d.test/joe"},
	    {"/m/%u%%%d%", "/m/joe%d.test%"},
	    {"/m/%x/%", "/m/%x/%"},
	    {"/plain", "/plain"},
	    {"", ""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out;
		buf_init(&out, 64);
		assert_int_equal(maildir_path(&out, cases[i].template, SIZE_MAX,
				     "d.test", "joe"),
		    0);
		assert_string_equal(buf_str(&out), cases[i].want);
		buf_free(&out);
	}
	struct buf small;
	buf_init(&small, 8);
	assert_int_equal(
	    maildir_path(&small, "/m/%d", SIZE_MAX, "d.test", "joe"), -1);
	buf_free(&small);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_A3_x_lines_then_the_message),
	    TEST(test_null_sender),
	    TEST(test_only_these_recipients),
	    TEST(test_A39_again_replaces),
	    TEST(test_steps_for_other_recipients_are_other_files),
	    TEST(test_a_part_of_the_recipients_is_another_file),
	    TEST(test_large_message_streams),
	    TEST(test_leftover_temporary_is_replaced),
	    TEST(test_A48_quota),
	    TEST(test_missing_directory_of_ours_is_made),
	    TEST(test_R8_missing_directory_is_temporary),
	    TEST(test_I01_full_disk_leaves_nothing),
	    TEST(test_I15_broken_queue_file_is_not_delivered),
	    TEST(test_maildir_file),
	    TEST(test_maildir_names_are_lower_case_domains),
	    TEST(test_maildir_alias_entry),
	    TEST(test_maildir_refusals),
	    TEST(test_R8_maildir_without_its_holder),
	    TEST(test_maildir_path),
	};
	log_level(LOG_CRIT);
	return cmocka_run_group_tests_name("drop", tests, NULL, NULL);
}

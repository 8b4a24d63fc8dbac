/* SPDX-License-Identifier: ISC */
/*
 * submit/submit.h, SUBMIT_HOLD: a letter that is handed on is octet by octet
 * the one that would have been queued, without Received; and recipients that
 * aliases bring together get one copy.
 */
#include "base/log.h"
#include "spool.h"
#include "submit/submit.h"

static struct conf conf = {.hostname = "h.example.com",
    .origin = "example.com",
    .max_hops = 30,
    .limits.message_size = 1024 * 1024};

static struct submit *
start(struct store *store, unsigned flags, const struct address *from)
{
	struct submit_options o = {.conf = &conf,
	    .store = store,
	    .flags = flags,
	    .from = from,
	    .full_name = "A B",
	    .source = "test uid=1"};
	return submit_new(&o);
}

static char *
joined(const struct submit_letter *l)
{
	char *all = alloc_zero(l->head_len + l->body_len + 1, 1);
	memcpy(all, l->head, l->head_len);
	memcpy(all + l->head_len, l->body, l->body_len);
	return all;
}

static void
feed(struct submit *s, const char *in, size_t len)
{
	struct address to = letter_address("x@y");
	struct status st;
	assert_int_equal(submit_rcpt(s, &to, &st), 0);
	assert_int_equal(submit_feed(s, in, len, &st), 0);
}

static void
test_parts(void **state)
{
	static const char in[] = "Subject: s\nBcc: b@c\nDate: d\n"
				 "Message-ID: <m>\n\n.dot\n\xe4\n";
	static const char out[] = "Subject: s\r\nDate: d\r\nMessage-ID: <m>\r\n"
				  "From: A B <f@g>\r\n\r\n.dot\r\n\xe4\r\n";
	struct address from = letter_address("f@g");
	struct submit_letter l;
	struct status st;
	struct submit *s = start(
	    NULL, SUBMIT_HOLD | SUBMIT_COMPLETE | SUBMIT_HEADER_RCPTS, &from);
	(void)state;
	feed(s, in, sizeof(in) - 1);
	assert_int_equal(submit_seal(s, &st), 0);
	submit_letter(s, &l);
	char *all = joined(&l);
	assert_string_equal(all, out);
	assert_int_equal(l.envelope->nrcpts, 2);
	assert_string_equal(l.envelope->rcpts[1].addr.text, "b@c");
	assert_string_equal(l.envelope->from.text, "f@g");
	assert_true(l.envelope->eight_bit);
	free(all);
	submit_free(s);
}

static void
test_completed(void **state)
{
	struct address from = letter_address("f@g");
	struct submit_letter l;
	struct status st;
	struct submit *s = start(NULL, SUBMIT_HOLD | SUBMIT_COMPLETE, &from);
	(void)state;
	feed(s, "hello\n", 6);
	assert_int_equal(submit_seal(s, &st), 0);
	submit_letter(s, &l);
	assert_null(strstr(l.head, "Received:"));
	assert_non_null(strstr(l.head, "\r\nDate: "));
	assert_non_null(strstr(l.head, "\r\nMessage-ID: <"));
	assert_non_null(strstr(l.head, "@h.example.com>\r\n\r\n"));
	assert_string_equal(l.body, "hello\r\n");
	assert_false(l.envelope->eight_bit);
	submit_free(s);
}

/* A large one stays in memory, whole, and is no other than the queued. */
static void
test_large(void **state)
{
	const size_t size = 700 * 1024;
	static const char head[] = "Subject: s\r\nFrom: a@b\r\nDate: d\r\n"
				   "Message-ID: <m>\r\n\r\n";
	struct address from = letter_address("f@g");
	struct submit_letter l;
	struct status st;
	struct submit *s = start(NULL, SUBMIT_HOLD | SUBMIT_COMPLETE, &from);
	char *body = letter_body(size, 1);
	(void)state;
	feed(s, head, sizeof(head) - 1);
	assert_int_equal(submit_feed(s, body, size, &st), 0);
	assert_int_equal(submit_seal(s, &st), 0);
	submit_letter(s, &l);
	assert_int_equal(l.body_len, size);
	assert_memory_equal(l.body, body, size);
	assert_string_equal(l.head, head);
	free(body);
	submit_free(s);
}

static void
test_limit(void **state)
{
	const size_t size = 1024 * 1024 + 1;
	struct address from = letter_address("f@g");
	struct status st;
	struct submit *s = start(NULL, SUBMIT_HOLD | SUBMIT_COMPLETE, &from);
	char *body = letter_body(size, 1);
	(void)state;
	feed(s, "\n", 1);
	assert_int_equal(submit_feed(s, body, size, &st), -1);
	assert_int_equal(st.code, 552);
	free(body);
	submit_free(s);
}

/* --- wishes --- */

struct meeting {
	unsigned notify[3];
	const char *orcpt[3];
	size_t copies;
};

/* Three names of one mailbox, as RCPT said them. */
static void
test_aliases_that_meet(void **state)
{
	static const struct meeting all[] = {
	    {{0, 0, 0}, {NULL, NULL, NULL}, 1},
	    {{NOTIFY_NEVER, NOTIFY_NEVER, NOTIFY_NEVER}, {"", NULL, ""}, 1},
	    {{0, NOTIFY_NEVER, 0}, {NULL, NULL, NULL}, 3},
	    {{0, 0, 0}, {NULL, "rfc822;b@example.com", NULL}, 3},
	};
	static const char *const names[] = {
	    "one@example.com", "two@example.com", "x@y"};
	struct spool sp;
	char path[300];
	(void)state;
	spool_open(&sp);
	(void)snprintf(path, sizeof(path), "%s/aliases", sp.path);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	(void)fputs("one: x@y\ntwo: x@y\n", f);
	assert_int_equal(fclose(f), 0);
	struct faults faults;
	faults_init(&faults);
	struct alias *aliases = alias_load(path, &faults);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct address from = letter_address("f@g");
		struct status st;
		struct submit_options o = {.conf = &conf,
		    .store = &sp.s,
		    .aliases = aliases,
		    .flags = SUBMIT_RELAY,
		    .from = &from};
		struct submit *s = submit_new(&o);
		for (size_t k = 0; k < 3; k++) {
			struct address to = letter_address(names[k]);
			assert_int_equal(
			    submit_rcpt_dsn(
				s, &to, all[i].notify[k], all[i].orcpt[k], &st),
			    0);
		}
		assert_int_equal(submit_seal(s, &st), 0);
		assert_int_equal(submit_rcpts(s), all[i].copies);
		submit_free(s);
	}
	alias_free(aliases);
	faults_free(&faults);
	spool_close(&sp);
}

/* --- the door --- */

static void
test_writable(void **state)
{
	struct spool sp;
	(void)state;
	spool_open(&sp);
	assert_int_equal(store_writable(&sp.s), 0);
	if (geteuid() != 0) { /* root may always */
		assert_int_equal(fchmod(sp.s.new_fd, 0500), 0);
		assert_int_equal(store_writable(&sp.s), -1);
		assert_int_equal(errno, EACCES);
		assert_int_equal(fchmod(sp.s.new_fd, 0700), 0);
	}
	spool_close(&sp);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parts),
	    cmocka_unit_test(test_completed),
	    cmocka_unit_test(test_large),
	    cmocka_unit_test(test_limit),
	    cmocka_unit_test(test_aliases_that_meet),
	    cmocka_unit_test(test_writable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

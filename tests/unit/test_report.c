/* SPDX-License-Identifier: ISC */
/*
 * deliver/report.h and report_text.h: who gets a report, what stands in it,
 * and that nothing which a peer or a user wrote breaks its form.  With
 * REPORT_DIRECTORY set each report is written there, too, for the parsers of
 * tests/e2e/40-report.sh.
 */
#include "deliver/report.h"

#include "place.h"

#include "base/clock.h"
#include "deliver/report_text.h"
#include "mail/stamp.h"

#define HEADER                                         \
	"Received: by relay.example.com id X; now\r\n" \
	"From: a@example.org\r\nSubject: original\r\n" \
	"Message-ID: <original@example.org>\r\n"
#define MESSAGE HEADER "\r\nthe body\r\n"

static struct place p;
static int new_fd, bad_fd;
static char original[BATCH_ID_LEN + 1];

static int
set_up(void **state)
{
	(void)state;
	place_open(&p, "example.com local default\n", PLACE_DIRECTORIES);
	new_fd = p.sp.s.new_fd;
	bad_fd = place_dir(&p, "badmail");
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	(void)close(bad_fd);
	place_close(&p);
	return 0;
}

static void
queue(struct envelope *env, const char *text)
{
	place_letter(&p, env, text);
	memcpy(original, p.id, BATCH_ID_LEN);
}

static void
letter(const char *from, const char *rcpts, const char *text)
{
	struct envelope env;
	place_envelope(&env, from, rcpts);
	queue(&env, text);
}

static void
set_status(struct status *st, const char *enhanced, int code, const char *text)
{
	status_set(st, NEVER, code, enhanced, "%s", text);
}

/* Report on all recipients with one status. */
static int
report_all(
    enum report_action action, const struct status *st, const char *remote)
{
	size_t n = p.env.nrcpts;
	struct report_rcpt *v = calloc(n, sizeof(*v));
	for (size_t i = 0; i < n; i++)
		v[i] = (struct report_rcpt){.rcpt = (uint32_t)i,
		    .status = st,
		    .remote = remote,
		    .at_ms = clock_wall_ms()};
	int rc = report_send(
	    p.c, &p.sp.s, &p.batch, &p.entry, &p.env, p.id, action, v, n);
	free(v);
	return rc;
}

static int
report_refused(void)
{
	struct status st;
	set_status(&st, "5.1.1", 550, "no such user");
	return report_all(REPORT_FAILED, &st, "mx.example.net");
}

/* Batches beside the original one. */
static int
reports(void)
{
	return directory_count(new_fd) - 1;
}

/* Load the only report; its text, to be freed. */
static char *
report_read(const char *name)
{
	char batch[NAME_MAX + 1];
	DIR *dir = fdopendir(openat(new_fd, ".", O_RDONLY | O_DIRECTORY));
	assert_non_null(dir);
	for (const struct dirent *e; (e = readdir(dir)) != NULL;)
		if (e->d_name[0] != '.' && strcmp(e->d_name, original) != 0)
			(void)snprintf(batch, sizeof(batch), "%s", e->d_name);
	(void)closedir(dir);
	assert_int_equal(reports(), 1);
	place_load(&p, batch);
	char *text = place_message(&p);
	const char *where = getenv("REPORT_DIRECTORY");
	if (where != NULL) {
		char path[512];
		(void)snprintf(path, sizeof(path), "%s/%s.eml", where, name);
		file_write(AT_FDCWD, path, text, strlen(text));
	}
	return text;
}

/* --- its form --- */

static void
assert_lines(const char *text)
{
	size_t line = 0;
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '\n') {
			assert_true(c > text && c[-1] == '\r');
			line = 0;
			continue;
		}
		assert_true(*c != '\r' || c[1] == '\n');
		assert_true(
		    *c == '\r' || *c == '\t' || (unsigned char)*c >= 0x20);
		assert_true(++line <= LINE_MAX_TEXT + 1);
	}
	assert_int_equal(line, 0);
}

/* The boundary's lines: three parts and an end. */
static void
assert_frame(const char *text, int parts)
{
	char boundary[128], line[160];
	const char *at = strstr(text, "boundary=\"");
	assert_non_null(at);
	(void)snprintf(boundary, sizeof(boundary), "%.*s",
	    (int)strcspn(at + 10, "\""), at + 10);
	int n = 0;
	(void)snprintf(line, sizeof(line), "\r\n--%s\r\n", boundary);
	for (at = text; (at = strstr(at, line)) != NULL; at++)
		n++;
	assert_int_equal(n, parts);
	(void)snprintf(line, sizeof(line), "\r\n--%s--\r\n", boundary);
	at = strstr(text, line);
	assert_non_null(at);
	assert_string_equal(at, line);
}

static void
test_A46_failure(void **state)
{
	(void)state;
	letter("a@example.org", "u@example.net", MESSAGE);
	assert_int_equal(report_refused(), 0);
	char *text = report_read("failure");
	assert_true(address_is_null(&p.env.from));
	assert_int_equal(p.env.nrcpts, 1);
	assert_string_equal(p.env.rcpts[0].addr.text, "a@example.org");
	assert_int_equal(p.env.rcpts[0].notify, NOTIFY_NEVER);
	assert_lines(text);
	assert_frame(text, 3);
	static const char *const parts[] = {
	    "From: Mail Delivery System <postmaster@example.com>\r\n",
	    "To: <a@example.org>\r\n",
	    "Auto-Submitted: auto-replied\r\n",
	    "MIME-Version: 1.0\r\n",
	    "\r\nMessage-ID: <",
	    "\r\nDate: ",
	    "Content-Type: multipart/report; report-type=delivery-status;\r\n",
	    "\r\n<u@example.net>\r\n",
	    "mx.example.net said: 550 no such user\r\n",
	    "There is no such address there.",
	    "Reporting-MTA: dns; relay.example.com\r\n",
	    "\r\n\r\nFinal-Recipient: rfc822;u@example.net\r\n"
	    "Action: failed\r\nStatus: 5.1.1\r\n"
	    "Remote-MTA: dns; mx.example.net\r\n"
	    "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n"
	    "Last-Attempt-Date: ",
	    "Content-Type: message/rfc822\r\n",
	    MESSAGE,
	};
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		assert_has(text, parts[i]);
	assert_has_not(text, "Will-Retry-Until");
	assert_has_not(text, "Original-Envelope-Id");
	assert_has_not(text, "Original-Recipient");
	free(text);
	assert_int_equal(directory_count(bad_fd), 0);
}

static void
test_A46_delay(void **state)
{
	(void)state;
	struct status st;
	struct envelope env;
	char date[STAMP_DATE_MAX], want[128];
	place_envelope(&env, "a@example.org", "u@example.net");
	env.arrived_ms = clock_wall_ms() - 12 * 3600 * 1000;
	int64_t until = env.arrived_ms + p.c->queue.expire_ms;
	queue(&env, MESSAGE);
	status_set(&st, LATER, 0, "4.4.1", "cannot connect");
	assert_int_equal(report_all(REPORT_DELAYED, &st, NULL), 0);
	char *text = report_read("delay");
	assert_frame(text, 3);
	assert_has(text, "Action: delayed\r\nStatus: 4.4.1\r\n"
			 "Diagnostic-Code: X-Waypost; cannot connect\r\n");
	stamp_date(date, until);
	(void)snprintf(want, sizeof(want), "Will-Retry-Until: %s\r\n", date);
	assert_has(text, want);
	assert_has(text, "NEED NOT SEND IT");
	assert_has(text, "Content-Type: text/rfc822-headers\r\n");
	assert_has(text, HEADER);
	assert_has_not(text, "the body");
	assert_has_not(text, "Remote-MTA");
	free(text);
}

static void
test_envid_and_orcpt_are_decoded(void **state)
{
	(void)state;
	struct envelope env;
	place_envelope(&env, "a@example.org", "u@example.net v@example.net");
	env.envid = strdup("QQ+2B314+3D");
	env.rcpts[0].orcpt = strdup("rfc822;Al+2Bias+40example.net");
	queue(&env, MESSAGE);
	assert_int_equal(report_refused(), 0);
	char *text = report_read("envid");
	assert_lines(text);
	assert_has(text, "Original-Envelope-Id: QQ+314=\r\n");
	assert_has(text, "Original-Recipient: rfc822;Al+ias@example.net\r\n"
			 "Final-Recipient: rfc822;u@example.net\r\n");
	free(text);
}

static void
test_8bit_original(void **state)
{
	(void)state;
	letter("a@example.org", "u@example.net", HEADER "\r\nbl\xc3\xa4\r\n");
	assert_int_equal(report_refused(), 0);
	char *text = report_read("8bit");
	assert_frame(text, 3);
	assert_has(text, "Content-Transfer-Encoding: 8bit\r\n\r\nThis is a");
	assert_has(text, "Content-Type: message/rfc822\r\n"
			 "Content-Transfer-Encoding: 8bit\r\n");
	assert_has(text, "bl\xc3\xa4\r\n");
	assert_true(p.env.eight_bit);
	free(text);
}

static void
test_smtputf8_original(void **state)
{
	(void)state;
	letter("a@example.org", "j\xc3\xb6@example.net", MESSAGE);
	assert_int_equal(report_refused(), 0);
	char *text = report_read("utf8");
	assert_lines(text);
	assert_has(text, "Content-Type: message/global-delivery-status\r\n"
			 "Content-Transfer-Encoding: 8bit\r\n");
	assert_has(text, "Final-Recipient: utf-8;j\xc3\xb6@example.net\r\n");
	assert_has(text, "Content-Type: message/global\r\n");
	free(text);
}

static void
test_ret_hdrs(void **state)
{
	(void)state;
	struct envelope env;
	place_envelope(&env, "a@example.org", "u@example.net");
	env.ret = RET_HDRS;
	queue(&env, MESSAGE);
	assert_int_equal(report_refused(), 0);
	char *text = report_read("hdrs");
	assert_has(text, "Content-Type: text/rfc822-headers\r\n");
	assert_has_not(text, "the body");
	free(text);
}

static void
test_K31_large_message_by_its_header(void **state)
{
	(void)state;
	struct envelope env;
	size_t size = 10 * 1000 * 1000;
	char *body = letter_body(size, 5);
	memcpy(body, HEADER "\r\n", strlen(HEADER) + 2);
	place_envelope(&env, "a@example.org", "u@example.net");
	env.ret = RET_FULL;
	queue(&env, body);
	free(body);
	assert_int_equal(report_refused(), 0);
	char *text = report_read("large");
	assert_true(strlen(text) < 8192);
	assert_has(text, "Content-Type: text/rfc822-headers\r\n");
	assert_has(text, HEADER "\r\n--report-");
	free(text);
}

/* A header section without end: cut, and so is each line of it. */
static void
test_K31_endless_header(void **state)
{
	(void)state;
	size_t size = 300 * 1000;
	char *text = malloc(size + 1);
	memset(text, 'x', size);
	memcpy(text, "Subject: ", 9);
	memcpy(text + 150000, "\r\nTo: ", 6);
	memcpy(text + size - 2, "\r\n", 3);
	letter("a@example.org", "u@example.net", text);
	free(text);
	assert_int_equal(report_refused(), 0);
	text = report_read("endless");
	assert_lines(text);
	assert_frame(text, 3);
	assert_true(strlen(text) < 8192);
	free(text);
}

static void
test_long_lines_are_not_returned(void **state)
{
	(void)state;
	char text[4000];
	(void)snprintf(text, sizeof(text), "%s\r\n%03000d\r\n", HEADER, 7);
	letter("a@example.org", "u@example.net", text);
	assert_int_equal(report_refused(), 0);
	char *report = report_read("longlines");
	assert_lines(report);
	assert_has(report, "text/rfc822-headers");
	free(report);
}

/* No blank line, no body, no header: each in a frame that holds. */
static void
test_odd_originals(void **state)
{
	(void)state;
	static const char *const texts[] = {"\r\n", "Subject: x\r\n",
	    "no field at all\r\n\r\n", "A: b\r\nno field\r\n",
	    "A: b\r\n\r\n--report-x\r\n--report---\r\n"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		letter("a@example.org", "u@example.net", texts[i]);
		assert_int_equal(report_refused(), 0);
		char name[32];
		(void)snprintf(name, sizeof(name), "odd%zu", i);
		char *text = report_read(name);
		assert_lines(text);
		assert_frame(text, 3);
		assert_has(text, texts[i]);
		free(text);
		assert_int_equal(store_remove(&p.sp.s, original), 0);
		assert_int_equal(store_remove(&p.sp.s, p.id), 0);
	}
}

/* --- K21: hostile replies --- */

static void
test_K21_hostile_statuses(void **state)
{
	(void)state;
	static const char *const texts[] = {
	    "",
	    " ",
	    "\r\nBcc: evil@example.net\r\n\r\n--report-",
	    "\x1b[2J\x1b]0;owned\x07; rm -rf / `id` $(id)",
	    "%s%n%s%n",
	    "END 00000001 0000000000000000 00000000",
	    "\xff\xfe\xc3\x28\x80",
	    "5.1.1 5.1.1 5.1.1",
	};
	static const char *const remotes[] = {
	    "", "\r\nX: y", "[192.0.2.1]", "\xc3\xb6.example", "a b\tc"};
	struct envelope env;
	char big[2000];
	memset(big, 'w', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	enum { T = sizeof(texts) / sizeof(texts[0]) + 1, R = 5 };
	struct status st[T];
	struct report_rcpt v[T * R];
	place_envelope(&env, "a@example.org", "");
	for (uint32_t i = 0; i < T * R; i++) {
		char text[64];
		(void)snprintf(text, sizeof(text), "u%u@example.net", i);
		struct address a = letter_address(text);
		assert_int_equal(envelope_add(&env, &a, 0, NULL), 0);
		set_status(&st[i % T], "5.1.1", 550,
		    i % T == T - 1 ? big : texts[i % T]);
		v[i] = (struct report_rcpt){.rcpt = i,
		    .status = &st[i % T],
		    .remote = remotes[i / T],
		    .at_ms = 1};
	}
	queue(&env, MESSAGE);
	assert_int_equal(report_send(p.c, &p.sp.s, &p.batch, &p.entry, &p.env,
			     p.id, REPORT_FAILED, v, T * R),
	    0);
	char *text = report_read("hostile");
	assert_lines(text);
	assert_frame(text, 3);
	assert_has_not(text, "\nBcc:");
	assert_has_not(text, "\nX: y");
	assert_has_not(text, "\nEND 0");
	free(text);
}

/* Text that nobody cleaned before, in each place that takes one. */
static void
test_K21_raw_text(void **state)
{
	(void)state;
	struct status st = {.verdict = NEVER, .code = 550};
	struct buf out;
	letter("a@example.org", "u@example.net", MESSAGE);
	(void)snprintf(st.enhanced, sizeof(st.enhanced), "5.1\r\nX: y");
	memset(st.text, 'x', STATUS_TEXT_MAX);
	memcpy(st.text + 10, "\r\n\r\nY: z\r\n\x1b", 11);
	struct report_rcpt v = {.status = &st, .remote = "h\r\nZ: a"};
	struct report_text r = {.conf = p.c,
	    .env = &p.env,
	    .id = "ID",
	    .v = &v,
	    .n = 1,
	    .own_id = "OWN",
	    .boundary = "B"};
	buf_init(&out, 65536);
	report_status_rcpt(&out, &r, &v);
	assert_lines(buf_str(&out));
	assert_has_not(buf_str(&out), "\nX: y");
	assert_has_not(buf_str(&out), "\nY: z");
	assert_has_not(buf_str(&out), "\nZ: a");
	buf_free(&out);
}

static void
test_fold(void **state)
{
	(void)state;
	struct buf out;
	buf_init(&out, 65536);
	report_fold(&out, "", "  ", 0, false);
	report_fold(&out, "  a  b ", "  ", 0, false);
	report_fold(&out, "0123456789 123456789 123456789", "  ", 60, false);
	report_fold(&out, "\xc3\xb6\r\n", "  ", 0, true);
	assert_string_equal(buf_str(&out),
	    "\r\n a b\r\n0123456789\r\n  123456789 123456789\r\n"
	    "\xc3\xb6??\r\n");
	buf_free(&out);
}

/* --- who gets one --- */

static void
test_notify(void **state)
{
	(void)state;
	static const struct {
		unsigned notify;
		int failed, delayed, success, expanded;
	} cases[] = {
	    {0, 1, 1, 0, 0},
	    {NOTIFY_NEVER, 0, 0, 0, 0},
	    {NOTIFY_SUCCESS, 0, 0, 1, 0},
	    {NOTIFY_FAILURE, 1, 0, 0, 0},
	    {NOTIFY_DELAY, 0, 1, 0, 0},
	    {NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY, 1, 1, 1, 0},
	    {NOTIFY_EXPANDED, 0, 0, 0, 1},
	};
	struct status st;
	set_status(&st, "5.1.1", 550, "no such user");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct envelope env;
		int before = directory_count(new_fd);
		place_envelope(&env, "a@example.org", "u@example.net");
		env.rcpts[0].notify = cases[i].notify;
		queue(&env, MESSAGE);
		assert_int_equal(report_all(REPORT_FAILED, &st, NULL), 0);
		assert_int_equal(report_all(REPORT_DELAYED, &st, NULL), 0);
		assert_int_equal(directory_count(new_fd) - before - 1,
		    cases[i].failed + cases[i].delayed);
		before = directory_count(new_fd);
		assert_int_equal(report_all(REPORT_DELIVERED, &st, NULL), 0);
		assert_int_equal(report_all(REPORT_RELAYED, &st, NULL), 0);
		assert_int_equal(
		    directory_count(new_fd) - before, 2 * cases[i].success);
		before = directory_count(new_fd);
		assert_int_equal(report_all(REPORT_EXPANDED, &st, NULL), 0);
		assert_int_equal(
		    directory_count(new_fd) - before, cases[i].expanded);
	}
	assert_int_equal(directory_count(bad_fd), 0);
}

/* RFC 3461 sections 5.2.1 to 5.2.7. */
static void
test_success(void **state)
{
	(void)state;
	static const struct {
		const char *name, *remote, *action, *subject, *diagnostic;
		enum report_action what;
		unsigned notify;
	} cases[] = {
	    {"delivered", NULL, "delivered", "Delivered: ", NULL,
		REPORT_DELIVERED, NOTIFY_SUCCESS},
	    {"relayed", "mx.example.net", "relayed", "Relayed: ",
		"smtp; 250 2.0.0 fine", REPORT_RELAYED, NOTIFY_SUCCESS},
	    {"expanded", NULL, "expanded", "Expanded: ", NULL, REPORT_EXPANDED,
		NOTIFY_EXPANDED},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct envelope env;
		struct status st;
		char want[200];
		tear_down(NULL);
		set_up(NULL);
		status_set(&st, DONE, 250, "2.0.0", "fine");
		place_envelope(&env, "a@example.org", "u@example.net");
		env.rcpts[0].notify = cases[i].notify;
		env.rcpts[0].orcpt = strdup("rfc822;u+2Bx@example.com");
		queue(&env, MESSAGE);
		assert_int_equal(
		    report_all(cases[i].what, &st, cases[i].remote), 0);
		char *text = report_read(cases[i].name);
		assert_lines(text);
		assert_frame(text, 3);
		(void)snprintf(want, sizeof(want),
		    "Original-Recipient: rfc822;u+x@example.com\r\n"
		    "Final-Recipient: rfc822;u@example.net\r\n"
		    "Action: %s\r\nStatus: 2.0.0\r\n",
		    cases[i].action);
		assert_has(text, want);
		assert_has(text, cases[i].subject);
		if (cases[i].diagnostic != NULL)
			assert_has(text, cases[i].diagnostic);
		else
			assert_has_not(text, "Diagnostic-Code");
		/* The sender has the text already. */
		assert_has(text, "Content-Type: text/rfc822-headers\r\n");
		assert_has_not(text, "the body");
		assert_has_not(text, "Last try");
		free(text);
		letter("", "u@example.net", MESSAGE);
		p.env.rcpts[0].notify = cases[i].notify;
		int before = directory_count(new_fd);
		assert_int_equal(report_all(cases[i].what, &st, NULL), 0);
		assert_int_equal(directory_count(new_fd), before);
		assert_int_equal(directory_count(bad_fd), 0);
	}
}

static void
test_only_those_who_want_are_named(void **state)
{
	(void)state;
	struct envelope env;
	place_envelope(
	    &env, "a@example.org", "u@example.net v@example.net w@example.net");
	env.rcpts[1].notify = NOTIFY_NEVER;
	queue(&env, MESSAGE);
	assert_int_equal(report_refused(), 0);
	char *text = report_read("some");
	assert_has(text, "<u@example.net>");
	assert_has(text, "<w@example.net>");
	assert_has_not(text, "v@example.net");
	free(text);
}

static void
test_A47_R9_null_sender_goes_to_badmail(void **state)
{
	(void)state;
	struct status st;
	char name[NAME_MAX + 1];
	letter("", "u@example.net v@example.net", MESSAGE);
	status_set(&st, LATER, 450, "4.2.0", "busy");
	assert_int_equal(report_all(REPORT_DELAYED, &st, NULL), 0);
	assert_int_equal(directory_count(bad_fd), 0);
	assert_int_equal(report_refused(), 0);
	assert_int_equal(reports(), 0);
	assert_int_equal(place_names(bad_fd, ".reason", name), 1);
	char *text = place_file(bad_fd, name);
	assert_has(text,
	    "<u@example.net>: 550 5.1.1 no such user from mx.example.net\n");
	free(text);
	assert_int_equal(place_names(bad_fd, ".eml", name), 1);
	text = place_file(bad_fd, name);
	assert_has(text, "x-sender: <>\r\nx-receiver: u@example.net\r\n");
	free(text);
}

static void
test_nothing_to_report(void **state)
{
	(void)state;
	letter("a@example.org", "u@example.net", MESSAGE);
	assert_int_equal(report_send(p.c, &p.sp.s, &p.batch, &p.entry, &p.env,
			     p.id, REPORT_FAILED, NULL, 0),
	    0);
	assert_int_equal(reports(), 0);
}

static void
test_A46_copy(void **state)
{
	(void)state;
	place_conf(&p, "queue { report-copy-to = \"watch@example.org\" "
		       "}\n" PLACE_DIRECTORIES);
	letter("a@example.org", "u@example.net", MESSAGE);
	assert_int_equal(report_refused(), 0);
	free(report_read("copy"));
	assert_int_equal(p.env.nrcpts, 2);
	assert_string_equal(p.env.rcpts[1].addr.text, "watch@example.org");
}

static void
test_sender_of_ours_by_the_aliases(void **state)
{
	(void)state;
	place_text(&p, "aliases", "root: admin@example.org\n");
	letter("root@example.com", "u@example.net", MESSAGE);
	assert_int_equal(report_refused(), 0);
	free(report_read("alias"));
	assert_int_equal(p.env.nrcpts, 1);
	assert_string_equal(p.env.rcpts[0].addr.text, "admin@example.org");
}

static void
test_many_recipients_are_several_reports(void **state)
{
	(void)state;
	struct envelope env;
	letter_envelope(&env, 1, REPORT_RCPTS_MAX * 2 + 1);
	queue(&env, MESSAGE);
	assert_int_equal(report_refused(), 0);
	assert_int_equal(reports(), 3);
}

static void
test_human_part_names_some(void **state)
{
	(void)state;
	struct envelope env;
	letter_envelope(&env, 1, REPORT_LISTED_MAX + 2);
	queue(&env, MESSAGE);
	assert_int_equal(report_refused(), 0);
	char *text = report_read("many");
	assert_has(text, "\r\nand 2 more, named in the second part");
	assert_has(text, "Final-Recipient: rfc822;rcpt52@example.net\r\n");
	free(text);
}

/* J18: no place for a report now is not "reported". */
static void
test_J18_not_now(void **state)
{
	(void)state;
	char *from = place_path(&p, "queue/tmp");
	char *to = place_path(&p, "queue/away");
	struct store broken = p.sp.s;
	letter("a@example.org", "u@example.net", MESSAGE);
	(void)close(p.sp.s.tmp_fd);
	assert_int_equal(rename(from, to), 0);
	p.sp.s.tmp_fd = open("/proc/self/fdinfo", O_RDONLY | O_DIRECTORY);
	assert_int_equal(report_refused(), -1);
	assert_int_equal(reports(), 0);
	assert_int_equal(directory_count(bad_fd), 0);
	(void)close(p.sp.s.tmp_fd);
	p.sp.s.tmp_fd = open(to, O_RDONLY | O_DIRECTORY);
	assert_int_equal(report_refused(), 0);
	assert_int_equal(reports(), 1);
	(void)broken;
	free(from);
	free(to);
}

/* A report that no limit lets through still is an answer: badmail. */
static void
test_report_that_is_refused_goes_to_badmail(void **state)
{
	(void)state;
	place_conf(&p, "limits { message-size = \"1K\" }\n" PLACE_DIRECTORIES);
	letter("a@example.org", "u@example.net", MESSAGE);
	assert_int_equal(report_refused(), 0);
	assert_int_equal(reports(), 0);
	assert_int_equal(place_names(bad_fd, ".eml", NULL), 1);
}

/* The sender learns of it although the original cannot be read. */
static void
test_broken_original_is_left_out(void **state)
{
	(void)state;
	letter("a@example.org", "u@example.net", MESSAGE);
	int fd = openat(new_fd, original, O_WRONLY);
	assert_int_equal(
	    io_pwrite(fd, "!", 1, (off_t)p.entry.data_offset + 9), 0);
	(void)close(fd);
	place_load(&p, original);
	assert_int_equal(report_refused(), 0);
	char *text = report_read("broken");
	assert_frame(text, 2);
	free(text);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_A46_failure),
	    TEST(test_A46_delay),
	    TEST(test_envid_and_orcpt_are_decoded),
	    TEST(test_8bit_original),
	    TEST(test_smtputf8_original),
	    TEST(test_ret_hdrs),
	    TEST(test_K31_large_message_by_its_header),
	    TEST(test_K31_endless_header),
	    TEST(test_long_lines_are_not_returned),
	    TEST(test_odd_originals),
	    TEST(test_K21_hostile_statuses),
	    TEST(test_K21_raw_text),
	    TEST(test_fold),
	    TEST(test_notify),
	    TEST(test_success),
	    TEST(test_only_those_who_want_are_named),
	    TEST(test_A47_R9_null_sender_goes_to_badmail),
	    TEST(test_nothing_to_report),
	    TEST(test_A46_copy),
	    TEST(test_sender_of_ours_by_the_aliases),
	    TEST(test_many_recipients_are_several_reports),
	    TEST(test_human_part_names_some),
	    TEST(test_J18_not_now),
	    TEST(test_report_that_is_refused_goes_to_badmail),
	    TEST(test_broken_original_is_left_out),
	};
	log_level(LOG_EMERG);
	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}

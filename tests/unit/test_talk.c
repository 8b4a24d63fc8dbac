/* SPDX-License-Identifier: ISC */
/*
 * cmd/sendmail: talk.h and outcome.h.  A listener that says all of its
 * script at once and keeps what it hears; the client waits for each answer,
 * so that it cannot tell the difference.
 */
#include "../../cmd/sendmail/talk.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "../../cmd/sendmail/outcome.h"
#include "base/clock.h"
#include "spool.h"

#define GREETED                                            \
	"220 l\r\n250-l\r\n250-SIZE 0\r\n250-8BITMIME\r\n" \
	"250-SMTPUTF8\r\n250 DSN\r\n"
#define PLAIN "220 l\r\n250 l\r\n"
#define OK "250 2.0.0 Ok\r\n"

static char directory[256], path[300];
static struct listener listener = {.name = (char *)"s", .address = path};
static struct conf conf = {.hostname = (char *)"h.example.com",
    .listeners = &listener,
    .nlisteners = 1};

/* The other end: a process of its own; what it heard comes by the pipe. */
static pid_t
listen_with(const char *script, int *heard)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fds[2], fd = socket(AF_UNIX, SOCK_STREAM, 0);
	(void)unlink(path);
	memcpy(sa.sun_path, path, strlen(path) + 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(pipe(fds), 0);
	*heard = fds[0];
	pid_t pid = fork();
	if (pid != 0) {
		(void)close(fd);
		(void)close(fds[1]);
		return pid;
	}
	char data[4096];
	ssize_t n = 0;
	int peer = accept(fd, NULL, NULL);
	if (script != NULL && io_write(peer, script, strlen(script)) != 0)
		_exit(1);
	while (script != NULL && (n = read(peer, data, sizeof(data))) > 0)
		if (io_write(fds[1], data, (size_t)n) != 0)
			_exit(1);
	_exit(n < 0);
}

static void
hand_over(const char *script, const struct submit_letter *l, struct buf *heard,
    struct status *st)
{
	int fd, result;
	pid_t pid = listen_with(script, &fd);
	talk_letter(&conf, l, st);
	buf_clear(heard);
	assert_int_equal(io_slurp(fd, heard), 0);
	(void)close(fd);
	assert_int_equal(waitpid(pid, &result, 0), pid);
}

static void
make_letter(struct submit_letter *l, struct envelope *e)
{
	letter_envelope(e, 1, 2);
	*l = (struct submit_letter){.envelope = e,
	    .head = "Subject: s\r\n\r\n",
	    .head_len = 14,
	    .body = ".\r\n..\r\nx\r\n",
	    .body_len = 10};
}

static void
test_dialogue(void **state)
{
	static const char sent[] =
	    "EHLO h.example.com\r\nMAIL FROM:<a@example.com> SIZE=24\r\n"
	    "RCPT TO:<rcpt1@example.net>\r\nRCPT TO:<rcpt2@example.net>\r\n"
	    "DATA\r\nSubject: s\r\n\r\n..\r\n...\r\nx\r\n.\r\nQUIT\r\n";
	struct submit_letter l;
	struct envelope e;
	struct status st;
	struct buf heard;
	(void)state;
	buf_init(&heard, 65536);
	make_letter(&l, &e);
	hand_over(GREETED OK OK OK "354 go\r\n250 2.0.0 queued as x\r\n", &l,
	    &heard, &st);
	assert_int_equal(st.verdict, DONE);
	assert_string_equal(st.text, "queued as x");
	assert_string_equal(buf_str(&heard), sent);
	buf_free(&heard);
	envelope_free(&e);
}

struct refusal {
	const char *script; /* NULL: hangs up at once */
	int code, exit;
	bool unreached, sends_data;
};

static void
test_refusals(void **state)
{
	static const struct refusal all[] = {
	    {NULL, 0, EX_TEMPFAIL, true, false},
	    {"SSH-2.0\r\n", 0, EX_TEMPFAIL, true, false},
	    {"421 4.3.2 later\r\n", 421, EX_TEMPFAIL, false, false},
	    {"554 5.7.1 closed\r\n", 554, EX_TEMPFAIL, false, false},
	    {"220 l\r\n500 what\r\n", 500, EX_TEMPFAIL, false, false},
	    {GREETED "552 5.3.4 large\r\n", 552, EX_UNAVAILABLE, false, false},
	    {GREETED "452 4.3.1 full\r\n", 452, EX_TEMPFAIL, false, false},
	    {GREETED OK OK "550 5.1.1 nobody\r\n", 550, EX_NOUSER, false,
		false},
	    {GREETED OK "550 5.7.1 no\r\n", 550, EX_NOPERM, false, false},
	    {GREETED OK "501 5.1.3 bad\r\n", 501, EX_DATAERR, false, false},
	    {GREETED OK OK "452 4.5.3 many\r\n", 452, EX_UNAVAILABLE, false,
		false},
	    {GREETED OK OK OK "451 4.3.0 no\r\n", 451, EX_TEMPFAIL, false,
		false},
	    {GREETED OK OK OK OK, 0, EX_TEMPFAIL, false, false},
	    {GREETED OK OK OK "354 go\r\n451 4.3.5 alias\r\n", 451, EX_CONFIG,
		false, true},
	    {GREETED OK OK OK "354 go\r\n554 5.6.0 NUL\r\n", 554, EX_DATAERR,
		false, true},
	    {GREETED OK OK OK "354 go\r\n354 go\r\n", 354, EX_TEMPFAIL, false,
		true},
	    {GREETED OK OK OK "354 go\r\nblah\r\n", 0, EX_TEMPFAIL, false,
		true},
	};
	struct submit_letter l;
	struct envelope e;
	struct status st;
	struct buf heard;
	(void)state;
	buf_init(&heard, 65536);
	make_letter(&l, &e);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		hand_over(all[i].script, &l, &heard, &st);
		if (st.verdict == DONE || st.code != all[i].code ||
		    outcome_exit(&st) != all[i].exit)
			fail_msg("%zu: %d %s %s: exit %d", i, st.code,
			    st.enhanced, st.text, outcome_exit(&st));
		assert_int_equal(
		    st.code == 0 && strcmp(st.enhanced, TALK_UNREACHED) == 0,
		    all[i].unreached);
		assert_int_equal(strstr(buf_str(&heard), "Subject") != NULL,
		    all[i].sends_data);
	}
	buf_free(&heard);
	envelope_free(&e);
}

static void
test_B25_nobody_there(void **state)
{
	struct submit_letter l;
	struct envelope e;
	struct status st;
	(void)state;
	(void)unlink(path);
	make_letter(&l, &e);
	int64_t before = clock_mono_ms();
	talk_letter(&conf, &l, &st);
	assert_true(clock_mono_ms() - before < TALK_GREETING_MS);
	assert_int_equal(outcome_exit(&st), EX_TEMPFAIL);
	assert_string_equal(st.enhanced, TALK_UNREACHED);
	assert_non_null(strstr(st.text, path));
	envelope_free(&e);
}

/* What is not offered is not asked for; but an address that the listener
 * cannot take is refused, not bent. */
static void
test_not_offered(void **state)
{
	struct submit_letter l;
	struct envelope e;
	struct status st;
	struct buf heard;
	(void)state;
	buf_init(&heard, 65536);
	make_letter(&l, &e);
	e.utf8 = true;
	hand_over(PLAIN, &l, &heard, &st);
	assert_int_equal(outcome_exit(&st), EX_DATAERR);
	assert_null(strstr(buf_str(&heard), "MAIL"));
	buf_free(&heard);
	envelope_free(&e);
}

static void
test_lines(void **state)
{
	struct talk_offer offer, none = {0};
	struct envelope e;
	struct buf out;
	(void)state;
	buf_init(&out, 4096);
	letter_envelope(&e, 1, 1);
	e.eight_bit = e.utf8 = true;
	e.ret = RET_HDRS;
	e.envid = strdup("e+2B");
	e.rcpts[0].notify = NOTIFY_SUCCESS | NOTIFY_DELAY;
	e.rcpts[0].orcpt = strdup("rfc822;o@p");
	talk_offer(&offer, "DSN.example 8bitmime SMTPUTF8 DSN SIZE 100 X");
	talk_mail_line(&out, &e, &offer, 7);
	talk_rcpt_line(&out, &e.rcpts[0], &offer);
	talk_mail_line(&out, &e, &none, 7);
	talk_rcpt_line(&out, &e.rcpts[0], &none);
	e.rcpts[0].notify = NOTIFY_NEVER;
	e.from = (struct address){0};
	talk_mail_line(&out, &e, &none, 7);
	talk_rcpt_line(&out, &e.rcpts[0], &offer);
	assert_string_equal(buf_str(&out),
	    "MAIL FROM:<a@example.com> SIZE=7 BODY=8BITMIME SMTPUTF8 RET=HDRS "
	    "ENVID=e+2B\r\n"
	    "RCPT TO:<rcpt1@example.net> NOTIFY=SUCCESS,DELAY "
	    "ORCPT=rfc822;o@p\r\n"
	    "MAIL FROM:<a@example.com>\r\nRCPT TO:<rcpt1@example.net>\r\n"
	    "MAIL FROM:<>\r\n"
	    "RCPT TO:<rcpt1@example.net> NOTIFY=NEVER ORCPT=rfc822;o@p\r\n");
	talk_offer(&offer, "DSN");
	assert_false(offer.dsn); /* that is its name */
	buf_free(&out);
	envelope_free(&e);
}

static void
test_path(void **state)
{
	struct listener two[] = {
	    {.address = (char *)"127.0.0.1:25"}, {.address = (char *)"/a"}};
	struct conf c = {.listeners = two, .nlisteners = 2};
	(void)state;
	assert_string_equal(talk_path(&c), "/a");
	c.nlisteners = 1;
	assert_string_equal(talk_path(&c), TALK_SOCKET);
}

static int
make_place(void **state)
{
	(void)state;
	spool_directory(directory);
	(void)snprintf(path, sizeof(path), "%s/s", directory);
	return 0;
}

static int
remove_place(void **state)
{
	(void)state;
	spool_remove(directory);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_dialogue),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_B25_nobody_there),
	    cmocka_unit_test(test_not_offered),
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_path),
	};
	return cmocka_run_group_tests(tests, make_place, remove_place);
}

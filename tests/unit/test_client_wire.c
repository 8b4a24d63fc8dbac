/* SPDX-License-Identifier: ISC */
/*
 * The client machine: what it writes for one transaction, what it refuses
 * before anything is written, and what it takes from a reply to EHLO.
 */
#include "client_peer.h"

static void
test_body_hook_fails(void **state)
{
	(void)state;
	struct dialog d = {.name = "unreadable"};
	const char *out;
	for (int mode = 0; mode < 2; mode++) {
		begin(&d, mode == 1);
		run.body_fails = true;
		client_start(run.c, &run.t[0]);
		size_t n;
		while (!client_broken(run.c)) {
			while ((n = client_output(run.c, &out)) > 0) {
				peer_take(&run.peer, out, n);
				client_sent(run.c, n);
			}
			feed(SIZE_MAX);
		}
		assert_string_equal(run.kind[0], "LLLL");
		assert_int_equal(run.peer.dots, 0);
		client_free(run.c);
	}
}

/* What a transaction looks like on the wire. */
static void
commands(const struct client_caps *caps, char *out, size_t room)
{
	struct dialog d = {.name = "commands"};
	const char *data;
	begin(&d, true);
	client_free(run.c);
	run.c = client_new(caps, &hooks, NULL);
	client_start(run.c, &run.t[0]);
	size_t n = client_output(run.c, &data);
	assert_true(n < room);
	memcpy(out, data, n);
	out[n] = '\0';
	lose("over");
	client_free(run.c);
}

static void
test_parameters(void **state)
{
	(void)state;
	static char out[CHUNK_SIZE];
	struct client_caps caps = {.ehlo = true,
	    .pipelining = true,
	    .size = true,
	    .eight_bit = true,
	    .dsn = true,
	    .smtputf8 = true};
	struct rcpt *r = &env.rcpts[1];
	env.eight_bit = env.utf8 = true;
	env.ret = RET_HDRS;
	env.envid = "QQ314159";
	r->notify = NOTIFY_SUCCESS | NOTIFY_DELAY;
	r->orcpt = "rfc822;bob@example.net";
	commands(&caps, out, sizeof(out));
	assert_string_equal(out,
	    "MAIL FROM:<sender@example.com> SIZE=32 BODY=8BITMIME SMTPUTF8 "
	    "RET=HDRS ENVID=QQ314159\r\n"
	    "RCPT TO:<r0@example.org>\r\n"
	    "RCPT TO:<r1@example.org> NOTIFY=SUCCESS,DELAY "
	    "ORCPT=rfc822;bob@example.net\r\n"
	    "RCPT TO:<r2@example.org>\r\nRCPT TO:<r3@example.org>\r\nDATA\r\n");
	/* RFC 8689: said to who offers it, and nobody else. */
	env.tls = WISH_REQUIRETLS;
	commands(&caps, out, sizeof(out));
	assert_null(strstr(out, "REQUIRETLS"));
	caps.require_tls = true;
	commands(&caps, out, sizeof(out));
	assert_non_null(strstr(out, " SMTPUTF8 REQUIRETLS RET=HDRS"));
	env.tls = WISH_TLS_OPTIONAL;
	commands(&caps, out, sizeof(out));
	assert_null(strstr(out, "REQUIRETLS"));
	env.tls = WISH_NONE;
	env.utf8 = false;
	r->orcpt = "rfc822;a b\r\nRSET";
	env.envid = "a b";
	memset(&caps, 0, sizeof(caps));
	caps.pipelining = caps.dsn = true;
	commands(&caps, out, sizeof(out));
	assert_string_equal(out,
	    "MAIL FROM:<sender@example.com> RET=HDRS\r\n"
	    "RCPT TO:<r0@example.org>\r\n"
	    "RCPT TO:<r1@example.org> NOTIFY=SUCCESS,DELAY\r\n"
	    "RCPT TO:<r2@example.org>\r\nRCPT TO:<r3@example.org>\r\nDATA\r\n");
	caps.dsn = false;
	commands(&caps, out, sizeof(out));
	assert_null(strstr(out, "NOTIFY"));
	r->notify = 0;
	r->orcpt = NULL;
	env.envid = NULL;
	env.ret = RET_NONE;
	env.eight_bit = false;
}

static void
refused_at_once(struct client_caps caps, const char *kinds, const char *text)
{
	struct dialog d = {.name = "at once"};
	begin(&d, true);
	client_free(run.c);
	run.c = client_new(&caps, &hooks, NULL);
	run.t[0].mail_from = env.eight_bit ? "a@b>\r\nRSET" : NULL;
	client_start(run.c, &run.t[0]);
	if (strcmp(run.kind[0], kinds) != 0)
		fail_msg("%s, not %s", run.kind[0], kinds);
	assert_non_null(strstr(run.texts, text));
	lose("over");
	client_free(run.c);
}

static void
test_K24_refused_before_anything_is_said(void **state)
{
	(void)state;
	struct client_caps caps = {
	    .ehlo = true, .size = true, .size_limit = MESSAGE - 1};
	refused_at_once(caps, "NNNN", "5.3.4");
	caps.size_limit = MESSAGE;
	refused_at_once(caps, "----", "");
	env.utf8 = true;
	refused_at_once(caps, "NNNN", "5.6.7");
	env.utf8 = false;
	env.eight_bit = true; /* stands for a bad mail_from */
	refused_at_once(caps, "NNNN", "5.1.7");
	env.eight_bit = false;
	struct address good = env.rcpts[2].addr;
	strcpy(env.rcpts[2].addr.text, "a@b>\r\nRCPT TO:<c@d");
	refused_at_once(caps, "--N-", "5.1.3");
	env.rcpts[2].addr = good;
}

static void
test_idle_421_and_surplus(void **state)
{
	(void)state;
	static const char *const lines[] = {
	    "421 bye\r\n", "250 hm\r\n", "x\r\n"};
	struct client_caps caps = {.ehlo = true, .pipelining = true};
	for (size_t i = 0; i < 3; i++) {
		struct client *c = client_new(&caps, &hooks, NULL);
		assert_int_equal(
		    client_input(c, lines[i], strlen(lines[i])), -1);
		assert_false(client_ready(c));
		client_free(c);
	}
}

static void
lines(struct client_caps *caps, const char *const *v)
{
	memset(caps, 0, sizeof(*caps));
	for (; *v != NULL; v++)
		client_caps_line(caps, *v, strlen(*v));
}

static void
test_C12_capabilities(void **state)
{
	(void)state;
	struct client_caps caps;
	lines(&caps,
	    (const char *const[]){"220 hi\r\n", "250-host pipelining\r\n",
		"250-pipelining\r\n", "250-size 1000\r\n", "250-starttls\r\n",
		"250-8BITMIME\r\n", "250-DSN\r\n", "250-AUTH PLAIN LOGIN\r\n",
		"250-requiretls\r\n", "250 SMTPUTF8\r\n", "334 \r\n",
		"235 2.7.0 ok\r\n", NULL});
	assert_true(caps.ehlo && caps.pipelining && caps.size &&
		    caps.eight_bit && caps.dsn && caps.smtputf8 &&
		    caps.starttls && caps.require_tls);
	assert_int_equal(caps.size_limit, 1000);
	assert_string_equal(caps.auth, "PLAIN LOGIN");
	/* The second EHLO, behind TLS, counts alone. */
	lines(
	    &caps, (const char *const[]){"220 hi", "250-host", "250-PIPELINING",
		       "250 STARTTLS", "220 go", "250-host", "250 SIZE", NULL});
	assert_true(caps.size && !caps.pipelining && !caps.starttls);
	/* HELO offers nothing. */
	lines(&caps,
	    (const char *const[]){"220 hi", "500 what", "250 host DSN", NULL});
	assert_false(caps.ehlo || caps.dsn);
	lines(&caps, (const char *const[]){"250-host",
			 "250-SIZE 99999999999999999999999", "250-PIPELININGX",
			 "250 SIZES", NULL});
	assert_true(caps.size && caps.size_limit == 0 && !caps.pipelining);
}

int
main(void)
{
	log_level(LOG_ERR);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_body_hook_fails),
	    cmocka_unit_test(test_parameters),
	    cmocka_unit_test(test_K24_refused_before_anything_is_said),
	    cmocka_unit_test(test_idle_421_and_surplus),
	    cmocka_unit_test(test_C12_capabilities),
	};
	return cmocka_run_group_tests(tests, make_envelope, free_envelope);
}

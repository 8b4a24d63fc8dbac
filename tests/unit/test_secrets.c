/* SPDX-License-Identifier: ISC */
/*
 * Secrets: what a text gives away, how long one is kept, and the keeper's
 * life with real commands: shared, kept, refused, forgotten, failing.
 */
#include "deliver/secrets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "base/base64.h"
#include "base/log.h"

/* --- what a text gives away --- */

static struct secret *
made(const char *text)
{
	const char *why;
	struct secret *s = secret_from(text, strlen(text), &why);
	assert_non_null(s);
	return s;
}

/* Cut to len octets, as a reply may be. */
static bool
encoded_shows(const struct secret *s, const char *head, const char *tail,
    size_t skip, size_t len)
{
	struct buf plain, text;
	buf_init(&plain, 65536);
	buf_init(&text, 65536);
	buf_addf(&plain, "%s%s%s", head, s->text, tail);
	buf_adds(&text, "535 ");
	for (size_t i = 0; i < skip; i++)
		buf_addc(&text, 'x');
	base64_encode(&text, plain.data, plain.len);
	buf_adds(&text, " is not right");
	char *cut = alloc_string(
	    buf_str(&text), len != 0 && len < text.len ? len : text.len);
	bool shows = secret_shows(s, cut);
	free(cut);
	buf_free(&plain);
	buf_free(&text);
	return shows;
}

static void
test_shows(void **state)
{
	static const char *const secrets[] = {"x", "pass",
	    "correct-horse-battery", "ya29.A0ARrdaM-very-long-token-that-goes"};
	(void)state;
	for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++) {
		struct secret *s = made(secrets[i]);
		char text[100];
		(void)snprintf(text, sizeof(text), "no, %s!", secrets[i]);
		assert_true(secret_shows(s, text));
		for (size_t skip = 0; skip < 5; skip++) {
			assert_true(encoded_shows(s, "", "", skip, 0));
			assert_true(encoded_shows(
			    s, "user=relay\1auth=Bearer ", "\1\1", skip, 0));
		}
		secret_free(s);
	}
	struct secret *s = made("correct-horse-battery-staple");
	assert_false(secret_shows(s, "535 5.7.8 Authentication failed: UGF0"));
	assert_false(secret_shows(s, "correct horse"));
	assert_false(secret_shows(s, ""));
	assert_false(secret_shows(s, "===== == = aGVsbG8gd29ybGQ="));
	assert_true(secret_shows(s, "535 correct-horse-batte"));
	assert_true(encoded_shows(s, "user=relay\1auth=Bearer ", "", 0, 62));
	secret_free(s);
}

static void
test_first_line(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *secret, *why;
	} cases[] = {
	    {"one\ntwo\n", 8, "one", NULL},
	    {"one\r\ntwo", 8, "one", NULL},
	    {"one", 3, "one", NULL},
	    {"o n\303\251", 5, "o n\303\251", NULL},
	    {"", 0, NULL, "its first line is empty"},
	    {"\nx", 2, NULL, "its first line is empty"},
	    {"\r\nx", 3, NULL, "its first line is empty"},
	    {"a\rb\n", 4, NULL, "its first line holds a control character"},
	    {"a\0b\n", 4, NULL, "its first line holds a control character"},
	    {"a\1b\n", 4, NULL, "its first line holds a control character"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *why = NULL;
		struct secret *s =
		    secret_from(cases[i].text, cases[i].len, &why);
		if (cases[i].secret != NULL) {
			assert_non_null(s);
			assert_string_equal(s->text, cases[i].secret);
		} else {
			assert_null(s);
			assert_string_equal(why, cases[i].why);
		}
		secret_free(s);
	}
	char *big = alloc_zero(SECRET_MAX + 2, 1);
	const char *why = NULL;
	memset(big, 'a', SECRET_MAX + 1);
	struct secret *s = secret_from(big, SECRET_MAX, &why);
	assert_non_null(s);
	secret_free(s);
	assert_null(secret_from(big, SECRET_MAX + 1, &why));
	assert_string_equal(why, "its first line is too long");
	free(big);
}

static void
test_lifetime(void **state)
{
	static const struct {
		const char *out;
		int64_t ms;
	} cases[] = {
	    {"token", SECRET_KEEP_MS},
	    {"token\n", SECRET_KEEP_MS},
	    {"expires_in=10\n", SECRET_KEEP_MS}, /* that is the token */
	    {"token\nexpires_in=3600", 3300 * 1000},
	    {"token\nexpires_in=3600\n", 3300 * 1000},
	    {"token\nexpires_in = 3600\r\n", 3300 * 1000},
	    {"token\nuser: me\nexpires_in=100\nexpires_in=5\n", 80 * 1000},
	    {"token\nexpires_in=0\n", 0},
	    {"token\nexpires_in=-5\n", SECRET_KEEP_MS},
	    {"token\nexpires_in\n", SECRET_KEEP_MS},
	    {"token\nexpires_in=\n", SECRET_KEEP_MS},
	    {"token\nexpires_in=99999999999999999999999\n",
		INT32_MAX / 10 * 1000LL - SECRET_EARLY_MS},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(
		    secrets_lifetime(cases[i].out, strlen(cases[i].out)),
		    cases[i].ms);
}

/* --- the keeper --- */

struct world {
	struct event_base *base;
	struct secrets *keeper;
	char file[40], command[200];
	unsigned answers, failures;
	char last[600];
	bool again; /* ask once more from within an answer */
};

static void
on_secret(void *arg, const struct secret *s, const struct status *st)
{
	struct world *w = arg;
	w->answers++;
	if (s == NULL)
		w->failures++;
	(void)snprintf(
	    w->last, sizeof(w->last), "%.500s", s != NULL ? s->text : st->text);
	if (w->again) {
		w->again = false;
		(void)!secrets_ask(w->keeper, w->command, 5000, on_secret, w);
	}
}

/* A command that counts its runs; what follows is what else it does. */
static void
open_world(struct world *w, const char *does)
{
	memset(w, 0, sizeof(*w));
	w->base = event_base_new();
	w->keeper = secrets_new(w->base);
	memcpy(w->file, "/tmp/secrets-XXXXXX", 20);
	int fd = mkstemp(w->file);
	assert_true(fd >= 0);
	close(fd);
	(void)snprintf(
	    w->command, sizeof(w->command), "echo x >>%s; %s", w->file, does);
}

static void
close_world(struct world *w)
{
	secrets_free(w->keeper);
	event_base_free(w->base);
	unlink(w->file);
}

static unsigned
runs(const struct world *w)
{
	unsigned n = 0;
	int c;
	FILE *f = fopen(w->file, "r");
	assert_non_null(f);
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

static struct secret_question *
ask(struct world *w)
{
	return secrets_ask(w->keeper, w->command, 5000, on_secret, w);
}

static void
ask_and_wait(struct world *w)
{
	unsigned before = w->answers;
	(void)!ask(w);
	assert_int_equal(w->answers, before); /* never from within */
	event_base_dispatch(w->base);
	assert_int_equal(w->answers, before + 1);
}

static void
test_shared(void **state)
{
	struct world w;
	(void)state;
	open_world(&w, "echo token");
	for (int i = 0; i < 5; i++)
		(void)!ask(&w);
	secrets_cancel(ask(&w));
	w.again = true;
	event_base_dispatch(w.base);
	assert_int_equal(w.answers, 6);
	assert_int_equal(w.failures, 0);
	assert_int_equal(runs(&w), 1);
	assert_string_equal(w.last, "token");
	ask_and_wait(&w);
	assert_int_equal(runs(&w), 1);
	close_world(&w);
}

static void
test_refused(void **state)
{
	struct world w;
	struct secret *s = made("token"), *other = made("older");
	(void)state;
	open_world(&w, "echo token");
	ask_and_wait(&w);
	secrets_refused(w.keeper, w.command, other);
	ask_and_wait(&w);
	assert_int_equal(runs(&w), 1); /* it was another one */
	secrets_refused(w.keeper, w.command, s);
	ask_and_wait(&w);
	assert_int_equal(runs(&w), 2);
	secrets_forget(w.keeper);
	ask_and_wait(&w);
	assert_int_equal(runs(&w), 3);
	/* Refused between the question and its answer. */
	(void)!ask(&w);
	secrets_refused(w.keeper, w.command, s);
	event_base_dispatch(w.base);
	assert_int_equal(runs(&w), 4);
	secret_free(s);
	secret_free(other);
	close_world(&w);
}

static void
test_expired(void **state)
{
	struct world w;
	(void)state;
	open_world(&w, "echo token; echo expires_in=0");
	ask_and_wait(&w);
	ask_and_wait(&w);
	assert_int_equal(w.failures, 0);
	assert_int_equal(runs(&w), 2);
	close_world(&w);
}

static void
test_failed(void **state)
{
	struct world w;
	(void)state;
	open_world(&w, "echo secret-text; exit 3");
	(void)!ask(&w);
	w.again = true; /* at once: the same failure, not another run */
	event_base_dispatch(w.base);
	assert_int_equal(w.failures, 2);
	assert_int_equal(runs(&w), 1);
	assert_string_equal(w.last, "secret-command: it exited with 3");
	close_world(&w);
}

static void
test_too_slow(void **state)
{
	struct world w;
	(void)state;
	open_world(&w, "exec sleep 1000");
	(void)!secrets_ask(w.keeper, w.command, 50, on_secret, &w);
	event_base_dispatch(w.base);
	assert_int_equal(w.failures, 1);
	assert_string_equal(w.last, "secret-command: it did not end in time");
	close_world(&w);
}

/* Nobody waits any more, and then we end. */
static void
test_abandoned(void **state)
{
	struct world w;
	(void)state;
	open_world(&w, "exec sleep 1000");
	secrets_cancel(ask(&w));
	secrets_cancel(ask(&w));
	event_base_loop(w.base, EVLOOP_NONBLOCK);
	assert_int_equal(w.answers, 0);
	close_world(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_shows),
	    cmocka_unit_test(test_first_line),
	    cmocka_unit_test(test_lifetime),
	    cmocka_unit_test(test_shared),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_expired),
	    cmocka_unit_test(test_failed),
	    cmocka_unit_test(test_too_slow),
	    cmocka_unit_test(test_abandoned),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

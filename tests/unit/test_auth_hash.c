/* SPDX-License-Identifier: ISC */
/*
 * The thread that checks passwords, through auth.h: its queue is bounded,
 * exchanges may end at any time, and no password stays in memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/limits.h"

#include "auth_peer.h"

#define MANY (AUTH_HASHES_MAX + 20)

struct crowd {
	struct peer p;
	struct auth_exchange *x[MANY];
	unsigned pending, answers, done, failed;
	bool end_all;
};

static void
end_all(struct crowd *c)
{
	for (size_t i = 0; i < MANY; i++) {
		auth_end(c->x[i]);
		c->x[i] = NULL;
	}
}

static void
on_answer(void *arg, enum auth_step step, const struct buf *out,
    const struct status *st)
{
	struct crowd *c = arg;
	(void)out;
	c->answers++;
	if (step == AUTH_DONE)
		c->done++;
	else if (step == AUTH_FAILED && st->code == 535)
		c->failed++;
	if (c->end_all) /* its own, too: the owner may */
		end_all(c);
}

/* All at once; every third one knows the password. */
static void
crowd_open(struct crowd *c)
{
	memset(c, 0, sizeof(*c));
	peer_open(&c->p);
	/* So slow that the first is not done before the last has come. */
	struct buf text;
	buf_init(&text, 1000);
	peer_line(&text, "bob", "secret", 60000);
	users_free(c->p.u);
	c->p.u = peer_users(&text);
	buf_free(&text);
	for (size_t i = 0; i < MANY; i++) {
		struct status st;
		c->x[i] = auth_begin(
		    c->p.auth, c->p.c, c->p.u, &c->p.ch, "PLAIN", on_answer, c);
		const char *text64 =
		    i % 3 == 0 ? "AGJvYgBzZWNyZXQ=" : "AGJvYgBTRUNSRVQ=";
		enum auth_step step =
		    auth_feed(c->x[i], text64, 16, &c->p.out, &st);
		if (step == AUTH_PENDING) {
			c->pending++;
			continue;
		}
		assert_int_equal(step, AUTH_FAILED);
		assert_int_equal(st.verdict, LATER);
		assert_int_equal(st.code, 454);
		assert_string_equal(st.enhanced, "4.7.0");
	}
	/* One more, or a few, while the thread is at work. */
	assert_true(c->pending >= AUTH_HASHES_MAX && c->pending < MANY);
}

static void
test_H_queue_is_bounded(void **state)
{
	struct crowd c;
	(void)state;
	crowd_open(&c);
	/* Those who leave make room at once. */
	for (size_t i = 10; i < MANY; i++) {
		auth_end(c.x[i]);
		c.x[i] = NULL;
	}
	struct auth_exchange *late =
	    auth_begin(c.p.auth, c.p.c, c.p.u, &c.p.ch, "PLAIN", on_answer, &c);
	struct status st;
	assert_int_equal(auth_feed(late, "AGJvYgBzZWNyZXQ=", 16, &c.p.out, &st),
	    AUTH_PENDING);
	while (c.answers < 11)
		assert_int_equal(event_base_loop(c.p.base, EVLOOP_ONCE), 0);
	assert_int_equal(c.done, 5);
	assert_int_equal(c.failed, 6);
	auth_end(late);
	end_all(&c);
	peer_close(&c.p);
}

static void
test_ended_from_the_answer(void **state)
{
	struct crowd c;
	(void)state;
	crowd_open(&c);
	c.end_all = true;
	while (c.answers == 0)
		assert_int_equal(event_base_loop(c.p.base, EVLOOP_ONCE), 0);
	/* What the thread was at comes back to nobody. */
	(void)event_base_loop(c.p.base, EVLOOP_NONBLOCK);
	assert_int_equal(c.answers, 1);
	peer_close(&c.p);
}

static void
test_freed_while_waiting(void **state)
{
	struct crowd c;
	(void)state;
	crowd_open(&c);
	end_all(&c);
	peer_close(&c.p);
	assert_int_equal(c.answers, 0);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* Octets that are here only in a disguise. */
static const unsigned char needle[] = {'h' ^ 85, 'o' ^ 85, 'r' ^ 85, 's' ^ 85,
    'e' ^ 85, 's' ^ 85, 't' ^ 85, 'a' ^ 85, 'p' ^ 85, 'l' ^ 85, 'e' ^ 85,
    '7' ^ 85};

static size_t
copies_in(const unsigned char *from, const unsigned char *to)
{
	size_t found = 0;
	for (; from + sizeof(needle) <= to; from++) {
		size_t i = 0;
		while (i < sizeof(needle) && from[i] == (needle[i] ^ 85))
			i++;
		found += i == sizeof(needle);
	}
	return found;
}

/* In all memory that we may write to: heaps and stacks. */
static size_t
copies(void)
{
	char line[400], mode[8];
	size_t found = 0;
	unsigned long from, to;
	FILE *maps = fopen("/proc/self/maps", "r");
	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps) != NULL)
		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) == 3 &&
		    strncmp(mode, "rw", 2) == 0)
			found += copies_in((const unsigned char *)from,
			    (const unsigned char *)to);
	(void)fclose(maps);
	return found;
}

static void
test_F15_nothing_stays(void **state)
{
	/* "\0bob\0" and "correct-battery-" before the needle. */
	static const char plain[] =
	    "AGJvYgBjb3JyZWN0LWJhdHRlcnktaG9yc2VzdGFwbGU3";
	static const char login[] = "Y29ycmVjdC1iYXR0ZXJ5LWhvcnNlc3RhcGxlNw==";
	unsigned char seen[sizeof(needle)];
	struct peer p;
	(void)state;
	for (size_t i = 0; i < sizeof(needle); i++)
		seen[i] = needle[i] ^ 85;
	assert_true(copies() >= 1); /* it does find one */
	explicit_bzero(seen, sizeof(seen));
	assert_int_equal(copies(), 0);
	peer_open(&p);
	peer_begin(&p, "PLAIN");
	assert_int_equal(
	    peer_code(&p, peer_text(&p, plain, sizeof(plain) - 1)), 535);
	assert_int_equal(copies(), 0);
	peer_begin(&p, "LOGIN");
	assert_int_equal(peer_text(&p, "Ym9i", 4), AUTH_CHALLENGE);
	assert_int_equal(
	    peer_code(&p, peer_text(&p, login, sizeof(login) - 1)), 535);
	assert_int_equal(copies(), 0);
	/* Malformed in the end, yet most of it decodes. */
	peer_begin(&p, "PLAIN");
	assert_int_equal(
	    peer_code(&p, peer_text(&p, login, sizeof(login) - 2)), 501);
	assert_int_equal(copies(), 0);
	auth_end(p.x);
	p.x = NULL;
	assert_int_equal(copies(), 0);
	peer_close(&p);
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_H_queue_is_bounded),
		cmocka_unit_test(test_ended_from_the_answer),
		cmocka_unit_test(test_freed_while_waiting),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
		cmocka_unit_test(test_F15_nothing_stays),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

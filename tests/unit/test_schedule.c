/* SPDX-License-Identifier: ISC */
/* The index of the queue: due times, findings, replay, memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "deliver/schedule.h"

static void
add_rcpt(struct envelope *env, const char *text)
{
	struct address a;
	const char *why;
	assert_int_equal(
	    address_parse(&a, text, strlen(text), ADDRESS_BARE, &why), 0);
	assert_int_equal(envelope_add(env, &a, 0, NULL), 0);
}

static struct letter *
make_letter(struct schedule *s, const char *id, const char *const *rcpts)
{
	struct envelope env;
	envelope_init(&env);
	for (; *rcpts != NULL; rcpts++)
		add_rcpt(&env, *rcpts);
	struct bundle *b = schedule_find(s, id);
	if (b == NULL)
		b = schedule_bundle(s, id);
	struct letter *l = schedule_letter(s, b, &env, 0);
	envelope_free(&env);
	return l;
}

static const char *const one[] = {"u@example.net", NULL};
static const char *const three[] = {
    "a@One.example", "b@one.EXAMPLE", "c", NULL};

static void
test_due_in_order_of_time(void **state)
{
	(void)state;
	struct schedule s;
	schedule_init(&s);
	static const int64_t times[] = {50, 10, 40, 20, 30, 10};
	char id[BATCH_ID_LEN + 1];
	for (int i = 0; i < 6; i++) {
		(void)snprintf(id, sizeof(id), "%019d", i);
		struct letter *l = make_letter(&s, id, one);
		l->slots[0].next = times[i];
		schedule_enter(&s, l);
	}
	assert_null(schedule_due(&s, 9));
	assert_int_equal(schedule_next(&s), 10);
	int64_t last = 0;
	for (int i = 0; i < 6; i++) {
		struct letter *l = schedule_due(&s, 100);
		assert_non_null(l);
		assert_true(l->slots[0].next >= last);
		last = l->slots[0].next;
	}
	assert_null(schedule_due(&s, 100));
	assert_int_equal(schedule_next(&s), -1);
	schedule_free(&s);
}

static void
test_domains_are_shared_without_case(void **state)
{
	(void)state;
	struct schedule s;
	schedule_init(&s);
	struct letter *l = make_letter(&s, "0000000000000000001", three);
	assert_ptr_equal(l->slots[0].domain, l->slots[1].domain);
	assert_string_equal(l->slots[0].domain->text, "one.example");
	assert_string_equal(l->slots[2].domain->text, "");
	schedule_free(&s);
}

static void
test_settle_counts_and_finishes(void **state)
{
	(void)state;
	struct schedule s;
	struct record r;
	struct status st;
	schedule_init(&s);
	struct letter *l = make_letter(&s, "0000000000000000001", three);
	assert_int_equal(s.letters, 1);
	status_set(&st, LATER, 451, "4.7.1", "greylisted");
	schedule_settle(&s, l, &l->slots[0], &st, "", 1000, &r);
	assert_int_equal(r.attempts, 1);
	assert_int_equal(r.rcpt, 1);
	/* On the wall clock, as far from now as it is from now. */
	int64_t off = clock_wall_ms() - clock_mono_ms();
	assert_in_range(r.next_ms, 1000 + off - 2000, 1000 + off + 2000);
	assert_string_equal(r.status.text, "greylisted");
	assert_int_equal(l->slots[0].state, SLOT_WAITING);
	status_set(&st, DONE, 250, NULL, "ok");
	for (int i = 0; i < 3; i++)
		schedule_settle(&s, l, &l->slots[i], &st, "", 0, &r);
	assert_int_equal(r.next_ms, 0);
	assert_int_equal(l->open, 0);
	assert_int_equal(l->bundle->open, 0);
	assert_int_equal(s.letters, 0);
	schedule_free(&s);
}

static void
test_J17_replay_marks_the_done_ones(void **state)
{
	(void)state;
	struct schedule s;
	schedule_init(&s);
	struct letter *l = make_letter(&s, "0000000000000000001", three);
	struct record r = {.batch = "0000000000000000001",
	    .seq = 1,
	    .rcpt = 2,
	    .at_ms = l->arrived_ms + 5000,
	    .attempts = 1};
	status_set(&r.status, DONE, 250, NULL, "ok");
	schedule_replay(&s, &r);
	r.rcpt = 3;
	r.next_ms = clock_wall_ms() + 60000;
	status_set(&r.status, LATER, 451, NULL, "wait");
	schedule_replay(&s, &r);
	assert_int_equal(l->slots[0].state, SLOT_WAITING);
	assert_int_equal(l->slots[1].state, SLOT_FINAL);
	assert_int_equal(l->slots[2].state, SLOT_WAITING);
	assert_int_equal(l->slots[1].tried, 5);
	assert_in_range(
	    l->slots[2].next, clock_mono_ms() + 50000, clock_mono_ms() + 61000);
	/* Records of batches that are gone are nobody's. */
	memcpy(r.batch, "0000000000000000009", sizeof(r.batch));
	schedule_replay(&s, &r);
	schedule_free(&s);
}

static void
test_H11_a_jumped_clock_delays_a_day_at_most(void **state)
{
	(void)state;
	struct schedule s;
	schedule_init(&s);
	struct letter *l = make_letter(&s, "0000000000000000001", one);
	struct record r = {.batch = "0000000000000000001",
	    .seq = 1,
	    .rcpt = 1,
	    .attempts = 1,
	    .at_ms = l->arrived_ms,
	    .next_ms = clock_wall_ms() + 366LL * 24 * 3600 * 1000};
	status_set(&r.status, LATER, 0, NULL, "wait");
	schedule_replay(&s, &r);
	assert_true(l->slots[0].next <= clock_mono_ms() + 24LL * 3600 * 1000);
	r.next_ms = 1;
	schedule_replay(&s, &r);
	assert_true(l->slots[0].next <= clock_mono_ms());
	schedule_free(&s);
}

#define HOUR (3600 * 1000LL)
#define DAY (24 * HOUR)
#define YEAR (365 * DAY)

/* Arrival, last try (0: none) and now, as the clocks of these moments told
 * them; what age that makes, and when it is next due. */
static void
test_R7_H11_age_by_clocks_that_jump(void **state)
{
	static const struct {
		const char *name;
		int64_t arrived, tried, next, age, wait; /* before now */
	} cases[] = {
	    {"fresh", 0, 0, 0, 0, 0},
	    {"an hour in a queue without a carrier", HOUR, 0, 0, HOUR, 0},
	    {"a carrier was down for three days", 3 * DAY, 0, 0, DAY, 0},
	    {"the clock is a year ahead now", YEAR, 0, 0, DAY, 0},
	    {"it was a year ahead when it came", -YEAR, 0, 0, 0, 0},
	    {"tried", 5 * HOUR, HOUR, -HOUR, 5 * HOUR, HOUR},
	    {"tried, then a year ahead", YEAR + 5 * HOUR, YEAR, YEAR - HOUR,
		DAY + 5 * HOUR, 0},
	    {"tried by a clock a year ahead", 5 * HOUR, -YEAR, -YEAR - HOUR,
		5 * HOUR, HOUR},
	    {"came and was tried by a clock a year ahead", -YEAR, -YEAR - HOUR,
		-YEAR - 2 * HOUR, 0, HOUR},
	    {"tried for two days, and down for one", 3 * DAY, DAY, HOUR,
		3 * DAY, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct schedule s;
		struct envelope env;
		int64_t wall = clock_wall_ms();
		schedule_init(&s);
		envelope_init(&env);
		add_rcpt(&env, "u@example.net");
		env.arrived_ms = wall - cases[i].arrived;
		struct bundle *b = schedule_bundle(&s, "0000000000000000001");
		struct letter *l = schedule_letter(&s, b, &env, 0);
		struct record r = {.batch = "0000000000000000001",
		    .seq = l->seq,
		    .rcpt = 1,
		    .attempts = 1,
		    .at_ms = wall - cases[i].tried,
		    .next_ms = wall - cases[i].next};
		status_set(&r.status, LATER, 0, NULL, "wait");
		if (cases[i].tried != 0)
			schedule_replay(&s, &r);
		int64_t now = clock_mono_ms(), next = l->slots[0].next;
		int64_t off = letter_age(l, now) - cases[i].age;
		int64_t wait = next > now ? next - now : 0;
		if (off < -2000 || off > 2000 || wait < cases[i].wait - 2000 ||
		    wait > cases[i].wait)
			fail_msg("%s: age is off by %lld, waits %lld",
			    cases[i].name, (long long)off, (long long)wait);
		envelope_free(&env);
		schedule_free(&s);
	}
}

/* What a restart makes of its own journal. */
static void
test_R7_a_restart_keeps_age_and_time(void **state)
{
	struct schedule s, t;
	struct record r;
	struct status st;
	(void)state;
	schedule_init(&s);
	struct letter *l = make_letter(&s, "0000000000000000001", one);
	l->arrived_ms = clock_wall_ms() - 5 * HOUR;
	l->born = clock_mono_ms() - 5 * HOUR;
	l->lag = 0;
	status_set(&st, LATER, 0, NULL, "wait");
	schedule_settle(
	    &s, l, &l->slots[0], &st, "", clock_mono_ms() + HOUR, &r);
	schedule_init(&t);
	struct letter *m = make_letter(&t, "0000000000000000001", one);
	m->arrived_ms = l->arrived_ms;
	schedule_replay(&t, &r);
	int64_t now = clock_mono_ms();
	assert_in_range(letter_age(m, now), 5 * HOUR - 2000, 5 * HOUR + 2000);
	assert_in_range(m->slots[0].next, now + HOUR - 2000, now + HOUR + 2000);
	schedule_free(&s);
	schedule_free(&t);
}

static void
test_flush_makes_all_due(void **state)
{
	(void)state;
	struct schedule s;
	schedule_init(&s);
	char id[BATCH_ID_LEN + 1];
	for (int i = 0; i < 100; i++) {
		(void)snprintf(id, sizeof(id), "%019d", i);
		struct letter *l = make_letter(&s, id, one);
		l->slots[0].next = 1000000 - i * 7919 % 1000;
		schedule_enter(&s, l);
	}
	schedule_flush(&s, 77);
	int n = 0;
	while (schedule_due(&s, 77) != NULL)
		n++;
	assert_int_equal(n, 100);
	schedule_free(&s);
}

static void
test_lost_batch_waits_for_nothing(void **state)
{
	(void)state;
	struct schedule s;
	schedule_init(&s);
	struct letter *l = make_letter(&s, "0000000000000000001", three);
	schedule_enter(&s, l);
	l->slots[1].state = SLOT_ACTIVE;
	schedule_lose(&s, l->bundle);
	assert_int_equal(schedule_next(&s), -1);
	assert_int_equal(l->open, 1);
	assert_int_equal(l->bundle->open, 1);
	schedule_free(&s);
}

static void
test_equal_findings_share_memory(void **state)
{
	(void)state;
	struct interns in = {0};
	struct status st;
	status_set(&st, LATER, 0, "4.4.1", "connection refused");
	struct reason *a = intern_reason(&in, &st, "");
	struct reason *b = intern_reason(&in, &st, "");
	status_set(&st, LATER, 421, "4.4.1", "connection refused");
	struct reason *c = intern_reason(&in, &st, "");
	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, c);
	reason_status(a, &st);
	assert_string_equal(st.text, "connection refused");
	assert_int_equal(st.code, 0);
	intern_drop_reason(&in, a);
	intern_drop_reason(&in, b);
	intern_drop_reason(&in, c);
	assert_int_equal(in.reasons.n, 0);
	interns_free(&in);
}

static void
test_retry_delay_follows_the_table(void **state)
{
	(void)state;
	static const int64_t table[] = {60000, 300000, 900000};
	for (unsigned n = 1; n < 8; n++) {
		int64_t want = table[n <= 3 ? n - 1 : 2];
		for (int i = 0; i < 50; i++)
			assert_in_range(retry_delay(table, 3, n), want * 9 / 10,
			    want * 11 / 10);
	}
}

static void
test_slot_by_number_after_a_rewrite(void **state)
{
	(void)state;
	struct schedule s;
	struct envelope env;
	schedule_init(&s);
	envelope_init(&env);
	for (int i = 0; i < 5; i++)
		add_rcpt(&env, "u@example.net");
	for (int i = 0; i < 5; i++)
		env.rcpts[i].number = (uint32_t)(i * 3 + 2);
	struct letter *l = schedule_letter(
	    &s, schedule_bundle(&s, "0000000000000000001"), &env, 0);
	for (uint32_t i = 0; i < 5; i++)
		assert_ptr_equal(letter_slot(l, i * 3 + 2), &l->slots[i]);
	assert_null(letter_slot(l, 3));
	assert_null(letter_slot(l, 0));
	assert_null(letter_slot(l, 99));
	envelope_free(&env);
	schedule_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_due_in_order_of_time),
	    cmocka_unit_test(test_domains_are_shared_without_case),
	    cmocka_unit_test(test_settle_counts_and_finishes),
	    cmocka_unit_test(test_J17_replay_marks_the_done_ones),
	    cmocka_unit_test(test_H11_a_jumped_clock_delays_a_day_at_most),
	    cmocka_unit_test(test_R7_H11_age_by_clocks_that_jump),
	    cmocka_unit_test(test_R7_a_restart_keeps_age_and_time),
	    cmocka_unit_test(test_flush_makes_all_due),
	    cmocka_unit_test(test_lost_batch_waits_for_nothing),
	    cmocka_unit_test(test_equal_findings_share_memory),
	    cmocka_unit_test(test_retry_delay_follows_the_table),
	    cmocka_unit_test(test_slot_by_number_after_a_rewrite),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

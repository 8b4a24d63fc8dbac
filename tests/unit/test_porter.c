/* SPDX-License-Identifier: ISC */
/*
 * deliver/porter.h: errands one after another, told in the loop, cancelled
 * before and during their work.
 */
#include "deliver/porter.h"

#include <event2/event.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ERRANDS = 5 };

static struct event_base *base;
static struct porter *porter;
static pthread_t loop;

struct job {
	struct errand errand;
	bool holds; /* works until it is cancelled */
	unsigned worked, told;
	unsigned order; /* of its work */
	atomic_bool begun;
	bool elsewhere; /* done() was called in another thread */
};

static struct job jobs[ERRANDS];
static unsigned works;

static void
work(struct errand *e)
{
	struct job *j = (struct job *)e;
	j->worked++;
	j->order = ++works;
	atomic_store(&j->begun, true);
	while (j->holds && !atomic_load(&e->cancelled))
		;
}

static void
done(struct errand *e)
{
	struct job *j = (struct job *)e;
	j->told++;
	j->elsewhere = !pthread_equal(loop, pthread_self());
}

static int
set_up(void **state)
{
	(void)state;
	memset(jobs, 0, sizeof(jobs));
	works = 0;
	loop = pthread_self();
	base = event_base_new();
	porter = porter_new(base);
	for (unsigned i = 0; i < ERRANDS; i++) {
		jobs[i].errand.work = work;
		jobs[i].errand.done = done;
	}
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	porter_free(porter);
	event_base_free(base);
	return 0;
}

static void
send_all(void)
{
	for (unsigned i = 0; i < ERRANDS; i++)
		porter_send(porter, &jobs[i].errand);
	assert_false(porter_idle(porter));
}

static void
turn_until_idle(void)
{
	while (!porter_idle(porter))
		assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
	for (unsigned i = 0; i < ERRANDS; i++) {
		assert_int_equal(jobs[i].told, 1);
		assert_false(jobs[i].elsewhere);
	}
}

static void
test_in_their_order(void **state)
{
	(void)state;
	send_all();
	turn_until_idle();
	for (unsigned i = 0; i < ERRANDS; i++) {
		assert_int_equal(jobs[i].worked, 1);
		assert_int_equal(jobs[i].order, i + 1);
	}
}

/* One that waits is never begun; the last, to see that the list is whole. */
static void
test_cancelled_while_it_waits(void **state)
{
	(void)state;
	jobs[0].holds = true;
	send_all();
	porter_cancel(porter, &jobs[2].errand);
	porter_cancel(porter, &jobs[ERRANDS - 1].errand);
	porter_cancel(porter, &jobs[0].errand);
	turn_until_idle();
	for (unsigned i = 1; i < ERRANDS; i++)
		assert_int_equal(
		    jobs[i].worked, i != 2 && i != ERRANDS - 1 ? 1 : 0);
}

static void
test_cancelled_at_work(void **state)
{
	(void)state;
	jobs[0].holds = true;
	porter_send(porter, &jobs[0].errand);
	while (!atomic_load(&jobs[0].begun))
		;
	for (unsigned i = 1; i < ERRANDS; i++)
		porter_send(porter, &jobs[i].errand);
	porter_cancel_all(porter);
	turn_until_idle();
	assert_int_equal(jobs[0].worked, 1);
	for (unsigned i = 1; i < ERRANDS; i++)
		assert_int_equal(jobs[i].worked, 0);
}

/* After it was told an errand is its owner's, who may send it again. */
static void
test_sent_again(void **state)
{
	(void)state;
	send_all();
	turn_until_idle();
	jobs[1].told = 0;
	porter_send(porter, &jobs[1].errand);
	turn_until_idle();
	assert_int_equal(jobs[1].worked, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_in_their_order, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_cancelled_while_it_waits, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		test_cancelled_at_work, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_sent_again, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

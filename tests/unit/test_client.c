/* SPDX-License-Identifier: ISC */
/*
 * The client machine against a scripted server, without a socket.  Each
 * case runs with and without PIPELINING, two transactions back to back,
 * the server's octets cut at every place; and once more for every place
 * with the connection dropped there.
 */
#include "client_dialogs.h"

/*
 * Run a dialog: the server's stream is cut at cut, its connection lost at
 * drop (SIZE_MAX: never), and octets go out step at a time.
 */
static void
drive(const struct dialog *d, bool pipelined, size_t cut, size_t drop,
    size_t step)
{
	const char *out;
	size_t n, given = 0;
	begin(d, pipelined);
	for (;;) {
		while (given < TXS && client_ready(run.c))
			client_start(run.c, &run.t[given++]);
		if (given == TXS && client_idle(run.c))
			client_quit(run.c);
		size_t before = run.fed;
		while ((n = client_output(run.c, &out)) > 0) {
			if (n > step)
				n = step;
			const char *again;
			assert_true(client_output(run.c, &again) >= n);
			assert_ptr_equal(out, again);
			peer_take(&run.peer, out, n);
			client_sent(run.c, n);
			/* As the engine does: read before more of a body. */
			if (d->size != 0) {
				feed(cut < drop ? cut : drop);
				feed(drop);
			}
		}
		if (client_broken(run.c))
			break;
		feed(cut < drop ? cut : drop);
		if (!client_broken(run.c))
			feed(drop);
		if (client_broken(run.c))
			break;
		if (run.fed >= drop ||
		    (run.fed == run.peer.out_len && run.peer.closed)) {
			lose("connection lost");
			break;
		}
		if (run.fed == before && client_output(run.c, &out) == 0)
			fail_msg(
			    "%s: stuck at %s", d->name, client_stage(run.c));
	}
	for (size_t i = given; i < TXS; i++)
		client_start(run.c, &run.t[i]); /* answered at once */
	assert_true(client_idle(run.c));
	assert_int_equal(run.finished[0] + run.finished[1], TXS);
	client_free(run.c);
}

static void
expect(const struct dialog *d, int mode)
{
	const char *first = d->first[mode] ? d->first[mode] : d->first[0];
	const char *second = d->second[mode] ? d->second[mode] : d->second[0];
	if (strcmp(run.kind[0], first) != 0)
		fail_msg("%s (mode %d): %s, not %s: %s", d->name, mode,
		    run.kind[0], first, run.texts);
	if (strcmp(run.kind[1], second) != 0)
		fail_msg("%s (mode %d): second %s, not %s: %s", d->name, mode,
		    run.kind[1], second, run.texts);
	if (d->text != NULL && strstr(run.texts, d->text) == NULL)
		fail_msg("%s: no '%s' in %s", d->name, d->text, run.texts);
}

static void
test_K_dialogs_cut_everywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIALOGS; i++) {
		const struct dialog *d = &dialogs[i];
		for (int mode = 0; mode < 2; mode++) {
			drive(d, mode == 1, SIZE_MAX, SIZE_MAX, SIZE_MAX);
			expect(d, mode);
			size_t n = run.peer.out_len;
			for (size_t cut = 1; cut < n; cut++) {
				drive(d, mode == 1, cut, SIZE_MAX, SIZE_MAX);
				/* A cut may let more be written before
				 * the surplus is seen: second differs. */
				if (strncmp(d->name, "K19", 3) == 0)
					assert_null(strpbrk(run.kind[1], "DN"));
				else
					expect(d, mode);
			}
		}
	}
}

static void
test_dialogs_sent_in_small_steps(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIALOGS; i++) {
		const struct dialog *d = &dialogs[i];
		if (strncmp(d->name, "K19", 3) == 0)
			continue;
		for (int mode = 0; mode < 2; mode++) {
			drive(d, mode == 1, SIZE_MAX, SIZE_MAX, 7);
			expect(d, mode);
		}
	}
}

/* DONE is never said unless the whole reply to a dot was there. */
static void
test_K15_dropped_everywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIALOGS; i++) {
		const struct dialog *d = &dialogs[i];
		if (d->size != 0)
			continue;
		for (int mode = 0; mode < 2; mode++) {
			drive(d, mode == 1, SIZE_MAX, SIZE_MAX, SIZE_MAX);
			size_t n = run.peer.out_len;
			for (size_t drop = 0; drop < n; drop++) {
				drive(d, mode == 1, SIZE_MAX, drop, SIZE_MAX);
				bool done = strchr(run.kind[0], 'D') != NULL;
				if (done && run.peer.dots == 0)
					fail_msg(
					    "%s: DONE at %zu", d->name, drop);
			}
		}
	}
}

static void
test_dot_stuffing_and_lone_dot(void **state)
{
	(void)state;
	struct dialog d = {.name = "stuffing", .size = MESSAGE * 1000};
	drive(&d, true, SIZE_MAX, SIZE_MAX, SIZE_MAX);
	assert_int_equal(run.peer.dots, 2);
	assert_int_equal(run.peer.body_len, d.size);
	for (size_t i = 0; i < d.size; i++)
		assert_int_equal(run.peer.body[i], message_octet(i));
	struct dialog none = {.name = "lone", .tx = {{.rcpt = ALL("550 x")}}};
	drive(&none, true, SIZE_MAX, SIZE_MAX, SIZE_MAX);
	assert_int_equal(run.peer.dots, 2);
	assert_int_equal(run.peer.rsets, 0);
	drive(&none, false, SIZE_MAX, SIZE_MAX, SIZE_MAX);
	assert_int_equal(run.peer.dots, 1); /* DATA was not even said */
	assert_int_equal(run.peer.rsets, 1);
}

static void
try_out(const struct dialog *d, bool pipelined)
{
	begin(d, pipelined);
	for (int i = 0; i < TXS; i++)
		run.t[i].trial = true;
	for (int i = 0; i < TXS; i++) {
		const char *data;
		size_t n, before = SIZE_MAX;
		client_start(run.c, &run.t[i]);
		while (run.finished[i] == 0 && run.fed != before) {
			before = run.fed;
			while ((n = client_output(run.c, &data)) > 0) {
				peer_take(&run.peer, data, n);
				client_sent(run.c, n);
			}
			feed(SIZE_MAX);
		}
		assert_int_equal(run.finished[i], 1);
	}
	assert_int_equal(run.peer.dots, 0);
	assert_int_equal(run.peer.rsets, TXS);
	client_free(run.c);
}

static void
test_a_trial_ends_before_data(void **state)
{
	(void)state;
	struct dialog some = {.tx = {{.rcpt = {NULL, "550 5.1.1 who", "451 b"}},
				  {.mail = "553 5.1.8 not you"}}};
	for (int mode = 0; mode < 2; mode++) {
		try_out(&some, mode == 1);
		assert_string_equal(run.kind[0], "DNLD");
		assert_string_equal(run.kind[1], "NNNN");
	}
}

int
main(void)
{
	log_level(LOG_ERR);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_K_dialogs_cut_everywhere),
	    cmocka_unit_test(test_dialogs_sent_in_small_steps),
	    cmocka_unit_test(test_K15_dropped_everywhere),
	    cmocka_unit_test(test_dot_stuffing_and_lone_dot),
	    cmocka_unit_test(test_a_trial_ends_before_data),
	};
	return cmocka_run_group_tests(tests, make_envelope, free_envelope);
}

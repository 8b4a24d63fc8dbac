/* SPDX-License-Identifier: ISC */
/* queue/scan.h: every batch that arrives is heard of, whatever breaks. */
#include "queue/scan.h"

#include <poll.h>

#include "spool.h"

struct heard {
	int n;
	char last[BATCH_ID_LEN + 1];
	bool ordered;
};

static void
hear(void *arg, const char *batch)
{
	struct heard *h = arg;
	assert_true(batch_id_valid(batch, strlen(batch)));
	h->ordered = h->ordered && strcmp(batch, h->last) > 0;
	(void)snprintf(h->last, sizeof(h->last), "%s", batch);
	h->n++;
}

static bool
rings(const struct scan *sc)
{
	struct pollfd p = {.fd = sc->fd, .events = POLLIN};
	return poll(&p, 1, 0) == 1;
}

static void
put(const struct store *s, int number)
{
	char id[BATCH_ID_LEN + 1];
	(void)snprintf(id, sizeof(id), "%019d", number);
	file_write(s->new_fd, id, "x", 1);
}

static void
test_list_in_order(void **state)
{
	struct spool sp;
	struct scan sc;
	(void)state;
	spool_open(&sp);
	scan_open(&sc, &sp.s);
	struct heard h = {.ordered = true};
	assert_int_equal(scan_list(&sc, hear, &h), 0);
	for (int i = 0; i < 500; i++)
		put(&sp.s, (i * 7919) % 500);
	assert_int_equal(scan_list(&sc, hear, &h), 500);
	assert_int_equal(h.n, 500);
	assert_true(h.ordered);
	assert_int_equal(scan_list(&sc, hear, &h), 500); /* and again */
	scan_close(&sc);
	spool_close(&sp);
}

static void
test_I17_foreign_names(void **state)
{
	static const char *const names[] = {"x", ".nfs0001", "name\n",
	    "0123456789ABCDEFGHJ", "0123456789abcdefghj~",
	    "0123456789abcdefghj.2", "README"};
	struct spool sp;
	struct scan sc;
	struct heard h = {.ordered = true};
	(void)state;
	spool_open(&sp);
	scan_open(&sc, &sp.s);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		file_write(sp.s.new_fd, names[i], "x", 1);
	put(&sp.s, 1);
	assert_int_equal(scan_list(&sc, hear, &h), 1);
	uint32_t digest = sc.foreign;
	assert_int_not_equal(digest, 0);
	assert_int_equal(scan_list(&sc, hear, &h), 1);
	assert_int_equal(sc.foreign, digest); /* logged once */
	h.n = 0;
	assert_int_equal(scan_read(&sc, hear, &h), 0);
	assert_int_equal(h.n, 1);
	scan_close(&sc);
	spool_close(&sp);
}

static void
test_bell(void **state)
{
	struct spool sp;
	struct scan sc;
	struct heard h = {.ordered = true};
	char id[BATCH_ID_LEN + 1];
	(void)state;
	spool_open(&sp);
	scan_open(&sc, &sp.s);
	assert_true(sc.fd >= 0);
	assert_false(rings(&sc));
	assert_int_equal(scan_read(&sc, hear, &h), 0);
	assert_int_equal(h.n, 0);
	letter_queue(&sp.s, 1, 10, id);
	assert_true(rings(&sc));
	assert_int_equal(scan_read(&sc, hear, &h), 0);
	assert_int_equal(h.n, 1);
	assert_string_equal(h.last, id);
	assert_false(rings(&sc));
	assert_int_equal(store_remove(&sp.s, id), 0);
	assert_int_equal(scan_read(&sc, hear, &h), 0);
	assert_int_equal(h.n, 1);
	scan_close(&sc);
	spool_close(&sp);
}

static void
test_H17_overflow(void **state)
{
	struct spool sp;
	struct scan sc;
	struct heard h = {.ordered = true};
	int most = 0, again = 0;
	(void)state;
	FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
	if (f == NULL)
		skip();
	int got = fscanf(f, "%d", &most);
	(void)fclose(f);
	if (got != 1 || most > 100000)
		skip();
	spool_open(&sp);
	scan_open(&sc, &sp.s);
	for (int i = 0; i < most + 100; i++) /* two events each */
		put(&sp.s, i % 2);
	while (rings(&sc)) {
		int result = scan_read(&sc, hear, &h);
		assert_true(result >= 0);
		again |= result;
	}
	assert_int_equal(again, 1);
	h = (struct heard){.ordered = true};
	assert_int_equal(scan_list(&sc, hear, &h), 2);
	put(&sp.s, 3); /* and the bell goes on to ring */
	assert_true(rings(&sc));
	scan_close(&sc);
	spool_close(&sp);
}

static void
test_H17_without_watch(void **state)
{
	struct spool sp;
	struct scan sc;
	struct heard h = {.ordered = true};
	(void)state;
	spool_open(&sp);
	scan_open(&sc, &sp.s);
	assert_int_equal(unlinkat(sp.s.queue_fd, "new", AT_REMOVEDIR), 0);
	(void)close(sp.s.new_fd); /* now it is really gone */
	sp.s.new_fd = -1;
	assert_int_equal(scan_read(&sc, hear, &h), 1);
	assert_int_equal(sc.fd, -1);
	assert_int_equal(scan_read(&sc, hear, &h), 0);
	assert_int_equal(scan_list(&sc, hear, &h), -1);
	scan_close(&sc);
	spool_close(&sp);
}

static void
test_H17_no_descriptors(void **state)
{
	struct spool sp;
	struct scan sc;
	struct store broken;
	struct heard h = {.ordered = true};
	(void)state;
	spool_open(&sp);
	broken = sp.s;
	broken.new_fd = -1; /* nothing to watch there */
	scan_open(&sc, &broken);
	assert_int_equal(sc.fd, -1);
	sc.store = &sp.s;
	put(&sp.s, 1);
	assert_int_equal(scan_read(&sc, hear, &h), 0);
	assert_int_equal(scan_list(&sc, hear, &h), 1);
	scan_close(&sc);
	spool_close(&sp);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_list_in_order),
	    cmocka_unit_test(test_I17_foreign_names),
	    cmocka_unit_test(test_bell),
	    cmocka_unit_test(test_H17_overflow),
	    cmocka_unit_test(test_H17_without_watch),
	    cmocka_unit_test(test_H17_no_descriptors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/*
 * queue/journal.h: lines, groups, torn ends, and the way back after a
 * failed commit.
 */
#include "queue/journal.h"

#include <signal.h>
#include <sys/resource.h>

#include "base/log.h"
#include "spool.h"

#define ID "0123456789abcdefghj"

static struct spool sp;
static int state_fd = -1;

static int
set_up(void **state)
{
	(void)state;
	spool_open(&sp);
	state_fd = openat(
	    sp.s.queue_fd, "../state", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return state_fd < 0;
}

static int
tear_down(void **state)
{
	(void)state;
	(void)close(state_fd);
	spool_close(&sp);
	return 0;
}

static struct record
finding(uint32_t rcpt, enum verdict verdict, const char *text)
{
	struct record r = {.batch = ID,
	    .seq = 1,
	    .rcpt = rcpt,
	    .at_ms = 1764000000123,
	    .next_ms = verdict == LATER ? 1764000060123 : 0,
	    .attempts = 1};
	status_set(&r.status, verdict, 250, NULL, "%s", text);
	return r;
}

/* What a replay says: how many, and the sum of the recipients' numbers. */
struct seen {
	unsigned n;
	uint64_t sum;
	uint32_t last;
	bool ordered;
};

static void
see(void *arg, const struct record *r)
{
	struct seen *s = arg;
	s->n++;
	s->sum += r->rcpt;
	s->ordered = s->ordered && r->rcpt > s->last;
	s->last = r->rcpt;
}

static struct seen
replay(void)
{
	struct seen s = {.ordered = true};
	assert_int_equal(journal_replay(sp.path, see, &s), 0);
	return s;
}

/* A journal with records 1..n, each a group of its own. */
static void
make_journal(unsigned n)
{
	struct journal j;
	(void)unlinkat(state_fd, "journal", 0);
	assert_int_equal(journal_open(&j, sp.path), 0);
	for (unsigned i = 1; i <= n; i++) {
		struct record r = finding(i, DONE, "2.0.0 Ok: queued");
		journal_append(&j, &r);
		assert_int_equal(journal_commit(&j), 0);
	}
	assert_int_equal(j.records, n);
	journal_close(&j);
}

static void
test_lines_round_trip(void **state)
{
	struct record t[] = {finding(1, DONE, "ok"), finding(2, LATER, ""),
	    finding(UINT32_MAX, NEVER, "550 5.1.1 <a@b> no such user  "),
	    finding(7, LATER, "x")};
	(void)state;
	t[1].seq = 4096;
	t[1].attempts = UINT32_MAX;
	t[2].at_ms = INT64_MAX;
	t[3].at_ms = 0;
	t[1].held = true;
	memset(t[1].remote, 'h', REMOTE_TEXT_MAX);
	memset(t[3].status.text, 'y', STATUS_TEXT_MAX);
	t[3].status.text[STATUS_TEXT_MAX] = '\0';
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct buf out;
		struct record r;
		buf_init(&out, JOURNAL_LINE_MAX);
		journal_format(&out, &t[i]);
		assert_int_equal(out.data[out.len - 1], '\n');
		assert_int_equal(journal_parse(out.data, out.len - 1, &r), 0);
		assert_string_equal(r.batch, t[i].batch);
		assert_int_equal(r.seq, t[i].seq);
		assert_int_equal(r.rcpt, t[i].rcpt);
		assert_true(r.at_ms == t[i].at_ms);
		assert_true(r.next_ms == t[i].next_ms);
		assert_int_equal(r.attempts, t[i].attempts);
		assert_int_equal(r.held, t[i].held);
		assert_string_equal(r.remote, t[i].remote);
		assert_int_equal(r.status.verdict, t[i].status.verdict);
		assert_int_equal(r.status.code, t[i].status.code);
		assert_string_equal(r.status.enhanced, t[i].status.enhanced);
		assert_string_equal(r.status.text, t[i].status.text);
		buf_free(&out);
	}
}

static void
test_line_of_the_header(void **state)
{
	struct record r = finding(3, LATER, "try later");
	struct buf out;
	(void)state;
	r.seq = 2;
	r.status.code = 451;
	(void)snprintf(r.remote, sizeof(r.remote), "mx.example[192.0.2.1]:25");
	buf_init(&out, JOURNAL_LINE_MAX);
	journal_format(&out, &r);
	assert_string_equal(buf_str(&out) + 8,
	    " R 1764000000123 " ID ".2 3 later 451 4.0.0 1 1764000060123 "
	    "mx.example[192.0.2.1]:25 try later\n");
	buf_free(&out);
}

static void
test_INV7_text_is_one_line(void **state)
{
	struct record r = finding(1, NEVER, ""), back;
	struct buf out;
	(void)state;
	(void)snprintf(r.status.text, sizeof(r.status.text),
	    "550 no\r\nR 1 fake\x1b[m \xc3\xbc\x7f");
	r.status.enhanced[0] = '\0';
	r.status.code = -3;
	r.next_ms = -1;
	(void)snprintf(r.remote, sizeof(r.remote), "a b\nc");
	buf_init(&out, JOURNAL_LINE_MAX);
	journal_format(&out, &r);
	assert_ptr_equal(
	    memchr(out.data, '\n', out.len), out.data + out.len - 1);
	assert_int_equal(journal_parse(out.data, out.len - 1, &back), 0);
	assert_string_equal(back.status.text, "550 no??R 1 fake?[m ???");
	assert_string_equal(back.status.enhanced, "5.0.0");
	assert_string_equal(back.remote, "a?b?c");
	assert_int_equal(back.status.code, 0);
	assert_true(back.next_ms == 0);
	buf_free(&out);
}

static void
test_I15_every_bit_of_a_line(void **state)
{
	struct record r = finding(12, NEVER, "550 5.7.1 refused"), back;
	struct buf out;
	(void)state;
	buf_init(&out, JOURNAL_LINE_MAX);
	journal_format(&out, &r);
	for (size_t bit = 0; bit < (out.len - 1) * 8; bit++) {
		out.data[bit / 8] ^= (char)(1 << bit % 8);
		if (journal_parse(out.data, out.len - 1, &back) == 0)
			fail_msg("bit %zu", bit);
		out.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	for (size_t len = 0; len < out.len - 1; len++)
		if (journal_parse(out.data, len, &back) == 0)
			fail_msg("cut at %zu", len);
	buf_free(&out);
}

/* Right checksum, wrong content. */
static void
test_N12_forged_lines(void **state)
{
	static const struct {
		const char *s;
		int result;
	} t[] = {
	    {"R 1 " ID " 1 done 250 2.0.0 1 0 - ok", 0},
	    {"R 1 " ID " 1 done 250 2.0.0 1 0 - ", 0},
	    {"R 1 " ID " 1 done 250 2.0.0 1 0 -", -1},
	    {"R 1 " ID " 1 done 250 2.0.0 1 0 h\tost ok", -1},
	    {"R 1 " ID " 1 done 250 2.0.0 1 0  ok", -1},
	    {"H 1 " ID " 1 later 450 4.0.0 1 0 - ", 0},
	    {"H 1 " ID " 1 done 250 2.0.0 1 0 - ok", -1},
	    {"S 1 " ID " 1 done 250 2.0.0 1 0 - ok", -1},
	    {"R 01 " ID " 1 done 250 2.0.0 1 0 - ok", -1},
	    {"R -1 " ID " 1 done 250 2.0.0 1 0 - ok", -1},
	    {"R 9223372036854775808 " ID " 1 done 250 2.0.0 1 0 - ok", -1},
	    {"R 99999999999999999999 " ID " 1 done 250 2.0.0 1 0 - ok", -1},
	    {"R 1 " ID ".1 1 done 250 2.0.0 1 0 - ok", -1},
	    {"R 1 ../../../etc/passwd 1 done 250 2.0.0 1 0 - ok", -1},
	    {"R 1 " ID " 0 done 250 2.0.0 1 0 - ok", -1},
	    {"R 1 " ID " 4294967296 done 250 2.0.0 1 0 - ok", -1},
	    {"R 1 " ID " 1 maybe 250 2.0.0 1 0 - ok", -1},
	    {"R 1 " ID " 1 doneXXXXX 250 2.0.0 1 0 - ok", -1},
	    {"R 1 " ID " 1 done 1000 2.0.0 1 0 - ok", -1},
	    {"R 1 " ID " 1 done 250 2.0 1 0 - ok", -1},
	    {"R 1 " ID " 1 done 250 3.0.0 1 0 - ok", -1},
	    {"R 1 " ID " 1 done 250 2.000000000.0 1 0 - ok", -1},
	    {"R 1 " ID " 1 done 250 2.0.0 1 0 - o\tk", -1},
	    {"R 1 " ID "  1 done 250 2.0.0 1 0 - ok", -1},
	    {"", -1},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char line[256];
		struct record r;
		int n = snprintf(line, sizeof(line), "%08x %s",
		    io_crc32c(0, t[i].s, strlen(t[i].s)), t[i].s);
		if (journal_parse(line, (size_t)n, &r) != t[i].result)
			fail_msg("%s", t[i].s);
	}
}

static void
test_groups(void **state)
{
	struct journal j;
	(void)state;
	assert_int_equal(replay().n, 0); /* no file yet */
	assert_int_equal(journal_open(&j, sp.path), 0);
	assert_int_equal(journal_commit(&j), 0); /* nothing to do */
	for (unsigned i = 1; i <= 64; i++) {
		struct record r = finding(i, DONE, "ok");
		journal_append(&j, &r);
	}
	assert_int_equal(j.pending_records, 64);
	assert_int_equal(replay().n, 0);
	assert_int_equal(journal_commit(&j), 0);
	assert_int_equal(j.pending_records, 0);
	assert_int_equal(replay().n, 64);
	assert_true(replay().ordered);
	uint64_t size = j.size;
	journal_close(&j);
	assert_int_equal(journal_open(&j, sp.path), 0);
	assert_int_equal(j.records, 64);
	assert_int_equal(j.size, size);
	journal_close(&j);
}

static void
test_J15_torn_at_every_byte(void **state)
{
	size_t len;
	(void)state;
	make_journal(3);
	char *data = file_read(state_fd, "journal", &len);
	for (size_t cut = 0; cut <= len; cut++) {
		unsigned lines = 0;
		struct journal j;
		struct record more = finding(9, DONE, "more");
		for (size_t i = 0; i < cut; i++)
			lines += data[i] == '\n';
		unsigned whole = lines > 0 ? lines - 1 : 0;
		file_write(state_fd, "journal", data, cut);
		assert_int_equal(replay().n, whole);
		assert_int_equal(journal_open(&j, sp.path), 0);
		assert_int_equal(j.records, whole);
		journal_append(&j, &more);
		assert_int_equal(journal_commit(&j), 0);
		journal_close(&j);
		assert_int_equal(replay().n, whole + 1);
		assert_int_equal(replay().last, 9);
	}
	free(data);
}

static void
test_I16_zeros_and_rubbish_inside(void **state)
{
	struct journal j;
	size_t len;
	char *rubbish = malloc(700000);
	(void)state;
	make_journal(3);
	char *data = file_read(state_fd, "journal", &len);

	int fd = openat(state_fd, "journal", O_WRONLY | O_APPEND);
	char zeros[5000] = {0};
	assert_int_equal(io_write(fd, zeros, sizeof(zeros)), 0);
	(void)close(fd);
	assert_int_equal(replay().n, 3);
	assert_int_equal(journal_open(&j, sp.path), 0); /* cuts them */
	struct record r = finding(4, DONE, "ok");
	journal_append(&j, &r);
	assert_int_equal(journal_commit(&j), 0);
	journal_close(&j);
	assert_int_equal(replay().n, 4);
	free(data);

	/* Lines that are none, one of them longer than any buffer. */
	data = file_read(state_fd, "journal", &len);
	memset(rubbish, 'x', 700000);
	fd = openat(state_fd, "journal", O_WRONLY | O_APPEND);
	assert_int_equal(io_write(fd, "nonsense\n\n", 10), 0);
	assert_int_equal(io_write(fd, rubbish, 700000), 0);
	assert_int_equal(io_write(fd, "\n", 1), 0);
	assert_int_equal(
	    io_write(fd, data + 18, len - 18), 0); /* the lines again */
	(void)close(fd);
	assert_int_equal(replay().n, 8);
	free(data);
	free(rubbish);
}

static void
test_damaged_first_line(void **state)
{
	size_t len;
	(void)state;
	make_journal(3);
	char *data = file_read(state_fd, "journal", &len);
	data[0] ^= 1;
	file_write(state_fd, "journal", data, len);
	assert_int_equal(replay().n, 3);
	free(data);
}

static void
test_J27_other_version_is_refused(void **state)
{
	static const char text[] = "waypost-journal 2\nx\n";
	struct journal j;
	struct seen s = {0};
	size_t len;
	(void)state;
	file_write(state_fd, "journal", text, sizeof(text) - 1);
	assert_int_equal(journal_replay(sp.path, see, &s), -1);
	assert_int_equal(errno, EPROTONOSUPPORT);
	assert_int_equal(journal_open(&j, sp.path), -1);
	assert_int_equal(errno, EPROTONOSUPPORT);
	char *data = file_read(state_fd, "journal", &len);
	assert_int_equal(len, sizeof(text) - 1); /* untouched */
	free(data);
	assert_int_equal(unlinkat(state_fd, "journal", 0), 0);
	assert_int_equal(symlinkat("/etc/passwd", state_fd, "journal"), 0);
	assert_int_equal(journal_open(&j, sp.path), -1);
	assert_int_equal(journal_replay(sp.path, see, &s), -1);
	assert_int_equal(unlinkat(state_fd, "journal", 0), 0);
}

static void
compact(struct journal *j, unsigned from, unsigned to, int expected)
{
	struct journal_rewrite *w = journal_compact_begin(j);
	assert_non_null(w);
	for (unsigned i = from; i <= to; i++) {
		struct record r = finding(i, LATER, "still open");
		journal_compact_put(w, &r);
	}
	assert_int_equal(journal_compact_end(w), expected);
}

static void
test_compaction(void **state)
{
	struct journal j;
	struct record r = finding(9000, DONE, "after");
	(void)state;
	make_journal(100);
	/* What a run left that was killed in a compaction. */
	file_write(state_fd, "journal.new", "waypost-journal 1\ntorn", 22);
	assert_int_equal(replay().n, 100);
	assert_int_equal(journal_open(&j, sp.path), 0);
	journal_append(&j, &r); /* pending: dropped, the caller puts it */
	compact(&j, 1, 5000, 0);
	assert_int_equal(j.pending_records, 0);
	assert_int_equal(j.records, 5000);
	assert_int_equal(replay().n, 5000);
	assert_true(replay().ordered);
	assert_false(file_exists(state_fd, "journal.new"));
	journal_append(&j, &r);
	assert_int_equal(journal_commit(&j), 0);
	assert_int_equal(replay().n, 5001);
	assert_int_equal(replay().last, 9000);
	uint64_t size = j.size;
	journal_close(&j);
	assert_int_equal(journal_open(&j, sp.path), 0);
	assert_int_equal(j.size, size);
	assert_int_equal(j.records, 5001);
	journal_close(&j);
}

static void
replace_fd(int fd, int with)
{
	assert_true(with >= 0);
	assert_int_equal(dup3(with, fd, O_CLOEXEC), fd);
	(void)close(with);
}

static void
assert_way_back(struct journal *j)
{
	assert_int_equal(j->fd, -1);
	assert_int_equal(j->pending_records, 1);
	assert_int_equal(replay().n, 2);
	assert_int_equal(journal_commit(j), -1); /* never that file again */
	assert_int_equal(errno, EBADF);
	assert_int_equal(replay().n, 2);
	compact(j, 1, 3, 0);
	assert_int_equal(j->pending_records, 0);
	struct record r = finding(4, DONE, "ok");
	journal_append(j, &r);
	assert_int_equal(journal_commit(j), 0);
	assert_int_equal(replay().n, 4);
}

static void
test_I01_I12_commit_fails(void **state)
{
	struct record r = finding(3, DONE, "ok");
	int ends[2];
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct journal j;
		make_journal(2);
		assert_int_equal(journal_open(&j, sp.path), 0);
		journal_append(&j, &r);
		assert_int_equal(pipe(ends), 0);
		if (i == 0) /* no room */
			replace_fd(j.fd, open("/dev/full", O_WRONLY));
		else /* takes the write, cannot be synced */
			replace_fd(j.fd, ends[1]);
		assert_int_equal(journal_commit(&j), -1);
		assert_int_equal(errno, i == 0 ? ENOSPC : EINVAL);
		assert_way_back(&j);
		journal_close(&j);
		(void)close(ends[0]);
		if (i == 0)
			(void)close(ends[1]);
	}
}

static void
test_J20_compaction_fails(void **state)
{
	struct journal j;
	struct rlimit old, tight;
	struct record r = finding(3, DONE, "ok");
	(void)state;
	make_journal(2);
	assert_int_equal(journal_open(&j, sp.path), 0);
	journal_append(&j, &r);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	tight = (struct rlimit){.rlim_cur = 100000, .rlim_max = old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	compact(&j, 1, 5000, -1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_false(file_exists(state_fd, "journal.new"));
	assert_int_equal(replay().n, 2); /* the old one stands */
	assert_int_equal(j.pending_records, 1);
	assert_int_equal(journal_commit(&j), 0);
	assert_int_equal(replay().n, 3);

	/* The last step fails: neither file may be appended to. */
	int dir = dup(j.dir_fd);
	replace_fd(j.dir_fd, openat(state_fd, ".", O_PATH | O_DIRECTORY));
	compact(&j, 1, 7, -1);
	assert_int_equal(j.fd, -1);
	replace_fd(j.dir_fd, dir);
	compact(&j, 1, 8, 0);
	assert_int_equal(replay().n, 8);
	journal_close(&j);
}

int
main(void)
{
	log_level(LOG_CRIT); /* much goes wrong here, on purpose */
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines_round_trip),
	    cmocka_unit_test(test_line_of_the_header),
	    cmocka_unit_test(test_INV7_text_is_one_line),
	    cmocka_unit_test(test_I15_every_bit_of_a_line),
	    cmocka_unit_test(test_N12_forged_lines),
	    cmocka_unit_test(test_groups),
	    cmocka_unit_test(test_J15_torn_at_every_byte),
	    cmocka_unit_test(test_I16_zeros_and_rubbish_inside),
	    cmocka_unit_test(test_damaged_first_line),
	    cmocka_unit_test(test_J27_other_version_is_refused),
	    cmocka_unit_test(test_compaction),
	    cmocka_unit_test(test_I01_I12_commit_fails),
	    cmocka_unit_test(test_J20_compaction_fails),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}

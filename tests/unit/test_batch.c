/* SPDX-License-Identifier: ISC */
/*
 * queue/batch.h: written and read again; cut, flipped, blanked and forged
 * files are never taken for whole ones.
 */
#include "queue/batch.h"

#include <inttypes.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "spool.h"

static int dir = -1;
static char path[256];

static int
set_up(void **state)
{
	(void)state;
	spool_directory(path);
	dir = open(path, O_RDONLY | O_DIRECTORY);
	return dir < 0;
}

static int
tear_down(void **state)
{
	(void)state;
	(void)close(dir);
	spool_remove(path);
	return 0;
}

static void
write_batch(const char *name, unsigned n, size_t size)
{
	struct batch_writer w;
	(void)unlinkat(dir, name, 0);
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0640);
	assert_true(fd >= 0);
	batch_start(&w, fd);
	assert_int_equal(letter_write(&w, n, size), 0);
	assert_int_equal(batch_finish(&w), 0);
	batch_writer_free(&w);
	assert_int_equal(close(fd), 0);
}

/* Refused with EBADMSG and a reason at the latest by batch_verify. */
static void
assert_refused(const char *name, const char *what, size_t where)
{
	errno = 0;
	if (batch_whole(dir, name) >= 0)
		fail_msg("%s %zu: taken for whole", what, where);
	if (errno != EBADMSG)
		fail_msg("%s %zu: %s", what, where, strerror(errno));
}

static void
test_round_trip(void **state)
{
	static const struct {
		unsigned n;
		size_t size;
	} t[] = {{1, 0}, {1, 1}, {1, 2000}, {3, 700}, {64, 5000}, {1, 64000},
	    {1, 65000}, {1, 65535}, {1, 65536}, {1, 65537}, {2, 100000},
	    {1, 3000000}, {BATCH_MESSAGES_MAX, 10}};
	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct batch b;
		struct batch_entry e;
		const char *why;
		uint64_t at = 0;
		write_batch("f", t[i].n, t[i].size);
		assert_int_equal(batch_open(&b, dir, "f", &why), 0);
		assert_int_equal(b.count, t[i].n);
		assert_int_equal(batch_check(&b, &why), 0);
		for (unsigned seq = 1; seq <= t[i].n; seq++) {
			struct envelope env;
			assert_int_equal(batch_next(&b, &at, &e, &why), 1);
			assert_int_equal(batch_envelope(&b, &e, &env, &why), 0);
			assert_int_equal(env.seq, seq);
			assert_int_equal(env.nrcpts, 2);
			envelope_free(&env);
			assert_int_equal(batch_verify(&b, &e, &why), 0);
			assert_int_equal(e.data_len, t[i].size);
			char *body = letter_body(t[i].size, seq);
			char *copy = malloc(t[i].size + 1);
			uint64_t got = 0;
			while (got < e.data_len) {
				ssize_t n =
				    batch_read(&b, &e, got, copy + got, 7777);
				assert_true(n > 0);
				got += (uint64_t)n;
			}
			assert_int_equal(batch_read(&b, &e, got, copy, 1), 0);
			assert_memory_equal(copy, body, t[i].size);
			free(copy);
			free(body);
		}
		assert_int_equal(batch_next(&b, &at, &e, &why), 0);
		batch_close(&b);
	}
}

static void
test_pieces_make_the_same_file(void **state)
{
	size_t len, other_len;
	char *body = letter_body(200000, 1);
	(void)state;
	write_batch("f", 1, 200000);
	char *whole = file_read(dir, "f", &len);
	for (size_t piece = 1; piece < 300000; piece = piece * 7 + 1) {
		struct batch_writer w;
		struct envelope e;
		int fd = openat(dir, "g", O_WRONLY | O_CREAT | O_TRUNC, 0640);
		batch_start(&w, fd);
		letter_envelope(&e, 1, 2);
		e.arrived_ms = 1;
		assert_int_equal(batch_begin(&w, &e), 0);
		for (size_t at = 0; at < 200000; at += piece)
			assert_int_equal(
			    batch_data(&w, body + at,
				200000 - at < piece ? 200000 - at : piece),
			    0);
		assert_int_equal(batch_end(&w), 0);
		assert_int_equal(batch_finish(&w), 0);
		batch_writer_free(&w);
		envelope_free(&e);
		(void)close(fd);
		char *other = file_read(dir, "g", &other_len);
		assert_int_equal(batch_whole(dir, "g"), 1);
		/* Equal but for the time of arrival. */
		assert_memory_equal(other + other_len - 100000,
		    whole + len - 100000, 100000 - 39);
		free(other);
	}
	free(whole);
	free(body);
}

static void
test_large_envelope(void **state)
{
	struct batch_writer w;
	struct batch b;
	struct batch_entry e;
	struct envelope env;
	const char *why;
	uint64_t at = 0;
	(void)state;
	int fd = openat(dir, "f", O_WRONLY | O_CREAT | O_TRUNC, 0640);
	batch_start(&w, fd);
	letter_envelope(&env, 1, 10000);
	assert_int_equal(batch_begin(&w, &env), 0);
	envelope_free(&env);
	assert_int_equal(batch_data(&w, "x\r\n", 3), 0);
	assert_int_equal(batch_end(&w), 0);
	assert_int_equal(batch_finish(&w), 0);
	batch_writer_free(&w);
	(void)close(fd);
	assert_int_equal(batch_open(&b, dir, "f", &why), 0);
	assert_int_equal(batch_next(&b, &at, &e, &why), 1);
	assert_int_equal(batch_envelope(&b, &e, &env, &why), 0);
	assert_int_equal(env.nrcpts, 10000);
	envelope_free(&env);
	batch_close(&b);
	assert_int_equal(batch_whole(dir, "f"), 1);
}

/* A pipe in packet mode gives one read for each write. */
static void
test_small_batch_is_one_write(void **state)
{
	struct batch_writer w;
	char packet[8192];
	int ends[2];
	(void)state;
	assert_int_equal(pipe2(ends, O_DIRECT | O_NONBLOCK), 0);
	batch_start(&w, ends[1]);
	assert_int_equal(letter_write(&w, 3, 900), 0);
	assert_int_equal(read(ends[0], packet, sizeof(packet)), -1);
	assert_int_equal(batch_finish(&w), 0);
	assert_int_equal(read(ends[0], packet, sizeof(packet)), w.offset);
	assert_int_equal(read(ends[0], packet, sizeof(packet)), -1);
	batch_writer_free(&w);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

/* What was read at open answers all questions about a small batch. */
static void
test_small_batch_needs_its_descriptor_once(void **state)
{
	struct batch b;
	struct batch_entry e;
	struct envelope env;
	const char *why;
	char data[4000];
	uint64_t at = 0;
	(void)state;
	write_batch("f", 2, 4000);
	assert_int_equal(batch_open(&b, dir, "f", &why), 0);
	(void)close(b.fd);
	b.fd = -1;
	while (batch_next(&b, &at, &e, &why) == 1) {
		assert_int_equal(batch_envelope(&b, &e, &env, &why), 0);
		envelope_free(&env);
		assert_int_equal(batch_verify(&b, &e, &why), 0);
		assert_int_equal(batch_read(&b, &e, 0, data, 4000), 4000);
	}
	assert_int_equal(at, b.size - 39);
	batch_close(&b);
}

static void
test_I14_cut_at_every_byte(void **state)
{
	size_t len;
	(void)state;
	write_batch("f", 2, 300);
	assert_int_equal(batch_whole(dir, "f"), 2);
	char *data = file_read(dir, "f", &len);
	for (size_t i = 0; i < len; i++) {
		file_write(dir, "g", data, i);
		assert_refused("g", "cut at", i);
	}
	data = realloc(data, len + 2);
	data[len] = '\n';
	file_write(dir, "g", data, len + 1);
	assert_refused("g", "longer by", 1);
	free(data);
}

static void
test_I15_every_bit_flipped(void **state)
{
	size_t len;
	(void)state;
	write_batch("f", 2, 200);
	char *data = file_read(dir, "f", &len);
	for (size_t bit = 0; bit < len * 8; bit++) {
		data[bit / 8] ^= (char)(1 << bit % 8);
		file_write(dir, "g", data, len);
		assert_refused("g", "bit", bit);
		data[bit / 8] ^= (char)(1 << bit % 8);
	}
	free(data);
	/* And some of a file that does not fit into the head. */
	write_batch("f", 3, 70001);
	data = file_read(dir, "f", &len);
	for (size_t bit = 0; bit < len * 8; bit += 4099) {
		data[bit / 8] ^= (char)(1 << bit % 8);
		file_write(dir, "g", data, len);
		assert_refused("g", "bit", bit);
		data[bit / 8] ^= (char)(1 << bit % 8);
	}
	free(data);
}

static void
test_I16_zeros(void **state)
{
	size_t len;
	(void)state;
	write_batch("f", 2, 300);
	char *data = file_read(dir, "f", &len);
	file_write(dir, "g", data, 0);
	assert_refused("g", "empty", 0);
	for (size_t i = len; i-- > 0;) {
		data[i] = '\0';
		file_write(dir, "g", data, len);
		assert_refused("g", "zeros from", i);
	}
	free(data);
	write_batch("f", 1, 300000);
	data = file_read(dir, "f", &len);
	memset(data + 4096 * 40, 0, 4096); /* a page that never was written */
	file_write(dir, "g", data, len);
	assert_refused("g", "page", 40);
	free(data);
}

static void
assert_not_opened(const char *name)
{
	struct batch b;
	const char *why = NULL;
	errno = 0;
	assert_int_equal(batch_open(&b, dir, name, &why), -1);
	assert_int_equal(errno, EBADMSG);
	assert_true(why != NULL && *why != '\0');
	batch_close(&b);
}

static void
test_I17_L02_foreign_files(void **state)
{
	struct batch b;
	const char *why;
	(void)state;
	write_batch("f", 1, 10);
	assert_int_equal(symlinkat("f", dir, "symlink"), 0);
	assert_not_opened("symlink");
	assert_int_equal(mkdirat(dir, "directory", 0700), 0);
	assert_not_opened("directory");
	assert_int_equal(mkfifoat(dir, "fifo", 0600), 0);
	assert_not_opened("fifo"); /* and does not wait for a writer */
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int sock = socket(AF_UNIX, SOCK_STREAM, 0);
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%.80s/sock", path);
	assert_int_equal(bind(sock, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_not_opened("sock");
	(void)close(sock);
	assert_int_equal(linkat(dir, "f", dir, "hard", 0), 0);
	assert_not_opened("f");
	assert_not_opened("hard");
	assert_int_equal(unlinkat(dir, "hard", 0), 0);
	assert_int_equal(batch_whole(dir, "f"), 1);
	assert_int_equal(batch_open(&b, dir, "missing", &why), -1);
	assert_int_equal(errno, ENOENT);
}

/* A file whose checksums are all right and whose numbers are not. */
static void
forge(const char *record, const char *end, int more, const char *body)
{
	char text[1024];
	int n = snprintf(text, sizeof(text), "waypost-batch 1\n%s", record);
	n += snprintf(text + n, sizeof(text) - (size_t)n, "%08" PRIx32 "\n%s",
	    io_crc32c(0, record, strlen(record)), body);
	char line[64];
	(void)snprintf(line, sizeof(line), "%s%016d ", end, n + more);
	n += snprintf(text + n, sizeof(text) - (size_t)n, "%s%08" PRIx32 "\n",
	    line, io_crc32c(0, line, strlen(line)));
	file_write(dir, "g", text, (size_t)n);
}

static void
test_N12_forged_numbers(void **state)
{
	static const char good[] = "END 00000001 ";
	static const char *const ends[] = {"END 00000000 ", "END 00000002 ",
	    "END 99999999 ", "END 00004097 ", "end 00000001 ", "END -0000001 ",
	    "END 00000001\t"};
	static const char *const records[] = {
	    "M 00000001 000000000000 00000000 00000000 ",
	    "M 99999999 000000000000 00000000 00000000 ",
	    "M 00000000 999999999999 00000000 00000000 ",
	    "M 33554433 000000000000 00000000 00000000 ",
	    "M 00000000 000000000001 00000000 00000000 ",
	    "M -0000001 000000000000 00000000 00000000 ",
	    "M 00000000 000000000000 0000000A 00000000 ",
	    "X 00000000 000000000000 00000000 00000000 ",
	};
	/* Nothing wrong but that it holds no envelope. */
	static const char empty[] =
	    "M 00000000 000000000000 00000000 00000000 ";
	struct batch b;
	const char *why;
	(void)state;
	forge(empty, good, 0, "");
	assert_int_equal(batch_open(&b, dir, "g", &why), 0);
	assert_int_equal(batch_check(&b, &why), 0);
	batch_close(&b);
	assert_refused("g", "no envelope", 0);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		forge(empty, ends[i], 0, "");
		assert_refused("g", ends[i], i);
	}
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		forge(records[i], good, 0, "");
		assert_refused("g", records[i], i);
	}
	forge(empty, good, 1, "");
	assert_refused("g", "another size", 1);
	forge(empty, good, 0, "x");
	assert_refused("g", "more than the records say", 0);
}

static void
test_L06_file_becomes_shorter(void **state)
{
	struct batch b;
	struct batch_entry e;
	const char *why;
	char data[100];
	uint64_t at = 0;
	(void)state;
	write_batch("f", 1, 200000);
	assert_int_equal(batch_open(&b, dir, "f", &why), 0);
	assert_int_equal(batch_next(&b, &at, &e, &why), 1);
	int fd = openat(dir, "f", O_WRONLY);
	assert_int_equal(ftruncate(fd, 100000), 0);
	(void)close(fd);
	assert_int_equal(batch_verify(&b, &e, &why), -1);
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(batch_read(&b, &e, 150000, data, 100), -1);
	assert_int_equal(batch_read(&b, &e, 200001, data, 100), -1);
	assert_int_equal(batch_next(&b, &at, &e, &why), 0);
	batch_close(&b);
}

static void
test_writer_refuses(void **state)
{
	struct batch_writer w;
	struct envelope e;
	(void)state;
	int fd = openat(dir, "f", O_WRONLY | O_CREAT | O_TRUNC, 0640);
	batch_start(&w, fd);
	assert_int_equal(batch_finish(&w), -1); /* nothing in it */
	assert_int_equal(batch_data(&w, "x", 1), -1);
	assert_int_equal(batch_end(&w), -1);

	letter_envelope(&e, 1, 0); /* what could never be read back */
	assert_int_equal(batch_begin(&w, &e), -1);
	assert_int_equal(errno, EINVAL);
	envelope_free(&e);
	static const char *const hostile[] = {
	    "a@b\nx: y", "a@b\r", "a b", "gr\xc3\xbc@b", "a"};
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		batch_writer_free(&w);
		batch_start(&w, fd);
		letter_envelope(&e, 1, 1);
		struct address *a = &e.rcpts[0].addr;
		(void)snprintf(a->text, sizeof(a->text), "%s", hostile[i]);
		a->len = (uint16_t)strlen(hostile[i]);
		assert_int_equal(batch_begin(&w, &e), -1);
		assert_int_equal(errno, EINVAL);
		envelope_free(&e);
	}

	batch_writer_free(&w);
	batch_start(&w, fd);
	letter_envelope(&e, 2, 1);
	assert_int_equal(batch_begin(&w, &e), 0);
	assert_int_equal(batch_begin(&w, &e), -1); /* the first is open */
	assert_int_equal(batch_finish(&w), -1);
	assert_int_equal(batch_end(&w), 0);
	assert_int_equal(batch_begin(&w, &e), -1); /* seq 2 again: outcomes
						      would be mixed up */
	assert_int_equal(errno, EINVAL);
	e.seq = 1;
	assert_int_equal(batch_begin(&w, &e), -1);
	e.seq = 7;
	assert_int_equal(batch_begin(&w, &e), 0);
	envelope_free(&e);
	batch_writer_free(&w);
	(void)close(fd);
}

static void
test_ceilings(void **state)
{
	struct batch_writer w;
	struct envelope e;
	(void)state;
	int fd = openat(dir, "f", O_WRONLY | O_CREAT | O_TRUNC, 0640);
	batch_start(&w, fd);
	letter_envelope(&e, 1, 1);
	assert_int_equal(batch_begin(&w, &e), 0);
	assert_int_equal(batch_data(&w, "x", SIZE_MAX), -1);
	assert_int_equal(errno, EFBIG);
	w.offset = BATCH_BYTES_MAX - 100;
	assert_int_equal(batch_data(&w, "x", 62), -1);
	assert_int_equal(errno, EFBIG);
	batch_writer_free(&w);
	batch_start(&w, fd);
	w.count = BATCH_MESSAGES_MAX;
	assert_int_equal(batch_begin(&w, &e), -1);
	assert_int_equal(errno, EFBIG);
	envelope_free(&e);
	batch_writer_free(&w);
	(void)close(fd);
}

static void
test_I01_write_fails(void **state)
{
	struct batch_writer w;
	(void)state;
	int fd = open("/dev/full", O_WRONLY);
	batch_start(&w, fd);
	assert_int_equal(letter_write(&w, 1, 10), 0);
	assert_int_equal(batch_finish(&w), -1);
	assert_int_equal(errno, ENOSPC);
	batch_writer_free(&w);
	batch_start(&w, fd);
	assert_int_equal(letter_write(&w, 1, 100000), -1);
	assert_int_equal(errno, ENOSPC);
	batch_writer_free(&w);
	(void)close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_pieces_make_the_same_file),
	    cmocka_unit_test(test_large_envelope),
	    cmocka_unit_test(test_small_batch_is_one_write),
	    cmocka_unit_test(test_small_batch_needs_its_descriptor_once),
	    cmocka_unit_test(test_I14_cut_at_every_byte),
	    cmocka_unit_test(test_I15_every_bit_flipped),
	    cmocka_unit_test(test_I16_zeros),
	    cmocka_unit_test(test_I17_L02_foreign_files),
	    cmocka_unit_test(test_N12_forged_numbers),
	    cmocka_unit_test(test_L06_file_becomes_shorter),
	    cmocka_unit_test(test_writer_refuses),
	    cmocka_unit_test(test_ceilings),
	    cmocka_unit_test(test_I01_write_fails),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* SPDX-License-Identifier: ISC */
/*
 * Short counts, interruptions, ends, errors; and the checksum against its
 * published values.
 */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define BIG 3000000

static int
memory_file(void)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void
test_write_and_read_back(void **state)
{
	int fd = memory_file();
	char text[20];
	(void)state;
	assert_int_equal(io_write(fd, "hello ", 6), 0);
	assert_int_equal(io_write(fd, "", 0), 0);
	assert_int_equal(io_write(fd, "world", 5), 0);
	assert_int_equal(io_pwrite(fd, "W", 1, 6), 0);
	assert_int_equal(io_pread(fd, text, sizeof(text), 0), 11);
	assert_memory_equal(text, "hello World", 11);
	assert_int_equal(io_pread(fd, text, 3, 4), 3);
	assert_memory_equal(text, "o W", 3);
	assert_int_equal(io_pread(fd, text, 3, 11), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(io_read(fd, text, 5), 5);
	assert_int_equal(io_fsync(fd), 0);
	close(fd);
}

static void
test_C14_errors_are_passed_on(void **state)
{
	char c = 'x';
	struct iovec iov = {&c, 1};
	struct buf b;
	int dir = open("/", O_RDONLY | O_DIRECTORY);
	int full = open("/dev/full", O_WRONLY);
	(void)state;
	buf_init(&b, 10);
	assert_int_equal(io_write(-1, &c, 1), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(io_pwrite(-1, &c, 1, 0), -1);
	assert_int_equal(io_writev(-1, &iov, 1), -1);
	assert_int_equal(io_read(-1, &c, 1), -1);
	assert_int_equal(io_pread(-1, &c, 1, 0), -1);
	assert_int_equal(io_fsync(-1), -1);
	assert_int_equal(io_slurp(dir, &b), -1);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(io_write(full, &c, 1), -1);
	assert_int_equal(errno, ENOSPC);
	buf_free(&b);
	close(dir);
	close(full);
}

static void
test_slurp(void **state)
{
	static char data[50000];
	struct buf b;
	int fd = memory_file();
	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7);
	assert_int_equal(io_write(fd, data, sizeof(data)), 0);
	lseek(fd, 0, SEEK_SET);
	buf_init(&b, sizeof(data) + 1);
	assert_int_equal(buf_addc(&b, '>'), 0);
	assert_int_equal(io_slurp(fd, &b), 0);
	assert_int_equal(b.len, sizeof(data) + 1);
	assert_memory_equal(b.data + 1, data, sizeof(data));
	buf_free(&b);
	lseek(fd, 0, SEEK_SET);
	buf_init(&b, sizeof(data) - 1);
	assert_int_equal(io_slurp(fd, &b), -1);
	assert_int_equal(errno, EFBIG);
	buf_free(&b);
	close(fd);
}

static void
on_alarm(int sig)
{
	(void)sig;
}

/* A pipe whose reader takes odd pieces, while signals keep arriving. */
static pid_t
start_reader(int fds[2], int result[2])
{
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(pipe(result), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child > 0) {
		close(fds[0]);
		close(result[1]);
		return child;
	}
	static char piece[1789];
	ssize_t n;
	uint32_t crc = 0;
	close(fds[1]);
	while ((n = read(fds[0], piece, sizeof(piece))) > 0) {
		crc = io_crc32c(crc, piece, (size_t)n);
		kill(getppid(), SIGUSR1);
	}
	_exit(write(result[1], &crc, sizeof(crc)) != sizeof(crc));
}

static void
finish_reader(pid_t child, int fds[2], int result[2], uint32_t want)
{
	uint32_t crc = 0;
	int status;
	close(fds[1]);
	assert_int_equal(io_read(result[0], &crc, sizeof(crc)), sizeof(crc));
	assert_int_equal(crc, want);
	close(result[0]);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	assert_int_equal(status, 0);
}

static void
test_I08_short_writes_and_signals(void **state)
{
	char *data = malloc(BIG);
	struct sigaction act = {.sa_handler = on_alarm}, before;
	int fds[2], result[2];
	(void)state;
	sigaction(SIGUSR1, &act, &before); /* without SA_RESTART */
	for (size_t i = 0; i < BIG; i++)
		data[i] = (char)(i * 31 + i / 256);
	uint32_t want = io_crc32c(0, data, BIG);

	pid_t child = start_reader(fds, result);
	assert_int_equal(io_write(fds[1], data, BIG), 0);
	finish_reader(child, fds, result, want);

	child = start_reader(fds, result);
	struct iovec iov[5] = {{data, 1}, {data + 1, 0}, {data + 1, 99999},
	    {data + 100000, BIG - 100001}, {data + BIG - 1, 1}};
	assert_int_equal(io_writev(fds[1], iov, 5), 0);
	finish_reader(child, fds, result, want);
	sigaction(SIGUSR1, &before, NULL);
	free(data);
}

static void
test_writev_of_nothing(void **state)
{
	struct iovec iov[2] = {{NULL, 0}, {NULL, 0}};
	int fd = memory_file();
	(void)state;
	assert_int_equal(io_writev(fd, iov, 2), 0);
	assert_int_equal(io_writev(fd, iov, 0), 0);
	close(fd);
}

/* RFC 3720, appendix B.4, and the usual check value. */
static void
test_crc32c_known_values(void **state)
{
	unsigned char data[32];
	(void)state;
	assert_int_equal(io_crc32c(0, "", 0), 0);
	assert_int_equal(io_crc32c(0, "123456789", 9), 0xe3069283);
	memset(data, 0, sizeof(data));
	assert_int_equal(io_crc32c(0, data, 32), 0x8a9136aa);
	memset(data, 0xff, sizeof(data));
	assert_int_equal(io_crc32c(0, data, 32), 0x62a8ab43);
	for (int i = 0; i < 32; i++)
		data[i] = (unsigned char)i;
	assert_int_equal(io_crc32c(0, data, 32), 0x46dd794e);
	for (int i = 0; i < 32; i++)
		data[i] = (unsigned char)(31 - i);
	assert_int_equal(io_crc32c(0, data, 32), 0x113fdb5c);
}

static void
test_crc32c_in_pieces(void **state)
{
	unsigned char data[257];
	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * i);
	uint32_t whole = io_crc32c(0, data, sizeof(data));
	for (size_t cut = 0; cut <= sizeof(data); cut++) {
		uint32_t crc = io_crc32c(0, data, cut);
		crc = io_crc32c(crc, data + cut, sizeof(data) - cut);
		assert_int_equal(crc, whole);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_write_and_read_back),
	    cmocka_unit_test(test_C14_errors_are_passed_on),
	    cmocka_unit_test(test_slurp),
	    cmocka_unit_test(test_I08_short_writes_and_signals),
	    cmocka_unit_test(test_writev_of_nothing),
	    cmocka_unit_test(test_crc32c_known_values),
	    cmocka_unit_test(test_crc32c_in_pieces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

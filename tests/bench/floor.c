/* SPDX-License-Identifier: ISC */
/*
 * The least that a durable submission can cost: stdin to a file, fsync,
 * rename, fsync of the directory; started anew for each message, as
 * sendmail is.  It looks at nothing and promises nothing else.
 *
 *   floor DIRECTORY < message
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	char data[65536], from[80], to[64];
	struct timespec now;
	ssize_t n;
	int dir, fd;

	if (argc != 2)
		return 64;
	dir = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(to, sizeof(to), "%lld.%ld.%d", (long long)now.tv_sec,
	    now.tv_nsec, (int)getpid());
	snprintf(from, sizeof(from), "tmp.%s", to);
	fd = openat(dir, from, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd < 0)
		return 75;
	while ((n = read(STDIN_FILENO, data, sizeof(data))) > 0)
		if (write(fd, data, (size_t)n) != n)
			return 75;
	if (n < 0 || fsync(fd) != 0 || close(fd) != 0)
		return 75;
	if (renameat(dir, from, dir, to) != 0 || fsync(dir) != 0)
		return 75;
	return 0;
}

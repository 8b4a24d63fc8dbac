/* SPDX-License-Identifier: ISC */
/*
 * Runs a fuzzer's body over files and directories, without a fuzzer: the
 * corpus as a regression test for any compiler.  Of small files every prefix
 * is tried too, since cut input is where parsers fail.  Each input lies in
 * memory of just its size, so that a sanitizer sees one octet too many.
 */
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

#define PREFIXES_MAX 256 /* octets of a file whose prefixes are tried */
#define INPUT_MAX (16 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t inputs;

static void
try_input(const char *data, size_t len)
{
	uint8_t *exact = malloc(len > 0 ? len : 1);
	if (exact == NULL)
		err(1, "malloc");
	if (len > 0)
		memcpy(exact, data, len);
	(void)LLVMFuzzerTestOneInput(exact, len);
	free(exact);
	inputs++;
}

static void
try_file(int fd, const char *path)
{
	struct buf b;
	buf_init(&b, INPUT_MAX);
	if (io_slurp(fd, &b) != 0)
		err(1, "%s", path);
	for (size_t n = 0; b.len <= PREFIXES_MAX && n < b.len; n++)
		try_input(b.data, n);
	try_input(buf_str(&b), b.len);
	buf_free(&b);
}

static void try_path(int at, const char *name, int depth);

static void
try_directory(int fd, const char *path, int depth)
{
	struct dirent **names;
	int n = scandirat(fd, ".", &names, NULL, alphasort);
	if (n < 0 || depth > 8)
		err(1, "%s", path);
	for (int i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.')
			try_path(fd, names[i]->d_name, depth + 1);
		free(names[i]);
	}
	free(names);
}

static void
try_path(int at, const char *name, int depth)
{
	struct stat st;
	int fd = openat(at, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		err(1, "%s", name);
	if (S_ISDIR(st.st_mode))
		try_directory(fd, name, depth);
	else
		try_file(fd, name);
	close(fd);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		try_path(AT_FDCWD, argv[i], 0);
	printf("ok %zu inputs\n", inputs);
	return inputs == 0;
}

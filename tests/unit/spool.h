/* SPDX-License-Identifier: ISC */
/*
 * A spool directory of one's own for a test, and letters to fill it with.
 * Not a test itself; what it does not manage fails the test that asked.
 */
#ifndef TESTS_SPOOL_H
#define TESTS_SPOOL_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "queue/store.h"

#define UNUSED_OK __attribute__((unused))

struct spool {
	char path[256];
	struct store s; /* opened as the carrier */
};

UNUSED_OK static void
spool_directory(char path[256])
{
	const char *tmp = getenv("TMPDIR");
	(void)snprintf(path, 256, "%s/waypost-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(path));
}

static int
spool_remove_one(
    const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

UNUSED_OK static void
spool_remove(const char *path)
{
	(void)nftw(path, spool_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

UNUSED_OK static void
spool_open(struct spool *sp)
{
	spool_directory(sp->path);
	assert_int_equal(store_open_carrier(&sp->s, sp->path), 0);
}

UNUSED_OK static void
spool_close(struct spool *sp)
{
	store_close(&sp->s);
	spool_remove(sp->path);
}

UNUSED_OK static struct address
letter_address(const char *text)
{
	struct address a;
	const char *why;
	if (address_parse(&a, text, strlen(text), ADDRESS_EMPTY | ADDRESS_UTF8,
		&why) != 0)
		fail_msg("%s: %s", text, why);
	return a;
}

/* From a@example.com to rcpt1@example.net, ... */
UNUSED_OK static void
letter_envelope(struct envelope *e, uint32_t seq, unsigned nrcpts)
{
	envelope_init(e);
	e->seq = seq;
	e->source = strdup("test uid=0");
	e->from = letter_address("a@example.com");
	for (unsigned i = 1; i <= nrcpts; i++) {
		char text[64];
		(void)snprintf(text, sizeof(text), "rcpt%u@example.net", i);
		struct address a = letter_address(text);
		assert_int_equal(envelope_add(e, &a, 0, NULL), 0);
	}
}

/* size octets of lines that differ. */
UNUSED_OK static char *
letter_body(size_t size, unsigned seed)
{
	char *body = malloc(size + 1);
	for (size_t i = 0; i < size; i++)
		body[i] = i % 64 == 62 ? '\r'
			  : i % 64 == 63
			      ? '\n'
			      : (char)('a' + (i / 64 + i + seed) % 26);
	body[size] = '\0';
	return body;
}

/* n messages of two recipients and size octets each. */
UNUSED_OK static int
letter_write(struct batch_writer *w, unsigned n, size_t size)
{
	int result = 0;
	for (unsigned seq = 1; seq <= n && result == 0; seq++) {
		struct envelope e;
		letter_envelope(&e, seq, 2);
		char *body = letter_body(size, seq);
		if (batch_begin(w, &e) != 0 || batch_data(w, body, size) != 0 ||
		    batch_end(w) != 0)
			result = -1;
		free(body);
		envelope_free(&e);
	}
	return result;
}

/* Queue them; the id. */
UNUSED_OK static void
letter_queue(
    struct store *s, unsigned n, size_t size, char id[BATCH_ID_LEN + 1])
{
	struct draft d;
	assert_int_equal(draft_create(s, &d, NULL), 0);
	assert_int_equal(letter_write(&d.writer, n, size), 0);
	assert_int_equal(draft_commit(&d), 0);
	memcpy(id, d.id, BATCH_ID_LEN + 1);
}

/* What a writer leaves that is killed after its fsync. */
UNUSED_OK static void
letter_leave(struct store *s, const char *name, unsigned n, size_t size)
{
	struct batch_writer w;
	int fd = openat(s->tmp_fd, name, O_WRONLY | O_CREAT | O_EXCL, 0640);
	assert_true(fd >= 0);
	batch_start(&w, fd);
	assert_int_equal(letter_write(&w, n, size), 0);
	assert_int_equal(batch_finish(&w), 0);
	batch_writer_free(&w);
	assert_int_equal(close(fd), 0);
}

UNUSED_OK static void
file_write(int dirfd, const char *name, const void *data, size_t len)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC, 0640);
	assert_true(fd >= 0);
	assert_int_equal(io_write(fd, data, len), 0);
	assert_int_equal(close(fd), 0);
}

/* The whole file; free it. */
UNUSED_OK static char *
file_read(int dirfd, const char *name, size_t *len)
{
	struct stat st;
	int fd = openat(dirfd, name, O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	char *data = malloc((size_t)st.st_size + 1);
	assert_int_equal(io_pread(fd, data, (size_t)st.st_size, 0), st.st_size);
	*len = (size_t)st.st_size;
	(void)close(fd);
	return data;
}

UNUSED_OK static bool
file_exists(int dirfd, const char *name)
{
	struct stat st;
	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* How many names there are. */
UNUSED_OK static int
directory_count(int dirfd)
{
	int n = 0;
	DIR *dir = fdopendir(openat(dirfd, ".", O_RDONLY | O_DIRECTORY));
	assert_non_null(dir);
	for (const struct dirent *e; (e = readdir(dir)) != NULL;)
		n +=
		    strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	(void)closedir(dir);
	return n;
}

/* Read it as the carrier would: whole messages, or -1 with errno. */
UNUSED_OK static int
batch_whole(int dirfd, const char *name)
{
	struct batch b;
	struct batch_entry e;
	const char *why;
	uint64_t at = 0;
	int n = 0, more;
	if (batch_open(&b, dirfd, name, &why) != 0)
		return -1;
	while ((more = batch_next(&b, &at, &e, &why)) == 1) {
		struct envelope env;
		if (batch_envelope(&b, &e, &env, &why) != 0)
			break;
		envelope_free(&env);
		if (batch_verify(&b, &e, &why) != 0)
			break;
		n++;
	}
	int saved = errno;
	if (more == 0 && n != (int)b.count)
		fail_msg("%d messages of %u", n, b.count);
	batch_close(&b);
	errno = saved;
	return more == 0 ? n : -1;
}

#endif

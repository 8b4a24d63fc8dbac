/* SPDX-License-Identifier: ISC */
/*
 * Reading a secret.  Not secret commands: those come with a later release.
 *
 * Invariant: the secret is in memory once, never in a message of ours, and
 * wiped before the memory is given back.  What libcurl copies of it is
 * libcurl's; hop_setup.c takes it away from there as early as can be.
 */
#include "deliver/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/io.h"
#include "base/log.h"

/* Judge the file behind fd.  NULL, or what is wrong with it. */
static const char *
judge(int fd)
{
	struct stat sb;
	if (fstat(fd, &sb) != 0)
		return strerror(errno);
	if (!S_ISREG(sb.st_mode))
		return "not a regular file";
	if (sb.st_mode & (S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH))
		return "group or others may read or write it (want mode 0600)";
	return sb.st_size > SECRET_MAX ? "too long" : NULL;
}

/* The first line of fd.  NULL, or what is wrong with it. */
static const char *
read_line(struct secret *s, int fd)
{
	ssize_t n = io_pread(fd, s->text, SECRET_MAX, 0);
	if (n < 0)
		return strerror(errno);
	char *lf = memchr(s->text, '\n', (size_t)n);
	size_t len = lf ? (size_t)(lf - s->text) : (size_t)n;
	if (len > 0 && s->text[len - 1] == '\r')
		len--;
	explicit_bzero(s->text + len, sizeof(s->text) - len);
	if (len == 0)
		return "empty";
	return strlen(s->text) == len ? NULL : "holds a NUL octet";
}

struct secret *
secret_read(const char *file, struct status *st)
{
	/* NONBLOCK: a FIFO must not stop us; it is refused a line later. */
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	const char *why = fd < 0 ? strerror(errno) : judge(fd);
	struct secret *s = NULL;
	if (why == NULL) {
		s = alloc_zero(1, sizeof(*s));
		why = read_line(s, fd);
	}
	if (fd >= 0)
		close(fd);
	if (why == NULL)
		return s;
	secret_free(s);
	status_set(st, LATER, 0, "4.7.0", "secret-file %s: %s", file, why);
	return NULL;
}

void
secret_free(struct secret *s)
{
	if (s == NULL)
		return;
	explicit_bzero(s, sizeof(*s));
	free(s);
}

/* Is the base64 of this in text? */
static bool
base64_in(const char *data, size_t len, const char *text)
{
	size_t room = (len + 2) / 3 * 4 + 1;
	char *b64 = alloc_zero(room, 1);
	EVP_EncodeBlock(
	    (unsigned char *)b64, (const unsigned char *)data, (int)len);
	bool found = strstr(text, b64) != NULL;
	explicit_bzero(b64, room);
	free(b64);
	return found;
}

bool
secret_shows(const struct secret *s, const char *user, const char *text)
{
	size_t n = strlen(s->text), u = strlen(user);
	if (strstr(text, s->text) != NULL || base64_in(s->text, n, text))
		return true;
	/* AUTH PLAIN: NUL user NUL secret. */
	char *plain = alloc_zero(n + u + 2, 1);
	memcpy(plain + 1, user, u);
	memcpy(plain + u + 2, s->text, n);
	bool found = base64_in(plain, n + u + 2, text);
	explicit_bzero(plain, n + u + 2);
	free(plain);
	return found;
}

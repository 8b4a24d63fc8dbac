/* SPDX-License-Identifier: ISC */
/*
 * What a secret may be, and reading one.  Not running commands (child.c) and
 * not keeping what they print (secrets.c).
 *
 * Invariant: the secret is in memory once, never in a message of ours, and
 * wiped before the memory is given back.  What libcurl copies of it is
 * libcurl's; hop_login.c takes it away from there as early as can be.
 */
#include "deliver/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/io.h"
#include "base/log.h"

/* So many octets of a long secret are too many in a text. */
#define SHOWN_MIN 16

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

/* Cut n octets of text to their first line.  NULL, or what is wrong. */
static const char *
cut(struct secret *s, size_t n)
{
	char *lf = memchr(s->text, '\n', n);
	size_t len = lf ? (size_t)(lf - s->text) : n;
	if (len > 0 && s->text[len - 1] == '\r')
		len--;
	explicit_bzero(s->text + len, sizeof(s->text) - len);
	if (len == 0)
		return "its first line is empty";
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s->text[i] < ' ' || s->text[i] == 0x7f)
			return "its first line holds a control character";
	return NULL;
}

/* The first line of fd.  NULL, or what is wrong with it. */
static const char *
read_line(struct secret *s, int fd)
{
	ssize_t n = io_pread(fd, s->text, SECRET_MAX, 0);
	return n < 0 ? strerror(errno) : cut(s, (size_t)n);
}

struct secret *
secret_from(const char *text, size_t len, const char **why)
{
	const char *lf = memchr(text, '\n', len);
	size_t n = lf != NULL ? (size_t)(lf - text) : len;
	struct secret *s = alloc_zero(1, sizeof(*s));
	*why = n > SECRET_MAX ? "its first line is too long" : NULL;
	if (*why == NULL) {
		memcpy(s->text, text, n);
		*why = cut(s, n);
	}
	if (*why == NULL)
		return s;
	secret_free(s);
	return NULL;
}

struct secret *
secret_copy(const struct secret *s)
{
	struct secret *copy = alloc_zero(1, sizeof(*copy));
	memcpy(copy, s, sizeof(*copy));
	return copy;
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

/* Is it in these octets: whole, or its beginning at their end? */
static bool
holds(const struct secret *s, const char *data, size_t len)
{
	size_t n = strlen(s->text);
	size_t least = n < SHOWN_MIN ? n : SHOWN_MIN;
	return memmem(data, len, s->text, least) != NULL;
}

/* The same for what this base64 stands for; its padding and a last group
 * that was cut do not matter. */
static bool
holds_encoded(const struct secret *s, const char *text, size_t len)
{
	size_t n = 0, room = BASE64_ROOM(len) + 1;
	char *data = alloc_zero(room, 1);
	len -= len % 4;
	bool found =
	    base64_decode(text, len, data, room, &n) == 0 && holds(s, data, n);
	explicit_bzero(data, room);
	free(data);
	return found;
}

bool
secret_shows(const struct secret *s, const char *text)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz0123456789+/";
	if (holds(s, text, strlen(text)))
		return true;
	for (; *text != '\0'; text++) {
		size_t n = strspn(text, alphabet);
		size_t padded = n + strspn(text + n, "=");
		/* Anything may stand right in front of it. */
		for (size_t skip = 0; skip < 4 && skip < n; skip++)
			if (holds_encoded(s, text + skip, n - skip) ||
			    holds_encoded(s, text + skip, padded - skip))
				return true;
		if (padded == 0)
			continue;
		text += padded - 1;
	}
	return false;
}

/* SPDX-License-Identifier: ISC */
/*
 * The head and the name of a message file.  Knows no directory and writes
 * nothing.
 *
 * Invariant: a name that is in use is given out again only for the very
 * same sender and recipients.  One message may reach the drop directory in
 * several steps (two local domains, a retry), and a step must not replace
 * what an earlier one put there for somebody else.
 */
#include "deliver/letter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"

#define HEAD_MAX ((size_t)RECIPIENTS_MAX * (ADDRESS_MAX + 32))
static const char receiver[] = "x-receiver: ";

void
letter_head(struct buf *out, const struct conf *c, const struct envelope *env,
    const uint32_t *rcpts, size_t n)
{
	buf_init(out, HEAD_MAX);
	(void)buf_addf(out, "x-sender: %s\r\n",
	    address_is_null(&env->from) ? "<>" : env->from.text);
	for (size_t i = 0; i < n; i++) {
		struct address a = env->rcpts[rcpts[i]].addr;
		if (address_is_bare(&a) &&
		    address_qualify(&a, conf_origin(c)) != 0)
			a = env->rcpts[rcpts[i]].addr;
		(void)buf_addf(out, "%s%s\r\n", receiver, a.text);
	}
	if (!buf_ok(out))
		die("letter: head of %zu recipients is too long", n);
}

/* Does the open file start with this head, and the head end there? */
static bool
has_head(int fd, const struct buf *head)
{
	char chunk[4096];
	for (size_t at = 0; at < head->len;) {
		size_t want = head->len - at;
		if (want > sizeof(chunk))
			want = sizeof(chunk);
		ssize_t n = io_pread(fd, chunk, want, (off_t)at);
		if (n != (ssize_t)want || memcmp(chunk, head->data + at, want))
			return false;
		at += want;
	}
	size_t len = sizeof(receiver) - 1;
	ssize_t n = io_pread(fd, chunk, len, (off_t)head->len);
	return n >= 0 &&
	       !((size_t)n == len && memcmp(chunk, receiver, len) == 0);
}

void
letter_stem(char out[NAME_MAX + 1], int dir_fd, const char *id,
    const struct buf *head, uint32_t number)
{
	char name[NAME_MAX + 1];
	(void)snprintf(name, sizeof(name), "%s.eml", id);
	(void)snprintf(out, NAME_MAX + 1, "%s", id);
	int fd = openat(dir_fd, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 ? errno != ENOENT : !has_head(fd, head))
		(void)snprintf(out, NAME_MAX + 1, "%s-%u", id, number);
	if (fd >= 0)
		(void)close(fd);
}

/* SPDX-License-Identifier: ISC */
/*
 * /etc/hosts.  Not left to libunbound, which would answer from it for
 * every type: a domain with an address there would lose its MX.
 *
 * The text is kept and searched as it is: the file is short, or else (a
 * list of a hundred thousand blocked names) a search still costs less than
 * a question to a server.  Invariant: the text is not older than
 * the stamp.
 */
#include "net/hosts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/reach.h"
#include "net/changed.h"

struct hosts {
	const char *path;
	struct stat stamp;
	struct buf text;
};

struct hosts *
hosts_new(const char *path)
{
	struct hosts *h = alloc_zero(1, sizeof(*h));
	h->path = path;
	buf_init(&h->text, HOSTS_FILE_MAX);
	return h;
}

void
hosts_free(struct hosts *h)
{
	if (h == NULL)
		return;
	buf_free(&h->text);
	free(h);
}

static void
refresh(struct hosts *h)
{
	if (!file_changed(h->path, &h->stamp))
		return;
	buf_clear(&h->text);
	int fd = reach_open(h->path);
	if (fd < 0)
		return;
	if (io_slurp(fd, &h->text) != 0)
		buf_clear(&h->text);
	(void)close(fd);
}

/* The next word of a line; its length, 0 when there is none. */
static size_t
next_word(const char **at, const char *end)
{
	static const char blank[] = " \t\r";
	const char *p = *at;
	while (p < end && memchr(blank, *p, sizeof(blank)) != NULL)
		p++;
	*at = p;
	while (p < end && *p != '#' && memchr(blank, *p, sizeof(blank)) == NULL)
		p++;
	return (size_t)(p - *at);
}

static bool
line_names(const char *line, const char *end, const char *name, size_t len)
{
	for (;;) {
		size_t n = next_word(&line, end);
		if (n == 0)
			return false;
		if (n == len && strncasecmp(line, name, n) == 0)
			return true;
		line += n;
	}
}

size_t
hosts_find(struct hosts *h, const char *name, struct ip *v, size_t max)
{
	size_t n = 0, len = strlen(name);
	refresh(h);
	const char *line = buf_str(&h->text), *all = line + h->text.len;
	while (line < all && n < max) {
		const char *end = memchr(line, '\n', (size_t)(all - line));
		end = end != NULL ? end : all;
		size_t word = next_word(&line, end);
		if (line_names(line + word, end, name, len) &&
		    ip_parse(line, word, &v[n]) == 0)
			n++;
		line = end + 1;
	}
	return n;
}

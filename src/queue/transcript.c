/* SPDX-License-Identifier: ISC */
/*
 * Transcript files.  Members of the queue's group can put any name into
 * tmp/, so a file is opened as one from an enemy would be, and only ever
 * appended to.  Invariant: one call, one write, one line; the first octet is
 * never that of a batch, so that recovery cannot promote it.
 */
#include "queue/transcript.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

#define MODE 0660
#define LINE_ROOM 1024 /* octets of a line that are kept */

int
transcript_create(struct store *s, char id[BATCH_ID_LEN + 1])
{
	store_make_id(id);
	int fd = openat(s->tmp_fd, id,
	    O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, MODE);
	if (fd >= 0 && fchmod(fd, MODE) != 0) {
		int saved = errno;
		(void)close(fd);
		transcript_remove(s, id);
		errno = saved;
		return -1;
	}
	return fd;
}

int
transcript_open(struct store *s, const char *id)
{
	struct stat st;
	if (!batch_id_valid(id, strnlen(id, BATCH_ID_LEN + 1)))
		return -1;
	int fd = openat(s->tmp_fd, id,
	    O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
		O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
	    (st.st_mode & 07777) == MODE)
		return fd;
	(void)close(fd);
	return -1;
}

void
transcript_remove(struct store *s, const char *id)
{
	(void)unlinkat(s->tmp_fd, id, 0);
}

void
transcript_add(int fd, char kind, const char *text, size_t len)
{
	char line[LINE_ROOM + 4] = {kind, ' '};
	struct stat st;
	size_t n = 2;
	if (fd < 0)
		return;
	if (kind != '=' && kind != '.' &&
	    (fstat(fd, &st) != 0 || st.st_size >= TRANSCRIPT_MAX))
		return;
	for (size_t i = 0; i < len && i < LINE_ROOM; i++) {
		unsigned char c = (unsigned char)text[i];
		line[n++] = c < ' ' || c == 0x7f ? '?' : text[i];
	}
	if (len == 0)
		n = 1;
	line[n++] = '\n';
	if (io_write(fd, line, n) != 0)
		return; /* nobody is owed it */
}

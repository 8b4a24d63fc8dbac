/* SPDX-License-Identifier: ISC */
/*
 * The last resort's last resort: mail that nobody can be told about.  Kept
 * in the form of a pickup file, so that moving NAME.eml into the pickup
 * directory sends it again.  badmail_trim.c keeps the ring.
 *
 * Invariant: NAME.reason is durable before NAME.eml appears, and NAME.eml is
 * durable before anything says that it is kept.
 */
#include "deliver/badmail.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "deliver/letter.h"
#include "deliver/newfile.h"
#include "mail/stamp.h"

enum { NAMES_TRIED = 100, TRIM_EACH = 64 };

int
badmail_open(const struct conf *c)
{
	struct buf path;
	buf_init(&path, PATH_MAX);
	int fd = -1;
	errno = ENAMETOOLONG;
	if (buf_addf(&path, "%s/badmail", c->spool) == 0) {
		if (mkdir(path.data, 0750) == 0 || errno == EEXIST)
			fd = open(path.data,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	buf_free(&path);
	return fd;
}

/* Counting the ring for each file would be quadratic in a flood. */
static void
trim_now_and_then(const struct conf *c, const char *name)
{
	if (io_crc32c(0, name, strlen(name)) % TRIM_EACH == 0)
		badmail_trim(c);
}

static int
write_reason(int dir_fd, const char *name, const struct buf *text)
{
	char final[NAME_MAX + 16], temporary[NAME_MAX + 16];
	(void)snprintf(final, sizeof(final), "%s.reason", name);
	(void)snprintf(temporary, sizeof(temporary), ".%s.reason.tmp", name);
	struct newfile f;
	newfile_open(&f, dir_fd, temporary, 0640);
	newfile_add(&f, text->data, text->len);
	return newfile_place(&f, dir_fd, final);
}

static void
reason_start(struct buf *text)
{
	char date[STAMP_DATE_MAX];
	buf_init(text, ENVELOPE_MAX);
	stamp_date(date, clock_wall_ms());
	(void)buf_addf(text, "kept: %s\n", date);
}

static void
reason_envelope(struct buf *text, const struct envelope *env, const char *id)
{
	char date[STAMP_DATE_MAX];
	stamp_date(date, env->arrived_ms);
	(void)buf_addf(text, "queue id: %s\narrived: %s\nsource: %s\n", id,
	    date, env->source != NULL ? env->source : "unknown");
	(void)buf_addf(text, "sender: <%s>\n", env->from.text);
	for (size_t i = 0; i < env->nrcpts; i++)
		(void)buf_addf(
		    text, "recipient: <%s>\n", env->rcpts[i].addr.text);
}

static int
write_letter(int dir_fd, const char *stem, const struct buf *head,
    struct batch *b, const struct batch_entry *e)
{
	char final[NAME_MAX + 16], temporary[NAME_MAX + 16];
	(void)snprintf(final, sizeof(final), "%s.eml", stem);
	(void)snprintf(temporary, sizeof(temporary), ".%s.eml.tmp", stem);
	struct newfile f;
	newfile_open(&f, dir_fd, temporary, 0640);
	newfile_add(&f, head->data, head->len);
	newfile_message(&f, b, e);
	return newfile_place(&f, dir_fd, final);
}

int
badmail_keep(const struct conf *c, struct batch *b, const struct batch_entry *e,
    const struct envelope *env, const char *id, const char *why)
{
	int dir_fd = badmail_open(c);
	if (dir_fd < 0)
		return -1;
	uint32_t *all = alloc_zero(env->nrcpts, sizeof(*all));
	for (size_t i = 0; i < env->nrcpts; i++)
		all[i] = (uint32_t)i;
	struct buf head, text;
	letter_head(&head, c, env, all, env->nrcpts);
	char stem[NAME_MAX + 1];
	letter_stem(stem, dir_fd, id, &head,
	    env->nrcpts > 0 ? env->rcpts[0].number : 0);
	reason_start(&text);
	reason_envelope(&text, env, id);
	(void)buf_addf(&text, "\n%s\n", why);
	int rc = write_reason(dir_fd, stem, &text);
	if (rc == 0)
		rc = write_letter(dir_fd, stem, &head, b, e);
	int error = errno;
	if (rc == 0)
		log_event(LOG_WARNING, "badmail", LOG_STR("id", id),
		    LOG_STR("name", stem), LOG_STR("reason", why));
	buf_free(&text);
	buf_free(&head);
	free(all);
	(void)close(dir_fd);
	if (rc == 0)
		trim_now_and_then(c, stem);
	errno = error;
	return rc;
}

/* --- files that never became mail --- */

/* A stem that no NAME.eml has yet; what is left of an interrupted move, a
 * reason alone, is taken over.  0; -1 with errno. */
static int
free_stem(char out[NAME_MAX + 1], int dir_fd, const char *name)
{
	(void)snprintf(out, NAME_MAX + 1, "%.200s", name);
	for (unsigned k = 2; k < NAMES_TRIED; k++) {
		char final[NAME_MAX + 16];
		(void)snprintf(final, sizeof(final), "%s.eml", out);
		if (faccessat(dir_fd, final, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
			return errno == ENOENT ? 0 : -1;
		(void)snprintf(out, NAME_MAX + 1, "%.200s-%u", name, k);
	}
	errno = EEXIST;
	return -1;
}

/* To another file system; what is beyond the ring's size is not kept, and
 * the reason says so before. */
static int
copy_file(
    int from_fd, const char *file, int dir_fd, const char *stem, uint64_t most)
{
	char final[NAME_MAX + 16], temporary[NAME_MAX + 16], chunk[CHUNK_SIZE];
	int fd = openat(from_fd, file,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	(void)snprintf(final, sizeof(final), "%s.eml", stem);
	(void)snprintf(temporary, sizeof(temporary), ".%s.eml.tmp", stem);
	struct newfile f;
	newfile_open(&f, dir_fd, temporary, 0640);
	ssize_t n = 1;
	while (n > 0 && most > 0) {
		size_t want =
		    most < sizeof(chunk) ? (size_t)most : sizeof(chunk);
		n = io_read(fd, chunk, want);
		if (n > 0) {
			newfile_add(&f, chunk, (size_t)n);
			most -= (uint64_t)n;
		}
	}
	int error = errno;
	(void)close(fd);
	if (n < 0) {
		newfile_drop(&f);
		errno = error;
		return -1;
	}
	return newfile_place(&f, dir_fd, final);
}

static int
move_file(const struct conf *c, int from_fd, const char *file, int dir_fd,
    const char *stem)
{
	char final[NAME_MAX + 16];
	(void)snprintf(final, sizeof(final), "%s.eml", stem);
	if (renameat2(from_fd, file, dir_fd, final, RENAME_NOREPLACE) == 0)
		return io_fsync(dir_fd) == 0 ? io_fsync(from_fd) : -1;
	if (errno != EXDEV)
		return -1;
	uint64_t most = c->queue.badmail_max;
	if (copy_file(
		from_fd, file, dir_fd, stem, most > 0 ? most : UINT64_MAX) != 0)
		return -1;
	return unlinkat(from_fd, file, 0) == 0 ? io_fsync(from_fd) : -1;
}

/* A link is not kept as one: whoever opens it later would follow it. */
static int
remove_link(int from_fd, const char *file)
{
	return unlinkat(from_fd, file, 0) == 0 ? io_fsync(from_fd) : -1;
}

static void
reason_file(struct buf *text, const struct conf *c, int from_fd,
    const char *file, const struct stat *sb, const char *why)
{
	char target[1024];
	reason_start(text);
	(void)buf_addf(text, "owner: uid %lu\nsize: %lld\n\n%s\n",
	    (unsigned long)sb->st_uid, (long long)sb->st_size, why);
	if (c->queue.badmail_max > 0 &&
	    (uint64_t)sb->st_size > c->queue.badmail_max)
		(void)buf_adds(text,
		    "it is larger than queue.badmail-max and may be cut\n");
	if (!S_ISLNK(sb->st_mode))
		return;
	ssize_t n = readlinkat(from_fd, file, target, sizeof(target));
	(void)buf_adds(text, "it was a symbolic link to: ");
	badmail_escape(text, target, n > 0 ? (size_t)n : 0);
	(void)buf_addc(text, '\n');
}

int
badmail_move(const struct conf *c, int from_fd, const char *file,
    const char *name, const char *why)
{
	struct stat sb;
	if (fstatat(from_fd, file, &sb, AT_SYMLINK_NOFOLLOW) != 0)
		return -1;
	if (!S_ISREG(sb.st_mode) && !S_ISLNK(sb.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	int dir_fd = badmail_open(c);
	if (dir_fd < 0)
		return -1;
	struct buf text;
	reason_file(&text, c, from_fd, file, &sb, why);
	char stem[NAME_MAX + 1];
	int rc = free_stem(stem, dir_fd, name);
	if (rc == 0)
		rc = write_reason(dir_fd, stem, &text);
	if (rc == 0 && S_ISLNK(sb.st_mode))
		rc = remove_link(from_fd, file);
	else if (rc == 0)
		rc = move_file(c, from_fd, file, dir_fd, stem);
	int error = errno;
	buf_free(&text);
	(void)close(dir_fd);
	if (rc == 0)
		trim_now_and_then(c, stem);
	errno = error;
	return rc;
}

void
badmail_escape(struct buf *out, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char ch = (unsigned char)s[i];
		if (ch < 0x20 || ch >= 0x7f || ch == '\\')
			(void)buf_addf(out, "\\x%02x", ch);
		else
			(void)buf_addc(out, (char)ch);
	}
}

/* SPDX-License-Identifier: ISC */
/*
 * Local delivery into the drop directory.  Runs as the carrier does and
 * changes to nobody: what a directory's rights refuse is tried again later.
 * SPOOL/drop is ours, and made when it is missing; another one is somebody's
 * who may have it on a disk that is not there today.  Mailboxes are the
 * business of maildir.c.
 *
 * Invariant: a reader of the directory sees whole messages only, under
 * names that end in ".eml"; DONE is said after file and name are on disk.
 */
#include "deliver/drop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "deliver/letter.h"
#include "deliver/maildir.h"
#include "deliver/newfile.h"

void
drop_fault(struct status *st, const char *what, int error)
{
	if (error == EDQUOT)
		status_set(st, LATER, 452, "4.2.2", "%s: over quota", what);
	else if (error == ENOSPC)
		status_set(st, LATER, 452, "4.3.1", "%s: disk full", what);
	else
		status_set(
		    st, LATER, 451, "4.3.0", "%s: %s", what, strerror(error));
}

bool
drop_is_own(const struct conf *c)
{
	size_t len = strlen(c->spool);
	return strncmp(c->drop.directory, c->spool, len) == 0 &&
	       strcmp(c->drop.directory + len, "/drop") == 0;
}

static uint64_t
octets_in(DIR *dir)
{
	uint64_t sum = 0;
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		struct stat sb;
		if (fstatat(dirfd(dir), e->d_name, &sb, AT_SYMLINK_NOFOLLOW) ==
			0 &&
		    S_ISREG(sb.st_mode))
			sum += (uint64_t)sb.st_size;
	}
	return sum;
}

/* May need octets be added?  0; -1 with errno, EDQUOT when not.  Counted
 * anew each time: readers take files away whenever they like. */
static int
within_quota(int dir_fd, uint64_t quota, uint64_t need)
{
	if (quota == 0)
		return 0;
	DIR *dir = io_opendir(dir_fd, ".");
	if (dir == NULL)
		return -1;
	uint64_t used = octets_in(dir);
	(void)closedir(dir);
	errno = EDQUOT;
	return need <= quota && used <= quota - need ? 0 : -1;
}

static void
write_file(int dir_fd, const char *stem, const struct buf *head,
    struct batch *b, const struct batch_entry *e, struct status *st)
{
	char name[NAME_MAX + 8], temporary[NAME_MAX + 8];
	(void)snprintf(name, sizeof(name), "%s.eml", stem);
	(void)snprintf(temporary, sizeof(temporary), ".%s.tmp", stem);
	struct newfile f;
	newfile_open(&f, dir_fd, temporary, 0640);
	newfile_add(&f, head->data, head->len);
	newfile_message(&f, b, e);
	if (newfile_place(&f, dir_fd, name) != 0)
		drop_fault(st, "drop directory", errno);
	else
		status_set(st, DONE, 250, "2.0.0", "dropped as %s", name);
}

/* As the set-up makes it, and durable before mail in it is. */
static int
make_own(const struct conf *c)
{
	if (!drop_is_own(c) || mkdir(c->drop.directory, 0750) != 0)
		return -1;
	int spool = open(c->spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = spool >= 0 ? io_fsync(spool) : -1;
	if (spool >= 0)
		(void)close(spool);
	log_text(LOG_NOTICE, "%s was missing, and is made", c->drop.directory);
	return rc;
}

static int
open_drop(const struct conf *c)
{
	const int how = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	int fd = open(c->drop.directory, how);
	if (fd < 0 && errno == ENOENT && make_own(c) == 0)
		fd = open(c->drop.directory, how);
	else if (fd < 0)
		log_text(LOG_ERR, "drop directory %s: %s", c->drop.directory,
		    strerror(errno));
	return fd;
}

static void
drop_file(const struct conf *c, struct batch *b, const struct batch_entry *e,
    const struct envelope *env, const char *id, const uint32_t *rcpts, size_t n,
    struct status *st)
{
	int dir_fd = open_drop(c);
	if (dir_fd < 0) {
		drop_fault(st, "drop directory", errno);
		return;
	}
	struct buf head;
	letter_head(&head, c, env, rcpts, n);
	if (within_quota(dir_fd, c->drop.quota, head.len + e->data_len) != 0) {
		drop_fault(st, "drop directory", errno);
	} else {
		char stem[NAME_MAX + 1];
		letter_stem(
		    stem, dir_fd, id, &head, env->rcpts[rcpts[0]].number);
		write_file(dir_fd, stem, &head, b, e, st);
	}
	buf_free(&head);
	(void)close(dir_fd);
}

void
drop_deliver(const struct conf *c, const struct domain *d, struct batch *b,
    const struct batch_entry *e, const struct envelope *env, const char *id,
    const uint32_t *rcpts, size_t n, struct status *st)
{
	if (n == 0)
		return;
	const struct domain *own = d;
	if (d->kind == DOMAIN_ALIAS && table_default(c->table) != NULL)
		own = table_default(c->table);
	const char *why;
	if (batch_verify(b, e, &why) != 0)
		drop_fault(&st[0], "queue file", errno);
	else if (own->maildir == NULL)
		drop_file(c, b, e, env, id, rcpts, n, &st[0]);
	else {
		for (size_t i = 0; i < n; i++)
			maildir_deliver(c, own, b, e, env, id,
			    &env->rcpts[rcpts[i]], &st[i]);
		return;
	}
	for (size_t i = 1; i < n; i++)
		st[i] = st[0];
}

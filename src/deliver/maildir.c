/* SPDX-License-Identifier: ISC */
/*
 * Maildirs.  Not a mail user agent: makes no folders, reads nothing back,
 * and does not know which maildirs there should be (conf/mailbox.h does).
 *
 * Invariant: NEVER is said only when the directory that holds the mailboxes
 * is there and the mailbox is not.
 */
#include "deliver/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "conf/mailbox.h"
#include "deliver/drop.h"
#include "deliver/newfile.h"

enum { OPEN_DIR = O_RDONLY | O_DIRECTORY | O_CLOEXEC };

/* Open the maildir; -1 and st. */
static int
open_maildir(const struct conf *c, const struct domain *d,
    const struct address *rcpt, struct status *st)
{
	struct buf path;
	buf_init(&path, PATH_MAX);
	if (mailbox_path(c, d, rcpt, &path) != 0) {
		status_set(st, NEVER, 553, "5.1.3",
		    "the local part cannot name a mailbox here");
		buf_free(&path);
		return -1;
	}
	int fd = open(buf_str(&path), OPEN_DIR);
	int error = errno;
	buf_free(&path);
	if (fd < 0 && error == ENOENT && mailbox_missing(c, d, rcpt))
		status_set(st, NEVER, 550, "5.1.1", "no such mailbox here");
	else if (fd < 0)
		drop_fault(st, "maildir", error);
	return fd;
}

static void
write_message(int tmp_fd, int new_fd, const char *name, struct batch *b,
    const struct batch_entry *e, const struct envelope *env,
    const struct rcpt *rcpt, struct status *st)
{
	struct buf top;
	buf_init(&top, 4 * ADDRESS_MAX);
	(void)buf_addf(&top, "Return-Path: <%s>\nDelivered-To: %s\n",
	    env->from.text, rcpt->addr.text);
	struct newfile f;
	newfile_open(&f, tmp_fd, name, 0660);
	f.lf = true;
	newfile_add(&f, top.data, top.len);
	newfile_message(&f, b, e);
	if (newfile_place(&f, new_fd, name) != 0)
		drop_fault(st, "maildir", errno);
	else
		status_set(st, DONE, 250, "2.0.0", "delivered as new/%s", name);
	buf_free(&top);
}

void
maildir_deliver(const struct conf *c, const struct domain *d, struct batch *b,
    const struct batch_entry *e, const struct envelope *env, const char *id,
    const struct rcpt *rcpt, struct status *st)
{
	int dir_fd = open_maildir(c, d, &rcpt->addr, st);
	if (dir_fd < 0)
		return;
	/* Of the message only, so that delivering again replaces. */
	char name[NAME_MAX + 1];
	(void)snprintf(name, sizeof(name), "%lld.%s_%u.%.150s",
	    (long long)(env->arrived_ms / 1000), id, rcpt->number, c->hostname);
	int tmp_fd = openat(dir_fd, "tmp", OPEN_DIR | O_NOFOLLOW);
	int new_fd = openat(dir_fd, "new", OPEN_DIR | O_NOFOLLOW);
	if (tmp_fd < 0 || new_fd < 0)
		drop_fault(st, "maildir without tmp or new", errno);
	else
		write_message(tmp_fd, new_fd, name, b, e, env, rcpt, st);
	if (tmp_fd >= 0)
		(void)close(tmp_fd);
	if (new_fd >= 0)
		(void)close(new_fd);
	(void)close(dir_fd);
}

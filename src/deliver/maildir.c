/* SPDX-License-Identifier: ISC */
/*
 * Maildirs.  Not a mail user agent: makes no folders, reads nothing back,
 * and does not know which maildirs there should be.
 *
 * Invariant: no recipient address can name a path outside of the place that
 * the template gives it: a local part is one path component that is neither
 * empty nor starts with a dot, or it is refused.  NEVER is said only when
 * the directory that holds the mailboxes is there and the mailbox is not;
 * a missing holder may be a missing mount.
 */
#include "deliver/maildir.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "deliver/drop.h"
#include "deliver/newfile.h"

enum { OPEN_DIR = O_RDONLY | O_DIRECTORY | O_CLOEXEC };

int
maildir_path(struct buf *out, const char *template, size_t len,
    const char *domain, const char *user)
{
	for (size_t i = 0; i < len && template[i] != '\0'; i++) {
		char next = i + 1 < len ? template[i + 1] : '\0';
		if (template[i] != '%' ||
		    (next != 'd' && next != 'u' && next != '%')) {
			(void)buf_addc(out, template[i]);
			continue;
		}
		if (next == '%')
			(void)buf_addc(out, '%');
		else
			(void)buf_adds(out, next == 'd' ? domain : user);
		i++;
	}
	return buf_ok(out) ? 0 : -1;
}

/* The length of the template's part that holds the mailboxes: all before
 * the component with %u, or before the last one. */
static size_t
holder_len(const char *template)
{
	const char *user = strstr(template, "%u");
	size_t len =
	    user != NULL ? (size_t)(user - template) : strlen(template);
	while (len > 0 && template[len - 1] != '/')
		len--;
	return len;
}

static bool
component_safe(const char *s, size_t len)
{
	return len > 0 && s[0] != '.' && memchr(s, '/', len) == NULL &&
	       memchr(s, '\0', len) == NULL;
}

struct mailbox {
	char domain[ADDRESS_MAX + 1];
	char user[LOCAL_PART_MAX + 1];
};

/* Find the names to put into the template.  false: they are refused. */
static bool
mailbox_names(struct mailbox *m, const struct conf *c, const struct domain *d,
    const struct address *addr)
{
	const char *domain =
	    address_is_bare(addr) ? conf_origin(c) : address_domain(addr);
	size_t len = strlen(domain);
	const struct domain *entry = table_find(c->table, domain, len);
	if (entry != NULL && entry->kind == DOMAIN_ALIAS) {
		domain = d->name;
		len = strlen(domain);
	}
	if (len >= sizeof(m->domain) || !component_safe(domain, len))
		return false;
	for (size_t i = 0; i <= len; i++)
		m->domain[i] = (char)tolower((unsigned char)domain[i]);
	return component_safe(m->user, address_local(addr, m->user));
}

/* Open the maildir; -1 and st. */
static int
open_maildir(const struct domain *d, const struct mailbox *m, struct status *st)
{
	struct buf path;
	buf_init(&path, PATH_MAX);
	int fd = -1;
	errno = ENAMETOOLONG;
	if (maildir_path(&path, d->maildir, SIZE_MAX, m->domain, m->user) == 0)
		fd = open(buf_str(&path), OPEN_DIR);
	int error = errno;
	buf_clear(&path);
	bool held = false;
	if (fd < 0 && error == ENOENT &&
	    maildir_path(&path, d->maildir, holder_len(d->maildir), m->domain,
		m->user) == 0)
		held = access(path.len > 0 ? path.data : ".", X_OK) == 0;
	buf_free(&path);
	if (fd < 0 && held)
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
	struct mailbox m;
	if (!mailbox_names(&m, c, d, &rcpt->addr)) {
		status_set(st, NEVER, 553, "5.1.3",
		    "the local part cannot name a mailbox here");
		return;
	}
	int dir_fd = open_maildir(d, &m, st);
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

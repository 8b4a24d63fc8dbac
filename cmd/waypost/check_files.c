/* SPDX-License-Identifier: ISC */
/*
 * What waypost check finds of the spool: room, directories, and whether
 * somebody serves it.  Only looks.
 */
#include "check.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/log.h"
#include "deliver/drop.h"
#include "queue/board.h"
#include "queue/store.h"

#define SPACE_LOW_PERCENT 5

static void
check_space(struct check *k)
{
	struct statvfs fs;
	const char *spool = k->c->spool;
	if (statvfs(spool, &fs) != 0) {
		check_tell(k, FOUND_FAULT, "make it, owned by waypost",
		    "%s%s: %s", check_at(k, &k->c->spool, NULL), spool,
		    strerror(errno));
		return;
	}
	unsigned long long mega =
	    (unsigned long long)fs.f_bavail * fs.f_frsize >> 20;
	bool low = fs.f_bavail * 100 < fs.f_blocks * SPACE_LOW_PERCENT ||
		   (fs.f_files > 0 &&
		       fs.f_favail * 100 < fs.f_files * SPACE_LOW_PERCENT);
	check_tell(k, low ? FOUND_WARNING : FOUND_GOOD,
	    low ? "make room: mail is refused when it is full" : NULL,
	    "%s%s: %llu MiB free", low ? check_at(k, &k->c->spool, NULL) : "",
	    spool, mega);
}

/* May the spool's owner read and write there, by owner, group or all? */
static bool
is_open_to(const struct stat *dir, const char *spool)
{
	struct stat st;
	if (stat(spool, &st) != 0 || st.st_uid == 0)
		return true;
	mode_t want = st.st_uid == dir->st_uid   ? 0700
		      : st.st_gid == dir->st_gid ? 0070
						 : 0007;
	return (dir->st_mode & want) == want;
}

/* For local domains without a maildir, which the default one may have. */
static void
check_drop(struct check *k)
{
	const struct domain *d = table_default(k->c->table);
	const char *path = k->c->drop.directory;
	const char *at = check_at(k, &k->c->drop.directory, NULL);
	struct stat st;
	if (d == NULL)
		return;
	if (stat(path, &st) != 0) {
		if (errno == ENOENT && drop_is_own(k->c))
			return; /* waypostd makes it */
		check_tell(k, d->maildir == NULL ? FOUND_FAULT : FOUND_WARNING,
		    "make it, owned by waypost, mode 0750",
		    "%sdrop directory %s: %s: mail for it waits", at, path,
		    strerror(errno));
	} else if (!S_ISDIR(st.st_mode)) {
		check_tell(k, FOUND_FAULT, "another drop.directory",
		    "%s%s is no directory: mail for it waits", at, path);
	} else if (!is_open_to(&st, k->c->spool)) {
		check_tell(k, FOUND_WARNING,
		    "give it to waypost, or to one of its groups, mode 0750 or "
		    "0770",
		    "%sdrop directory %s: waypost may not write there", at,
		    path);
	}
}

/* Can waypostd make it, when it is missing? */
static bool
has_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_MAX];
	struct stat st;
	size_t len = slash != NULL ? (size_t)(slash - path) : 0;
	if (len == 0 || len >= sizeof(parent))
		return len == 0;
	memcpy(parent, path, len);
	parent[len] = '\0';
	return stat(parent, &st) == 0;
}

static void
check_pickup(struct check *k)
{
	const char *path = k->c->pickup.directory;
	const char *at = check_at(k, &k->c->pickup.directory, NULL);
	struct stat st;
	if (lstat(path, &st) != 0) {
		if (errno == ENOENT && has_parent(path))
			return; /* waypostd makes it */
		check_tell(k, FOUND_WARNING, "make it, mode 1733",
		    "%spickup directory %s: %s", at, path, strerror(errno));
	} else if (!S_ISDIR(st.st_mode)) {
		check_tell(k, FOUND_FAULT, "another pickup.directory",
		    "%s%s is no directory: nothing is picked up", at, path);
	}
}

/* Does somebody hold the queue, and serve the listeners? */
static void
check_daemons(struct check *k)
{
	struct store s;
	struct board *b;
	if (store_open(&s, k->c->spool) != 0) {
		check_tell(k, FOUND_FAULT,
		    "queue/tmp and queue/new, 1770, owned by waypost:waydrop",
		    "%s%s/queue: %s", check_at(k, &k->c->spool, NULL),
		    k->c->spool, strerror(errno));
		return;
	}
	bool served = store_served(&s);
	store_close(&s);
	check_tell(k, served ? FOUND_GOOD : FOUND_WARNING,
	    served ? NULL : "start waypostd", "waypostd %s",
	    served ? "runs" : "does not run: mail is kept, but not sent");
	if (k->c->nlisteners == 0)
		return;
	b = alloc_zero(1, sizeof(*b));
	bool runs = board_look(k->c->spool, BOARD_LISTENER, b) == 1;
	free(b);
	check_tell(k, runs ? FOUND_GOOD : FOUND_WARNING,
	    runs ? NULL : "start waypost-smtpd", "waypost-smtpd %s",
	    runs ? "runs" : "does not run");
}

void
check_files(struct check *k)
{
	check_space(k);
	check_pickup(k);
	check_drop(k);
	check_daemons(k);
}

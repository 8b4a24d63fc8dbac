/* SPDX-License-Identifier: ISC */
/*
 * From a file that anybody made to a message in the queue.  All judgement is
 * passed on the open file in claim/ (0700, ours): names in the pickup
 * directory may change hands at any time and are trusted for nothing.
 *
 * Why a crash leaves no duplicate (J08): a claim's name is the id that its
 * batch will have, and it is removed after the batch is durable.  A claim
 * that the next run finds was therefore queued if, and only if, new/ID is
 * there: the carrier could have delivered and removed that batch only in a
 * run that did not remove the claim first, and claims are removed, with an
 * fsync, before the loop that delivers goes on; claim_sweep() does the same
 * before the first delivery of a run.  When a removal fails for good the
 * claim gets a mark beside it (.done-ID) and is never queued again (L13).
 * tmp/ID alone is a torn draft, promised to nobody; the claim then takes
 * another id (store_recover() has promoted what was whole).
 */
#include "deliver/claim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "deliver/badmail.h"
#include "submit/submit.h"

static bool
there(int dir_fd, const char *name)
{
	return faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int
claim_take(const struct door *d, const char *name, struct claim *cl)
{
	store_make_id(cl->id);
	(void)snprintf(cl->name, sizeof(cl->name), "%s", name);
	cl->fresh = true;
	return renameat2(
	    d->dir_fd, name, d->claim_fd, cl->id, RENAME_NOREPLACE);
}

int
claim_back(const struct door *d, const struct claim *cl)
{
	if (cl->name[0] == '\0') {
		errno = ENOENT;
		return -1;
	}
	return renameat2(
	    d->claim_fd, cl->id, d->dir_fd, cl->name, RENAME_NOREPLACE);
}

/* --- the end of a claim --- */

static void
mark_name(char out[BATCH_ID_LEN + 8], const char *id)
{
	(void)snprintf(out, BATCH_ID_LEN + 8, ".done-%s", id);
}

/* A claim that is queued stays: say so beside it, for all later runs. */
static void
mark(const struct door *d, const char *id)
{
	char name[BATCH_ID_LEN + 8];
	mark_name(name, id);
	log_event(LOG_ERR, "pickup", LOG_STR("id", id),
	    LOG_STR("error", strerror(errno)),
	    LOG_STR("text", "queued, yet cannot be removed from claim/"));
	int fd = openat(d->claim_fd, name,
	    O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || io_fsync(fd) != 0 || io_fsync(d->claim_fd) != 0)
		log_event(LOG_CRIT, "pickup", LOG_STR("id", id),
		    LOG_STR("error", strerror(errno)),
		    LOG_STR("text",
			"remove it by hand, else the next start sends it "
			"again"));
	if (fd >= 0)
		(void)close(fd);
}

/* Remove a claim whose batch is in the queue. */
static void
forget(const struct door *d, const char *id)
{
	if (unlinkat(d->claim_fd, id, 0) != 0 && errno != ENOENT)
		mark(d, id);
}

static void
forget_old(const struct door *d, const char *id)
{
	char name[BATCH_ID_LEN + 8];
	mark_name(name, id);
	forget(d, id);
	if (!there(d->claim_fd, id))
		(void)unlinkat(d->claim_fd, name, 0);
}

static bool
is_queued(const struct door *d, const char *id)
{
	char mark[BATCH_ID_LEN + 8];
	mark_name(mark, id);
	return there(d->store->new_fd, id) || there(d->claim_fd, mark);
}

static enum claim_result
bad(const struct door *d, const struct conf *c, const struct claim *cl,
    const struct stat *sb, const char *reason, struct status *st)
{
	struct buf text;
	buf_init(&text, 4 * NAME_MAX + 2 * STATUS_TEXT_MAX);
	(void)buf_adds(&text, "pickup file: ");
	if (cl->name[0] == '\0')
		(void)buf_adds(&text, "(name lost in a crash)");
	badmail_escape(&text, cl->name, strlen(cl->name));
	(void)buf_addf(&text, "\nreason: %s", reason);
	int rc = badmail_move(c, d->claim_fd, cl->id, cl->id, buf_str(&text));
	buf_free(&text);
	if (rc != 0) {
		log_event(LOG_ERR, "badmail", LOG_STR("id", cl->id),
		    LOG_STR("error", strerror(errno)));
		return claim_say(st, CLAIM_ODD, "bad, but badmail is too");
	}
	log_event(LOG_WARNING, "badmail", LOG_STR("id", cl->id),
	    LOG_STR("file", cl->name), LOG_NUM("uid", sb->st_uid),
	    LOG_STR("reason", reason));
	return CLAIM_GONE;
}

/* --- to the queue --- */

struct reading {
	int fd;
	const atomic_bool *stop;
	struct stat before;
	uint64_t octets;
};

/* 0: all read.  -1 and st; verdict DONE: the file could not be read. */
static int
feed(struct reading *r, struct submit *s, struct status *st)
{
	char chunk[4 * CHUNK_SIZE];
	while (r->stop == NULL || !atomic_load(r->stop)) {
		ssize_t n = io_read(r->fd, chunk, sizeof(chunk));
		if (n < 0)
			return -1;
		if (n == 0)
			return 0;
		r->octets += (uint64_t)n;
		int rc = submit_feed(s, chunk, (size_t)n, st);
		if (rc != 0)
			return rc < 0 ? -1 : 0;
	}
	errno = ECANCELED;
	return -1;
}

/* Its size, times or links changed while it was read (L06). */
static bool
changed(const struct reading *r)
{
	struct stat now;
	const struct stat *was = &r->before;
	return fstat(r->fd, &now) != 0 || now.st_size != was->st_size ||
	       r->octets > (uint64_t)was->st_size ||
	       now.st_nlink != was->st_nlink ||
	       memcmp(&now.st_mtim, &was->st_mtim, sizeof(now.st_mtim)) != 0 ||
	       memcmp(&now.st_ctim, &was->st_ctim, sizeof(now.st_ctim)) != 0;
}

static enum claim_result
queue_it(const struct door *d, struct reading *r, struct submit *s,
    const struct claim *cl, struct status *st)
{
	char id[QUEUE_ID_MAX + 1];
	*st = (struct status){.verdict = DONE};
	int rc = feed(r, s, st);
	if (changed(r))
		return claim_say(st, CLAIM_BUSY, "changed while it was read");
	if (rc != 0 && st->verdict == DONE)
		return claim_say(st, CLAIM_ODD, "cannot be read");
	if (rc == 0)
		rc = submit_commit(s, id, st);
	/* A faulty alias is one file's trouble, a full disk is everybody's. */
	if (rc != 0)
		return strcmp(st->enhanced, "4.3.5") == 0 ? CLAIM_ODD
							  : CLAIM_LATER;
	log_event(LOG_INFO, "pickup", LOG_STR("id", id),
	    LOG_STR("file", cl->name), LOG_NUM("uid", r->before.st_uid));
	forget(d, cl->id);
	return CLAIM_GONE;
}

static enum claim_result
submit_it(const struct door *d, const struct conf *c, const struct alias *a,
    struct claim *cl, struct reading *r, struct status *st)
{
	char source[64], comment[64];
	unsigned long uid = (unsigned long)r->before.st_uid;
	(void)snprintf(source, sizeof(source), "pickup uid=%lu", uid);
	(void)snprintf(comment, sizeof(comment), "pickup, uid %lu", uid);
	struct submit_options o = {
	    .conf = c,
	    .store = d->store,
	    .aliases = a,
	    .flags = SUBMIT_XLINES | SUBMIT_COMPLETE |
		     (c->pickup.dot_stuffed ? SUBMIT_UNSTUFF : 0),
	    .source = source,
	    .comment = comment,
	    .id = cl->id,
	};
	struct submit *s = submit_new(&o);
	enum claim_result result = queue_it(d, r, s, cl, st);
	submit_free(s);
	if (result == CLAIM_GONE || st->verdict != NEVER)
		return result;
	char reason[STATUS_TEXT_MAX + 64];
	(void)snprintf(reason, sizeof(reason), "%d %s %s", st->code,
	    st->enhanced, st->text);
	return bad(d, c, cl, &r->before, reason, st);
}

/* Too large to be read at all; a file may be larger than its message. */
static bool
oversize(const struct conf *c, const struct stat *sb)
{
	uint64_t limit = c->limits.message_size;
	return limit > 0 && (uint64_t)sb->st_size > limit + HEADER_MAX;
}

enum claim_result
claim_freshen(const struct door *d, struct claim *cl, struct status *st)
{
	if (cl->fresh)
		return CLAIM_GONE;
	cl->fresh = true;
	if (is_queued(d, cl->id)) {
		forget_old(d, cl->id);
		cl->id[0] = '\0';
		return CLAIM_GONE;
	}
	if (!there(d->store->tmp_fd, cl->id))
		return CLAIM_GONE;
	char fresh[BATCH_ID_LEN + 1];
	store_make_id(fresh);
	if (renameat2(d->claim_fd, cl->id, d->claim_fd, fresh,
		RENAME_NOREPLACE) != 0 ||
	    io_fsync(d->claim_fd) != 0)
		return claim_say(st, CLAIM_LATER, strerror(errno));
	memcpy(cl->id, fresh, sizeof(cl->id));
	return CLAIM_GONE;
}

enum claim_result
claim_settle(const struct door *d, const struct conf *c, const struct alias *a,
    struct claim *cl, struct status *st)
{
	struct reading r = {.fd = -1, .stop = d->stop};
	enum claim_result result = claim_freshen(d, cl, st);
	if (result != CLAIM_GONE || cl->id[0] == '\0')
		return result;
	if (fstatat(d->claim_fd, cl->id, &r.before, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT
			   ? CLAIM_GONE
			   : claim_say(st, CLAIM_ODD, strerror(errno));
	if (S_ISLNK(r.before.st_mode))
		return bad(d, c, cl, &r.before, "a symbolic link", st);
	result = claim_look(d->claim_fd, cl->id, &r.fd, &r.before, st);
	if (result != CLAIM_GONE)
		return result;
	if (oversize(c, &r.before))
		result = bad(d, c, cl, &r.before,
		    "552 5.3.4 larger than limits.message-size", st);
	else
		result = submit_it(d, c, a, cl, &r, st);
	(void)close(r.fd);
	return result;
}

void
claim_sweep(const struct door *d)
{
	DIR *dir = io_opendir(d->claim_fd, ".");
	if (dir == NULL) {
		log_text(
		    LOG_ERR, "pickup: cannot list claim/: %s", strerror(errno));
		return;
	}
	for (struct dirent *e; (e = readdir(dir)) != NULL;)
		if (batch_id_valid(e->d_name, strlen(e->d_name)) &&
		    is_queued(d, e->d_name))
			forget_old(d, e->d_name);
	(void)closedir(dir);
	if (io_fsync(d->claim_fd) != 0)
		log_text(LOG_ERR, "pickup: claim/: %s", strerror(errno));
}

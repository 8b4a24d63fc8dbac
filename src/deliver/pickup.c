/* SPDX-License-Identifier: ISC */
/*
 * The pickup directory: which names there are, in which order, and how many
 * at a time.  What becomes of each is claim.c's.
 *
 * Names come from inotify, first come first served, and from passes over
 * claim/ and the directory; a pass keeps its place between calls, so that
 * memory is flat whatever the number of files.  Some claims are made
 * together, then one fsync makes them durable before the first is queued,
 * and one fsync makes their removal durable before this returns to the loop
 * that delivers: see claim.c for what rests on that.
 */
#include "deliver/pickup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "deliver/allowance.h"
#include "deliver/bulky.h"
#include "deliver/claim.h"
#include "deliver/held.h"
#include "deliver/pickup_dir.h"

enum phase { PHASE_NONE, PHASE_CLAIMS, PHASE_FILES };
enum { LOOKS_PER_FILE = 8 };

struct pickup {
	struct pickup_dir dir;
	DIR *listing; /* of the phase */
	enum phase phase;
	bool wanted; /* another pass, behind this one */
	bool halted; /* the queue takes nothing: until the next pass */
	uint64_t pass;
	struct held_list held;
	unsigned rate; /* files of one user in a minute; 0: any */
	struct allowance allowance;
	struct bulky *bulky; /* or NULL: all are settled here */
};

/* --- names --- */

/* Left to their writers: hidden, half-written, ours. */
static bool
is_private(const char *name)
{
	size_t len = strlen(name);
	return name[0] == '.' || strcmp(name, CLAIM_DIRECTORY) == 0 ||
	       (len >= 4 && strcasecmp(name + len - 4, ".tmp") == 0) ||
	       (len >= 5 && strcasecmp(name + len - 5, ".part") == 0);
}

static void
end_listing(struct pickup *p)
{
	if (p->listing != NULL)
		(void)closedir(p->listing);
	p->listing = NULL;
}

static void
next_phase(struct pickup *p)
{
	int from = p->dir.door.dir_fd;
	if (p->phase == PHASE_NONE) {
		p->wanted = false;
		p->pass++;
		p->phase = PHASE_CLAIMS;
		from = p->dir.door.claim_fd;
	} else if (p->phase == PHASE_CLAIMS) {
		p->phase = PHASE_FILES;
	} else {
		p->phase = PHASE_NONE;
		return;
	}
	p->listing = io_opendir(from, ".");
	if (p->listing != NULL)
		return;
	log_text(LOG_ERR, "pickup: cannot list: %s", strerror(errno));
	p->phase = PHASE_NONE;
}

/* The next name to look at; false: none now. */
static bool
next_name(struct pickup *p, char name[NAME_MAX + 1], bool *is_claim)
{
	*is_claim = false;
	if (pickup_dir_event(&p->dir, name, &p->wanted))
		return true;
	while (p->listing != NULL || p->wanted || p->phase != PHASE_NONE) {
		if (p->listing == NULL) {
			next_phase(p);
			if (p->phase == PHASE_NONE && p->listing == NULL)
				return false;
			continue;
		}
		struct dirent *e = readdir(p->listing);
		if (e == NULL) {
			end_listing(p);
			continue;
		}
		*is_claim = p->phase == PHASE_CLAIMS;
		(void)snprintf(name, NAME_MAX + 1, "%s", e->d_name);
		return true;
	}
	return false;
}

/* --- one file --- */

static void
leave(struct pickup *p, const char *name, const struct stat *sb,
    enum claim_result result, const char *why)
{
	bool at_fault = result == CLAIM_ODD || result == CLAIM_LATER;
	held_add(&p->held, sb, p->pass, at_fault);
	if (result == CLAIM_ODD || result == CLAIM_BUSY)
		log_event(result == CLAIM_BUSY ? LOG_INFO : LOG_WARNING,
		    "pickup-left", LOG_STR("file", name),
		    LOG_NUM("uid", sb->st_uid), LOG_STR("reason", why));
}

/* Is it its owner's turn?  Ourselves and root are not counted. */
static bool
in_turn(struct pickup *p, const struct stat *sb)
{
	bool first;
	if (p->rate == 0 || sb->st_uid == 0 || sb->st_uid == geteuid())
		return true;
	if (allowance_take(
		&p->allowance, sb->st_uid, p->rate, clock_mono_ms(), &first))
		return true;
	if (first)
		log_event(LOG_WARNING, "pickup-flood",
		    LOG_NUM("uid", sb->st_uid), LOG_NUM("rate", p->rate),
		    LOG_STR("text",
			"more files than pickup.rate-per-user; the others "
			"stay in the directory until the next minute"));
	return false;
}

/* A file of the directory: into claim/ if it may be taken. */
static bool
take_file(struct pickup *p, const char *name, struct claim *cl)
{
	const struct door *d = &p->dir.door;
	struct stat sb;
	struct status st;
	int fd = -1;
	if (is_private(name) ||
	    fstatat(d->dir_fd, name, &sb, AT_SYMLINK_NOFOLLOW) != 0 ||
	    held_skip(&p->held, &sb, p->pass))
		return false;
	enum claim_result result = CLAIM_GONE;
	if (!S_ISLNK(sb.st_mode)) {
		const char *refusal = claim_refusal(&sb);
		result = refusal != NULL
			     ? claim_say(&st, CLAIM_ODD, refusal)
			     : claim_look(d->dir_fd, name, &fd, &sb, &st);
	}
	if (fd >= 0)
		(void)close(fd);
	if (result == CLAIM_GONE && !in_turn(p, &sb))
		return false;
	if (result == CLAIM_GONE && claim_take(d, name, cl) == 0)
		return true;
	if (result == CLAIM_GONE)
		result = claim_say(&st, CLAIM_ODD, strerror(errno));
	/* What is in use is heard of again when it is closed. */
	if (result != CLAIM_BUSY)
		leave(p, name, &sb, result, st.text);
	return false;
}

/* A claim that an earlier run or a full disk left. */
static bool
take_claim(struct pickup *p, const char *name, struct claim *cl)
{
	struct stat sb;
	if (name[0] == '.' || (p->bulky != NULL && bulky_has(p->bulky, name)) ||
	    fstatat(p->dir.door.claim_fd, name, &sb, AT_SYMLINK_NOFOLLOW) !=
		0 ||
	    held_skip(&p->held, &sb, p->pass))
		return false;
	if (!batch_id_valid(name, strlen(name))) {
		leave(p, name, &sb, CLAIM_ODD, "foreign name in claim/");
		return false;
	}
	memcpy(cl->id, name, sizeof(cl->id));
	cl->name[0] = '\0';
	cl->fresh = false;
	return true;
}

/* It could not be served: back under its own name, if that is free. */
static void
put_back(struct pickup *p, const struct claim *cl, enum claim_result result,
    const char *why)
{
	const struct door *d = &p->dir.door;
	struct stat sb;
	bool back = claim_back(d, cl) == 0;
	if (fstatat(back ? d->dir_fd : d->claim_fd, back ? cl->name : cl->id,
		&sb, AT_SYMLINK_NOFOLLOW) == 0)
		leave(p, back ? cl->name : cl->id, &sb, result, why);
}

/* --- some files --- */

static unsigned
gather(struct pickup *p, struct claim *v, unsigned most, unsigned *looks)
{
	char name[NAME_MAX + 1];
	bool is_claim;
	unsigned n = 0;
	while (n < most && *looks != 0 && next_name(p, name, &is_claim)) {
		(*looks)--;
		if (is_claim ? take_claim(p, name, &v[n])
			     : take_file(p, name, &v[n]))
			n++;
	}
	return n;
}

static void
halt(struct pickup *p, const char *why)
{
	p->halted = true;
	end_listing(p);
	p->phase = PHASE_NONE;
	log_event(LOG_ERR, "pickup-halted", LOG_STR("reason", why));
}

void
pickup_settled(struct pickup *p, const struct claim *cl,
    enum claim_result result, const char *why)
{
	if (result == CLAIM_LATER)
		halt(p, why);
	if (result != CLAIM_GONE)
		put_back(p, cl, result, why);
}

static bool
is_large(const struct pickup *p, const struct claim *cl)
{
	struct stat sb;
	return p->bulky != NULL && cl->id[0] != '\0' &&
	       fstatat(p->dir.door.claim_fd, cl->id, &sb,
		   AT_SYMLINK_NOFOLLOW) == 0 &&
	       sb.st_size > LARGE_MESSAGE;
}

static void
settle(struct pickup *p, struct conf *c, const struct alias *a, struct claim *v,
    unsigned n)
{
	const struct door *d = &p->dir.door;
	struct status st;
	if (io_fsync(d->claim_fd) != 0 || io_fsync(d->dir_fd) != 0)
		halt(p, strerror(errno));
	for (unsigned i = 0; i < n; i++) {
		enum claim_result result = CLAIM_WAITS;
		status_set(&st, LATER, 0, NULL, "not tried");
		if (!p->halted)
			result = claim_freshen(d, &v[i], &st);
		if (result == CLAIM_GONE && is_large(p, &v[i]))
			bulky_send(p->bulky, p, d, c, &v[i]);
		else if (result == CLAIM_GONE)
			pickup_settled(p, &v[i],
			    claim_settle(d, c, a, &v[i], &st), st.text);
		else
			pickup_settled(p, &v[i], result, st.text);
	}
	if (io_fsync(d->claim_fd) != 0)
		log_text(LOG_ERR, "pickup: claim/: %s", strerror(errno));
}

/* --- the door --- */

struct pickup *
pickup_open(const struct conf *c, struct store *s, struct bulky *b)
{
	struct pickup *p = alloc_zero(1, sizeof(*p));
	p->bulky = b;
	pickup_dir_init(&p->dir, s);
	if (pickup_dir_attach(&p->dir, c->pickup.directory, true) != 0) {
		int error = errno;
		pickup_close(p);
		errno = error;
		return NULL;
	}
	p->wanted = true;
	return p;
}

void
pickup_close(struct pickup *p)
{
	if (p->bulky != NULL)
		bulky_forget(p->bulky, p);
	end_listing(p);
	pickup_dir_free(&p->dir);
	free(p);
}

int
pickup_fd(const struct pickup *p)
{
	return p->dir.watch_fd;
}

void
pickup_rescan(struct pickup *p)
{
	p->wanted = true;
	p->halted = false;
}

int64_t
pickup_wait(const struct pickup *p)
{
	return allowance_wait(&p->allowance, clock_mono_ms());
}

/* Another directory, or a new one of the same name (L16). */
static void
follow(struct pickup *p, const struct conf *c)
{
	const char *path = c->pickup.directory;
	bool starts = p->wanted && p->phase == PHASE_NONE;
	if (!pickup_dir_stale(&p->dir, path, starts))
		return;
	end_listing(p);
	p->phase = PHASE_NONE;
	/* One that was just removed is left to who will make it anew. */
	bool make = starts || strcmp(path, p->dir.path) != 0;
	if (pickup_dir_attach(&p->dir, path, make) == 0)
		p->wanted = true;
}

static bool
may_take(const struct pickup *p)
{
	return p->dir.door.dir_fd >= 0 && !p->halted &&
	       (p->bulky == NULL || bulky_room(p->bulky));
}

bool
pickup_run(
    struct pickup *p, struct conf *c, const struct alias *a, unsigned max)
{
	struct claim *v = alloc_zero(PICKUP_CLAIMS_MAX, sizeof(*v));
	unsigned looks =
	    max > UINT_MAX / LOOKS_PER_FILE ? UINT_MAX : max * LOOKS_PER_FILE;
	pickup_dir_read(&p->dir, &p->wanted);
	if (p->halted)
		pickup_dir_drain(&p->dir);
	else
		follow(p, c);
	p->rate = c->pickup.rate_per_user;
	while (may_take(p) && max > 0) {
		unsigned most =
		    max < PICKUP_CLAIMS_MAX ? max : PICKUP_CLAIMS_MAX;
		unsigned n = gather(p, v, most, &looks);
		if (n == 0)
			break;
		settle(p, c, a, v, n);
		max -= n;
	}
	free(v);
	return may_take(p) &&
	       (max == 0 || looks == 0 || p->wanted || p->phase != PHASE_NONE ||
		   pickup_dir_pending(&p->dir));
}

/* SPDX-License-Identifier: ISC */
/*
 * A worker's life: open the queue, follow the configuration when the parent
 * says that it changed, serve, stop.  It binds nothing and owns nothing that
 * another worker needs; when it dies the parent starts another.
 */
#include "smtpd/worker.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/reach.h"
#include "smtpd/fetch.h"
#include "smtpd/handover.h"
#include "smtpd/sandbox.h"

#define LOOK_AGAIN_MS 1000 /* at free space and the drop directory */
#define STOP_MS 5000

bool
worker_disk_low(struct worker *w)
{
	const struct conf *c = w->site->conf;
	struct statvfs fs;
	int64_t now = clock_mono_ms();
	if (w->disk_checked != 0 && now - w->disk_checked < LOOK_AGAIN_MS)
		return w->disk_low;
	w->disk_checked = now;
	uint64_t need = c->limits.message_size + c->limits.message_size / 2;
	if (fstatvfs(w->store.new_fd, &fs) == 0)
		w->disk_low = (uint64_t)fs.f_bavail * fs.f_frsize < need ||
			      (fs.f_files > 0 && fs.f_favail < 16);
	return w->disk_low;
}

static uint64_t
directory_octets(const char *path)
{
	uint64_t sum = 0;
	struct stat st;
	DIR *d = opendir(path);
	if (d == NULL)
		return 0;
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) ==
			0 &&
		    S_ISREG(st.st_mode))
			sum += (uint64_t)st.st_size;
	(void)closedir(d);
	return sum;
}

bool
worker_drop_full(struct worker *w)
{
	const struct conf *c = w->site->conf;
	int64_t now = clock_mono_ms();
	if (c->drop.quota == 0)
		return false;
	if (w->drop_checked != 0 && now - w->drop_checked < LOOK_AGAIN_MS)
		return w->drop_full;
	w->drop_checked = now;
	w->drop_full = directory_octets(c->drop.directory) >= c->drop.quota;
	return w->drop_full;
}

/* --- stopping --- */

void
worker_left(struct worker *w)
{
	if (--w->nvisits == 0 && w->stopping)
		(void)event_base_loopbreak(w->base);
}

static void
on_patience(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	(void)fd;
	(void)what;
	visits_stop(w, true);
	(void)event_base_loopbreak(w->base);
}

static void
stop(struct worker *w)
{
	const struct timeval tv = {.tv_sec = STOP_MS / 1000};
	if (w->stopping)
		return;
	w->stopping = true;
	while (!LIST_EMPTY(&w->entrances))
		entrance_close(LIST_FIRST(&w->entrances));
	visits_stop(w, false);
	(void)evtimer_add(w->patience, &tv);
	if (w->nvisits == 0)
		(void)event_base_loopbreak(w->base);
}

static void
on_stop(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	stop(arg);
}

/* --- live configuration --- */

/* Another worker, which starts with what the parent has read, can. */
static void
retire(struct worker *w)
{
	log_text(LOG_NOTICE, "the configuration names files out of this "
			     "worker's reach: another one takes over");
	stop(w);
}

/* Read in vain: is it the sandbox that keeps us from it? */
static bool
out_of_reach(struct worker *w)
{
	struct faults f;
	faults_init(&f);
	struct conf *c = conf_load(w->conf_path, 0, &f);
	bool result = !sandbox_reaches(c != NULL ? c : w->site->conf);
	conf_unref(c);
	faults_free(&f);
	return result;
}

static struct resolver *
start_resolver(struct worker *w)
{
	const struct conf *c = w->site->conf;
	struct resolver_options o = {
	    .servers = (const char *const *)c->dns.servers.v,
	    .n = c->dns.servers.n,
	    .trust_anchor = c->dns.trust_anchor,
	    .hosts_file = c->dns.hosts_file};
	return resolver_new(w->base, &o);
}

/* Other name servers: at once, too. */
static void
follow_names(struct worker *w, const struct conf *old)
{
	if (conf_same_dns(old, w->site->conf))
		return;
	struct resolver *before = w->resolver, *fresh = start_resolver(w);
	if (fresh == NULL) {
		log_text(LOG_ERR, "the name servers stay: %s", strerror(errno));
		return;
	}
	w->resolver = fresh;
	names_follow(w->names, fresh);
	resolver_free(before);
}

/* The parent found that it is whole. */
static void
reload(struct worker *w)
{
	struct site *fresh = site_load(w->conf_path, w->site, SITE_QUIET);
	if (fresh == NULL) {
		if (out_of_reach(w))
			retire(w);
		return; /* else it changed again: the parent says more */
	}
	struct site *old = w->site;
	w->site = fresh;
	follow_names(w, old->conf);
	site_unref(old);
	w->disk_checked = w->drop_checked = 0;
	entrances_review(w);
	visits_review(w);
	if (!sandbox_reaches(fresh->conf))
		retire(w);
	if (w->number == 0)
		log_event(
		    LOG_NOTICE, "configuration", LOG_STR("text", "reloaded"));
}

static void
on_hangup(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	reload(arg);
}

static void
obey(struct worker *w, const struct handover *h)
{
	if (h->kind == HANDOVER_OPEN)
		entrance_open(w, h->name, h->address, h->fd);
	else if (h->kind == HANDOVER_CLOSE)
		entrances_close(w, h->name, h->address);
}

/* The parent's words, or its end.  Changes that came together are read
 * once (M05), yet before the sockets that came with them. */
static void
on_control(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	struct handover h;
	bool changed = false;
	(void)what;
	int got;
	while ((got = handover_receive(fd, &h)) == 1) {
		if (changed && h.kind != HANDOVER_RELOAD)
			reload(w);
		changed = h.kind == HANDOVER_RELOAD;
		obey(w, &h);
	}
	if (got < 0)
		stop(w);
	else if (changed)
		reload(w);
}

/* --- starting --- */

static int
ask_parent(void *arg, const char *path)
{
	const struct worker *w = arg;
	return fetch_ask(w->files, path);
}

static struct event *
watch_for(struct worker *w, int fd, short what, event_callback_fn fn)
{
	struct event *ev = event_new(w->base, fd, what | EV_PERSIST, fn, w);
	if (ev == NULL || event_add(ev, NULL) != 0)
		die("cannot start the event loop");
	return ev;
}

static void
start_events(struct worker *w)
{
	w->term = watch_for(w, SIGTERM, EV_SIGNAL, on_stop);
	w->interrupt = watch_for(w, SIGINT, EV_SIGNAL, on_stop);
	w->hangup = watch_for(w, SIGHUP, EV_SIGNAL, on_hangup);
	w->control_event = watch_for(w, w->control, EV_READ, on_control);
	w->patience = evtimer_new(w->base, on_patience, w);
	if (w->patience == NULL)
		die("cannot start the event loop");
}

static int
start(struct worker *w)
{
	if (store_open(&w->store, w->site->conf->spool) != 0) {
		log_text(LOG_ERR, "cannot open the queue in %s: %s",
		    w->site->conf->spool, strerror(errno));
		return EX_CONFIG;
	}
	w->base = event_base_new();
	if (w->base == NULL)
		return EX_OSERR;
	w->resolver = start_resolver(w);
	if (w->resolver == NULL)
		return EX_CONFIG;
	if (sandbox_enter(w->site->conf) != 0)
		return EX_OSERR;
	reach_by(ask_parent, w);
	w->names = names_new(w->resolver);
	w->auth = auth_new(w->base);
	w->commit = commit_new(w->base, &w->store);
	start_events(w);
	return 0;
}

/* The process ends; only what was promised must still happen. */
static void
finish(struct worker *w)
{
	visits_stop(w, true);
	commit_free(w->commit);
}

int
worker_run(const struct worker_options *o)
{
	struct worker w = {.number = o->number,
	    .conf_path = o->conf_path,
	    .site = o->site,
	    .guard = o->guard,
	    .board = o->board,
	    .control = o->control,
	    .files = o->files};
	LIST_INIT(&w.entrances);
	LIST_INIT(&w.visits);
	int code = start(&w);
	if (code != 0)
		return code;
	(void)event_base_dispatch(w.base);
	finish(&w);
	return EX_OK;
}

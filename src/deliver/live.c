/* SPDX-License-Identifier: ISC */
/*
 * The carrier's ties to the world that changes under it: configuration,
 * queue directory, pickup directory; opened in the order that makes
 * recovery safe (queue, then claims of the pickup door, then deliveries)
 * and followed live.
 */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/log.h"
#include "deliver/alert.h"
#include "deliver/badmail.h"
#include "deliver/carrier.h"

/* The periodic look at everything that events could miss (H17). */
#define RESCAN_MS (5 * 60 * 1000)
#define RESCAN_BLIND_MS (5 * 1000) /* without inotify */

/* Rewrite a batch of at least this many when a quarter or less is open. */
#define SHRINK_LETTERS 8
#define SHRINK_PART 4
#define SHRINK_PER_TURN 32 /* each is a durable write */

static struct conf *
load(struct carrier *c)
{
	struct faults f;
	faults_init(&f);
	struct conf *conf = conf_load(c->conf_path, conf_again(c->conf), &f);
	faults_log(&f);
	faults_free(&f);
	return conf;
}

static void
load_aliases(struct carrier *c)
{
	struct faults f;
	faults_init(&f);
	alias_free(c->aliases);
	c->aliases = alias_load(c->conf->aliases, &f);
	faults_log(&f);
	faults_free(&f);
}

/* Call fn when fd can be read; NULL without one. */
static struct event *
follow(struct carrier *c, int fd, event_callback_fn fn)
{
	if (fd < 0)
		return NULL;
	struct event *ev = event_new(c->base, fd, EV_READ | EV_PERSIST, fn, c);
	if (ev == NULL)
		die("out of memory");
	(void)event_add(ev, NULL);
	return ev;
}

/* --- pickup --- */

static void
on_pickup(evutil_socket_t fd, short what, void *arg)
{
	struct carrier *c = arg;
	(void)fd;
	(void)what;
	c->pickup_ready = true;
	carrier_wake(c);
}

static void
close_pickup(struct carrier *c)
{
	if (c->pickup_event != NULL)
		event_free(c->pickup_event);
	c->pickup_event = NULL;
	if (c->pickup != NULL)
		pickup_close(c->pickup);
	c->pickup = NULL;
}

/* A large file became a batch, or not. */
static void
on_bulky(void *arg, const char *id)
{
	intake_batch(arg, id);
	on_pickup(-1, 0, arg);
}

/* Without it mail still flows by the other doors: say so and go on. */
static void
open_pickup(struct carrier *c)
{
	close_pickup(c);
	c->pickup = pickup_open(c->conf, &c->store, c->bulky);
	if (c->pickup == NULL) {
		log_text(LOG_ERR, "the pickup directory %s is not served: %s",
		    c->conf->pickup.directory, strerror(errno));
		return;
	}
	c->pickup_ready = true;
	c->pickup_event = follow(c, pickup_fd(c->pickup), on_pickup);
}

/* --- the queue's bell --- */

void
live_arm_rescan(struct carrier *c)
{
	bool blind = c->scan.fd < 0 || orders_fd(c->orders) < 0 ||
		     watch_fd(c->watch) < 0 ||
		     (c->pickup != NULL && pickup_fd(c->pickup) < 0);
	int64_t ms = blind ? RESCAN_BLIND_MS : RESCAN_MS;
	int64_t flood = c->pickup != NULL ? pickup_wait(c->pickup) : -1;
	if (flood >= 0 && flood < ms)
		ms = flood + 1; /* not a moment before the minute's end */
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	(void)evtimer_add(c->rescan, &tv);
}

static void
on_batch(void *arg, const char *id)
{
	intake_batch(arg, id);
}

void
live_scan(struct carrier *c)
{
	if (c->scan.fd < 0) {
		if (scan_list(&c->scan, on_batch, c) < 0)
			log_text(LOG_ERR, "cannot list the queue: %s",
			    strerror(errno));
		return;
	}
	if (scan_read(&c->scan, on_batch, c) != 0 &&
	    scan_list(&c->scan, on_batch, c) < 0)
		log_text(LOG_ERR, "cannot list the queue: %s", strerror(errno));
	if (c->scan.fd < 0 && c->scan_event != NULL) {
		/* It was closed: before anybody else has its number. */
		event_free(c->scan_event);
		c->scan_event = NULL;
		live_arm_rescan(c);
	}
}

static void
on_scan(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	live_scan(arg);
}

/* --- configuration --- */

void
live_reload(struct carrier *c)
{
	struct conf *conf = load(c);
	if (conf == NULL) {
		log_event(LOG_ERR, "configuration",
		    LOG_STR("text", "not reloaded, the old one stays"));
		return;
	}
	struct conf *old = c->conf;
	bool new_pickup =
	    strcmp(old->pickup.directory, conf->pickup.directory) != 0;
	if (strcmp(old->spool, conf->spool) != 0)
		log_text(LOG_WARNING,
		    "spool changed: restart waypostd to move to %s",
		    conf->spool);
	c->conf = conf;
	/* Look-ups and jobs let go of the old configuration first. */
	pool_reroute(c);
	hops_forget_secrets(c->hops);
	live_follow_names(c, old);
	load_aliases(c);
	alert_reload(c->alert);
	if (new_pickup)
		open_pickup(c);
	if (c->watch != NULL && watch_follow(c->watch, conf) != 0)
		log_text(LOG_WARNING, "cannot watch the configuration: %s",
		    strerror(errno));
	conf_unref(old);
	log_event(LOG_NOTICE, "configuration", LOG_STR("text", "reloaded"));
}

static void
on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct carrier *c = arg;
	(void)fd;
	(void)what;
	if (c->watch != NULL && watch_changed(c->watch) == 1)
		live_reload(c);
}

static void
on_hangup(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	live_reload(arg);
}

/* --- now and then --- */

struct shrinking {
	struct carrier *carrier;
	unsigned left;
};

static void
shrink_one(void *arg, struct hash_link *link)
{
	struct shrinking *s = arg;
	struct bundle *b = (struct bundle *)link;
	if (s->left == 0 || b->open == 0 || b->lost ||
	    b->nletters < SHRINK_LETTERS ||
	    (uint64_t)b->open * SHRINK_PART > b->nletters)
		return;
	s->left--;
	intake_shrink(s->carrier, b);
}

/* What died since the start, once a day: before it is a day old it is left
 * alone anyway. */
static void
recover_old(struct carrier *c)
{
	int64_t now = clock_mono_ms();
	if (now - c->recovered_ms < TORN_AGE_SECONDS * 1000LL)
		return;
	c->recovered_ms = now;
	if (store_recover_old(&c->store) < 0)
		log_text(LOG_ERR, "cannot look through queue/tmp: %s",
		    strerror(errno));
}

static void
on_rescan(evutil_socket_t fd, short what, void *arg)
{
	struct carrier *c = arg;
	struct shrinking s = {c, SHRINK_PER_TURN};
	(void)fd;
	(void)what;
	if (scan_list(&c->scan, on_batch, c) < 0)
		log_text(LOG_ERR, "cannot list the queue: %s", strerror(errno));
	recover_old(c);
	if (c->pickup == NULL && !c->stopping)
		open_pickup(c);
	if (c->pickup != NULL)
		pickup_rescan(c->pickup);
	c->pickup_ready = true;
	if (c->watch != NULL && watch_changed(c->watch) == 1)
		live_reload(c);
	pool_sweep(c);
	sts_sweep(c->sts);
	hash_each(&c->schedule.bundles, shrink_one, &s);
	badmail_trim(c->conf);
	orders_look(c->orders);
	carrier_wake(c);
	live_arm_rescan(c);
}

/* --- opening and closing --- */

static void
on_orders(evutil_socket_t fd, short what, void *arg)
{
	struct carrier *c = arg;
	(void)fd;
	(void)what;
	orders_look(c->orders);
	carrier_wake(c);
}

int
live_open(struct carrier *c)
{
	c->store = (struct store){-1, -1, -1, -1, -1};
	c->journal.fd = c->journal.dir_fd = -1;
	c->scan.fd = -1;
	c->conf = load(c);
	if (c->conf == NULL)
		return EX_CONFIG;
	c->spool = alloc_string(c->conf->spool, strlen(c->conf->spool));
	if (store_open_carrier(&c->store, c->spool) != 0) {
		if (errno == EWOULDBLOCK) {
			log_text(LOG_ERR,
			    "another waypostd serves %s; only one may",
			    c->spool);
			return EX_TEMPFAIL;
		}
		log_text(LOG_ERR,
		    "cannot open the queue in %s: %s; it must exist and "
		    "belong to the user that runs waypostd",
		    c->spool, strerror(errno));
		return EX_CONFIG;
	}
	c->board = board_open(c->spool, BOARD_CARRIER);
	return 0;
}

int
live_start(struct carrier *c)
{
	c->breakers = breakers_new(c->board);
	c->hops = hops_new(c->base);
	c->keyring = keyring_new();
	c->porter = porter_new(c->base);
	c->bulky = bulky_new(c->porter, on_bulky, c);
	if (c->hops == NULL || live_names(c) != 0) {
		log_text(LOG_ERR, "cannot start libcurl or libunbound");
		return EX_OSERR;
	}
	c->orders = orders_open(c->spool);
	if (intake_start(c) != 0)
		return EX_IOERR;
	c->clerk = clerk_new(c->base, &c->journal, &c->store, ledger_news, c);
	load_aliases(c);
	c->alert = alert_new(c);
	open_pickup(c);
	c->watch = watch_open(c->conf);
	if (c->watch != NULL)
		c->watch_event = follow(c, watch_fd(c->watch), on_watch);
	c->scan_event = follow(c, c->scan.fd, on_scan);
	c->orders_event = follow(c, orders_fd(c->orders), on_orders);
	orders_look(c->orders);
	c->recovered_ms = clock_mono_ms();
	c->hangup = evsignal_new(c->base, SIGHUP, on_hangup, c);
	c->rescan = evtimer_new(c->base, on_rescan, c);
	if (c->hangup == NULL || c->rescan == NULL)
		die("out of memory");
	(void)event_add(c->hangup, NULL);
	live_arm_rescan(c);
	return 0;
}

void
live_mute(struct carrier *c)
{
	struct event *all[] = {c->pickup_event, c->scan_event, c->watch_event,
	    c->rescan, c->orders_event};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i] != NULL)
			(void)event_del(all[i]);
}

void
live_close(struct carrier *c)
{
	close_pickup(c);
	alert_free(c->alert);
	struct event *all[] = {c->watch_event, c->scan_event, c->hangup,
	    c->rescan, c->orders_event};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i] != NULL)
			event_free(all[i]);
	if (c->hops != NULL)
		hops_free(c->hops);
	c->stopping = true;
	settle_run(c, true);
	pool_free(c);
	keyring_free(c->keyring);
	breakers_free(c->breakers);
	sts_free(c->sts);
	if (c->resolver != NULL)
		resolver_free(c->resolver);
	bulky_free(c->bulky);
	porter_free(c->porter);
	/* Its thread may still be at a finished bundle. */
	clerk_free(c->clerk);
	schedule_free(&c->schedule);
	watch_close(c->watch);
	scan_close(&c->scan);
	journal_close(&c->journal);
	orders_close(c->orders);
	store_close(&c->store);
	alias_free(c->aliases);
	conf_unref(c->conf);
	board_close(c->board);
	free(c->spool);
}

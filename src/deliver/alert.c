/* SPDX-License-Identifier: ISC */
/*
 * When the oldest message passes the limit is known beforehand, so there is
 * one timer for that moment, and none while the queue is empty.  What the
 * command does is not our matter: that it fails is logged, and it is not run
 * again for the same trouble.
 *
 * Invariant: at most one command runs, and one run stands for one time that
 * the queue grew too old.
 */
#include "deliver/alert.h"

#include <event2/event.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "deliver/carrier.h"
#include "deliver/child.h"

#define ALERT_LOOK_MIN_MS 1000
#define ALERT_COMMAND_MS (60 * 1000)

struct alert {
	struct carrier *carrier;
	struct event *timer;
	struct child *child;
	bool raised;
};

struct oldest {
	int64_t now, age;
};

static void
find_oldest(void *arg, struct hash_link *link)
{
	struct oldest *o = arg;
	const struct bundle *b = (const struct bundle *)link;
	const struct letter *l = b->letters;
	for (; l != NULL; l = l->sibling)
		if (l->open > 0 && letter_age(l, o->now) > o->age)
			o->age = letter_age(l, o->now);
}

static void
on_end(void *arg, const struct child_result *r)
{
	struct alert *a = arg;
	a->child = NULL;
	if (r->why != NULL)
		log_event(LOG_ERR, "alert-failed", LOG_STR("text", r->why),
		    LOG_STR("said", r->complaint));
}

static void
raise_alert(struct alert *a, int64_t age)
{
	const struct conf *c = a->carrier->conf;
	a->raised = true;
	log_event(LOG_WARNING, "alert", LOG_NUM("oldest", age / 1000),
	    LOG_NUM("queued", a->carrier->schedule.letters));
	if (a->child == NULL)
		a->child = child_run(a->carrier->base, c->alert.command,
		    ALERT_COMMAND_MS, on_end, a);
}

static void
arm(struct alert *a, int64_t ms)
{
	if (ms < ALERT_LOOK_MIN_MS)
		ms = ALERT_LOOK_MIN_MS;
	struct timeval tv = {
	    .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
	(void)evtimer_add(a->timer, &tv);
}

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	struct alert *a = arg;
	struct carrier *c = a->carrier;
	struct oldest o = {.now = clock_mono_ms()};
	int64_t limit = c->conf->alert.oldest_ms;
	(void)fd;
	(void)what;
	if (c->conf->alert.command == NULL || c->stopping)
		return;
	hash_each(&c->schedule.bundles, find_oldest, &o);
	bool old = o.age >= limit;
	if (old && !a->raised)
		raise_alert(a, o.age);
	if (!old)
		a->raised = false;
	if (c->schedule.letters > 0)
		arm(a, old ? limit : limit - o.age);
}

struct alert *
alert_new(struct carrier *c)
{
	struct alert *a = alloc_zero(1, sizeof(*a));
	a->carrier = c;
	a->timer = evtimer_new(c->base, on_time, a);
	if (a->timer == NULL)
		die("out of memory");
	return a;
}

void
alert_free(struct alert *a)
{
	if (a == NULL)
		return;
	child_cancel(a->child);
	event_free(a->timer);
	free(a);
}

void
alert_look(struct alert *a)
{
	const struct carrier *c = a->carrier;
	if (c->conf->alert.command != NULL && c->schedule.letters > 0 &&
	    !evtimer_pending(a->timer, NULL))
		arm(a, 0);
}

void
alert_reload(struct alert *a)
{
	a->raised = false;
	(void)evtimer_del(a->timer);
	alert_look(a);
}

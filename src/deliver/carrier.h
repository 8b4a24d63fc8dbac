/* SPDX-License-Identifier: ISC */
/*
 * The carrier: waypostd's event loop.  It reads the queue, decides what is
 * due, hands jobs to destinations, settles their results in the journal and
 * removes what is finished.  This header is for the carrier's own parts
 * (destination, settle, local) and for the program.
 */
#ifndef DELIVER_CARRIER_H
#define DELIVER_CARRIER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "conf/conf.h"
#include "conf/watch.h"
#include "deliver/breaker.h"
#include "deliver/bulky.h"
#include "deliver/clerk.h"
#include "deliver/destination.h"
#include "deliver/hop.h"
#include "deliver/job.h"
#include "deliver/keyring.h"
#include "deliver/orders.h"
#include "deliver/pickup.h"
#include "deliver/porter.h"
#include "deliver/schedule.h"
#include "deliver/sts.h"
#include "net/resolver.h"
#include "queue/board.h"
#include "queue/journal.h"
#include "queue/scan.h"
#include "queue/store.h"
#include "submit/alias.h"

struct event;
struct event_base;

/* While the journal cannot be written, try again this often. */
#define JOURNAL_RETRY_MS (10 * 1000LL)
/* Deliveries under way may end within this time (J22). */
#define STOP_PATIENCE_MS (8 * 1000LL)
/* Settling holds the loop no longer than this: reports are durable writes. */
#define SETTLE_TURN_MS 50
/* Findings become durable after this long, or at so many (DESIGN). */
#define COMMIT_INTERVAL_MS 20
#define COMMIT_RECORDS 64
/* So many findings may be in memory only: the most that a crash repeats. */
#define UNDURABLE_MAX 1024
/* Jobs with results whose records are not made yet; then answers without an
 * attempt, and what is due, wait (R5).  Beside them there are jobs only on
 * connections, two each, and in the porter's hands. */
#define UNSETTLED_MAX 1000

TAILQ_HEAD(notice_list, notice);

struct carrier {
	const char *conf_path;
	char *spool; /* as at start: the lock is on it */
	struct conf *conf;
	struct alias *aliases;
	struct watch *watch;

	struct event_base *base;
	struct hops *hops;
	struct keyring *keyring;
	struct resolver *resolver;
	struct sts *sts;
	struct store store;
	struct scan scan;
	struct journal journal;
	struct clerk *clerk;
	struct porter *porter;
	struct schedule schedule;
	struct pickup *pickup;
	struct bulky *bulky; /* its large files */
	struct board *board; /* what we show of ourselves */
	struct alert *alert;
	struct orders *orders;

	struct pool pool; /* destinations and connections */
	struct breakers *breakers;

	struct job *settled;        /* jobs whose results are complete */
	struct job **settled_end;   /* ... first come, first served */
	size_t unsettled;           /* these, and those that wait for reports */
	struct notice_list notices; /* on large messages, for the porter */
	bool noticing;              /* one of them is under way */
	struct bundle *finished;    /* nothing open, records not durable yet */
	struct bundle *committed;   /* to remove when the commit has ended */
	struct bundle *leaving;     /* to remove when there is time */
	size_t nleaving;

	struct event *work;  /* something to do at the end of this turn */
	struct event *timer; /* the next due time */
	struct event *lull;  /* no turn for a moment: time to tidy */
	struct event *watch_event, *scan_event, *pickup_event, *rescan;
	struct event *orders_event;
	struct event *term, *interrupt, *hangup, *patience;

	bool starting;     /* the queue is being read for the first time */
	bool drain;        /* stop when nothing is due */
	bool stopping;     /* start nothing new */
	bool answers_wait; /* destinations have answers for what waits */
	bool held_back;    /* jobs wait for findings to become durable */
	bool halted; /* the journal cannot be written: send nothing (I04) */
	int64_t recovered_ms;  /* when queue/tmp was looked through */
	bool pickup_ready;     /* the pickup directory may hold files */
	int64_t commit_at;     /* monotonic ms; 0: nothing pending */
	int64_t retry_journal; /* monotonic ms */
	int64_t no_reports;    /* monotonic ms; stopping: none after that */
	uint64_t journal_new;  /* lines of the journal as last rewritten */
};

struct carrier_options {
	const char *conf_path; /* NULL: the default */
	bool drain;            /* --drain */
	bool flush;            /* --flush: everything is due now */
};

/* Run until told to stop, or until drained.  An exit code of sysexits. */
int carrier_run(const struct carrier_options *o);

/* Something is to do: run carrier_work() before the loop sleeps. */
void carrier_wake(struct carrier *c);

/* Start nothing new; end when what is under way has ended, or patience
 * has. */
void carrier_stop(struct carrier *c);

/* --- live.c --- */

/* Configuration and lock; then, with the loop there, all the rest.  0 or an
 * exit code, logged. */
int live_open(struct carrier *c) MUST_CHECK;
int live_start(struct carrier *c) MUST_CHECK;
void live_close(struct carrier *c);

/* Listen to the doors no longer. */
void live_mute(struct carrier *c);

/* Take what the queue's bell says. */
void live_scan(struct carrier *c);

/* Look at everything again after a while, sooner when files wait that
 * pickup.rate-per-user left. */
void live_arm_rescan(struct carrier *c);

/* Read the configuration again; a broken one changes nothing. */
void live_reload(struct carrier *c);

/* --- live_dns.c --- */

/* The resolver and the policies of MTA-STS; hops_new() comes first.  0; -1
 * when they cannot be had. */
int live_names(struct carrier *c) MUST_CHECK;

/* After a reload, when pool_reroute() has ended all questions. */
void live_follow_names(struct carrier *c, const struct conf *old);

/* --- settle.c --- */

/* A job's results are complete; takes it over. */
void settle_later(struct carrier *c, struct job *j);

/* Is there room for more of them?  Only what has no effect on a far side
 * must ask. */
bool settle_room(const struct carrier *c);

/* A job whose file cannot be loaded (errno and why as job_load left them):
 * tried later, or out of the queue when it is broken or gone. */
void settle_unreadable(struct carrier *c, struct job *j, const char *why);

/* Turn results into records, reports and retries; frees the jobs.  Only for
 * a while unless all are wanted: then some may be left. */
void settle_run(struct carrier *c, bool all);

/* Slots of a letter changed: enter it again; when nothing of it is open, say
 * so and, with its batch, let it go. */
void settle_letter(struct carrier *c, struct letter *l);

/* A batch in which nothing is open any more. */
void settle_finished(struct carrier *c, struct bundle *b);

/* --- notice.c --- */

/* What a job came to, by result of it. */
struct notice {
	struct errand errand; /* settle.c's */
	TAILQ_ENTRY(notice) link;
	struct carrier *carrier;
	struct conf *conf; /* reference */
	struct job *job;
	struct status *sts;
	bool *back; /* it came to nothing: no report */
	bool late;  /* no report can be queued any more */
};

/* Is there anybody to tell? */
bool notice_any(const struct notice *n);

/*
 * Tell them: of failures, delays, and of success those who asked.  A failure
 * or an expanded alias that cannot be reported on now becomes LATER.  All or
 * none of the job's results are expanded aliases.  For any thread, once the
 * job is loaded.
 */
void notice_send(struct notice *n);

/* The delay notice goes out with the first finding after its time. */
bool notice_is_due(const struct conf *c, const struct letter *l,
    const struct slot *sl, int64_t now);

/* --- ledger.c --- */

/* Is there anything that a commit would make durable or let go? */
bool ledger_due(const struct carrier *c);

/* Let the clerk make findings durable and remove what they finish;
 * ledger_news() is called when something has ended. */
void ledger_commit(struct carrier *c);
void ledger_news(void *arg);

/* Let the clerk remove what is finished, if there is time for it; at the
 * latest when all that is due was tried.  ledger_lull() is for a moment in
 * which nothing happened. */
void ledger_tidy(struct carrier *c);
void ledger_lull(struct carrier *c);

/* The same, all of it, before returning: at the end. */
void ledger_commit_now(struct carrier *c);

/* Write a new journal with what is known; false: not possible now. */
bool ledger_compact(struct carrier *c);

/* --- intake.c --- */

/* A batch that appeared in new/: into the index, unless it is known. */
void intake_batch(struct carrier *c, const char *id);

/* At start: recover, index all of new/, replay the journal, write a fresh
 * one.  0; -1 with errno, and what failed was logged. */
int intake_start(struct carrier *c) MUST_CHECK;

/* A batch kept alive by a few stragglers is rewritten to hold only those. */
void intake_shrink(struct carrier *c, struct bundle *b);

/* --- dispatch.c --- */

/* Make jobs of what is due; true: there is more. */
bool dispatch_due(struct carrier *c);

/* --- local.c --- */

/* Deliver one job whose destination is this host. */
void local_deliver(struct carrier *c, struct job *j);

#endif

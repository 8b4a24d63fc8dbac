/* SPDX-License-Identifier: ISC */
/*
 * One worker process of the listener: an event loop with listening sockets
 * shared with the other workers, the visits of clients, and a configuration
 * that it follows live.  This header is for the worker's own parts (worker,
 * entrance, visit) and for the program.
 */
#ifndef SMTPD_WORKER_H
#define SMTPD_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "base/attr.h"
#include "conf/conf.h"
#include "net/resolver.h"
#include "queue/store.h"
#include "smtpd/auth.h"
#include "smtpd/commit.h"
#include "queue/board.h"
#include "smtpd/guard.h"
#include "smtpd/names.h"
#include "smtpd/secure.h"
#include "smtpd/site.h"

struct event;
struct event_base;
struct visit;
struct worker;

/* One listening socket, by the name of its section in waypost.conf. */
struct entrance {
	LIST_ENTRY(entrance) link;
	struct worker *worker;
	char *name, *address; /* as in the section */
	int fd;               /* owned */
	bool unix_socket;
	struct event *event;
	struct event *pause;        /* accept again behind it */
	struct secure_context *tls; /* NULL: no key, no STARTTLS */
};

LIST_HEAD(entrance_list, entrance);
LIST_HEAD(visit_list, visit);

struct worker {
	unsigned number;
	const char *conf_path;
	struct event_base *base;
	struct site *site;
	struct store store;
	struct commit *commit;
	struct auth *auth;
	struct guard *guard; /* shared by all workers */
	struct board *board; /* what the listener shows; shared, too */
	struct resolver *resolver;
	struct names *names;
	struct entrance_list entrances;
	struct visit_list visits;
	unsigned nvisits;
	struct event *control_event, *patience;
	struct event *term, *interrupt, *hangup;
	int control; /* socket to the parent: listening sockets come by it */
	int files;   /* another: what is out of reach is asked for (fetch.h) */
	int64_t disk_checked; /* monotonic ms */
	bool disk_low;
	int64_t drop_checked;
	bool drop_full;
	bool stopping;
};

struct worker_options {
	unsigned number;
	const char *conf_path;
	struct site *site; /* counted: the parent's reference is ours now */
	struct guard *guard;
	struct board *board;
	int control, files; /* to the parent */
};

/* Run until told to stop; the process's exit code. */
int worker_run(const struct worker_options *o);

/* --- entrance.c --- */

/* The listener section of an entrance in the current configuration, or
 * NULL when it is gone.  Its address may be a new one that could not be
 * bound (M04). */
const struct listener *entrance_conf(const struct entrance *e);

/* Take over a listening socket. */
void entrance_open(
    struct worker *w, const char *name, const char *address, int fd);
void entrance_close(struct entrance *e);

/* Certificates again, after a reload; a broken one keeps the old ones (F08). */
void entrance_load_tls(struct entrance *e);

/* Certificates of all, after a reload.  Which sockets are open is for the
 * parent to say. */
void entrances_review(struct worker *w);

/* The parent closed it. */
void entrances_close(struct worker *w, const char *name, const char *address);

/* --- visit.c --- */

/* A client came, from this address.  Takes over fd. */
void visit_begin(
    struct entrance *e, int fd, const struct sockaddr_storage *from);

/* Ask all sessions again whether they may stay: the configuration changed. */
void visits_review(struct worker *w);

/* Say 421 to the idle ones; force: to all. */
void visits_stop(struct worker *w, bool force);

/* --- worker.c --- */

/* Less room than a message and a half (R10, I13). */
bool worker_disk_low(struct worker *w);

/* drop.quota is used up (A48). */
bool worker_drop_full(struct worker *w);

/* The last visit has ended. */
void worker_left(struct worker *w);

#endif

/* SPDX-License-Identifier: ISC */
/* The parent's own parts: its loop (parent.c) and its workers (hands.c). */
#ifndef SMTPD_PARENT_INTERNAL_H
#define SMTPD_PARENT_INTERNAL_H

#include <event2/util.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "smtpd/handover.h"
#include "smtpd/parent.h"
#include "smtpd/site.h"

#define WORKERS_MAX 64

struct event;
struct event_base;
struct parent;

struct hand { /* one worker, seen from here */
	struct parent *parent;
	pid_t pid;          /* 0: none now */
	int control, files; /* what it is told; what it asks for */
	struct event *asked;
	int64_t started, pause;
	struct event *restart;
};

struct parent {
	const char *conf_path;
	struct site *site;
	struct watch *watch;
	struct event_base *base;
	struct guard *guard;
	struct board *board;
	struct doors *doors;
	struct hand hands[WORKERS_MAX];
	unsigned nhands, alive;
	struct event *events[8]; /* all but those of the hands */
	struct event *patience, *bind_again, *poll;
	bool stopping;
};

/* --- parent.c --- */

void parent_call_in(struct event *timer, int64_t ms);

/* --- hands.c --- */

/* As many as the configuration asks for. */
void hands_start(struct parent *p);
void hands_free(struct parent *p);

/* Say it to all workers; arg is the parent. */
void hands_tell(void *arg, const struct handover *h);
void hands_signal(struct parent *p, int sig);

/* SIGCHLD; ends the loop with the last worker when we are stopping. */
void hands_on_child(evutil_socket_t fd, short what, void *arg);

#endif

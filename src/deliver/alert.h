/* SPDX-License-Identifier: ISC */
/*
 * The alert of waypost.conf: a command that is run once when the queue holds
 * a message that is older than it should be.  Costs nothing while the queue
 * is empty or no command is set.
 */
#ifndef DELIVER_ALERT_H
#define DELIVER_ALERT_H

#include "base/attr.h"

struct alert;
struct carrier;

struct alert *alert_new(struct carrier *c) MUST_CHECK;
void alert_free(struct alert *a); /* NULL is fine */

/* The queue or the configuration may have changed: look again in time. */
void alert_look(struct alert *a);
void alert_reload(struct alert *a);

#endif

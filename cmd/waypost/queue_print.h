/* SPDX-License-Identifier: ISC */
/* How messages of the queue are printed: for people, or as JSON. */
#ifndef WAYPOST_QUEUE_PRINT_H
#define WAYPOST_QUEUE_PRINT_H

#include "view.h"

/* A line for the message, one for each recipient. */
void print_short(const struct view_message *m);

/* All of it, with each attempt that is known. */
void print_long(const struct view_message *m);

/* One object, one line. */
void print_json(const struct view_message *m);

#endif

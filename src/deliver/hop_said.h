/* SPDX-License-Identifier: ISC */
/* What was said until a session stood, for one who watches.  For hop*.c. */
#ifndef DELIVER_HOP_SAID_H
#define DELIVER_HOP_SAID_H

#include "deliver/hop_internal.h"

/* Have libcurl tell what it sends.  0; -1: it cannot. */
int said_prepare(struct hop *h) MUST_CHECK;

/* A line of a reply, without its end. */
void said_heard(struct hop *h, const char *line, size_t len);

#endif

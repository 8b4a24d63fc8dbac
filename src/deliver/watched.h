/* SPDX-License-Identifier: ISC */
/* Outcomes for those who wait for them (queue/transcript.h). */
#ifndef DELIVER_WATCHED_H
#define DELIVER_WATCHED_H

#include "deliver/job.h"

struct carrier;

/* Whom a job is given to, if it is watched, and what was said to set up the
 * session (NULL: it stood already); and the client's hook. */
void watched_session(const struct cargo *g, const char *said);
void watched_line(void *arg, struct transaction *t, char direction,
    const char *text, size_t len);

/* A job of a watched letter was settled: sts by result; back: it came to
 * nothing and is tried again at once. */
void watched_settled(struct carrier *c, const struct job *j,
    const struct status *sts, const bool *back);

/* Recipients of a watched letter were put off without a try. */
void watched_put_off(struct carrier *c, struct letter *l, int64_t now);

#endif

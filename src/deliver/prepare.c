/* SPDX-License-Identifier: ISC */
/*
 * A large message is made ready for its connection by the porter: read for
 * its checksum, converted, signed.  Not how that is done (job.c).
 *
 * Invariant: the job counts as under way meanwhile, and so nobody else
 * touches it or its recipients; the connection may end at any time, and then
 * the job comes back without effect.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "deliver/carrier.h"
#include "deliver/conn.h"

struct preparation {
	struct errand errand;
	struct conn *conn; /* NULL: it takes nothing more */
	struct job *job;
	struct destination *destination;
	struct conf *conf; /* reference */
	struct client_caps caps;
	/* What came of it. */
	int unreadable; /* errno, or 0 */
	const char *why;
	bool rendered;
	struct status st;
};

static void
work(struct errand *e)
{
	struct preparation *p = (struct preparation *)e;
	struct carrier *c = p->destination->carrier;
	if (job_verify(p->job, &p->why) != 0) {
		p->unreadable = errno;
		return;
	}
	p->rendered = job_render(p->job, p->conf, porter_keys(c->porter),
			  &c->store, &p->caps, &p->st) == 0;
}

/* No effect: another connection may try at once. */
static void
come_back(struct carrier *c, struct job *j)
{
	for (uint32_t i = 0; i < j->n; i++)
		j->results[i].kind = RESULT_UNSENT;
	settle_later(c, j);
}

static void
go_on(struct preparation *p)
{
	struct destination *d = p->destination;
	struct carrier *c = d->carrier;
	struct conn *conn = p->conn;
	struct job *j = p->job;
	if (atomic_load(&p->errand.cancelled)) {
		come_back(c, j);
	} else if (p->unreadable != 0) {
		errno = p->unreadable;
		settle_unreadable(c, j, p->why);
	} else if (!p->rendered) {
		job_result_all(j, &c->schedule, &p->st);
		settle_later(c, j);
	} else if (conn == NULL || !hop_can_take(conn->hop)) {
		come_back(c, j);
	} else if (!conn_may_send(c)) {
		destination_return(d, j);
	} else {
		conn_send(conn, j);
	}
}

static void
done(struct errand *e)
{
	struct preparation *p = (struct preparation *)e;
	struct destination *d = p->destination;
	p->job->cargo->batch.stop = NULL;
	if (p->conn != NULL)
		p->conn->preparing = NULL;
	d->active--;
	d->carrier->pool.active--;
	go_on(p);
	destination_mark(d);
	conf_unref(p->conf);
	free(p);
}

void
prepare(struct conn *conn, struct job *j)
{
	struct destination *d = conn->destination;
	struct preparation *p = alloc_zero(1, sizeof(*p));
	p->errand.work = work;
	p->errand.done = done;
	p->conn = conn;
	p->job = j;
	p->destination = d;
	p->conf = conf_ref(d->carrier->conf);
	p->caps = *hop_caps(conn->hop);
	p->why = "";
	j->cargo->batch.stop = &p->errand.cancelled;
	conn->preparing = p;
	d->active++;
	d->carrier->pool.active++;
	porter_send(d->carrier->porter, &p->errand);
}

void
prepare_forget(struct conn *conn)
{
	struct preparation *p = conn->preparing;
	if (p == NULL)
		return;
	conn->preparing = NULL;
	p->conn = NULL;
	porter_cancel(conn->destination->carrier->porter, &p->errand);
}

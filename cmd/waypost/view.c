/* SPDX-License-Identifier: ISC */
/*
 * Queue files and journal, brought together.  Not how they are printed.
 * What the journal calls final is left out.  A file that cannot be
 * understood is told and passed over; one that is gone meanwhile is not.
 */
#include "view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

#include "base/log.h"
#include "queue/scan.h"

/* --- selection --- */

bool
selector_fits(const char *pattern, const struct address *a)
{
	const char *at = strrchr(pattern, '@');
	if (at == NULL)
		return strcmp(a->text, pattern) == 0;
	if (strcasecmp(address_domain(a), at + 1) != 0)
		return false;
	size_t local = (size_t)(at - pattern);
	return local == 0 || (a->len > local && a->text[local] == '@' &&
				 memcmp(a->text, pattern, local) == 0);
}

static bool
message_fits(const struct selector *s, const char *id, const struct envelope *e)
{
	bool fits = s->nids == 0;
	for (int i = 0; i < s->nids && !fits; i++)
		fits = strcmp(s->ids[i], id) == 0;
	if (!fits || s->from == NULL)
		return fits;
	return s->from[0] == '\0' || strcmp(s->from, "<>") == 0
		   ? address_is_null(&e->from)
		   : selector_fits(s->from, &e->from);
}

static bool
rcpt_fits(const struct selector *s, const struct rcpt *r)
{
	return (s->to == NULL || selector_fits(s->to, &r->addr)) &&
	       (s->destination == NULL ||
		   strcasecmp(address_domain(&r->addr), s->destination) == 0);
}

/* --- the queue --- */

static void
show(void *arg, const char *batch, const struct envelope *e,
    const struct batch_entry *entry)
{
	struct view *v = arg;
	struct view_message m = {
	    .batch = batch, .env = e, .size = entry->data_len};
	message_id_make(m.id, batch, e->seq);
	if (!message_fits(v->selector, m.id, e))
		return;
	struct view_rcpt *rcpts = alloc_zero(e->nrcpts, sizeof(*rcpts));
	for (size_t i = 0; i < e->nrcpts; i++) {
		const struct finding *f = findings_get(
		    v->findings, batch, e->seq, e->rcpts[i].number);
		if ((f == NULL || !f->final) &&
		    rcpt_fits(v->selector, &e->rcpts[i]))
			rcpts[m.nrcpts++] = (struct view_rcpt){&e->rcpts[i], f};
	}
	m.rcpts = rcpts;
	if (m.nrcpts > 0)
		v->fn(v->arg, &m);
	free(rcpts);
}

static void
on_batch(void *arg, const char *id)
{
	struct view *v = arg;
	const char *why = NULL;
	int rc = batch_each(v->store.new_fd, id, show, v, &why);
	if (rc == 0 || errno == ENOENT)
		return;
	if (errno != EBADMSG)
		v->error = errno;
	(void)fprintf(stderr, "waypost: %s: %s\n", id,
	    errno == EBADMSG && why != NULL ? why : strerror(errno));
}

static int
failed(const struct conf *c, int error)
{
	bool denied = error == EACCES || error == EPERM;
	(void)fprintf(stderr, "waypost: cannot read the queue in %s: %s%s\n",
	    c->spool, strerror(error),
	    denied ? "; it is for root and the user that waypostd runs as"
		   : "");
	if (denied)
		return EX_NOPERM;
	return error == ENOENT || error == ENOTDIR ? EX_CONFIG : EX_OSERR;
}

int
view_each(struct view *v, const struct conf *c, const struct selector *s,
    void (*fn)(void *arg, const struct view_message *m), void *arg)
{
	*v = (struct view){.selector = s, .fn = fn, .arg = arg};
	if (store_open(&v->store, c->spool) != 0)
		return failed(c, errno);
	struct scan scan = {.store = &v->store, .fd = -1};
	/* The queue after the journal would show as open what ended between;
	 * but a batch that is gone is not shown at all. */
	int code = 0;
	v->findings = findings_new_history();
	if (findings_read(v->findings, c->spool) != 0 ||
	    scan_list(&scan, on_batch, v) < 0)
		code = failed(c, errno);
	else if (v->error != 0)
		code = failed(c, v->error);
	findings_free(v->findings);
	store_close(&v->store);
	return code;
}

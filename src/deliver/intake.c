/* SPDX-License-Identifier: ISC */
/*
 * From the queue directory to the index.  Reads envelopes, never messages.
 * A batch that cannot be understood goes to corrupt/, loudly; one that
 * cannot be read now is looked at again at the next listing.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "deliver/carrier.h"

static void
log_accepted(const struct bundle *b, const struct envelope *env,
    const struct batch_entry *e)
{
	char id[QUEUE_ID_MAX + 1];
	message_id_make(id, b->id, env->seq);
	log_event(LOG_INFO, "accepted", LOG_STR("id", id),
	    LOG_STR("from", env->from.len ? env->from.text : "<>"),
	    LOG_NUM("size", e->data_len), LOG_NUM("rcpts", env->nrcpts),
	    LOG_STR("source", env->source));
}

/* Not at once, but where a run of the queue would be: at the first interval
 * of queue.retry; a start, a drain and a flush are runs, too. */
static void
defer(const struct carrier *c, struct letter *l)
{
	int64_t next = clock_mono_ms() + retry_delay(c->conf->queue.retry_ms,
					     c->conf->queue.nretry, 1);
	for (uint32_t i = 0; i < l->nslots; i++)
		l->slots[i].next = next;
}

/* All entries of an open batch; 0, or -1 with errno and *why. */
static int
read_entries(
    struct carrier *c, struct bundle *b, struct batch *file, const char **why)
{
	uint64_t at = 0, here = 0;
	struct batch_entry e;
	int more;
	while ((more = batch_next(file, &at, &e, why)) == 1) {
		struct envelope env;
		if (batch_envelope(file, &e, &env, why) != 0)
			return -1;
		struct letter *l = schedule_letter(&c->schedule, b, &env, here);
		if (env.defer && !c->starting && !c->drain)
			defer(c, l);
		board_add(c->board, COUNT_TAKEN, 1);
		if (!c->starting)
			log_accepted(b, &env, &e);
		envelope_free(&env);
		here = at;
	}
	return more;
}

static void
refuse(struct carrier *c, const char *id, const char *why)
{
	if (errno == ENOENT)
		return; /* removed meanwhile */
	if (errno != EBADMSG)
		log_text(LOG_ERR, "cannot read %s, it is kept: %s", id,
		    strerror(errno));
	else if (store_quarantine(&c->store, id, why) != 0)
		log_text(LOG_ERR, "cannot move %s to corrupt: %s", id,
		    strerror(errno));
}

void
intake_batch(struct carrier *c, const char *id)
{
	struct batch file;
	const char *why = "";
	if (schedule_find(&c->schedule, id) != NULL || bulky_has(c->bulky, id))
		return;
	if (batch_open(&file, c->store.new_fd, id, &why) != 0) {
		refuse(c, id, why);
		return;
	}
	struct bundle *b = schedule_bundle(&c->schedule, id);
	if (read_entries(c, b, &file, &why) != 0) {
		refuse(c, id, why);
		schedule_forget(&c->schedule, b);
	} else if (!c->starting) {
		for (struct letter *l = b->letters; l != NULL; l = l->sibling)
			schedule_enter(&c->schedule, l);
		carrier_wake(c);
	}
	batch_close(&file);
}

static void
take_listed(void *arg, const char *id)
{
	intake_batch(arg, id);
}

static void
take_record(void *arg, const struct record *r)
{
	schedule_replay(&((struct carrier *)arg)->schedule, r);
}

/* A message that nobody has tried yet may have come while no carrier ran:
 * the log has to know it, too. */
static void
log_found(const struct bundle *b, const struct letter *l)
{
	char id[QUEUE_ID_MAX + 1];
	for (uint32_t i = 0; i < l->nslots; i++)
		if (l->slots[i].reason != NULL)
			return;
	message_id_make(id, b->id, l->seq);
	log_event(LOG_INFO, "accepted", LOG_STR("id", id),
	    LOG_STR("from", l->sender->text[0] ? l->sender->text : "<>"),
	    LOG_NUM("rcpts", l->nslots), LOG_STR("source", "queue"));
}

static void
enter_bundle(void *arg, struct hash_link *link)
{
	struct carrier *c = arg;
	struct bundle *b = (struct bundle *)link;
	if (b->open == 0)
		settle_finished(c, b);
	for (struct letter *l = b->letters; l != NULL; l = l->sibling) {
		log_found(b, l);
		schedule_enter(&c->schedule, l);
	}
}

static int
failed(const char *what)
{
	int error = errno;
	log_text(LOG_ERR, "cannot %s: %s", what, strerror(error));
	errno = error;
	return -1;
}

int
intake_start(struct carrier *c)
{
	int64_t began = clock_mono_ms();
	c->starting = true;
	if (store_recover(&c->store) < 0)
		return failed("recover the queue");
	scan_open(&c->scan, &c->store);
	if (scan_list(&c->scan, take_listed, c) < 0)
		return failed("list the queue");
	if (journal_replay(c->spool, take_record, c) != 0)
		return failed("read the journal");
	if (journal_open(&c->journal, c->spool) != 0 || !ledger_compact(c))
		return failed("write the journal");
	c->starting = false;
	hash_each(&c->schedule.bundles, enter_bundle, c);
	log_event(LOG_NOTICE, "started", LOG_NUM("queued", c->schedule.letters),
	    LOG_NUM("ms", clock_mono_ms() - began));
	return 0;
}

/* --- stragglers --- */

static bool
keep(void *arg, uint32_t seq, uint32_t rcpt)
{
	struct bundle *b = arg;
	for (struct letter *l = b->letters; l != NULL; l = l->sibling) {
		if (l->seq != seq)
			continue;
		struct slot *sl = letter_slot(l, rcpt);
		return sl != NULL && sl->state != SLOT_FINAL;
	}
	return false;
}

void
intake_shrink(struct carrier *c, struct bundle *b)
{
	struct batch file;
	struct batch_entry e;
	const char *why = "";
	uint64_t at = 0, here = 0;
	if (store_rewrite(&c->store, b->id, keep, b) != 0) {
		log_text(LOG_WARNING,
		    "cannot rewrite %s, it stays as it is: %s", b->id,
		    strerror(errno));
		b->nletters = b->open; /* do not try again soon */
		return;
	}
	if (batch_open(&file, c->store.new_fd, b->id, &why) != 0) {
		log_text(LOG_ERR, "cannot read %s again: %s", b->id,
		    strerror(errno));
		return;
	}
	while (batch_next(&file, &at, &e, &why) == 1) {
		struct envelope env;
		if (batch_envelope(&file, &e, &env, &why) != 0)
			break;
		schedule_moved(b, env.seq, here);
		envelope_free(&env);
		here = at;
	}
	b->nletters = b->open;
	batch_close(&file);
}

/* SPDX-License-Identifier: ISC */
/*
 * The moves of a batch through the queue, without the programs that make
 * them: accept, record outcomes, rewrite, remove, compact.  What it promised
 * goes to standard output as soon as it is promised, and to no place that a
 * power cut reaches:
 *
 *   ACK id messages rcpts      accepted; answers are owed for all of them
 *   MARK id seq rcpt           answered; must not be tried again
 *
 *   moves make SPOOL           make the directories
 *   moves run SPOOL            one life of a few batches, then wait forever
 *   moves judge SPOOL PROMISES recover, and say what was not kept
 */
#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "queue/journal.h"
#include "queue/scan.h"
#include "queue/store.h"

#define RCPTS 2
#define PAIRS_MAX 4096
#define GIVEN "0123456789abcdefghj"

struct pair {
	char batch[BATCH_ID_LEN + 1];
	uint32_t seq, rcpt;
};

struct pairs {
	struct pair v[PAIRS_MAX];
	size_t n;
};

/* --- a life --- */

static void promise(const char *fmt, ...) PRINTF_LIKE(1, 2);

static void
promise(const char *fmt, ...)
{
	char line[128];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (io_write(STDOUT_FILENO, line, (size_t)n) != 0)
		err(1, "stdout");
}

static void
write_message(struct batch_writer *w, uint32_t seq, size_t size)
{
	struct envelope e;
	const char *why;
	static const char *const rcpts[] = {
	    "one@example.net", "two@example.net"};
	envelope_init(&e);
	e.seq = seq;
	e.source = alloc_string("moves", 5);
	for (int i = 0; i < RCPTS; i++) {
		struct address a;
		if (address_parse(&a, rcpts[i], strlen(rcpts[i]), 0, &why) !=
			0 ||
		    envelope_add(&e, &a, 0, NULL) != 0)
			errx(1, "recipient");
	}
	if (batch_begin(w, &e) != 0)
		err(1, "begin");
	for (size_t at = 0; at < size; at += 64)
		if (batch_data(w,
			"0123456789012345678901234567890123456789"
			"0123456789012345678901\r\n",
			64) != 0)
			err(1, "data");
	if (batch_end(w) != 0)
		err(1, "end");
	envelope_free(&e);
}

static void
accept_batch(struct store *s, const char *given, unsigned messages, size_t size,
    char id[BATCH_ID_LEN + 1])
{
	struct draft d;
	if (draft_create(s, &d, given) != 0)
		err(1, "create");
	for (unsigned seq = 1; seq <= messages; seq++)
		write_message(&d.writer, seq, size);
	if (draft_commit(&d) != 0)
		err(1, "commit");
	memcpy(id, d.id, sizeof(d.id));
	promise("ACK %s %u %d\n", id, messages, RCPTS);
}

static struct record
finding(const char *id, uint32_t seq, uint32_t rcpt, enum verdict verdict)
{
	struct record r = {.seq = seq, .rcpt = rcpt, .at_ms = 1, .attempts = 1};
	memcpy(r.batch, id, sizeof(r.batch));
	status_set(&r.status, verdict, 250, NULL, "moves");
	return r;
}

/* All recipients of one message are answered. */
static void
answer(struct journal *j, const char *id, uint32_t seq)
{
	for (uint32_t rcpt = 1; rcpt <= RCPTS; rcpt++) {
		struct record r =
		    finding(id, seq, rcpt, rcpt == 1 ? DONE : NEVER);
		journal_append(j, &r);
	}
	if (journal_commit(j) != 0)
		err(1, "journal");
	for (uint32_t rcpt = 1; rcpt <= RCPTS; rcpt++)
		promise("MARK %s %u %u\n", id, seq, rcpt);
}

static bool
keep_second(void *arg, uint32_t seq, uint32_t rcpt)
{
	(void)arg;
	(void)rcpt;
	return seq == 2;
}

static void
compact(struct store *s, struct journal *j, const char *id)
{
	struct record r = finding(id, 2, 1, LATER);
	if (store_sync(s) != 0)
		err(1, "sync");
	struct journal_rewrite *w = journal_compact_begin(j);
	if (w == NULL)
		err(1, "compact");
	journal_compact_put(w, &r);
	if (journal_compact_end(w) != 0)
		err(1, "compact");
}

static void
live(const char *spool)
{
	struct store s;
	struct journal j;
	char a[BATCH_ID_LEN + 1], b[BATCH_ID_LEN + 1], c[BATCH_ID_LEN + 1];
	if (store_open_carrier(&s, spool) != 0 || journal_open(&j, spool) != 0)
		err(1, "%s", spool);
	accept_batch(&s, NULL, 2, 500, a);
	accept_batch(&s, NULL, 1, 200000, b);
	answer(&j, a, 1);
	answer(&j, b, 1);
	if (store_rewrite(&s, a, keep_second, NULL) != 0)
		err(1, "rewrite");
	if (store_remove(&s, b) != 0)
		err(1, "remove");
	compact(&s, &j, a);
	accept_batch(&s, GIVEN, 1, 3000, c);
	answer(&j, a, 2);
	if (store_remove(&s, a) != 0)
		err(1, "remove");
	promise("END\n");
	for (;;)
		(void)pause();
}

/* --- judgement --- */

static struct pairs to_do, final;

static void
add(struct pairs *p, const char *batch, uint32_t seq, uint32_t rcpt)
{
	if (p->n == PAIRS_MAX)
		errx(1, "too many");
	struct pair *new = &p->v[p->n++];
	memcpy(new->batch, batch, sizeof(new->batch));
	new->seq = seq;
	new->rcpt = rcpt;
}

static bool
has(const struct pairs *p, const char *batch, uint32_t seq, uint32_t rcpt)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->v[i].batch, batch) == 0 && p->v[i].seq == seq &&
		    p->v[i].rcpt == rcpt)
			return true;
	return false;
}

static void
take_record(void *arg, const struct record *r)
{
	(void)arg;
	if (r->status.verdict != LATER)
		add(&final, r->batch, r->seq, r->rcpt);
}

/* All of a batch in new/ must be whole; what it lists is to be done. */
static void
take_batch(void *arg, const char *id)
{
	const struct store *s = arg;
	struct batch b;
	struct batch_entry e;
	struct envelope env;
	const char *why = "";
	uint64_t at = 0;
	if (batch_open(&b, s->new_fd, id, &why) != 0 ||
	    batch_check(&b, &why) != 0)
		errx(1, "%s is not whole: %s", id, why);
	while (batch_next(&b, &at, &e, &why) == 1) {
		if (batch_envelope(&b, &e, &env, &why) != 0)
			errx(1, "%s: %s", id, why);
		for (size_t i = 0; i < env.nrcpts; i++)
			add(&to_do, id, env.seq, env.rcpts[i].number);
		envelope_free(&env);
	}
	batch_close(&b);
}

static bool
open_pair(const char *id, uint32_t seq, uint32_t rcpt)
{
	return has(&to_do, id, seq, rcpt) && !has(&final, id, seq, rcpt);
}

static struct pairs acked, marked;

static void
read_promises(const char *path)
{
	char line[128], id[32];
	unsigned x, y;
	FILE *f = fopen(path, "r");
	if (f == NULL)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "ACK %19s %u %u", id, &x, &y) == 3)
			for (unsigned i = 0; i < x * y; i++)
				add(&acked, id, i / y + 1, i % y + 1);
		else if (sscanf(line, "MARK %19s %u %u", id, &x, &y) == 3)
			add(&marked, id, x, y);
	(void)fclose(f);
}

/* Before recovery: what was accepted has its name already.  Recovery would
 * find it in tmp/, too, but it is not what we promise by. */
static void
judge_names(const struct store *s)
{
	for (size_t i = 0; i < acked.n; i++) {
		const struct pair *p = &acked.v[i];
		if (!has(&marked, p->batch, p->seq, p->rcpt) &&
		    faccessat(s->new_fd, p->batch, F_OK, 0) != 0)
			errx(1, "R1: %s is not in new", p->batch);
	}
}

static void
judge_promises(void)
{
	for (size_t i = 0; i < acked.n; i++) {
		const struct pair *p = &acked.v[i];
		if (!has(&marked, p->batch, p->seq, p->rcpt) &&
		    !has(&final, p->batch, p->seq, p->rcpt) &&
		    !has(&to_do, p->batch, p->seq, p->rcpt))
			errx(1, "INV1: lost %s %u %u", p->batch, p->seq,
			    p->rcpt);
	}
	for (size_t i = 0; i < marked.n; i++) {
		const struct pair *p = &marked.v[i];
		if (open_pair(p->batch, p->seq, p->rcpt))
			errx(1, "INV3: again %s %u %u", p->batch, p->seq,
			    p->rcpt);
	}
}

static void
judge(const char *spool, const char *promises)
{
	struct store s;
	struct scan sc;
	struct journal j;
	if (store_open_carrier(&s, spool) != 0)
		err(1, "%s", spool);
	read_promises(promises);
	judge_names(&s);
	if (store_recover(&s) < 0)
		err(1, "recover");
	sc = (struct scan){.store = &s, .fd = -1};
	if (scan_list(&sc, take_batch, &s) < 0)
		err(1, "list");
	if (journal_replay(spool, take_record, NULL) != 0 ||
	    journal_open(&j, spool) != 0)
		err(1, "journal");
	judge_promises();
	journal_close(&j);
	store_close(&s);
}

int
main(int argc, char **argv)
{
	struct store s;
	struct journal j;
	log_level(LOG_CRIT);
	if (argc == 3 && strcmp(argv[1], "make") == 0) {
		if (store_open_carrier(&s, argv[2]) != 0 ||
		    journal_open(&j, argv[2]) != 0)
			err(1, "%s", argv[2]);
		journal_close(&j);
		store_close(&s);
	} else if (argc == 3 && strcmp(argv[1], "run") == 0) {
		live(argv[2]);
	} else if (argc == 4 && strcmp(argv[1], "judge") == 0) {
		judge(argv[2], argv[3]);
	} else {
		errx(64, "usage: moves make|run|judge SPOOL [PROMISES]");
	}
	return 0;
}

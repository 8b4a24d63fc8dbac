/* SPDX-License-Identifier: ISC */
/*
 * mailq: the queue as Postfix prints it, because monitors parse that.
 * Reads the batch files and the journal by itself, with the caller's own
 * rights; asks no daemon and changes nothing.
 *
 * What the journal calls final is left out, so a message shows only those
 * whom we still owe an answer.  A file that cannot be understood is told
 * and passed over (A18).
 */
#include "jobs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "queue/findings.h"
#include "queue/batch.h"
#include "queue/scan.h"
#include "queue/store.h"
#include "tell.h"

/* Postfix's columns: id, size, time, address. */
#define HEADING "%-11s %8s %-20s %s\n"
#define SENDER_LINE "%-11s %7" PRIu64 " %20.20s %s\n"
#define REASON_WIDTH 76

struct listing {
	const struct options *options;
	struct store store;
	struct findings *findings;
	uint64_t octets;
	uint64_t messages;
	int error; /* what kept a file from being opened, if not its own */
};

static void
print_heading(void)
{
	printf(HEADING, "-Queue ID-", "--Size--", "----Arrival Time----",
	    "-Sender/Recipient-------");
}

/* "Tue Nov 24 10:14:09 2026" and a line end. */
static void
format_date(char date[32], int64_t wall_ms)
{
	time_t at = (time_t)(wall_ms / 1000);
	struct tm tm;
	date[0] = '\0';
	if (localtime_r(&at, &tm) != NULL)
		(void)asctime_r(&tm, date);
}

static void
print_sender(const struct envelope *e, const char *id, uint64_t size)
{
	char date[32];
	format_date(date, e->arrived_ms);
	printf(SENDER_LINE, id, size, date,
	    address_is_null(&e->from) ? "MAILER-DAEMON" : e->from.text);
}

static void
print_reason(const char *why)
{
	int padding = REASON_WIDTH - (int)strlen(why);
	printf("%*s(%s)\n", padding > 0 ? padding : 0, "", why);
}

static void
print_next_try(int64_t wall_ms)
{
	char date[32], text[64];
	format_date(date, wall_ms);
	(void)snprintf(text, sizeof(text), "next try %.19s", date);
	print_reason(text);
}

static void
print_rcpts(
    const struct listing *l, const struct envelope *e, const char *batch)
{
	const char *last = "";
	int64_t next = 0;
	for (size_t i = 0; i < e->nrcpts; i++) {
		const struct finding *f = findings_get(
		    l->findings, batch, e->seq, e->rcpts[i].number);
		const char *why = f != NULL ? f->text : "";
		if (f != NULL && f->final)
			continue;
		if (why[0] != '\0' && strcmp(why, last) != 0)
			print_reason(why);
		if (f != NULL && f->next_ms > 0 && f->next_ms != next)
			print_next_try(f->next_ms);
		last = why;
		next = f != NULL ? f->next_ms : 0;
		printf(HEADING, "", "", "", e->rcpts[i].addr.text);
	}
	printf("\n");
}

/* Is anybody still to be reached?  *held: and held by the operator. */
static bool
is_open(const struct listing *l, const struct envelope *e, const char *batch,
    bool *held)
{
	bool open = false;
	*held = false;
	for (size_t i = 0; i < e->nrcpts; i++) {
		const struct finding *f = findings_get(
		    l->findings, batch, e->seq, e->rcpts[i].number);
		open |= f == NULL || !f->final;
		*held |= f != NULL && f->held;
	}
	return open;
}

static void
print_message(void *arg, const char *batch, const struct envelope *e,
    const struct batch_entry *entry)
{
	struct listing *l = arg;
	char id[QUEUE_ID_MAX + 2];
	bool held;
	if (!is_open(l, e, batch, &held))
		return;
	if (l->messages == 0)
		print_heading();
	message_id_make(id, batch, e->seq);
	size_t len = strlen(id);
	id[len] = held ? '!' : '\0'; /* as Postfix marks it */
	id[len + 1] = '\0';
	print_sender(e, id, entry->data_len);
	print_rcpts(l, e, batch);
	l->messages++;
	l->octets += entry->data_len;
}

static void
list_batch(void *arg, const char *id)
{
	struct listing *l = arg;
	const char *why = NULL;
	int result = batch_each(l->store.new_fd, id, print_message, l, &why);
	if (result == 0 || errno == ENOENT) /* gone meanwhile */
		return;
	if (errno == EACCES || errno == EPERM)
		l->error = errno;
	else
		tell(l->options->program, "%s: %s", id,
		    errno == EBADMSG && why != NULL ? why : strerror(errno));
}

static int
failed(const struct options *o, const struct conf *c, int error)
{
	if (error == EACCES || error == EPERM) {
		tell(o->program, "the queue is for root and for the user that "
				 "waypostd runs as");
		return EX_NOPERM;
	}
	tell(o->program, "cannot read the queue %s: %s", c->spool,
	    strerror(error));
	return error == ENOENT || error == ENOTDIR ? EX_CONFIG : EX_OSERR;
}

static void
print_end(const struct listing *l)
{
	if (l->messages == 0)
		printf("Mail queue is empty\n");
	else
		printf("-- %" PRIu64 " Kbytes in %" PRIu64 " Request%s.\n",
		    (l->octets + 1023) / 1024, l->messages,
		    l->messages == 1 ? "" : "s");
}

static int
list(struct listing *l, const struct conf *c)
{
	struct scan scan = {.store = &l->store, .fd = -1};
	if (findings_read(l->findings, c->spool) != 0 ||
	    scan_list(&scan, list_batch, l) < 0)
		return failed(l->options, c, errno);
	if (l->error != 0)
		return failed(l->options, c, l->error);
	print_end(l);
	return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

int
mailq_run(const struct options *o, const struct conf *c)
{
	struct listing l = {.options = o};
	if (store_open(&l.store, c->spool) != 0)
		return failed(o, c, errno);
	l.findings = findings_new();
	int code = list(&l, c);
	findings_free(l.findings);
	store_close(&l.store);
	return code;
}

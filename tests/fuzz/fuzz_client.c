/* SPDX-License-Identifier: ISC */
/*
 * The client machine against a hostile server.  First octet: what EHLO
 * offered.  Then the server's octets; one of value 1..15 means "first let
 * so many chunks be sent", so that replies may come early or late.
 *
 * Invariants: each recipient gets exactly one outcome, DONE only after the
 * dot was sent whole and only for a recipient in a transaction that had a
 * 354; unsent is always LATER.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "deliver/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TRANSACTIONS = 3, RECIPIENTS = 3, BODY = 9 };

struct owner {
	struct client *c;
	struct transaction t[TRANSACTIONS];
	unsigned told[TRANSACTIONS][RECIPIENTS];
	bool finished[TRANSACTIONS];
	size_t given;
	size_t dots; /* sent whole */
	char tail[5];
};

static struct envelope env;
static const uint32_t indices[RECIPIENTS] = {0, 1, 2};

static void
on_outcome(void *arg, struct transaction *t, size_t i, const struct status *st,
    bool unsent)
{
	struct owner *o = arg;
	size_t tx = (size_t)(t - o->t);
	if (i >= t->nrcpts || o->told[tx][i]++ != 0 || o->finished[tx])
		abort();
	if (unsent && st->verdict != LATER)
		abort();
	/* The transactions go in order: the n-th needs n dots at least. */
	if (st->verdict == DONE && o->dots == 0)
		abort();
}

static void
on_finished(void *arg, struct transaction *t)
{
	struct owner *o = arg;
	size_t tx = (size_t)(t - o->t);
	if (o->finished[tx])
		abort();
	for (size_t i = 0; i < t->nrcpts; i++)
		if (o->told[tx][i] != 1)
			abort();
	o->finished[tx] = true;
	/* An owner gives the next from within the hook. */
	if (o->given < TRANSACTIONS && client_ready(o->c))
		client_start(o->c, &o->t[o->given++]);
}

static ssize_t
on_body(
    void *arg, struct transaction *t, uint64_t offset, char *out, size_t room)
{
	(void)arg;
	(void)t;
	static const char body[BODY + 1] = ".\r\n.\r\na\r\n";
	if (offset + room > BODY)
		abort();
	memcpy(out, body + offset, room);
	return (ssize_t)room;
}

static void
note_dots(struct owner *o, const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		memmove(o->tail, o->tail + 1, 4);
		o->tail[4] = data[i];
		if (memcmp(o->tail, "\r\n.\r\n", 5) == 0)
			o->dots++;
	}
}

static void
flush(struct owner *o)
{
	const char *out;
	size_t n = client_output(o->c, &out);
	if (n == 0)
		return;
	if (n > CHUNK_SIZE)
		abort();
	note_dots(o, out, n);
	client_sent(o->c, n);
}

static void
make_envelope(void)
{
	const char *why;
	struct address a;
	log_level(LOG_EMERG);
	envelope_init(&env);
	if (address_parse(&env.from, "s@example.com", 13, 0, &why) != 0 ||
	    address_parse(&a, "r@example.org", 13, 0, &why) != 0)
		abort();
	for (int i = 0; i < RECIPIENTS; i++)
		if (envelope_add(&env, &a, 0, NULL) != 0)
			abort();
}

static void
drive(struct owner *o, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size && !client_broken(o->c); i++) {
		if (o->given < TRANSACTIONS && client_ready(o->c))
			client_start(o->c, &o->t[o->given++]);
		else if (o->given == TRANSACTIONS)
			client_quit(o->c);
		if (data[i] > 0 && data[i] < 16 && data[i] != '\n' &&
		    data[i] != '\r') {
			for (uint8_t k = 0; k < data[i]; k++)
				flush(o);
			continue;
		}
		char octet = (char)data[i];
		int r = client_input(o->c, &octet, 1);
		if ((r == -1) != client_broken(o->c))
			abort();
		client_stage(o->c);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct client_hooks hooks = {
	    on_outcome, on_finished, on_body, NULL};
	struct owner o = {.given = 0};
	struct status st;
	if (env.nrcpts == 0)
		make_envelope();
	if (size == 0)
		return 0;
	struct client_caps caps = {.ehlo = true,
	    .pipelining = data[0] & 1,
	    .size = data[0] & 2,
	    .dsn = data[0] & 4};
	o.c = client_new(&caps, &hooks, &o);
	for (int i = 0; i < TRANSACTIONS; i++)
		o.t[i] = (struct transaction){.env = &env,
		    .rcpts = indices,
		    .nrcpts = RECIPIENTS,
		    .size = BODY};
	drive(&o, data + 1, size - 1);
	status_set(&st, LATER, 0, NULL, "end of input");
	client_abort(o.c, &st);
	if (!client_idle(o.c) || client_ready(o.c))
		abort();
	for (size_t i = 0; i < o.given; i++)
		if (!o.finished[i])
			abort();
	client_free(o.c);
	return 0;
}

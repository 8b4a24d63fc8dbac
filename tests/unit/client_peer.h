/* SPDX-License-Identifier: ISC */
/*
 * A scripted server and the hooks of an owner, for the tests of the client
 * machine: everything in memory, each outcome noted.
 */
#ifndef TESTS_CLIENT_PEER_H
#define TESTS_CLIENT_PEER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/log.h"
#include "deliver/client.h"

enum { RCPTS = 4, TXS = 2, STREAM = 1 << 18 };

/*
 * What the server says; NULL is the usual.  A final '!' closes behind it;
 * "" alone says nothing at all.
 */
struct script {
	const char *mail, *rcpt[RCPTS], *data, *early, *dot, *rset;
};

/*
 * Outcomes per recipient: D done, N never, L later, U later and unsent;
 * by mode (lock-step, pipelined).
 */
struct dialog {
	const char *name;
	struct script tx[TXS];
	const char *first[2], *second[2];
	const char *text; /* must be in a status text of the first */
	uint64_t size;    /* of the message; 0: small */
};

struct peer {
	const struct script *script;
	int tx, rcpt;
	bool in_data, early_told, closed, mail_ok;
	size_t in_len, out_len, body_len;
	char in[STREAM], out[STREAM], body[STREAM];
	int dots, rsets;
};

struct run {
	struct client *c;
	struct transaction t[TXS];
	char kind[TXS][RCPTS + 1];
	char texts[4096];
	int finished[TXS];
	bool body_fails;
	struct peer peer;
	size_t fed;
};

static struct run run;
static struct envelope env;
static const uint32_t indices[RCPTS] = {0, 1, 2, 3};

static char
message_octet(uint64_t i)
{
	static const char text[] =
	    "Subject: x\r\n\r\n.\r\n..a\r\n.b\r\nline\r\n";
	return text[i % (sizeof(text) - 1)];
}
enum { MESSAGE = 32 }; /* one period of it */

static void
on_outcome(void *arg, struct transaction *t, size_t i, const struct status *st,
    bool unsent)
{
	(void)arg;
	size_t tx = (size_t)(t - run.t);
	char k = st->verdict == DONE ? 'D' : st->verdict == NEVER ? 'N' : 'L';
	if (unsent) {
		assert_int_equal(k, 'L');
		k = 'U';
	}
	if (run.kind[tx][i] != '-')
		fail_msg("two outcomes for recipient %zu", i);
	run.kind[tx][i] = k;
	size_t n = strlen(run.texts);
	snprintf(run.texts + n, sizeof(run.texts) - n, "%s %s|", st->enhanced,
	    st->text);
}

static void
on_finished(void *arg, struct transaction *t)
{
	(void)arg;
	size_t tx = (size_t)(t - run.t);
	assert_int_equal(run.finished[tx]++, 0);
	assert_null(memchr(run.kind[tx], '-', t->nrcpts));
}

static ssize_t
on_body(
    void *arg, struct transaction *t, uint64_t offset, char *out, size_t room)
{
	(void)arg;
	assert_true(offset + room <= t->size);
	if (run.body_fails && offset > 0)
		return -1;
	if (room > 7 && run.body_fails)
		room = 7;
	for (size_t i = 0; i < room; i++)
		out[i] = message_octet(offset + i);
	return (ssize_t)room;
}

static const struct client_hooks hooks = {
    on_outcome, on_finished, on_body, NULL};

static void
say(struct peer *p, const char *scripted, const char *usual)
{
	const char *s = scripted ? scripted : usual;
	size_t n = strlen(s);
	if (n > 0 && s[n - 1] == '!') {
		p->closed = true;
		n--;
	}
	assert_true(p->out_len + n <= sizeof(p->out));
	memcpy(p->out + p->out_len, s, n);
	p->out_len += n;
	if (n > 0) {
		memcpy(p->out + p->out_len, "\r\n", 2);
		p->out_len += 2;
	}
}

static void
peer_command(struct peer *p, const char *line)
{
	const struct script *s = p->tx >= 0 ? &p->script[p->tx] : NULL;
	if (strncmp(line, "MAIL FROM:<", 11) == 0) {
		p->tx++;
		p->rcpt = 0;
		p->early_told = false;
		assert_true(p->tx < TXS);
		s = &p->script[p->tx];
		p->mail_ok = s->mail == NULL || s->mail[0] == '2';
		say(p, s->mail, "250 2.1.0 Ok");
	} else if (strncmp(line, "RCPT TO:<", 9) == 0) {
		say(p, s->rcpt[p->rcpt++],
		    p->mail_ok ? "250 2.1.5 Ok" : "503 5.5.1 MAIL first");
	} else if (strcmp(line, "DATA") == 0) {
		size_t before = p->out_len;
		say(p, s->data, p->mail_ok ? "354 go" : "503 5.5.1 MAIL first");
		p->in_data = p->out_len > before + 3 &&
			     memcmp(p->out + before, "354", 3) == 0;
		p->body_len = 0;
	} else if (strcmp(line, "RSET") == 0) {
		p->rsets++;
		say(p, s->rset, "250 2.0.0 Ok");
	} else if (strcmp(line, "QUIT") == 0) {
		say(p, NULL, "221 2.0.0 Bye!");
	} else {
		fail_msg("strange command: %s", line);
	}
}

/* One line of the body; the dot ends it. */
static void
peer_data(struct peer *p, const char *line, size_t len)
{
	const struct script *s = &p->script[p->tx];
	if (len == 1 && line[0] == '.') {
		p->in_data = false;
		p->dots++;
		say(p, s->dot, "250 2.0.0 Queued");
		return;
	}
	if (len > 0 && line[0] == '.') {
		line++;
		len--;
	}
	memcpy(p->body + p->body_len, line, len);
	p->body_len += len;
	memcpy(p->body + p->body_len, "\r\n", 2);
	p->body_len += 2;
	if (s->early != NULL && !p->early_told && p->body_len > 20000) {
		p->early_told = true;
		say(p, s->early, "");
	}
}

static void
peer_take(struct peer *p, const char *data, size_t len)
{
	assert_true(p->in_len + len <= sizeof(p->in));
	memcpy(p->in + p->in_len, data, len);
	p->in_len += len;
	char *at = p->in, *end = p->in + p->in_len, *lf;
	while (
	    !p->closed && (lf = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		assert_true(lf > at && lf[-1] == '\r');
		lf[-1] = '\0';
		if (p->in_data)
			peer_data(p, at, (size_t)(lf - 1 - at));
		else
			peer_command(p, at);
		at = lf + 1;
	}
	p->in_len = (size_t)(end - at);
	memmove(p->in, at, p->in_len);
}

/* Give the client what the server said, up to a place in its stream. */
static void
feed(size_t upto)
{
	struct peer *p = &run.peer;
	if (upto > p->out_len)
		upto = p->out_len;
	if (upto <= run.fed)
		return;
	size_t n = upto - run.fed;
	char *copy = malloc(n);
	assert_non_null(copy);
	memcpy(copy, p->out + run.fed, n);
	run.fed = upto;
	int r = client_input(run.c, copy, n);
	assert_int_equal(r == -1, client_broken(run.c));
	free(copy);
}

static void
lose(const char *why)
{
	struct status st;
	status_set(&st, LATER, 0, "4.4.2", "%s", why);
	client_abort(run.c, &st);
}

static void
begin(const struct dialog *d, bool pipelined)
{
	struct client_caps caps = {.ehlo = true, .pipelining = pipelined};
	memset(&run, 0, sizeof(run));
	run.peer.script = d->tx;
	run.peer.tx = -1;
	run.c = client_new(&caps, &hooks, NULL);
	for (int i = 0; i < TXS; i++) {
		memset(run.kind[i], '-', RCPTS);
		run.t[i] = (struct transaction){.env = &env,
		    .rcpts = indices,
		    .nrcpts = RCPTS,
		    .size = d->size ? d->size : MESSAGE};
	}
}

static int
make_envelope(void **state)
{
	(void)state;
	const char *why;
	envelope_init(&env);
	assert_int_equal(
	    address_parse(&env.from, "sender@example.com", 18, 0, &why), 0);
	for (int i = 0; i < RCPTS; i++) {
		struct address a;
		char text[32];
		int n = snprintf(text, sizeof(text), "r%d@example.org", i);
		assert_int_equal(
		    address_parse(&a, text, (size_t)n, 0, &why), 0);
		assert_int_equal(envelope_add(&env, &a, 0, NULL), 0);
	}
	return 0;
}

static int
free_envelope(void **state)
{
	(void)state;
	envelope_free(&env);
	return 0;
}

#endif

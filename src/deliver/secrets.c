/* SPDX-License-Identifier: ISC */
/*
 * The keeper of what secret commands print.  How a command runs is
 * child.c's, what a secret may be is secret.c's.
 *
 * Invariant: a command runs while somebody waits for it and nothing good is
 * known, never twice at a time; and a secret that is no longer good is wiped
 * before the next question about anything is answered.
 */
#include "deliver/secrets.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/clock.h"
#include "base/log.h"
#include "deliver/child.h"

struct secret_question {
	TAILQ_ENTRY(secret_question) of_command;
	struct command *command;
	secret_fn fn;
	void *arg;
	int64_t ms;
	struct event event; /* for an answer that is there already */
};

struct command {
	TAILQ_ENTRY(command) of_keeper;
	struct secrets *keeper;
	TAILQ_HEAD(, secret_question) questions;
	struct child *child;
	struct secret *secret; /* NULL: none is known */
	struct status failed;  /* why not */
	int64_t started;       /* boot ms, as the two below */
	int64_t good_until, failed_until;
	char text[];
};

struct secrets {
	struct event_base *base;
	TAILQ_HEAD(, command) commands;
};

struct secrets *
secrets_new(struct event_base *base)
{
	struct secrets *k = alloc_zero(1, sizeof(*k));
	k->base = base;
	TAILQ_INIT(&k->commands);
	return k;
}

static void
forget(struct command *c)
{
	secret_free(c->secret);
	c->secret = NULL;
	c->good_until = c->failed_until = 0;
}

static void
command_free(struct command *c)
{
	TAILQ_REMOVE(&c->keeper->commands, c, of_keeper);
	child_cancel(c->child);
	forget(c);
	free(c);
}

void
secrets_free(struct secrets *k)
{
	struct command *c;
	if (k == NULL)
		return;
	while ((c = TAILQ_FIRST(&k->commands)) != NULL)
		command_free(c);
	free(k);
}

/* Drop what is not good any more, and commands that nobody asks for. */
static void
sweep(struct secrets *k, int64_t now)
{
	struct command *c, *next;
	for (c = TAILQ_FIRST(&k->commands); c != NULL; c = next) {
		next = TAILQ_NEXT(c, of_keeper);
		if (c->good_until <= now) {
			secret_free(c->secret);
			c->secret = NULL;
		}
		if (c->secret == NULL && c->child == NULL &&
		    c->failed_until <= now && TAILQ_EMPTY(&c->questions))
			command_free(c);
	}
}

static struct command *
find(struct secrets *k, const char *text)
{
	struct command *c;
	size_t len = strlen(text);
	TAILQ_FOREACH(c, &k->commands, of_keeper)
	if (strcmp(c->text, text) == 0)
		return c;
	c = alloc_zero(1, sizeof(*c) + len + 1);
	c->keeper = k;
	memcpy(c->text, text, len);
	TAILQ_INIT(&c->questions);
	TAILQ_INSERT_TAIL(&k->commands, c, of_keeper);
	return c;
}

/* --- what it prints --- */

/* The number of "expires_in = 3600"; -1 if the line is none. */
static int64_t
seconds(const char *p, size_t len)
{
	static const char key[] = "expires_in";
	const char *end = p + len;
	if (len < sizeof(key) || memcmp(p, key, sizeof(key) - 1) != 0)
		return -1;
	p += sizeof(key) - 1;
	while (p < end && *p == ' ')
		p++;
	if (p == end || *p++ != '=')
		return -1;
	while (p < end && *p == ' ')
		p++;
	int64_t n = p < end && *p >= '0' && *p <= '9' ? 0 : -1;
	for (; p < end && *p >= '0' && *p <= '9'; p++)
		n = n < INT32_MAX / 10 ? n * 10 + (*p - '0') : INT32_MAX / 10;
	return n;
}

int64_t
secrets_lifetime(const char *out, size_t len)
{
	const char *end = out + len, *lf;
	while ((lf = memchr(out, '\n', (size_t)(end - out))) != NULL) {
		out = lf + 1;
		lf = memchr(out, '\n', (size_t)(end - out));
		size_t n = (size_t)((lf != NULL ? lf : end) - out);
		int64_t s = seconds(out, n);
		if (s < 0)
			continue;
		int64_t early = s * 1000 / 5;
		if (early > SECRET_EARLY_MS)
			early = SECRET_EARLY_MS;
		return s * 1000 - early;
	}
	return SECRET_KEEP_MS;
}

/* Each once; fn may ask again, or cancel others. */
static void
answer_all(struct command *c)
{
	struct secret_question *q;
	while ((q = TAILQ_FIRST(&c->questions)) != NULL) {
		TAILQ_REMOVE(&c->questions, q, of_command);
		event_del(&q->event);
		q->fn(q->arg, c->secret, &c->failed);
		free(q);
	}
}

static void
on_child(void *arg, const struct child_result *r)
{
	struct command *c = arg;
	const char *why = r->why;
	c->child = NULL;
	forget(c);
	if (why == NULL)
		c->secret = secret_from(r->out, r->len, &why);
	if (c->secret != NULL) {
		c->good_until = c->started + secrets_lifetime(r->out, r->len);
	} else {
		status_set(
		    &c->failed, LATER, 0, "4.7.0", "secret-command: %s", why);
		c->failed_until = clock_boot_ms() + SECRET_FAILED_MS;
		log_event(LOG_ERR, "secret-command",
		    LOG_STR("command", c->text), LOG_STR("text", why),
		    LOG_STR("said", r->complaint));
	}
	answer_all(c);
}

/* --- questions --- */

static void
run(struct command *c, int64_t ms)
{
	if (c->child != NULL)
		return;
	c->started = clock_boot_ms();
	c->child = child_run(c->keeper->base, c->text, ms, on_child, c);
}

/* Is it still as when it was asked?  Else wait like the others. */
static void
on_question(evutil_socket_t fd, short what, void *arg)
{
	struct secret_question *q = arg;
	struct command *c = q->command;
	(void)fd;
	(void)what;
	if (c->secret == NULL && c->failed_until == 0) {
		run(c, q->ms);
		return;
	}
	TAILQ_REMOVE(&c->questions, q, of_command);
	q->fn(q->arg, c->secret, &c->failed);
	free(q);
}

struct secret_question *
secrets_ask(
    struct secrets *k, const char *command, int64_t ms, secret_fn fn, void *arg)
{
	struct secret_question *q = alloc_zero(1, sizeof(*q));
	int64_t now = clock_boot_ms();
	sweep(k, now);
	struct command *c = find(k, command);
	q->command = c;
	q->fn = fn;
	q->arg = arg;
	q->ms = ms;
	evtimer_assign(&q->event, k->base, on_question, q);
	TAILQ_INSERT_TAIL(&c->questions, q, of_command);
	if (c->secret != NULL || c->failed_until > now) {
		event_active(&q->event, EV_TIMEOUT, 0);
	} else {
		c->failed_until = 0;
		run(c, ms);
	}
	return q;
}

void
secrets_cancel(struct secret_question *q)
{
	if (q == NULL)
		return;
	event_del(&q->event);
	TAILQ_REMOVE(&q->command->questions, q, of_command);
	free(q);
}

void
secrets_refused(struct secrets *k, const char *command, const struct secret *s)
{
	struct command *c = find(k, command);
	if (c->secret != NULL && strcmp(c->secret->text, s->text) == 0)
		forget(c);
}

void
secrets_forget(struct secrets *k)
{
	struct command *c;
	TAILQ_FOREACH(c, &k->commands, of_keeper)
	forget(c);
}

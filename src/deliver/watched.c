/* SPDX-License-Identifier: ISC */
/*
 * Tells who waits for a message what became of it.  Reads the envelope
 * anew, for a job may never have been loaded, and changes nothing: mail goes
 * its way whether anybody watches or not.
 */
#include "deliver/watched.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "deliver/carrier.h"
#include "queue/transcript.h"

void
watched_session(const struct cargo *g, const char *said)
{
	char text[sizeof(g->remote) + sizeof(g->tls) + 64];
	if (g->transcript < 0)
		return;
	int n = snprintf(text, sizeof(text), "%s, TLS %s%s", g->remote, g->tls,
	    said == NULL ? ", in a session that was open" : "");
	transcript_add(g->transcript, '*', text, (size_t)n);
	for (const char *p = said; p != NULL && *p != '\0';) {
		size_t len = strcspn(p, "\n");
		transcript_add(
		    g->transcript, p[0], p + 2, len > 2 ? len - 2 : 0);
		p += len + (p[len] == '\n');
	}
}

void
watched_line(void *arg, struct transaction *t, char direction, const char *text,
    size_t len)
{
	(void)arg;
	if (t == NULL)
		return;
	const struct job *j = t->cookie;
	transcript_add(j->cargo->transcript, direction, text, len);
}

/* The transcript and the envelope of a letter; -1, and no envelope. */
static int
open_for(struct carrier *c, const struct letter *l, struct envelope *env)
{
	struct batch b;
	struct batch_entry entry;
	const char *why;
	uint64_t at = l->offset;
	int fd = -1;
	if (batch_open(&b, c->store.new_fd, l->bundle->id, &why) != 0)
		return -1;
	if (batch_next(&b, &at, &entry, &why) == 1 &&
	    batch_envelope(&b, &entry, env, &why) == 0) {
		if (env->watch != NULL)
			fd = transcript_open(&c->store, env->watch);
		if (fd < 0)
			envelope_free(env);
	}
	batch_close(&b);
	return fd;
}

static void
tell(int fd, const struct envelope *env, const struct slot *sl,
    const struct status *st)
{
	char text[ADDRESS_MAX + STATUS_TEXT_MAX + 64];
	const char *to = "";
	for (size_t i = 0; i < env->nrcpts; i++)
		if (env->rcpts[i].number == sl->number)
			to = env->rcpts[i].addr.text;
	int n = snprintf(text, sizeof(text), "%s %d %s %s %s",
	    verdict_name(st->verdict), st->code,
	    st->enhanced[0] ? st->enhanced : "-", to, st->text);
	transcript_add(fd, '=', text, (size_t)n);
}

/* Was each recipient tried, or put off to a later time? */
static bool
round_over(const struct letter *l, int64_t now)
{
	for (uint32_t i = 0; i < l->nslots; i++)
		if (l->slots[i].state == SLOT_ACTIVE ||
		    (l->slots[i].state == SLOT_WAITING &&
			l->slots[i].next <= now))
			return false;
	return true;
}

static void
finish(struct carrier *c, const struct letter *l, struct envelope *env, int fd,
    int64_t now)
{
	if (round_over(l, now))
		transcript_add(fd, '.', "", 0);
	(void)close(fd);
	if (l->open == 0)
		transcript_remove(&c->store, env->watch);
	envelope_free(env);
}

void
watched_settled(struct carrier *c, const struct job *j,
    const struct status *sts, const bool *back)
{
	struct envelope env;
	int fd = open_for(c, j->letter, &env);
	if (fd < 0)
		return;
	for (uint32_t i = 0; i < j->n; i++) {
		const struct slot *sl = &j->letter->slots[j->results[i].slot];
		if (!back[i] && !sl->expanded)
			tell(fd, &env, sl, &sts[i]);
	}
	finish(c, j->letter, &env, fd, clock_mono_ms());
}

void
watched_put_off(struct carrier *c, struct letter *l, int64_t now)
{
	struct envelope env;
	struct status st;
	int fd = open_for(c, l, &env);
	if (fd < 0)
		return;
	status_set(&st, LATER, 0, "4.4.1",
	    "its destination could not be reached a short while ago");
	for (uint32_t i = 0; i < l->nslots; i++)
		if (l->slots[i].state == SLOT_WAITING && l->slots[i].next > now)
			tell(fd, &env, &l->slots[i], &st);
	finish(c, l, &env, fd, now);
}

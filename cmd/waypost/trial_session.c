/* SPDX-License-Identifier: ISC */
/*
 * One recipient of waypost test: message, session and transaction, by the
 * carrier's own code; each line is printed as it is said.
 *
 * Invariant: without --send the transaction ends with RSET, so that no mail
 * can come of it; and no secret is printed (hop_said.c).
 */
#include "trial.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "mail/stamp.h"
#include "queue/store.h"

#define MESSAGE_MAX 4096

#define DEAD_MS (60 * 60 * 1000) /* longer than a test takes */

static void
show(char direction, const char *text, size_t len)
{
	(void)putchar(direction);
	(void)putchar(' ');
	for (size_t i = 0; i < len; i++)
		(void)putchar((unsigned char)text[i] < ' ' || text[i] == 0x7f
				  ? '?'
				  : text[i]);
	(void)putchar('\n');
	(void)fflush(stdout); /* as it happens; faults are told at the end */
}

/* --- the message --- */

static void
compose(struct trial *t, const struct address *to)
{
	char id[BATCH_ID_LEN + 1];
	store_make_id(id);
	stamp_date_field(&t->message, clock_wall_ms());
	stamp_message_id(&t->message, id, t->c->hostname);
	(void)buf_addf(&t->message,
	    "From: <%s>\r\nTo: <%s>\r\nSubject: test message from %s\r\n"
	    "Auto-Submitted: auto-generated\r\n"
	    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
	    "\r\n"
	    "This is a test message, sent by \"waypost test\" on %s.\r\n",
	    t->from.len > 0 ? t->from.text : t->c->postmaster, to->text,
	    t->c->hostname, t->c->hostname);
}

static ssize_t
read_message(void *arg, uint64_t offset, char *out, size_t room)
{
	const struct trial *t = arg;
	size_t left = t->message.len - (size_t)offset;
	size_t n = left < room ? left : room;
	memcpy(out, t->message.data + offset, n);
	return (ssize_t)n;
}

/* As the carrier would send it to this server.  0; -1 and t->result. */
static int
render(struct trial *t, const struct hop *h)
{
	static const uint32_t first[] = {0};
	t->input = (struct rendition_input){
	    .source = {read_message, t, t->message.len},
	    .env = &t->env,
	    .rcpts = first,
	    .nrcpts = 1,
	    .caps = hop_caps(h),
	    .conf = t->c,
	    .keys = t->keys,
	    .dir_fd = AT_FDCWD};
	if (rendition_make(&t->rendition, &t->input, &t->result) != 0)
		return -1;
	t->transaction = (struct transaction){
	    .env = rendition_envelope(&t->rendition, &t->input),
	    .rcpts = first,
	    .nrcpts = 1,
	    .size = rendition_size(&t->rendition, &t->input),
	    .trial = !t->send};
	return 0;
}

/* --- the session --- */

static void
show_session(const struct trial *t, const struct hop *h)
{
	const struct hop_target *peer = hop_peer(h);
	char ip[IP_TEXT_MAX];
	(void)t;
	ip_format(&peer->ip, ip);
	(void)printf(
	    "* %s[%s]:%u, TLS %s\n", peer->host, ip, peer->port, hop_tls(h));
	if (*hop_found(h) != '\0')
		(void)printf("* %s\n", hop_found(h));
	for (const char *p = hop_said(h); *p != '\0';) {
		size_t len = strcspn(p, "\n");
		show(p[0], p + 2, len > 2 ? len - 2 : 0);
		p += len + (p[len] == '\n');
	}
}

static void
on_ready(void *arg, struct hop *h)
{
	struct trial *t = arg;
	t->reached = true;
	show_session(t, h);
	if (render(t, h) == 0)
		hop_start(h, &t->transaction);
	hop_quit(h);
}

static void
on_room(void *arg, struct hop *h)
{
	(void)arg;
	(void)h;
}

static void
on_closed(void *arg, struct hop *h, const struct status *st, bool was_ready)
{
	struct trial *t = arg;
	if (!was_ready) {
		show_session(t, h);
		show('*', st->text, strlen(st->text));
		targets_failed(
		    t->targets, hop_peer(h), clock_mono_ms() + DEAD_MS, st);
		if (hop_forbidden(h))
			targets_forbidden(t->targets);
	}
	dial_stop(&t->dial);
}

static void
on_outcome(void *arg, struct transaction *x, size_t i, const struct status *st,
    bool unsent)
{
	struct trial *t = arg;
	(void)x, (void)i, (void)unsent;
	t->result = *st;
}

static void
on_finished(void *arg, struct transaction *x)
{
	(void)arg;
	(void)x;
}

static ssize_t
on_body(
    void *arg, struct transaction *x, uint64_t offset, char *out, size_t room)
{
	struct trial *t = arg;
	(void)x;
	return rendition_read(
	    &t->rendition, offset, out, room, &t->input.source);
}

static void
on_line(void *arg, struct transaction *x, char direction, const char *text,
    size_t len)
{
	(void)arg;
	(void)x;
	show(direction, text, len);
}

static const struct hop_hooks hooks = {
    .ready = on_ready,
    .room = on_room,
    .closed = on_closed,
    .client = {.outcome = on_outcome,
	.finished = on_finished,
	.body = on_body,
	.line = on_line},
};

static void
looked_up(void *arg)
{
	struct trial *t = arg;
	dial_stop(&t->dial);
}

/* Its hosts in order, until a session stands. */
static void
try_hosts(struct trial *t, const struct route *r, const char *domain)
{
	struct target *target;
	struct hop_options o;
	enum pick p = PICK_WAIT;
	t->targets = targets_new(NULL, looked_up, t);
	targets_route(t->targets, t->dial.resolver, t->c, r, domain);
	while (!t->reached && p != PICK_NONE) {
		p = targets_pick(
		    t->targets, clock_mono_ms(), &target, &t->result);
		if (p == PICK_NONE)
			break;
		if (p == PICK_TARGET) {
			dial_options(&t->dial, target, &o);
			o.watched = true;
			(void)!hop_open(t->dial.hops, &o, &hooks, t);
		}
		dial_wait(&t->dial);
	}
	targets_free(t->targets);
}

void
trial_far(struct trial *t, const struct route *r, const struct address *to)
{
	envelope_init(&t->env);
	buf_init(&t->message, MESSAGE_MAX);
	t->env.from = t->from;
	t->env.utf8 = address_is_utf8(to) || address_is_utf8(&t->from);
	t->env.source = alloc_string("waypost test", 12);
	t->reached = false;
	compose(t, to);
	if (envelope_add(&t->env, to, 0, NULL) == 0)
		try_hosts(t, r, address_domain(to));
	rendition_free(&t->rendition);
	buf_free(&t->message);
	envelope_free(&t->env);
}

/* SPDX-License-Identifier: ISC */
/*
 * Who is told what became of a message.  The text is report_text's; how a
 * report travels is the queue's business, like any mail's.
 *
 * Invariant: 0 is returned only when everybody who is owed an answer has a
 * durable one: a queued report, or a file in badmail when there is nobody to
 * report to.  A crash between that and the record of it makes the report
 * come twice, never not at all (J18, J19).
 */
#include "deliver/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/mailbox.h"
#include "deliver/badmail.h"
#include "deliver/report_text.h"
#include "mail/header.h"
#include "submit/submit.h"

/* Text for a recipient is at most some 3 KiB in both parts. */
#define REPORT_MAX ((size_t)REPORT_RCPTS_MAX * 4096 + 4 * REPORT_ORIGINAL_MAX)

/* What all the steps below need to know. */
struct task {
	const struct conf *c;
	struct store *s;
	struct batch *b;
	const struct batch_entry *e;
	const struct envelope *env;
	const char *id;
	enum report_action action;
};

static bool
wanted(const struct task *t, const struct report_rcpt *v)
{
	unsigned notify = t->env->rcpts[v->rcpt].notify;
	switch (t->action) {
	case REPORT_FAILED:
		return notify == 0 || (notify & NOTIFY_FAILURE);
	case REPORT_DELAYED:
		return notify == 0 || (notify & NOTIFY_DELAY);
	case REPORT_DELIVERED:
	case REPORT_RELAYED:
		return notify & NOTIFY_SUCCESS;
	case REPORT_EXPANDED:
		break;
	}
	return notify == NOTIFY_EXPANDED;
}

int
report_keep(const struct conf *c, struct batch *b, const struct batch_entry *e,
    const struct envelope *env, const char *id, const struct report_rcpt *v,
    size_t n, const char *why)
{
	struct buf text;
	buf_init(&text, ENVELOPE_MAX);
	struct envelope some = *env;
	some.rcpts = alloc_zero(n, sizeof(*some.rcpts));
	some.nrcpts = n;
	(void)buf_addf(&text, "%s\n", why);
	for (size_t i = 0; i < n; i++) {
		const struct status *st = v[i].status;
		some.rcpts[i] = env->rcpts[v[i].rcpt];
		(void)buf_addf(&text, "<%s>: %d %s %s", some.rcpts[i].addr.text,
		    st->code, st->enhanced, st->text);
		if (v[i].remote != NULL) {
			(void)buf_adds(&text, " from ");
			badmail_escape(&text, v[i].remote, strlen(v[i].remote));
		}
		(void)buf_addc(&text, '\n');
	}
	int rc = badmail_keep(c, b, e, &some, id, buf_str(&text));
	if (rc != 0)
		log_event(LOG_ERR, "badmail", LOG_STR("id", id),
		    LOG_STR("error", strerror(errno)));
	free(some.rcpts);
	buf_free(&text);
	return rc;
}

static int
keep(const struct task *t, const struct report_rcpt *v, size_t n,
    const char *why)
{
	return report_keep(t->c, t->b, t->e, t->env, t->id, v, n, why);
}

/* --- the original --- */

/* The length of a header section with its last field, no empty line. */
static size_t
header_len(const char *p, size_t len)
{
	struct field f;
	size_t at = 0;
	while (field_next(p + at, len - at, &f) == 1)
		at += f.len;
	return at;
}

/* RFC 5322 wants 998 octets at most; what has longer lines is not returned
 * whole, since the next system might refuse the report for them. */
static bool
lines_fit(const char *p, size_t len)
{
	while (len > 0) {
		const char *lf = memchr(p, '\n', len);
		size_t line = lf == NULL ? len : (size_t)(lf - p) + 1;
		if (line > LINE_MAX_TEXT + 2)
			return false;
		p += line;
		len -= line;
	}
	return true;
}

/* Read what of the original is returned.  A broken one is left out: the
 * sender still learns what became of it. */
static void
read_original(const struct task *t, struct buf *text, struct report_text *r)
{
	const char *why;
	uint64_t limit = t->c->limits.message_size;
	size_t want = t->e->data_len < REPORT_ORIGINAL_MAX
			  ? (size_t)t->e->data_len
			  : REPORT_ORIGINAL_MAX;
	if (batch_verify(t->b, t->e, &why) != 0)
		return;
	char *room = buf_room(text, want);
	ssize_t got = room == NULL ? -1 : batch_read(t->b, t->e, 0, room, want);
	if (got < 0)
		return;
	text->len += (size_t)got;
	r->original = buf_str(text);
	r->original_len = text->len;
	r->full = t->action == REPORT_FAILED && t->env->ret != RET_HDRS &&
		  t->env->tls != WISH_REQUIRETLS && /* RFC 8689 section 5 */
		  t->e->data_len == text->len &&
		  (limit == 0 || text->len < limit / 2) &&
		  lines_fit(r->original, r->original_len);
	if (!r->full)
		r->original_len = header_len(r->original, text->len);
}

/* --- to the queue --- */

/* Add the recipients: the sender, and who gets copies of failures. */
static int
address_report(const struct task *t, struct submit *s, struct status *st)
{
	if (submit_rcpt(s, &t->env->from, st) != 0)
		return -1;
	const char *copy = t->c->queue.report_copy_to;
	if (copy == NULL || copy[0] == '\0' || t->action != REPORT_FAILED)
		return 0;
	struct address to;
	const char *why;
	if (address_parse(&to, copy, strlen(copy), ADDRESS_BARE, &why) != 0) {
		log_text(LOG_ERR, "queue.report-copy-to: %s", why);
		return 0;
	}
	return submit_rcpt(s, &to, st);
}

static int
queue_text(const struct task *t, const struct alias *aliases, const char *own,
    const struct buf *text, struct status *st)
{
	static const struct address nobody;
	char source[QUEUE_ID_MAX + 32], id[QUEUE_ID_MAX + 1];
	(void)snprintf(source, sizeof(source), "report id=%s", t->id);
	struct submit_options o = {
	    .conf = t->c,
	    .store = t->s,
	    .aliases = aliases,
	    .from = &nobody,
	    .source = source,
	    .comment = "delivery report",
	    .id = own,
	    .require_tls = t->env->tls == WISH_REQUIRETLS,
	    .notify = NOTIFY_NEVER,
	};
	struct submit *s = submit_new(&o);
	int rc = address_report(t, s, st);
	if (rc == 0 && submit_feed(s, text->data, text->len, st) < 0)
		rc = -1;
	if (rc == 0)
		rc = submit_commit(s, id, st);
	submit_free(s);
	if (rc == 0)
		log_event(LOG_INFO, "report", LOG_STR("id", t->id),
		    LOG_STR("report", id),
		    LOG_STR("action", report_action_name(t->action)),
		    LOG_STR("to", t->env->from.text));
	return rc;
}

/* Queue it; through the aliases when the sender is one of our own. */
static int
queue_report(const struct task *t, const char *own, const struct buf *text,
    struct status *st)
{
	if (t->c->aliases == NULL || (!mailbox_is_ours(t->c, &t->env->from) &&
					 t->c->queue.report_copy_to == NULL))
		return queue_text(t, NULL, own, text, st);
	struct faults f;
	faults_init(&f);
	struct alias *aliases = alias_load(t->c->aliases, &f);
	int rc = queue_text(t, aliases, own, text, st);
	if (rc != 0 && st->verdict == NEVER)
		rc = queue_text(t, NULL, own, text, st);
	alias_free(aliases);
	faults_free(&f);
	return rc;
}

/* One report on n recipients, all of which want it. */
static int
send_one(const struct task *t, const struct report_rcpt *v, size_t n)
{
	char own[BATCH_ID_LEN + 1], boundary[BATCH_ID_LEN + 16];
	struct buf text, original;
	struct status st;
	struct report_text r = {.conf = t->c,
	    .env = t->env,
	    .id = t->id,
	    .action = t->action,
	    .v = v,
	    .n = n,
	    .own_id = own,
	    .boundary = boundary,
	    .now_ms = clock_wall_ms()};
	buf_init(&text, REPORT_MAX);
	buf_init(&original, REPORT_ORIGINAL_MAX);
	read_original(t, &original, &r);
	store_make_id(own);
	(void)snprintf(boundary, sizeof(boundary), "report-%s", own);
	report_text_write(&text, &r);
	int rc = -1;
	if (!buf_ok(&text))
		status_set(&st, NEVER, 552, "5.3.4", "report too large");
	else
		rc = queue_report(t, own, &text, &st);
	buf_free(&original);
	buf_free(&text);
	if (rc == 0)
		return 0;
	log_event(
	    LOG_ERR, "report", LOG_STR("id", t->id), LOG_STR("error", st.text));
	if (st.verdict != NEVER)
		return -1;
	return t->action != REPORT_FAILED
		   ? 0
		   : keep(t, v, n, "no report can be sent to the sender");
}

int
report_send(const struct conf *c, struct store *s, struct batch *b,
    const struct batch_entry *e, const struct envelope *env, const char *id,
    enum report_action action, const struct report_rcpt *v, size_t n)
{
	struct task t = {c, s, b, e, env, id, action};
	if (n == 0)
		return 0;
	if (address_is_null(&env->from))
		return action != REPORT_FAILED
			   ? 0
			   : keep(&t, v, n,
				 "could not be delivered, and has no sender "
				 "who could be told");
	struct report_rcpt *due = alloc_zero(n, sizeof(*due));
	size_t count = 0;
	int rc = 0;
	for (size_t i = 0; i < n; i++)
		if (wanted(&t, &v[i]))
			due[count++] = v[i];
	for (size_t at = 0; at < count && rc == 0; at += REPORT_RCPTS_MAX) {
		size_t some = count - at;
		if (some > REPORT_RCPTS_MAX)
			some = REPORT_RCPTS_MAX;
		rc = send_one(&t, due + at, some);
	}
	free(due);
	return rc;
}

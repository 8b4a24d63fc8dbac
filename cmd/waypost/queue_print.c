/* SPDX-License-Identifier: ISC */
/*
 * Messages on standard output.  Addresses and replies were validated when
 * they were read, so that none of them starts a line or holds a control
 * character; JSON is escaped all the same.
 */
#include "queue_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TIME_MAX 32

static const char *
local_time(char out[TIME_MAX], int64_t ms)
{
	time_t at = (time_t)(ms / 1000);
	struct tm tm;
	out[0] = '\0';
	if (localtime_r(&at, &tm) != NULL)
		(void)strftime(out, TIME_MAX, "%Y-%m-%d %H:%M:%S", &tm);
	return out;
}

static const char *
sender(const struct view_message *m)
{
	return address_is_null(&m->env->from) ? "<>" : m->env->from.text;
}

static const char *
state(const struct view_rcpt *r)
{
	if (r->found == NULL)
		return "new";
	return r->found->held ? "held" : "waiting";
}

static const struct attempt *
last(const struct view_rcpt *r)
{
	const struct finding *f = r->found;
	return f != NULL && f->nlast > 0 ? &f->last[f->nlast - 1] : NULL;
}

/* --- for people --- */

static void
print_said(const struct attempt *a)
{
	if (a->code > 0)
		(void)printf("%d ", a->code);
	if (strncmp(a->text, a->enhanced, strlen(a->enhanced)) != 0)
		(void)printf("%s ", a->enhanced);
	(void)printf("%s", a->text);
	if (a->remote[0] != '\0')
		(void)printf(" (%s)", a->remote);
}

static void
print_rcpt(const struct view_rcpt *r)
{
	char at[TIME_MAX];
	const struct finding *f = r->found;
	(void)printf("    %s: %s", r->rcpt->addr.text, state(r));
	if (f != NULL && f->attempts > 0)
		(void)printf(", %" PRIu32 " attempt%s", f->attempts,
		    f->attempts == 1 ? "" : "s");
	if (f != NULL && !f->held && f->next_ms > 0)
		(void)printf(", next %s", local_time(at, f->next_ms));
	(void)printf("\n");
}

void
print_short(const struct view_message *m)
{
	char at[TIME_MAX];
	(void)printf("%s %" PRIu64 " %s %s\n", m->id, m->size,
	    local_time(at, m->env->arrived_ms), sender(m));
	for (size_t i = 0; i < m->nrcpts; i++) {
		const struct attempt *a = last(&m->rcpts[i]);
		print_rcpt(&m->rcpts[i]);
		if (a != NULL) {
			(void)printf("        ");
			print_said(a);
			(void)printf("\n");
		}
	}
}

void
print_long(const struct view_message *m)
{
	char at[TIME_MAX];
	(void)printf("%s\n  sender:  %s\n  arrived: %s\n  source:  %s\n"
		     "  size:    %" PRIu64 "\n",
	    m->id, sender(m), local_time(at, m->env->arrived_ms),
	    m->env->source, m->size);
	if (m->env->envid != NULL)
		(void)printf("  envid:   %s\n", m->env->envid);
	for (size_t i = 0; i < m->nrcpts; i++) {
		const struct finding *f = m->rcpts[i].found;
		print_rcpt(&m->rcpts[i]);
		for (unsigned k = 0; f != NULL && k < f->nlast; k++) {
			(void)printf(
			    "        %s ", local_time(at, f->last[k].at_ms));
			print_said(&f->last[k]);
			(void)printf("\n");
		}
	}
}

/* --- JSON --- */

static void
json_text(const char *name, const char *s)
{
	(void)printf("\"%s\":\"", name);
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;
		if (c < 0x20 || c == 0x7f)
			(void)printf("\\u%04x", c);
		else if (c == '"' || c == '\\')
			(void)printf("\\%c", c);
		else
			(void)putchar(c);
	}
	(void)printf("\"");
}

/* RFC 3339, UTC, milliseconds; null when there is none. */
static void
json_time(const char *name, int64_t ms)
{
	char out[TIME_MAX];
	time_t at = (time_t)(ms / 1000);
	struct tm tm;
	if (ms <= 0 || gmtime_r(&at, &tm) == NULL) {
		(void)printf("\"%s\":null", name);
		return;
	}
	(void)strftime(out, sizeof(out), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)printf("\"%s\":\"%s.%03dZ\"", name, out, (int)(ms % 1000));
}

static void
json_attempt(const struct attempt *a)
{
	(void)printf("{");
	json_time("time", a->at_ms);
	(void)printf(",\"code\":%d,", a->code);
	json_text("status", a->enhanced);
	(void)printf(",");
	json_text("host", a->remote);
	(void)printf(",");
	json_text("text", a->text);
	(void)printf("}");
}

static void
json_rcpt(const struct view_rcpt *r)
{
	const struct finding *f = r->found;
	(void)printf("{");
	json_text("address", r->rcpt->addr.text);
	(void)printf(",");
	json_text("state", state(r));
	(void)printf(",\"attempts\":%" PRIu32 ",", f != NULL ? f->attempts : 0);
	json_time("next", f != NULL && !f->held ? f->next_ms : 0);
	(void)printf(",\"history\":[");
	for (unsigned i = 0; f != NULL && i < f->nlast; i++) {
		(void)fputs(i > 0 ? "," : "", stdout);
		json_attempt(&f->last[i]);
	}
	(void)printf("]}");
}

void
print_json(const struct view_message *m)
{
	(void)printf("{");
	json_text("id", m->id);
	(void)printf(",");
	json_time("arrived", m->env->arrived_ms);
	(void)printf(",\"size\":%" PRIu64 ",", m->size);
	json_text("sender", m->env->from.text);
	(void)printf(",");
	json_text("source", m->env->source);
	(void)printf(",\"recipients\":[");
	for (size_t i = 0; i < m->nrcpts; i++) {
		(void)fputs(i > 0 ? "," : "", stdout);
		json_rcpt(&m->rcpts[i]);
	}
	(void)printf("]}\n");
}

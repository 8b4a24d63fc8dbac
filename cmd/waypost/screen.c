/* SPDX-License-Identifier: ISC */
/* One screen of waypost status: 80 columns, bars, colour where something is
 * wrong.  What comes from outside is printable already, or made so here. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/version.h"
#include "status.h"

#define BAR 30
#define DESTINATIONS 10

struct count_column {
	const char *name;
	unsigned which;
};

struct screen {
	struct buf *out;
	const struct survey *s, *before;
	bool colour;
};

static void line(struct screen *x, const char *colour, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

static void
line(struct screen *x, const char *colour, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	bool on = x->colour && colour != NULL;
	(void)buf_addf(
	    x->out, "%s%s%s\n", on ? colour : "", text, on ? "\033[0m" : "");
}

#define RED "\033[31m"
#define BOLD "\033[1m"

static void
clock_text(int64_t ms, bool whole, char out[40])
{
	struct tm tm;
	time_t t = (time_t)(ms / 1000);
	out[0] = '\0';
	if (localtime_r(&t, &tm) == NULL)
		return;
	if (whole)
		(void)strftime(out, 40, "%Y-%m-%d %H:%M:%S", &tm);
	else
		(void)strftime(out, 40, "%m-%d %H:%M", &tm);
}

static void
daemon_line(struct screen *x, const char *name, int runs, const struct board *b)
{
	char up[SURVEY_SPAN];
	if (runs == 1 && b->pid > 0) {
		survey_span((x->s->at_ms - b->started_ms) / 1000, up);
		line(x, NULL, "%-15s runs, pid %" PRId64 ", for %s", name,
		    b->pid, up);
	} else {
		line(x, RED, "%-15s %s", name,
		    runs == 1 ? "runs" : "DOES NOT RUN");
	}
}

/* "1204 (3.5/s)" */
static void
amount(const struct screen *x, uint64_t now, uint64_t then, char out[48])
{
	double s = x->before != NULL
		       ? (double)(x->s->at_ms - x->before->at_ms) / 1000
		       : 0;
	if (s > 0 && now >= then)
		(void)snprintf(out, 48, "%" PRIu64 " (%.1f/s)", now,
		    (double)(now - then) / s);
	else
		(void)snprintf(out, 48, "%" PRIu64, now);
}

static void
count_line(struct screen *x, const char *name, bool listener,
    const struct count_column *v, size_t n)
{
	char text[256];
	size_t len = 0;
	const struct board *b = listener ? &x->s->listener : &x->s->carrier;
	for (size_t i = 0; i < n; i++) {
		char number[48];
		uint64_t then = x->before == NULL ? 0
				: listener
				    ? x->before->listener.counts[v[i].which]
				    : x->before->carrier.counts[v[i].which];
		amount(x, b->counts[v[i].which], then, number);
		int got = snprintf(text + len, sizeof(text) - len, "%s%s %s",
		    i > 0 ? "  " : "", v[i].name, number);
		if (got < 0 || (size_t)got >= sizeof(text) - len)
			break;
		len += (size_t)got;
	}
	text[len] = '\0';
	line(x, NULL, "%-15s %s", name, text);
}

static void
head(struct screen *x)
{
	static const struct count_column out[] = {
	    {"delivered", COUNT_DELIVERED}, {"deferred", COUNT_DEFERRED},
	    {"failed", COUNT_FAILED}, {"reports", COUNT_REPORTS}};
	static const struct count_column in[] = {{"received", COUNT_RECEIVED},
	    {"refused", COUNT_RCPTS_REFUSED}, {"clients", COUNT_CLIENTS},
	    {"now", COUNT_CLIENTS_NOW}};
	const struct survey *s = x->s;
	char now[40], span[SURVEY_SPAN];
	clock_text(s->at_ms, true, now);
	line(x, BOLD, "waypost " WAYPOST_VERSION " on %.40s, %s",
	    s->conf->hostname, now);
	daemon_line(x, "waypostd", s->carrier_runs, &s->carrier);
	if (s->carrier_runs >= 0)
		count_line(x, "", false, out, sizeof(out) / sizeof(*out));
	if (s->listener_runs >= 0 || s->conf->nlisteners > 0) {
		daemon_line(x, "waypost-smtpd", s->listener_runs, &s->listener);
		count_line(x, "", true, in, sizeof(in) / sizeof(*in));
	}
	survey_span(survey_oldest(s), span);
	if (s->messages == 0)
		line(x, NULL, "%-15s empty", "queue");
	else
		line(x, NULL,
		    "%-15s %" PRIu64 " messages, %" PRIu64
		    " recipients, %" PRIu64 " KiB; the oldest is %s old",
		    "queue", s->messages, s->recipients,
		    (s->octets + 1023) / 1024, span);
}

static void
bar(char out[BAR + 1], uint64_t n, uint64_t most)
{
	size_t len = most > 0 ? (size_t)((n * BAR + most - 1) / most) : 0;
	memset(out, '#', len > BAR ? BAR : len);
	out[len > BAR ? BAR : len] = '\0';
}

static void
ages(struct screen *x)
{
	char b[BAR + 1];
	uint64_t most = 0;
	for (size_t i = 0; i < SURVEY_AGES; i++)
		if (x->s->ages[i] > most)
			most = x->s->ages[i];
	if (most == 0)
		return;
	line(x, BOLD, "By age");
	for (size_t i = 0; i < SURVEY_AGES; i++) {
		bar(b, x->s->ages[i], most);
		if (x->s->ages[i] > 0)
			line(x, NULL, "  %-12s %8" PRIu64 " %s",
			    survey_age_names[i], x->s->ages[i], b);
	}
}

/* Seconds until a destination is tried: not before it is probed again. */
static int64_t
wait_of(const struct survey *s, const struct survey_destination *d)
{
	int64_t next = d->next_ms;
	for (size_t i = 0; i < BOARD_ROWS && s->carrier_runs == 1; i++) {
		const struct board_row *r = &s->carrier.rows[i];
		if (r->used && strcmp(r->key, d->key) == 0 &&
		    r->until_ms > next)
			next = r->until_ms;
	}
	return (next - s->at_ms) / 1000;
}

static void
destinations(struct screen *x)
{
	const struct survey *s = x->s;
	char b[BAR + 1], when[SURVEY_SPAN];
	if (s->ndestinations > 0)
		line(x, BOLD, "By destination");
	for (size_t i = 0; i < s->ndestinations && i < DESTINATIONS; i++) {
		const struct survey_destination *d = s->destinations[i];
		int64_t wait = wait_of(s, d);
		survey_span(wait, when);
		bar(b, d->messages, s->destinations[0]->messages);
		line(x, NULL, "  %-34.34s %7" PRIu64 " %-.12s  next %s%s",
		    d->key, d->messages, b, wait > 0 ? "in " : "now",
		    wait > 0 ? when : "");
	}
	if (s->ndestinations > DESTINATIONS)
		line(
		    x, NULL, "  and %zu more", s->ndestinations - DESTINATIONS);
}

static void
ill(struct screen *x)
{
	const struct survey *s = x->s;
	bool any = false;
	if (s->carrier_runs != 1)
		return;
	for (size_t i = 0; i < BOARD_ROWS; i++) {
		const struct board_row *r = &s->carrier.rows[i];
		char since[40], when[SURVEY_SPAN];
		if (!r->used)
			continue;
		if (!any)
			line(x, BOLD, "Out of order");
		any = true;
		clock_text(r->since_ms, false, since);
		survey_span((r->until_ms - s->at_ms) / 1000, when);
		line(x, RED, "  %.76s", r->key);
		line(x, NULL, "    failed %u time%s since %s, next try in %s",
		    r->failures, r->failures == 1 ? "" : "s", since, when);
		line(x, NULL, "    %.74s", r->text);
	}
}

static void
faults(struct screen *x)
{
	const struct survey *s = x->s;
	if (s->nfaults > 0)
		line(x, BOLD, "Last answers");
	for (size_t i = 0; i < s->nfaults; i++) {
		char at[40];
		clock_text(s->faults[i].at_ms, false, at);
		line(x, NULL, "  %s %6" PRIu64 " x  %.55s", at,
		    s->faults[i].recipients, s->faults[i].text);
	}
}

static void
spool(struct screen *x)
{
	const struct survey *s = x->s;
	if (s->held > 0)
		line(x, NULL, "%-15s %" PRIu64 " recipients", "held", s->held);
	if (s->badmail.files + s->corrupt.files + s->broken > 0)
		line(x, s->corrupt.files + s->broken > 0 ? RED : NULL,
		    "%-15s badmail %" PRIu64 ", corrupt %" PRIu64
		    ", unreadable %" PRIu64,
		    "kept", s->badmail.files, s->corrupt.files, s->broken);
	line(x, NULL,
	    "%-15s drop %" PRIu64 " files, pickup %" PRIu64 "; %" PRIu64
	    " MiB of %" PRIu64 " MiB free",
	    "spool", s->drop.files, s->pickup.files, s->free_octets >> 20,
	    s->all_octets >> 20);
}

void
screen_draw(struct buf *out, const struct survey *s,
    const struct survey *before, bool colour)
{
	struct screen x = {out, s, before, colour};
	head(&x);
	spool(&x);
	ages(&x);
	destinations(&x);
	ill(&x);
	faults(&x);
}

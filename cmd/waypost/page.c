/* SPDX-License-Identifier: ISC */
/*
 * The status page: HTML with drawings in SVG, without script, so that a
 * browser needs nothing but this text.  Whatever octets a destination or an
 * answer holds, they are shown as characters.
 */
#include "page.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/version.h"
#include "base/clock.h"
#include "base/utf8.h"

#define WIDTH 640
#define HEIGHT 120
#define ROWS 20

static void
text(struct buf *out, const char *s)
{
	size_t len = strlen(s);
	for (size_t i = 0; i < len;) {
		uint32_t c;
		size_t n = utf8_next(s + i, len - i, &c);
		if (n == 0 || utf8_is_control(c))
			(void)buf_adds(out, "&#xfffd;");
		else if (c == '<' || c == '>' || c == '&' || c == '"')
			(void)buf_addf(out, "&#%u;", (unsigned)c);
		else
			(void)buf_add(out, s + i, n);
		i += n > 0 ? n : 1;
	}
}

static void
clock_text(struct buf *out, int64_t ms)
{
	char at[40] = "";
	struct tm tm;
	time_t t = (time_t)(ms / 1000);
	if (localtime_r(&t, &tm) != NULL)
		(void)strftime(at, sizeof(at), "%Y-%m-%d %H:%M:%S", &tm);
	(void)buf_adds(out, at);
}

/* Bars with their names and numbers. */
static void
histogram(struct buf *out, const char *title, const char *const names[],
    const uint64_t *v, size_t n)
{
	uint64_t most = 1;
	for (size_t i = 0; i < n; i++)
		most = v[i] > most ? v[i] : most;
	(void)buf_addf(out,
	    "<h2>%s</h2><svg viewBox='0 0 %d %zu' width='%d' height='%zu' "
	    "role='img'>",
	    title, WIDTH, n * 20, WIDTH, n * 20);
	for (size_t i = 0; i < n; i++)
		(void)buf_addf(out,
		    "<text x='0' y='%zu'>%s</text><rect x='100' y='%zu' "
		    "width='%" PRIu64 "' height='14'/><text x='%" PRIu64
		    "' y='%zu'>%" PRIu64 "</text>",
		    i * 20 + 14, names[i], i * 20 + 2, v[i] * 460 / most,
		    106 + v[i] * 460 / most, i * 20 + 14, v[i]);
	(void)buf_adds(out, "</svg>");
}

/* Per second between two samples; a daemon that started anew counts from
 * nothing. */
static double
rate(const struct sample *v, size_t i, bool received)
{
	uint64_t now = received ? v[i].received : v[i].delivered;
	uint64_t then = received ? v[i - 1].received : v[i - 1].delivered;
	double s = (double)(v[i].at_ms - v[i - 1].at_ms) / 1000;
	return s > 0 && now >= then ? (double)(now - then) / s : 0;
}

static void
curve(struct buf *out, const struct sample *v, size_t n, bool received,
    double most)
{
	(void)buf_addf(
	    out, "<polyline class='%s' points='", received ? "in" : "out");
	for (size_t i = 1; i < n; i++)
		(void)buf_addf(out, "%.1f,%.1f ",
		    (double)WIDTH * (double)(i - 1) / (SAMPLES - 1),
		    HEIGHT - 4 - rate(v, i, received) / most * (HEIGHT - 16));
	(void)buf_adds(out, "'/>");
}

static void
throughput(struct buf *out, const struct sample *v, size_t n)
{
	double most = 1;
	for (size_t i = 1; i < n; i++)
		for (int k = 0; k < 2; k++)
			if (rate(v, i, k) > most)
				most = rate(v, i, k);
	(void)buf_addf(out,
	    "<h2>Throughput</h2><p>Recipients <b class='out'>delivered</b> "
	    "and messages <b class='in'>received</b> a second, the last hour; "
	    "the top is %.1f/s.</p><svg viewBox='0 0 %d %d' width='%d' "
	    "height='%d' role='img'><rect class='frame' x='0' y='0' "
	    "width='%d' height='%d'/>",
	    most, WIDTH, HEIGHT, WIDTH, HEIGHT, WIDTH, HEIGHT);
	curve(out, v, n, true, most);
	curve(out, v, n, false, most);
	(void)buf_adds(out, "</svg>");
}

static void
daemon_row(struct buf *out, const char *name, int runs, const struct board *b)
{
	char up[SURVEY_SPAN] = "";
	(void)buf_addf(out, "<tr><th>%s</th>", name);
	if (runs == 1 && b->pid > 0) {
		survey_span((clock_wall_ms() - b->started_ms) / 1000, up);
		(void)buf_addf(out,
		    "<td class='well'>runs</td><td>pid %" PRId64 ", for %s",
		    b->pid, up);
	} else {
		(void)buf_addf(out, "<td class='%s'>%s</td><td>",
		    runs == 1 ? "well" : "ill",
		    runs == 1 ? "runs" : "does not run");
	}
	(void)buf_adds(out, "</td></tr>");
}

static void
head(struct buf *out, const struct survey *s)
{
	char age[SURVEY_SPAN];
	survey_span(survey_oldest(s), age);
	(void)buf_adds(out,
	    "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'>"
	    "<meta name='viewport' content='width=device-width'>"
	    "<meta http-equiv='refresh' content='10'><title>waypost on ");
	text(out, s->conf->hostname);
	(void)buf_adds(out,
	    "</title><style>body{font:15px sans-serif;margin:2em;"
	    "max-width:50em;color:#222}h1{font-size:1.4em}h2{font-size:1.1em;"
	    "margin:1.4em 0 .4em}table{border-collapse:collapse}td,th{"
	    "text-align:left;padding:.15em 1em .15em 0;vertical-align:top}"
	    "svg text{font-size:13px}rect{fill:#37a}.frame{fill:#f4f4f4}"
	    "polyline{fill:none;stroke-width:1.5}.in{stroke:#c70;color:#c70}"
	    ".out{stroke:#37a;color:#37a}.ill{color:#b00;font-weight:bold}"
	    ".well{color:#070}p{margin:.3em 0}</style></head><body><h1>"
	    "waypost on ");
	text(out, s->conf->hostname);
	(void)buf_adds(out, "</h1><p>");
	clock_text(out, s->at_ms);
	(void)buf_adds(out, ", version " WAYPOST_VERSION "</p><table>");
	daemon_row(out, "waypostd", s->carrier_runs, &s->carrier);
	daemon_row(out, "waypost-smtpd", s->listener_runs, &s->listener);
	(void)buf_addf(out,
	    "<tr><th>queue</th><td>%" PRIu64 " messages</td><td>%" PRIu64
	    " recipients; the oldest is %s old</td></tr>",
	    s->messages, s->recipients, s->messages > 0 ? age : "0 s");
	(void)buf_addf(out,
	    "<tr><th>since start</th><td>%" PRIu64 " delivered</td><td>%" PRIu64
	    " deferred, %" PRIu64 " failed, %" PRIu64 " received</td></tr>",
	    s->carrier.counts[COUNT_DELIVERED],
	    s->carrier.counts[COUNT_DEFERRED], s->carrier.counts[COUNT_FAILED],
	    s->listener.counts[COUNT_RECEIVED]);
	(void)buf_addf(out,
	    "<tr><th>kept</th><td>%" PRIu64 " badmail</td><td>%" PRIu64
	    " corrupt, %" PRIu64 " in drop; %" PRIu64
	    " MiB free</td></tr></table>",
	    s->badmail.files, s->corrupt.files + s->broken, s->drop.files,
	    s->free_octets >> 20);
}

static void
ill(struct buf *out, const struct survey *s)
{
	bool any = false;
	for (size_t i = 0; i < BOARD_ROWS && s->carrier_runs == 1; i++) {
		const struct board_row *r = &s->carrier.rows[i];
		if (!r->used)
			continue;
		(void)buf_adds(
		    out, any ? ""
			     : "<h2>Out of order</h2><table><tr><th>destination"
			       "<th>since<th>failures<th>last answer</tr>");
		any = true;
		(void)buf_adds(out, "<tr><td class='ill'>");
		text(out, r->key);
		(void)buf_adds(out, "</td><td>");
		clock_text(out, r->since_ms);
		(void)buf_addf(out, "</td><td>%u</td><td>", r->failures);
		text(out, r->text);
		(void)buf_adds(out, "</td></tr>");
	}
	if (any)
		(void)buf_adds(out, "</table>");
}

static void
tables(struct buf *out, const struct survey *s)
{
	ill(out, s);
	if (s->ndestinations > 0)
		(void)buf_adds(out,
		    "<h2>Destinations</h2><table><tr><th>destination<th>"
		    "messages<th>recipients</tr>");
	for (size_t i = 0; i < s->ndestinations && i < ROWS; i++) {
		const struct survey_destination *d = s->destinations[i];
		(void)buf_adds(out, "<tr><td>");
		text(out, d->key);
		(void)buf_addf(out,
		    "</td><td>%" PRIu64 "</td><td>%" PRIu64 "</td></tr>",
		    d->messages, d->recipients);
	}
	if (s->ndestinations > 0)
		(void)buf_adds(out, "</table>");
	if (s->nfaults > 0)
		(void)buf_adds(out,
		    "<h2>Last answers</h2><table><tr><th>at<th>recipients"
		    "<th>answer</tr>");
	for (size_t i = 0; i < s->nfaults; i++) {
		(void)buf_adds(out, "<tr><td>");
		clock_text(out, s->faults[i].at_ms);
		(void)buf_addf(out, "</td><td>%" PRIu64 "</td><td>",
		    s->faults[i].recipients);
		text(out, s->faults[i].text);
		(void)buf_adds(out, "</td></tr>");
	}
	if (s->nfaults > 0)
		(void)buf_adds(out, "</table>");
}

void
page_write(
    struct buf *out, const struct survey *s, const struct sample *v, size_t n)
{
	static const char *const speeds[COUNT_SPEEDS] = {
	    "1 s", "10 s", "1 min", "10 min", "1 h", "4 h", "1 d", "longer"};
	head(out, s);
	histogram(out, "Queue by age", survey_age_names, s->ages, SURVEY_AGES);
	throughput(out, v, n);
	histogram(out, "Delivered within", speeds,
	    &s->carrier.counts[COUNT_SPEED], COUNT_SPEEDS);
	tables(out, s);
	(void)buf_adds(out,
	    "<p><a href='/metrics'>/metrics</a> "
	    "<a href='/status.json'>/status.json</a></p></body></html>\n");
}

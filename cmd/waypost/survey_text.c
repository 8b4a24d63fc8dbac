/* SPDX-License-Identifier: ISC */
/*
 * A survey as JSON and in Prometheus' text format.  Keys, destinations and
 * answers come from outside: whatever octets they hold, what comes out is
 * valid.
 */
#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"
#include "survey.h"

/* --- JSON --- */

static void
json_string(struct buf *out, const char *s)
{
	size_t len = strlen(s);
	bool utf8 = utf8_valid(s, len);
	(void)buf_addc(out, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c == '"' || c == '\\')
			(void)buf_addf(out, "\\%c", c);
		else if (c < ' ' || c == 0x7f || (c >= 0x80 && !utf8))
			(void)buf_addf(out, "\\u%04x", c);
		else
			(void)buf_addc(out, (char)c);
	}
	(void)buf_addc(out, '"');
}

static void
json_number(struct buf *out, const char *key, uint64_t n)
{
	(void)buf_addf(out, "\"%s\":%" PRIu64 ",", key, n);
}

struct name {
	const char *key, *help;
	unsigned which;
	bool now; /* goes down, too */
};

static const struct name carrier_names[] = {
    {"taken", "messages that came into the queue", COUNT_TAKEN, false},
    {"delivered", "recipients delivered", COUNT_DELIVERED, false},
    {"deferred", "tries put off", COUNT_DEFERRED, false},
    {"failed", "recipients that failed for good", COUNT_FAILED, false},
    {"reports", "delivery reports queued", COUNT_REPORTS, false},
    {"sessions", "sessions set up", COUNT_SESSIONS, false},
    {"no_sessions", "sessions that could not be set up", COUNT_NO_SESSIONS,
	false},
    {"sessions_now", "connections", COUNT_SESSIONS_NOW, true},
};
static const struct name listener_names[] = {
    {"clients", "connections accepted", COUNT_CLIENTS, false},
    {"clients_now", "connections", COUNT_CLIENTS_NOW, true},
    {"turned_away", "connections refused", COUNT_CLIENTS_TURNED_AWAY, false},
    {"received", "messages received", COUNT_RECEIVED, false},
    {"received_octets", "octets of messages received", COUNT_RECEIVED_OCTETS,
	false},
    {"refused", "recipients refused", COUNT_RCPTS_REFUSED, false},
    {"tls", "sessions secured", COUNT_TLS, false},
    {"auth", "logins", COUNT_AUTH_DONE, false},
    {"auth_failed", "logins that failed", COUNT_AUTH_FAILED, false},
};
#define N(v) (sizeof(v) / sizeof(*(v)))

/* The last member of each object has no comma: take it back. */
static void
json_end(struct buf *out, char end)
{
	if (out->len > 0 && out->data[out->len - 1] == ',')
		out->len--;
	(void)buf_addc(out, end);
	(void)buf_addc(out, ',');
}

static void
json_daemon(struct buf *out, const char *key, int runs, const struct board *b,
    const struct name *names, size_t n)
{
	(void)buf_addf(
	    out, "\"%s\":{\"running\":%s,", key, runs == 1 ? "true" : "false");
	if (runs >= 0) {
		json_number(out, "pid", (uint64_t)b->pid);
		json_number(out, "started_ms", (uint64_t)b->started_ms);
		for (size_t i = 0; i < n; i++)
			json_number(
			    out, names[i].key, b->counts[names[i].which]);
	}
	json_end(out, '}');
}

static void
json_files(struct buf *out, const char *key, const struct survey_files *f)
{
	(void)buf_addf(out, "\"%s\":{", key);
	json_number(out, "files", f->files);
	json_number(out, "octets", f->octets);
	json_number(out, "oldest_ms", (uint64_t)f->oldest_ms);
	json_end(out, '}');
}

static void
json_queue(const struct survey *s, struct buf *out)
{
	(void)buf_adds(out, "\"queue\":{");
	json_number(out, "messages", s->messages);
	json_number(out, "recipients", s->recipients);
	json_number(out, "held", s->held);
	json_number(out, "octets", s->octets);
	json_number(out, "broken", s->broken);
	json_number(out, "oldest_seconds", (uint64_t)survey_oldest(s));
	(void)buf_adds(out, "\"by_age\":[");
	for (size_t i = 0; i < SURVEY_AGES; i++) {
		(void)buf_addc(out, '{');
		if (i < SURVEY_AGES - 1)
			json_number(out, "under_seconds", survey_ages[i]);
		json_number(out, "messages", s->ages[i]);
		json_end(out, '}');
	}
	json_end(out, ']');
	(void)buf_adds(out, "\"by_destination\":[");
	for (size_t i = 0; i < s->ndestinations; i++) {
		const struct survey_destination *d = s->destinations[i];
		(void)buf_adds(out, "{\"destination\":");
		json_string(out, d->key);
		(void)buf_addc(out, ',');
		json_number(out, "messages", d->messages);
		json_number(out, "recipients", d->recipients);
		json_number(out, "oldest_ms", (uint64_t)d->oldest_ms);
		json_number(out, "next_ms", (uint64_t)d->next_ms);
		json_end(out, '}');
	}
	json_end(out, ']');
	json_end(out, '}');
}

void
survey_json(const struct survey *s, struct buf *out)
{
	(void)buf_adds(out, "{\"hostname\":");
	json_string(out, s->conf->hostname);
	(void)buf_addc(out, ',');
	json_number(out, "at_ms", (uint64_t)s->at_ms);
	json_daemon(out, "waypostd", s->carrier_runs, &s->carrier,
	    carrier_names, N(carrier_names));
	json_daemon(out, "waypost_smtpd", s->listener_runs, &s->listener,
	    listener_names, N(listener_names));
	json_queue(s, out);
	(void)buf_adds(out, "\"out_of_order\":[");
	for (size_t i = 0; i < BOARD_ROWS && s->carrier_runs == 1; i++) {
		const struct board_row *r = &s->carrier.rows[i];
		if (!r->used)
			continue;
		(void)buf_adds(out, "{\"destination\":");
		json_string(out, r->key);
		(void)buf_adds(out, ",\"text\":");
		json_string(out, r->text);
		(void)buf_addc(out, ',');
		json_number(out, "since_ms", (uint64_t)r->since_ms);
		json_number(out, "next_ms", (uint64_t)r->until_ms);
		json_number(out, "failures", r->failures);
		json_end(out, '}');
	}
	json_end(out, ']');
	(void)buf_adds(out, "\"last_answers\":[");
	for (size_t i = 0; i < s->nfaults; i++) {
		(void)buf_adds(out, "{\"text\":");
		json_string(out, s->faults[i].text);
		(void)buf_addc(out, ',');
		json_number(out, "code", s->faults[i].code);
		json_number(out, "recipients", s->faults[i].recipients);
		json_number(out, "at_ms", (uint64_t)s->faults[i].at_ms);
		json_end(out, '}');
	}
	json_end(out, ']');
	json_files(out, "drop", &s->drop);
	json_files(out, "pickup", &s->pickup);
	json_files(out, "badmail", &s->badmail);
	json_files(out, "corrupt", &s->corrupt);
	json_number(out, "free_octets", s->free_octets);
	json_end(out, '}');
	out->data[out->len - 1] = '\n';
}

/* --- Prometheus --- */

static void
metric(struct buf *out, const char *name, const char *type, const char *help)
{
	(void)buf_addf(out, "# HELP waypost_%s %s.\n# TYPE waypost_%s %s\n",
	    name, help, name, type);
}

static void
gauge(struct buf *out, const char *name, const char *help, uint64_t n)
{
	metric(out, name, "gauge", help);
	(void)buf_addf(out, "waypost_%s %" PRIu64 "\n", name, n);
}

/* A label's value: only ", \ and LF are special. */
static void
label(struct buf *out, const char *s)
{
	size_t len = strlen(s);
	bool utf8 = utf8_valid(s, len);
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;
		if (c == '"' || c == '\\')
			(void)buf_addf(out, "\\%c", c);
		else
			(void)buf_addc(out,
			    c < ' ' || (c >= 0x80 && !utf8) ? '?' : (char)c);
	}
}

static void
counters(struct buf *out, const char *who, const struct board *b,
    const struct name *names, size_t n)
{
	char name[64];
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "%s_%s%s", who, names[i].key,
		    names[i].now ? "" : "_total");
		metric(out, name, names[i].now ? "gauge" : "counter",
		    names[i].help);
		(void)buf_addf(out, "waypost_%s %" PRIu64 "\n", name,
		    b->counts[names[i].which]);
	}
}

static void
speeds(struct buf *out, const struct board *b)
{
	uint64_t sum = 0;
	metric(out, "delivery_seconds", "histogram",
	    "time from arrival to delivery");
	for (unsigned i = 0; i < COUNT_SPEEDS; i++) {
		sum += b->counts[COUNT_SPEED + i];
		if (i < COUNT_SPEEDS - 1)
			(void)buf_addf(out,
			    "waypost_delivery_seconds_bucket{le=\"%u\"} "
			    "%" PRIu64 "\n",
			    board_speeds[i], sum);
	}
	(void)buf_addf(out,
	    "waypost_delivery_seconds_bucket{le=\"+Inf\"} %" PRIu64
	    "\nwaypost_delivery_seconds_count %" PRIu64 "\n",
	    sum, sum);
}

static void
queue_metrics(const struct survey *s, struct buf *out)
{
	gauge(out, "queue_messages", "messages queued", s->messages);
	gauge(out, "queue_recipients", "recipients queued", s->recipients);
	gauge(out, "queue_held", "recipients held by the operator", s->held);
	gauge(out, "queue_octets", "octets of messages queued", s->octets);
	gauge(out, "queue_oldest_seconds", "age of the oldest message",
	    (uint64_t)survey_oldest(s));
	metric(out, "queue_age_messages", "gauge",
	    "messages queued by age, seconds below");
	for (size_t i = 0; i < SURVEY_AGES - 1; i++)
		(void)buf_addf(out,
		    "waypost_queue_age_messages{under=\"%u\"} %" PRIu64 "\n",
		    survey_ages[i], s->ages[i]);
	(void)buf_addf(out,
	    "waypost_queue_age_messages{under=\"+Inf\"} %" PRIu64 "\n",
	    s->ages[SURVEY_AGES - 1]);
	metric(out, "destination_messages", "gauge",
	    "messages queued by destination, the 50 longest queues");
	for (size_t i = 0; i < s->ndestinations && i < 50; i++) {
		(void)buf_adds(
		    out, "waypost_destination_messages{destination=\"");
		label(out, s->destinations[i]->key);
		(void)buf_addf(
		    out, "\"} %" PRIu64 "\n", s->destinations[i]->messages);
	}
	metric(out, "destination_failures", "gauge",
	    "failures in a row of destinations that are out of order");
	for (size_t i = 0; i < BOARD_ROWS && s->carrier_runs == 1; i++) {
		const struct board_row *r = &s->carrier.rows[i];
		if (!r->used)
			continue;
		(void)buf_adds(
		    out, "waypost_destination_failures{destination=\"");
		label(out, r->key);
		(void)buf_addf(out, "\"} %u\n", r->failures);
	}
}

void
survey_metrics(const struct survey *s, struct buf *out)
{
	gauge(out, "carrier_up", "waypostd runs", s->carrier_runs == 1);
	gauge(out, "listener_up", "waypost-smtpd runs", s->listener_runs == 1);
	queue_metrics(s, out);
	if (s->carrier_runs >= 0) {
		counters(out, "carrier", &s->carrier, carrier_names,
		    N(carrier_names));
		speeds(out, &s->carrier);
	}
	if (s->listener_runs >= 0)
		counters(out, "listener", &s->listener, listener_names,
		    N(listener_names));
	gauge(out, "drop_files", "files in the drop directory", s->drop.files);
	gauge(out, "badmail_files", "files in badmail", s->badmail.files);
	gauge(out, "corrupt_files", "damaged queue files",
	    s->corrupt.files + s->broken);
	gauge(out, "spool_free_octets", "free space of the spool",
	    s->free_octets);
}

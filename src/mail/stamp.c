/* SPDX-License-Identifier: ISC */
/*
 * Trace and identity fields.  The names of days and months are written out
 * because strftime(3) would ask the caller's locale for them.  Invariant: each field is
 * complete, folded, and holds no control octet that came from a value; no
 * value makes a line longer than RFC 5322 allows.
 */
#include "mail/stamp.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"

/*
 * Octets of a value that are kept.  A client's two names, 255 each, must not
 * push its address out of "from"; the others share a line by twos.
 */
#define FROM_MAX 900
#define VALUE_MAX 450

void
stamp_date(char out[STAMP_DATE_MAX], int64_t wall_ms)
{
	static const char days[7][4] = {
	    "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May",
	    "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t now = (time_t)(wall_ms / 1000 - (wall_ms % 1000 < 0));
	struct tm tm;
	if (localtime_r(&now, &tm) == NULL) /* a year no int can hold */
		tm = (struct tm){.tm_mday = 1, .tm_year = 70, .tm_wday = 4};
	char day[3], rest[28];
	if (strftime(day, sizeof(day), "%d", &tm) == 0 ||
	    strftime(rest, sizeof(rest), "%Y %H:%M:%S %z", &tm) == 0)
		die("cannot format a date");
	(void)snprintf(out, STAMP_DATE_MAX, "%s, %s %s %s", days[tm.tm_wday],
	    day, months[tm.tm_mon], rest);
}

/* A value without control octets; in a comment, with its brackets escaped. */
static void
add_value(struct buf *out, const char *s, size_t max, bool in_comment)
{
	for (; *s != '\0' && max > 1; s++, max--) {
		unsigned char c = (unsigned char)*s;
		if (c < 0x20 || c == 0x7f)
			continue;
		if (in_comment && strchr("()\\", c) != NULL) {
			(void)buf_addc(out, '\\');
			max--;
		}
		(void)buf_addc(out, (char)c);
	}
}

/* before + value + after; nothing when there is no value. */
static void
add_part(
    struct buf *out, const char *before, const char *value, const char *after)
{
	if (value == NULL)
		return;
	(void)buf_adds(out, before);
	add_value(out, value, VALUE_MAX, false);
	(void)buf_adds(out, after);
}

void
stamp_message_id(struct buf *out, const char *id, const char *host)
{
	(void)buf_adds(out, "Message-ID: <");
	add_value(out, id, VALUE_MAX, false);
	(void)buf_addc(out, '@');
	add_value(out, host, VALUE_MAX, false);
	(void)buf_adds(out, ">\r\n");
}

void
stamp_date_field(struct buf *out, int64_t wall_ms)
{
	char date[STAMP_DATE_MAX];
	stamp_date(date, wall_ms);
	(void)buf_addf(out, "Date: %s\r\n", date);
}

void
stamp_received(struct buf *out, const struct received *r)
{
	char date[STAMP_DATE_MAX];
	stamp_date(date, r->wall_ms);
	(void)buf_adds(out, "Received: ");
	if (r->from != NULL) {
		(void)buf_adds(out, "from ");
		add_value(out, r->from, FROM_MAX, false);
		(void)buf_adds(out, "\r\n\t");
	}
	add_part(out, "by ", r->by, "");
	if (r->comment != NULL) {
		(void)buf_adds(out, " (");
		add_value(out, r->comment, VALUE_MAX, true);
		(void)buf_addc(out, ')');
	}
	add_part(out, "\r\n\twith ", r->with, "");
	add_part(out, r->with == NULL ? "\r\n\tid " : " id ", r->id, "");
	add_part(out, "\r\n\tfor <", r->for_rcpt, ">");
	(void)buf_addf(out, ";\r\n\t%s\r\n", date);
}

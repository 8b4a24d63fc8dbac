/* SPDX-License-Identifier: ISC */
/*
 * Writes JSON; nothing here reads it.  Not a library for others either: an
 * object of strings and numbers, one level deep, is all that a log needs.
 * Invariant: each line is a whole object, however long its values are and
 * whatever octets they hold; a field that has no room is left out as a whole.
 */
#include "base/log_json.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/utf8.h"

#define TAIL_ROOM 16 /* for what closes the line */

static void
add_string(struct buf *out, const char *s, size_t len)
{
	uint32_t c = 0;
	if (len > LOG_VALUE_MAX)
		len = LOG_VALUE_MAX;
	(void)buf_addc(out, '"');
	for (size_t i = 0, n; i < len && buf_ok(out); i += n) {
		n = utf8_next(s + i, len - i, &c);
		if (n == 0) {
			n = 1;
			(void)buf_adds(out, "\xef\xbf\xbd");
		} else if (utf8_is_control(c)) {
			(void)buf_addf(out, "\\u%04x", (unsigned)c);
		} else {
			if (c == '"' || c == '\\')
				(void)buf_addc(out, '\\');
			(void)buf_add(out, s + i, n);
		}
	}
	(void)buf_addc(out, '"');
}

static void
add_field(struct buf *out, const struct log_field *f)
{
	(void)buf_addf(out, ",\"%s\":", f->key);
	if (f->is_num)
		(void)buf_addf(out, "%lld", f->num);
	else if (f->str == NULL)
		(void)buf_adds(out, "null");
	else
		add_string(out, f->str,
		    f->len == (size_t)-1 ? strlen(f->str) : f->len);
}

static void
add_time(struct buf *out)
{
	int64_t now = clock_wall_ms();
	time_t seconds = (time_t)(now / 1000);
	struct tm tm = {0};
	char text[32];
	(void)gmtime_r(&seconds, &tm);
	(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)buf_addf(out, "{\"time\":\"%s.%03dZ\"", text, (int)(now % 1000));
}

void
log_json_line(struct buf *out, const char *ident, int level, unsigned long lost,
    const char *event, const struct log_field *fields)
{
	static const char *const levels[] = {"emerg", "alert", "crit", "err",
	    "warning", "notice", "info", "debug"};
	add_time(out);
	(void)buf_addf(
	    out, ",\"level\":\"%s\",\"program\":", levels[level & LOG_PRIMASK]);
	add_string(out, ident, strlen(ident));
	if (lost > 0)
		(void)buf_addf(out, ",\"lost\":%lu", lost);
	(void)buf_adds(out, ",\"event\":");
	add_string(out, event, strlen(event));
	out->max -= TAIL_ROOM;
	const struct log_field *f = fields;
	for (size_t whole = out->len; f->key != NULL; f++) {
		add_field(out, f);
		if (!buf_ok(out)) {
			out->len = whole;
			out->over = false;
			break;
		}
		whole = out->len;
	}
	out->max += TAIL_ROOM;
	(void)buf_adds(out, f->key != NULL ? ",\"cut\":true}\n" : "}\n");
}

void
log_json_fatal(int fd, const char *ident, char *text)
{
	for (char *s = text; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;
		if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
			*s = '?';
	}
	(void)dprintf(fd,
	    "{\"level\":\"crit\",\"program\":\"%s\",\"event\":\"fatal\","
	    "\"text\":\"%s\"}\n",
	    ident, text);
}

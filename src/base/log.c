/* SPDX-License-Identifier: ISC */
/*
 * The log, the only global of the house.  Not a general logger: no files,
 * no rotation, no formats to choose.  A reader that does not read never
 * stops mail: a line that a full pipe would block is dropped and counted
 * (H12).
 */
#include "base/log.h"

#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log_json.h"

/* A pipe takes as much whole when poll says that it is ready. */
#define LOG_LINE_MAX 3900

/* Two threads that each see room for a line would write two. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static struct {
	const char *ident;
	enum log_target target;
	int level;
	int journald;
	unsigned long dropped;
	void (*before_death)(void);
} logger = {.ident = "waypost", .target = LOG_TO_STDERR, .level = LOG_INFO};

void
log_open(const char *ident, enum log_target target)
{
	logger.ident = ident;
	logger.target = target;
	logger.journald = getenv("JOURNAL_STREAM") != NULL;
	if (target == LOG_TO_SYSLOG)
		openlog(ident, LOG_PID | LOG_NDELAY, LOG_MAIL);
}

int
log_target_named(const char *name, enum log_target *target)
{
	if (strcmp(name, "text") == 0)
		*target = LOG_TO_STDERR;
	else if (strcmp(name, "json") == 0)
		*target = LOG_AS_JSON;
	else
		return -1;
	return 0;
}

void
log_level(int level)
{
	logger.level = level;
}

/* As one write, so that lines of several processes do not mix. */
static void
to_stderr(const struct buf *line)
{
	if (write(STDERR_FILENO, line->data, line->len) == (ssize_t)line->len)
		logger.dropped = 0;
}

static bool
stderr_is_ready(void)
{
	struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
	if (poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT))
		return true;
	logger.dropped++;
	return false;
}

static void
emit(int level, const struct buf *line)
{
	if (logger.target == LOG_TO_SYSLOG) {
		syslog(level, "%s", buf_str(line));
		return;
	}
	if (!stderr_is_ready())
		return;
	struct buf out;
	buf_init(&out, LOG_LINE_MAX + 128);
	if (logger.journald)
		(void)buf_addf(&out, "<%d>", level);
	else
		(void)buf_addf(&out, "%s: ", logger.ident);
	if (logger.dropped > 0)
		(void)buf_addf(&out, "[%lu lines lost] ", logger.dropped);
	(void)buf_add(&out, buf_str(line), line->len);
	(void)buf_addc(&out, '\n');
	to_stderr(&out);
	buf_free(&out);
}

static void
emit_json(int level, const char *event, const struct log_field *fields)
{
	if (!stderr_is_ready())
		return;
	struct buf out;
	buf_init(&out, LOG_LINE_MAX + 128);
	log_json_line(&out, logger.ident, level, logger.dropped, event, fields);
	to_stderr(&out);
	buf_free(&out);
}

static void
add_value(struct buf *line, const char *s, size_t len)
{
	if (len > LOG_VALUE_MAX)
		len = LOG_VALUE_MAX;
	int quote = len == 0;
	for (size_t i = 0; i < len && !quote; i++)
		quote = s[i] == ' ' || s[i] == '=' || s[i] == '"';
	if (quote)
		(void)buf_addc(line, '"');
	for (size_t i = 0; i < len && buf_ok(line); i++) {
		unsigned char c = (unsigned char)s[i];
		if (c < 0x20 || c >= 0x7f)
			(void)buf_addf(line, "\\x%02x", c);
		else if (c == '"' || c == '\\')
			(void)buf_addf(line, "\\%c", c);
		else
			(void)buf_addc(line, (char)c);
	}
	if (quote)
		(void)buf_addc(line, '"');
}

static void
write_event(int level, const char *event, const struct log_field *fields)
{
	if (logger.target == LOG_AS_JSON) {
		emit_json(level, event, fields);
		return;
	}
	struct buf line;
	buf_init(&line, LOG_LINE_MAX);
	(void)buf_adds(&line, event);
	for (const struct log_field *f = fields;
	     f->key != NULL && buf_ok(&line); f++) {
		(void)buf_addf(&line, " %s=", f->key);
		if (f->is_num)
			(void)buf_addf(&line, "%lld", f->num);
		else if (f->str == NULL)
			(void)buf_addc(&line, '-');
		else
			add_value(&line, f->str,
			    f->len == (size_t)-1 ? strlen(f->str) : f->len);
	}
	emit(level, &line);
	buf_free(&line);
}

void
log_write(int level, const char *event, const struct log_field *fields)
{
	if (level > logger.level)
		return;
	(void)pthread_mutex_lock(&turn);
	write_event(level, event, fields);
	(void)pthread_mutex_unlock(&turn);
}

void
log_text(int level, const char *fmt, ...)
{
	char text[LOG_VALUE_MAX];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_event(level,
	    level <= LOG_ERR       ? "error"
	    : level == LOG_WARNING ? "warning"
				   : "notice",
	    LOG_STR("text", text));
}

void
die_first(void (*fn)(void))
{
	logger.before_death = fn;
}

void
die(const char *fmt, ...)
{
	/* Memory may be what ran out: no buffer, no allocation here. */
	if (logger.before_death != NULL)
		logger.before_death();
	char text[LOG_VALUE_MAX];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (int i = 0; i < n && text[i] != '\0'; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			text[i] = '?';
	if (logger.target == LOG_TO_SYSLOG)
		syslog(LOG_CRIT, "fatal: %s", text);
	else if (logger.target == LOG_AS_JSON)
		log_json_fatal(STDERR_FILENO, logger.ident, text);
	else
		(void)dprintf(
		    STDERR_FILENO, "%s: fatal: %s\n", logger.ident, text);
	_exit(EX_TEMPFAIL);
}

void *
alloc_zero(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);
	if (p == NULL)
		die("out of memory");
	return p;
}

void *
alloc_grow(void *p, size_t n, size_t size)
{
	void *grown = reallocarray(p, n ? n : 1, size);
	if (grown == NULL)
		die("out of memory");
	return grown;
}

char *
alloc_string(const char *s, size_t len)
{
	char *copy = alloc_zero(len + 1, 1);
	if (len > 0)
		memcpy(copy, s, len);
	return copy;
}

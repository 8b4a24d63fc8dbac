/* SPDX-License-Identifier: ISC */
/*
 * One line per event: "event key=value key=value".
 *
 * Values may be anything a peer or a user sent: bytes outside printable
 * ASCII, backslashes and quotes are escaped, and a value with a blank, an
 * equals sign or nothing in it is quoted, so that one event is one line
 * and no value can pose as another key (INV7, N13).  Three events tell
 * the life of a message: accepted, attempt, gone.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stddef.h>
#include <stdio.h>
#include <syslog.h>

#include "base/attr.h"

enum log_target {
	LOG_TO_STDERR, /* "ident: line", with "<N>" in front under journald */
	LOG_TO_SYSLOG, /* syslog(3), facility mail */
	LOG_AS_JSON,   /* to standard error, base/log_json.h */
};

struct log_field {
	const char *key; /* NULL ends the list */
	const char *str; /* may be NULL: shown as "-" */
	size_t len;      /* (size_t)-1: str is a string */
	long long num;   /* used when is_num */
	int is_num;
};

/* Of a longer value only so many octets are logged. */
#define LOG_VALUE_MAX 1024

#define LOG_STR(k, s)                                     \
	{                                                 \
		.key = (k), .str = (s), .len = (size_t)-1 \
	}
#define LOG_MEM(k, p, n)                           \
	{                                          \
		.key = (k), .str = (p), .len = (n) \
	}
#define LOG_NUM(k, n)                                          \
	{                                                      \
		.key = (k), .num = (long long)(n), .is_num = 1 \
	}

/*
 * log_event(LOG_INFO, "accepted", LOG_STR("id", id), LOG_NUM("size", n));
 * The level is one of syslog(3)'s.
 */
#define log_event(level, event, ...) \
	log_write(level, event, (const struct log_field[]){__VA_ARGS__, {0}})

/*
 * Start logging under this name (borrowed for ever).  Until then, and in
 * sendmail, lines go to standard error.
 */
void log_open(const char *ident, enum log_target target);

/* What --log takes: "text" (LOG_TO_STDERR) or "json".  0, or -1. */
int log_target_named(const char *name, enum log_target *target) MUST_CHECK;

/* Lines less urgent than level are dropped; LOG_INFO at start. */
void log_level(int level);

void log_write(int level, const char *event, const struct log_field *fields);

/* A plain sentence: event "notice", "warning" or "error" with text=. */
void log_text(int level, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Log the text as critical and exit 75: memory ran out or an invariant
 * broke.  Never for anything that a peer or a user can send. */
_Noreturn void die(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* What die() does first; must be async-signal-safe (sendmail: remove the
 * draft, B11). */
void die_first(void (*fn)(void));

/* Allocate or die; zeroed.  alloc_string copies len bytes and a NUL. */
void *alloc_zero(size_t n, size_t size) MUST_CHECK;
void *alloc_grow(void *p, size_t n, size_t size) MUST_CHECK;
char *alloc_string(const char *s, size_t len) MUST_CHECK;

#endif

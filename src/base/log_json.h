/* SPDX-License-Identifier: ISC */
/*
 * A line of the log as an object of RFC 8259, for collectors:
 *
 *	{"time":"2026-11-24T14:49:23.123Z","level":"info",
 *	 "program":"waypostd","event":"accepted","id":"...","size":512}
 *
 * on one line.  level is emerg alert crit err warning notice info debug.
 * Fields follow in the order of the text form: numbers as numbers, what is
 * unknown ("-" there) as null, else strings.  "lost" counts the lines before
 * this one that a full pipe cost (H12); "cut":true says that fields are
 * missing because the line got too long.
 */
#ifndef BASE_LOG_JSON_H
#define BASE_LOG_JSON_H

#include "base/buf.h"
#include "base/log.h"

/*
 * Add the line, LF included, to out, which must be empty and may hold 1024
 * octets at least; it never gets over.  Whatever the values are, it is valid
 * UTF-8 (what is not becomes U+FFFD) and holds no control character.
 */
void log_json_line(struct buf *out, const char *ident, int level,
    unsigned long lost, const char *event, const struct log_field *fields);

/* What die() says, event "fatal": allocates nothing, hence without a time.
 * Octets above ASCII, quotes and backslashes in text (changed) become "?". */
void log_json_fatal(int fd, const char *ident, char *text);

#endif

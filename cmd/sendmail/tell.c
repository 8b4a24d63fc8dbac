/* SPDX-License-Identifier: ISC */
/*
 * Lines for people, not events for a log: the log's escapes and keys would
 * only be in the way of a sentence.  Invariant: one call, one write, one
 * line, whatever a caller put into the arguments.
 */
#include "tell.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"

#define TELL_MAX 1024

void
tell(const char *program, const char *fmt, ...)
{
	char text[TELL_MAX], line[TELL_MAX + 64];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || (unsigned char)*p >= 0x7f)
			*p = '?';
	int n = snprintf(line, sizeof(line), "%.40s: %s\n", program, text);
	if (io_write(STDERR_FILENO, line, (size_t)n) != 0)
		return; /* nobody listens: the exit code says it, too */
}

void
tell_faults(const char *program, const struct faults *f)
{
	const char *p = buf_str(&f->text), *end = p + f->text.len;
	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		int len = (int)((lf != NULL ? lf : end) - p);
		tell(program, "%.*s", len, p);
		p += len + 1;
	}
}

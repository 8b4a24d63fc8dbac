/* SPDX-License-Identifier: ISC */
/*
 * Outcomes.  Nothing is decided here: whoever saw the reply decides, this
 * only writes it down.  Invariant: whatever a peer or a library said, a
 * status is one line of printable ASCII with a well-formed enhanced code,
 * fit for a journal record, a log line and a reply (INV7).
 */
#include "mail/verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name, *enhanced;
} verdicts[] = {
    [DONE] = {"done", "2.0.0"},
    [LATER] = {"later", "4.0.0"},
    [NEVER] = {"never", "5.0.0"},
};

void
status_set(struct status *st, enum verdict verdict, int code,
    const char *enhanced, const char *fmt, ...)
{
	/* The arguments may lie in *st: change it only when they are read. */
	char text[STATUS_TEXT_MAX + 1];
	char class[ENHANCED_MAX + 1];
	va_list ap;
	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	for (char *p = text; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	if (enhanced == NULL || !enhanced_valid(enhanced, strlen(enhanced)))
		enhanced = verdicts[verdict].enhanced;
	(void)snprintf(class, sizeof(class), "%s", enhanced);
	*st = (struct status){.verdict = verdict, .code = code};
	memcpy(st->enhanced, class, sizeof(class));
	memcpy(st->text, text, sizeof(text));
}

const char *
verdict_name(enum verdict v)
{
	return verdicts[v].name;
}

int
verdict_parse(const char *name, enum verdict *v)
{
	for (enum verdict i = DONE; i <= NEVER; i++)
		if (strcmp(name, verdicts[i].name) == 0) {
			*v = i;
			return 0;
		}
	return -1;
}

/* One to three digits at s: how many, or 0. */
static unsigned long
digits(const char *s, unsigned long len)
{
	unsigned long n = 0;
	while (n < len && s[n] >= '0' && s[n] <= '9')
		n++;
	return n <= 3 ? n : 0;
}

_Bool
enhanced_valid(const char *s, unsigned long len)
{
	if (len < 5 || (s[0] != '2' && s[0] != '4' && s[0] != '5') ||
	    s[1] != '.')
		return 0;
	unsigned long subject = digits(s + 2, len - 2);
	unsigned long dot = 2 + subject;
	if (subject == 0 || dot >= len || s[dot] != '.')
		return 0;
	unsigned long detail = digits(s + dot + 1, len - dot - 1);
	return detail > 0 && dot + 1 + detail == len;
}

/* SPDX-License-Identifier: ISC */
/*
 * The one outcome type of the house.  Converted only at the edges: sysexits
 * in cmd/, reply codes in the listener's session, DSN fields in report.
 */
#ifndef MAIL_VERDICT_H
#define MAIL_VERDICT_H

#include "base/attr.h"
#include "base/limits.h"

enum verdict {
	DONE,  /* answered for good: delivered, or handed on */
	LATER, /* not now; anything not proven permanent (R8) */
	NEVER, /* proven permanent: the sender gets a report */
};

struct status {
	enum verdict verdict;
	int code;                        /* SMTP reply code, 0 if none */
	char enhanced[ENHANCED_MAX + 1]; /* "4.4.1"; never empty once set */
	char text[STATUS_TEXT_MAX + 1];  /* printable ASCII, one line */
};

/*
 * Fill in a status.  enhanced NULL means "2.0.0", "4.0.0" or "5.0.0" by the
 * verdict.  The text is cut at STATUS_TEXT_MAX; control and non-ASCII bytes
 * become '?', so that no status starts a new line anywhere (INV7).
 */
void status_set(struct status *st, enum verdict verdict, int code,
    const char *enhanced, const char *fmt, ...) PRINTF_LIKE(5, 6);

/* "done", "later", "never"; and back, -1 if it is none of them. */
const char *verdict_name(enum verdict v);
int verdict_parse(const char *name, enum verdict *v) MUST_CHECK;

/* Is it class.subject.detail with class 2, 4 or 5 (RFC 3463)? */
_Bool enhanced_valid(const char *s, unsigned long len);

#endif

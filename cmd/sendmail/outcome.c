/* SPDX-License-Identifier: ISC */
/*
 * Outcomes to exit codes, by the enhanced code (RFC 3463), which says more
 * than the reply code.  Callers such as cron and MTAs try again only after
 * 75: whatever could pass by itself has to be that.
 */
#include "outcome.h"

#include <string.h>
#include <sysexits.h>

static const struct {
	const char *start; /* of the enhanced code */
	int code;
	const char *cure;
} outcomes[] = {
    {"4.3.1", EX_TEMPFAIL, "; make room and send it again"},
    {"4.3.5", EX_CONFIG,
	"; mend the alias file (newaliases tells all its faults) and send it "
	"again"},
    {"4.5.3", EX_UNAVAILABLE,
	"; name fewer in one message, or raise limits.recipients"},
    {"4", EX_TEMPFAIL, "; send it again later"},
    {"5.1.1", EX_NOUSER, ""},
    {"5.2", EX_UNAVAILABLE, ""},
    {"5.3", EX_UNAVAILABLE, ""},
    {"5.4", EX_UNAVAILABLE, ""},
    {"5.5", EX_UNAVAILABLE, ""},
    {"5.7", EX_NOPERM, ""},
    {"5", EX_DATAERR, ""},
};

#define OUTCOMES (sizeof(outcomes) / sizeof(outcomes[0]))

/* Its row; the last one when it is in none.  "4.3.1" is not "4.3.10". */
static size_t
look_up(const struct status *st)
{
	size_t i = 0;
	for (; i < OUTCOMES - 1; i++) {
		size_t n = strlen(outcomes[i].start);
		if (strncmp(st->enhanced, outcomes[i].start, n) == 0 &&
		    (st->enhanced[n] == '.' || st->enhanced[n] == '\0'))
			break;
	}
	return i;
}

int
outcome_exit(const struct status *st)
{
	if (st->verdict == DONE)
		return EX_OK;
	int code = outcomes[look_up(st)].code;
	if (st->verdict == LATER)
		return st->enhanced[0] == '4' ? code : EX_TEMPFAIL;
	/* Too large is too large, whatever the class says. */
	return st->code == 552 || code == EX_TEMPFAIL ? EX_UNAVAILABLE : code;
}

const char *
outcome_cure(const struct status *st)
{
	if (st->verdict == LATER && st->enhanced[0] != '4')
		return "; send it again later";
	return st->verdict == DONE ? "" : outcomes[look_up(st)].cure;
}

/* SPDX-License-Identifier: ISC */
/*
 * The command line of sendmail, mailq and newaliases.  Reads nothing but
 * its arguments; opens nothing.
 */
#ifndef SENDMAIL_OPTIONS_H
#define SENDMAIL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "queue/envelope.h"

enum job { JOB_SEND, JOB_SMTP, JOB_LIST, JOB_ALIASES, JOB_FLUSH, JOB_VERIFY };

/* -od: waypostd delivers what is queued; by itself (b), while the caller
 * waits for the outcome (i), or not before the next run of the queue (q). */
enum delivery { DELIVERY_BACKGROUND, DELIVERY_WAIT, DELIVERY_QUEUE };

#define OPTIONS_WHY_MAX 200

struct options {
	enum job job;
	const char *program; /* "sendmail", "mailq" or "newaliases" */
	const char *config;  /* -C, or NULL */
	const char *sender;  /* -f or -r as given, or NULL */
	const char *full_name;
	const char *envid; /* valid xtext, or NULL */
	enum ret ret;
	unsigned notify;
	enum delivery delivery; /* -od */
	bool header_rcpts;      /* -t */
	bool ignore_dots;       /* -i */
	bool no_aliases;        /* -n */
	bool verbose;           /* -v */
	char **rcpts;           /* operands, borrowed from argv */
	size_t nrcpts;
};

/*
 * Parse; argc >= 1.  argv is reordered: operands move to its front.  0; or an
 * exit code of sysexits.h with a sentence in why.
 */
int options_parse(struct options *o, int argc, char **argv,
    char why[OPTIONS_WHY_MAX]) MUST_CHECK;

#endif

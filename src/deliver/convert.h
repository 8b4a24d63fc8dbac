/* SPDX-License-Identifier: ISC */
/*
 * A message made fit for a server that takes less than it holds: octets
 * above ASCII towards one without 8BITMIME (RFC 6152 section 3), headers
 * above ASCII towards one without SMTPUTF8, lines over LINE_MAX_TEXT octets
 * towards any.
 *
 * Text becomes quoted-printable, other data base64; messages in the message
 * are entered.  What decodes, decodes to the same octets as before.  What is
 * signed or encrypted is never changed.  Preamble and epilogue of a
 * multipart, which nobody sees, keep only what is ASCII.
 */
#ifndef DELIVER_CONVERT_H
#define DELIVER_CONVERT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "mail/refit.h"

/* The message, wire form. */
struct convert_source {
	/* As batch_read(): count (> 0), or -1 with errno. */
	ssize_t (*read)(void *arg, uint64_t offset, char *out, size_t room);
	void *arg;
	uint64_t size;
};

enum {
	CONVERT_SEVEN_BIT = 1,    /* all of it; lines are always shortened */
	CONVERT_ASCII_HEADER = 2, /* headers alone */
};

enum convert_result {
	CONVERT_DONE,
	CONVERT_NEEDLESS,   /* it is fit as it is; nothing was written.  Also
	                       when only long lines are wrong with it and they
	                       may not be touched */
	CONVERT_IMPOSSIBLE, /* never: *why says it */
	CONVERT_FAILED,     /* errno: reading or writing */
};

/* Write it to fd (at its position); *size is what it has then.  In bounded
 * memory: reads the message twice.  Enhanced code of IMPOSSIBLE: 5.6.3, or
 * 5.6.7 with *address. */
enum convert_result convert(const struct convert_source *in, unsigned how,
    refit_domain domain, int fd, uint64_t *size, const char **why,
    bool *address) MUST_CHECK;

#endif

/* SPDX-License-Identifier: ISC */
/*
 * The forms that DKIM signs (RFC 6376 section 3.4): relaxed header fields
 * and relaxed bodies.  Hashes nothing, signs nothing.
 */
#ifndef MAIL_DKIM_H
#define MAIL_DKIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "mail/header.h"

/* Append the field in relaxed form, CRLF too.  0, or -1 as buf_add(). */
int dkim_field(struct buf *out, const struct field *f);

/*
 * The value of one tag of a DKIM-Signature or a key record ("d"), blanks
 * at its ends removed; its length, 0 when there is none.
 */
size_t dkim_tag(
    const char *value, size_t len, const char *name, const char **tag);

/* A body, push style: the state survives any cut. */
struct dkim_body {
	void (*emit)(void *arg, const char *data, size_t len);
	void *arg;
	uint64_t ends; /* line ends held back */
	bool blank, cr, any;
	size_t n;
	char out[4096];
};

void dkim_body_init(struct dkim_body *b,
    void (*emit)(void *arg, const char *data, size_t len), void *arg);
void dkim_body_feed(struct dkim_body *b, const char *data, size_t len);
void dkim_body_finish(struct dkim_body *b);

#endif

/* SPDX-License-Identifier: ISC */
/* What refit.c and refit_address.c share; for nobody else. */
#ifndef MAIL_REFIT_INTERNAL_H
#define MAIL_REFIT_INTERNAL_H

#include "mail/refit.h"

enum refit_kind {
	REFIT_TEXT,
	REFIT_ADDRESSES,
	REFIT_PARAMETERS,
	REFIT_GRAMMAR, /* any other structured field */
};

/* Any octet above ASCII, or NUL. */
bool refit_wide(const char *s, size_t len);

/* As encoded words, line ends left out. */
void refit_encode(struct buf *out, const char *s, size_t len);

/* The length of the quoted string at s; and its content. */
size_t refit_quoted(const char *s, size_t len);
void refit_unquote(struct buf *out, const char *s, size_t len);

int refit_addresses(struct buf *out, const char *s, size_t len,
    refit_domain domain, const char **why) MUST_CHECK;

#endif

/* SPDX-License-Identifier: ISC */
/* The tokens of waypost.conf, with their lines.  Private to this room. */
#ifndef CONF_CONF_SCAN_H
#define CONF_CONF_SCAN_H

#include <stddef.h>

enum token_kind {
	TOKEN_END,
	TOKEN_WORD,   /* without quotes */
	TOKEN_STRING, /* with its quotes, as written */
	TOKEN_MARK,   /* { } ( ) = , or += */
	TOKEN_BAD,    /* scan.why says why; the end comes next */
};

struct token {
	enum token_kind kind;
	const char *s; /* borrowed from the text */
	size_t len;
	unsigned line, end_line;
};

struct scan {
	const char *p, *end;
	unsigned line;
	const char *why;
};

void scan_init(struct scan *s, const char *text, size_t len);
void scan_next(struct scan *s, struct token *t);

#endif

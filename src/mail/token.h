/* SPDX-License-Identifier: ISC */
/* Tokens of structured header fields (RFC 5322 section 3.2), lent out. */
#ifndef MAIL_TOKEN_H
#define MAIL_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

/* Kinds beside these are the octets < > : ; @ , . themselves. */
enum {
	WORD = 256, /* atom characters and any octets above ASCII */
	QUOTED,     /* with its quotes, unchanged */
	LITERAL,    /* with its square brackets, unchanged */
	THE_END,
	BROKEN,
};

struct token {
	int kind;
	const char *text; /* points into the input */
	size_t len;
};

struct lexer {
	const char *p, *end;
	const char *why; /* set with BROKEN */
};

/* The next token behind blanks, line ends and comments. */
struct token token_next(struct lexer *lx) MUST_CHECK;

/* May it stand in an atom, or is it above ASCII? */
bool token_is_atom(char c);

#endif

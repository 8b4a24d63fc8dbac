/* SPDX-License-Identifier: ISC */
/*
 * The tokens of structured fields.  Not a parser: what a token means, and
 * which may follow which, is for the caller.  Comments vanish here.
 *
 * Invariant: each call moves forward and looks at each octet a fixed number
 * of times; nesting is a counter, never a call.  An octet that no token may
 * hold, and a bracket that stays open, end the input for good.
 */
#include "mail/token.h"

#include <string.h>

static bool
is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct token
broken(struct lexer *lx, const char *why)
{
	lx->why = why;
	lx->p = lx->end;
	return (struct token){.kind = BROKEN};
}

/* Blanks and comments, nested to any depth.  False: a comment is open. */
static bool
skip_comments(struct lexer *lx)
{
	size_t depth = 0;
	for (; lx->p < lx->end; lx->p++) {
		char c = *lx->p;
		if (c == '(')
			depth++;
		else if (depth > 0 && c == ')')
			depth--;
		else if (depth > 0 && c == '\\' && lx->end - lx->p > 1)
			lx->p++;
		else if (depth == 0 && !is_blank(c) && c != '\r' && c != '\n')
			break;
	}
	return depth == 0;
}

bool
token_is_atom(char c)
{
	return c != ' ' && !is_control(c) &&
	       strchr("()<>[]:;@\\,.\"", c) == NULL;
}

static struct token
take_quoted(struct lexer *lx)
{
	const char *start = lx->p++;
	while (lx->p < lx->end && *lx->p != '"')
		lx->p += *lx->p == '\\' && lx->end - lx->p > 1 ? 2 : 1;
	if (lx->p >= lx->end)
		return broken(lx, "a quote is not closed");
	lx->p++;
	return (struct token){QUOTED, start, (size_t)(lx->p - start)};
}

static struct token
take_literal(struct lexer *lx)
{
	const char *start = lx->p;
	const char *close = memchr(start, ']', (size_t)(lx->end - start));
	if (close == NULL)
		return broken(lx, "an address literal is not closed");
	lx->p = close + 1;
	return (struct token){LITERAL, start, (size_t)(lx->p - start)};
}

struct token
token_next(struct lexer *lx)
{
	if (!skip_comments(lx))
		return broken(lx, "a comment is not closed");
	if (lx->p >= lx->end)
		return (struct token){.kind = THE_END};
	const char *start = lx->p;
	if (*start == '"')
		return take_quoted(lx);
	if (*start == '[')
		return take_literal(lx);
	while (lx->p < lx->end && token_is_atom(*lx->p))
		lx->p++;
	if (lx->p > start)
		return (struct token){WORD, start, (size_t)(lx->p - start)};
	if (strchr("<>:;@,.", *start) == NULL || *start == '\0')
		return broken(lx, "an address list holds an octet that is "
				  "not allowed");
	lx->p++;
	return (struct token){(unsigned char)*start, start, 1};
}

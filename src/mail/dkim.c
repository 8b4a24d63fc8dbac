/* SPDX-License-Identifier: ISC */
/*
 * Relaxed canonicalization.  Of a run of blanks one is left, at the end of
 * a line none, and empty lines at the end of a body do not count; a body of
 * nothing else is empty.
 *
 * Invariant: the output does not depend on how the input is cut.
 */
#include "mail/dkim.h"

#include <string.h>

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

int
dkim_field(struct buf *out, const struct field *f)
{
	bool blank = false, any = false;
	for (size_t i = 0; i < f->name_len; i++) {
		char c = f->name[i];
		(void)buf_addc(
		    out, c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c);
	}
	(void)buf_addc(out, ':');
	for (size_t i = 0; i < f->value_len; i++) {
		char c = f->value[i];
		if (c == '\r' && i + 1 < f->value_len &&
		    f->value[i + 1] == '\n')
			continue;
		if (is_blank(c) || c == '\n') {
			blank = blank || is_blank(c);
			continue;
		}
		if (blank && any)
			(void)buf_addc(out, ' ');
		(void)buf_addc(out, c);
		blank = false;
		any = true;
	}
	return buf_adds(out, "\r\n");
}

static bool
is_space(char c)
{
	return is_blank(c) || c == '\r' || c == '\n';
}

size_t
dkim_tag(const char *value, size_t len, const char *name, const char **tag)
{
	const char *p = value, *end = value + len;
	size_t n = strlen(name);
	while (p < end) {
		const char *stop = memchr(p, ';', (size_t)(end - p));
		const char *last = stop != NULL ? stop : end;
		while (p < last && is_space(*p))
			p++;
		bool same = (size_t)(last - p) > n && memcmp(p, name, n) == 0;
		for (p += same ? n : 0; same && p < last && is_space(*p); p++)
			;
		if (same && p < last && *p == '=') {
			for (p++; p < last && is_space(*p); p++)
				;
			while (last > p && is_space(last[-1]))
				last--;
			*tag = p;
			return (size_t)(last - p);
		}
		p = stop != NULL ? stop + 1 : end;
	}
	*tag = "";
	return 0;
}

void
dkim_body_init(struct dkim_body *b,
    void (*emit)(void *arg, const char *data, size_t len), void *arg)
{
	b->emit = emit;
	b->arg = arg;
	b->ends = 0;
	b->n = 0;
	b->blank = b->cr = b->any = false;
}

static void
put(struct dkim_body *b, char c)
{
	if (b->n == sizeof(b->out)) {
		b->emit(b->arg, b->out, b->n);
		b->n = 0;
	}
	b->out[b->n++] = c;
}

/* Something that counts: what was held back before it does, too. */
static void
put_octet(struct dkim_body *b, char c)
{
	for (; b->ends > 0; b->ends--) {
		put(b, '\r');
		put(b, '\n');
	}
	if (b->blank)
		put(b, ' ');
	put(b, c);
	b->blank = false;
	b->any = true;
}

void
dkim_body_feed(struct dkim_body *b, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = data[i];
		if (b->cr && c == '\n') {
			b->cr = b->blank = false;
			b->ends++;
			continue;
		}
		if (b->cr) {
			b->cr = false;
			put_octet(b, '\r');
		}
		if (c == '\r')
			b->cr = true;
		else if (is_blank(c))
			b->blank = true;
		else
			put_octet(b, c);
	}
}

void
dkim_body_finish(struct dkim_body *b)
{
	if (b->any) {
		put(b, '\r');
		put(b, '\n');
	}
	b->emit(b->arg, b->out, b->n);
	b->n = 0;
}

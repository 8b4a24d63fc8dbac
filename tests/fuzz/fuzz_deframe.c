/* SPDX-License-Identifier: ISC */
/*
 * The end-of-data machine against a plain reading of the whole input: runs
 * of CR are counted, lines looked at, nothing is kept between octets.  The
 * first octet says in which pieces the machine gets it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smtpd/deframe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX (64 * 1024)

struct reading {
	const char *in;
	size_t len, at;
	bool normalize, start, bare, nul, ended;
	struct buf out;
};

static void
line_ends(struct reading *r, size_t n)
{
	while (n-- > 0)
		(void)buf_adds(&r->out, r->normalize ? "\r\n" : "\r");
}

/* A run of CR.  Of those at the end of the input, two are undecided. */
static void
read_crs(struct reading *r)
{
	size_t n = 0;
	while (r->at < r->len && r->in[r->at] == '\r') {
		r->at++;
		n++;
	}
	if (r->at == r->len) {
		r->bare |= n > 1;
		line_ends(r, n > 2 ? n - 2 : 0);
	} else if (r->in[r->at] == '\n') {
		r->bare |= n > 1;
		line_ends(r, n > 2 ? n - 2 : 0);
		(void)buf_adds(&r->out, "\r\n");
		r->at++;
		r->start = n == 1 || !r->normalize;
	} else {
		r->bare = true;
		line_ends(r, n);
	}
}

/* A dot that begins a line. */
static void
read_dot(struct reading *r)
{
	const char *next = r->in + r->at + 1;
	size_t left = r->len - r->at - 1;
	r->at++;
	if (left == 0)
		return;
	if (*next == '\r' && left == 1)
		r->at++;
	else if (*next == '\r' && next[1] == '\n')
		r->ended = true;
	else if (*next == '\r' || *next == '\n')
		(void)buf_addc(&r->out, '.');
	if (r->ended)
		r->at += 2;
	else if (r->at < r->len && *next != '\r' && *next != '\n') {
		(void)buf_addc(&r->out, *next);
		r->nul |= *next == '\0';
		r->at++;
	}
}

static void
read_all(struct reading *r)
{
	r->start = true;
	while (r->at < r->len && !r->ended) {
		char c = r->in[r->at];
		bool start = r->start;
		r->start = false;
		if (start && c == '.') {
			read_dot(r);
		} else if (c == '\r') {
			read_crs(r);
		} else if (c == '\n') {
			r->bare = true;
			(void)buf_adds(&r->out, r->normalize ? "\r\n" : "\n");
			r->at++;
		} else {
			r->nul |= c == '\0';
			(void)buf_addc(&r->out, c);
			r->at++;
		}
	}
}

static void
compare(const char *in, size_t len, size_t step, bool normalize)
{
	struct reading r = {.in = in, .len = len, .normalize = normalize};
	struct deframe d;
	struct buf out;
	bool ended = false;
	size_t at = 0;
	buf_init(&r.out, 2 * INPUT_MAX + 4);
	buf_init(&out, 2 * INPUT_MAX + 4);
	read_all(&r);
	deframe_init(&d, normalize);
	while (at < len && !ended) {
		size_t n = step < len - at ? step : len - at;
		size_t before = out.len;
		size_t used = deframe_feed(&d, in + at, n, &out, &ended);
		if ((!ended && used != n) || used > n)
			abort();
		if (out.len - before > 2 * n + 4)
			abort();
		at += used;
	}
	if (ended != r.ended || at != r.at || d.bare != r.bare ||
	    d.nul != r.nul || out.len != r.out.len)
		abort();
	if (out.len > 0 && memcmp(out.data, r.out.data, out.len) != 0)
		abort();
	buf_free(&out);
	buf_free(&r.out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > INPUT_MAX)
		return 0;
	size_t step = data[0] == 0 ? size : data[0];
	const char *in = (const char *)data + 1;
	for (int normalize = 0; normalize < 2; normalize++) {
		compare(in, size - 1, step, normalize);
		compare(in, size - 1, 1, normalize);
	}
	return 0;
}

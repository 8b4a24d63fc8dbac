/* SPDX-License-Identifier: ISC */
/*
 * Line ends and dots: every small input against a model that decides with
 * the whole input before it, at every cut.
 */
#include "mail/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define DOT_ENDS WIRE_DOT_ENDS
#define UNSTUFF WIRE_UNSTUFF

struct wire_case {
	const char *in;
	unsigned flags;
	const char *out;
};

static const struct wire_case cases[] = {
    {"", 0, ""}, /* C09 */
    {"a\nb\n", 0, "a\r\nb\r\n"},
    {"a\r\nb\r\n", 0, "a\r\nb\r\n"},
    {"a", 0, "a\r\n"},           /* C10 */
    {"a\r\nb", 0, "a\r\nb\r\n"}, /* E26 */
    {"\n", 0, "\r\n"},
    {"\n\n", 0, "\r\n\r\n"},
    {"a: b\r\n\nc", 0, "a: b\r\n\r\nc\r\n"}, /* E25 */
    {"a: b\n\r\nc", 0, "a: b\r\n\r\nc\r\n"}, /* E25 */
    {"a\r\r\nb", 0, "a\r\nb\r\n"},           /* C02 */
    {"a\r\r\r\r\nb", 0, "a\r\nb\r\n"},
    {"a\rb", 0, "a b\r\n"}, /* C02 */
    {"a\r\rb\n", 0, "a  b\r\n"},
    {"\ra", 0, " a\r\n"},
    {"a\r", 0, "a\r\n"}, /* C02: CR at the end */
    {"a\n\r", 0, "a\r\n\r\n"},
    {"\r", 0, "\r\n"},
    {"\n\r\n\r", 0, "\r\n\r\n\r\n"},
    {"a\n.\nb\n", 0, "a\r\n.\r\nb\r\n"}, /* C03 */
    {".", 0, ".\r\n"},
    {".\r", 0, ".\r\n"},
    {"..\n", 0, "..\r\n"},
    {"a\n.\nb\n", DOT_ENDS, "a\r\n"},
    {"a\n.\r\nb\n", DOT_ENDS, "a\r\n"},
    {"a\n.\r\r\nb\n", DOT_ENDS, "a\r\n"},
    {"a\n.", DOT_ENDS, "a\r\n"},
    {".\n", DOT_ENDS, ""}, /* E16 */
    {"a\n..\nb\n", DOT_ENDS, "a\r\n..\r\nb\r\n"},
    {"a\n.b\n", DOT_ENDS, "a\r\n.b\r\n"},
    {"a\n.\rb\n", DOT_ENDS, "a\r\n. b\r\n"},
    {"a\n. \nb\n", DOT_ENDS, "a\r\n. \r\nb\r\n"},
    {"a.\n", DOT_ENDS, "a.\r\n"},
    {"a\r.\n", DOT_ENDS, "a .\r\n"},
    {"\r.\n", DOT_ENDS, " .\r\n"},
    {"a\n.\nb\n", UNSTUFF, "a\r\nb\r\n"},
    {"a\n..\nb\n", UNSTUFF, "a\r\n.\r\nb\r\n"}, /* E15 */
    {"..a\n.b\n...c\n", UNSTUFF, ".a\r\nb\r\n..c\r\n"},
    {".\rb\n", UNSTUFF, " b\r\n"},
    {".\r\r\n", UNSTUFF, ""},
    {".", UNSTUFF, ""},
    {"a\n..\n.\nb", UNSTUFF | DOT_ENDS, "a\r\n.\r\n"},
    {"..", UNSTUFF | DOT_ENDS, ".\r\n"},
};

static void
feed_all(
    struct wire *w, const char *in, size_t len, size_t cut, struct buf *out)
{
	enum wire_result r = wire_feed(w, in, cut, out);
	assert_true(r == WIRE_MORE || r == WIRE_END);
	if (r == WIRE_MORE)
		r = wire_feed(w, in + cut, len - cut, out);
	assert_true(r == WIRE_MORE || r == WIRE_END);
	assert_int_equal(w->ended, r == WIRE_END);
	assert_int_equal(wire_finish(w, out), WIRE_END);
	assert_int_equal(wire_feed(w, "more", 4, out), WIRE_END);
	assert_int_equal(wire_finish(w, out), WIRE_END);
	assert_int_equal(w->produced, out->len);
}

static void
test_C02_C03_C10_E15_E25_E26_cases_at_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t len = strlen(cases[i].in);
		for (size_t cut = 0; cut <= len; cut++) {
			struct wire w;
			struct buf out;
			buf_init(&out, 1000);
			wire_init(&w, cases[i].flags);
			feed_all(&w, cases[i].in, len, cut, &out);
			if (strcmp(buf_str(&out), cases[i].out) != 0)
				fail_msg("case %zu, cut %zu", i, cut);
			buf_free(&out);
		}
	}
}

/* The model: a line at a time, with all of the line in view. */
static size_t
model(const char *in, size_t len, unsigned flags, char *out, size_t *longest)
{
	size_t n = 0, at = 0;
	*longest = 0;
	while (at < len) {
		const char *lf = memchr(in + at, '\n', len - at);
		size_t end = lf != NULL ? (size_t)(lf - in) : len;
		size_t stop = end, start = at;
		at = end + 1;
		while (stop > start && in[stop - 1] == '\r')
			stop--;
		bool lone = stop == start + 1 && in[start] == '.';
		if (lone && (flags & DOT_ENDS))
			return n;
		if (lone && (flags & UNSTUFF))
			continue;
		if (stop > start && in[start] == '.' && (flags & UNSTUFF))
			start++;
		for (size_t i = start; i < stop; i++)
			out[n++] = in[i] == '\r' ? ' ' : in[i];
		if (stop - start > *longest)
			*longest = stop - start;
		out[n++] = '\r';
		out[n++] = '\n';
	}
	return n;
}

/* E17: all strings of CR, LF, dot and a letter, up to 7 of them. */
static void
test_E17_all_small_inputs(void **state)
{
	static const char alphabet[] = "\r\n.x";
	(void)state;
	for (unsigned long n = 1; n < 1ul << 15; n++) {
		char in[16], want[32];
		size_t len = 0, longest;
		for (unsigned long rest = n; rest > 1; rest >>= 2)
			in[len++] = alphabet[rest & 3];
		for (unsigned flags = 0; flags < 4; flags++) {
			size_t m = model(in, len, flags, want, &longest);
			for (size_t cut = 0; cut <= len; cut++) {
				struct wire w;
				struct buf out;
				buf_init(&out, 100);
				wire_init(&w, flags);
				feed_all(&w, in, len, cut, &out);
				assert_int_equal(out.len, m);
				assert_memory_equal(buf_str(&out), want, m);
				assert_int_equal(w.longest, longest);
				buf_free(&out);
			}
		}
	}
}

static unsigned
draw(unsigned *seed, unsigned below)
{
	*seed = *seed * 1103515245u + 12345u;
	return (*seed >> 16) % below;
}

/* C03, E17: random bodies in random pieces, with the counters. */
static void
test_C03_E17_random_cuts(void **state)
{
	static const char alphabet[] = "\r\n.\r\n.abcde\xff";
	char in[3000], want[6002];
	unsigned seed = 1;
	(void)state;
	for (unsigned round = 0; round < 400; round++) {
		size_t len = draw(&seed, sizeof(in)), longest, at = 0;
		unsigned letters = round % 2 ? 11 : 12;
		for (size_t i = 0; i < len; i++)
			in[i] = draw(&seed, 8) ? 'x'
					       : alphabet[draw(&seed, letters)];
		size_t m = model(in, len, 0, want, &longest);
		struct wire w;
		struct buf out;
		buf_init(&out, sizeof(want));
		wire_init(&w, 0);
		while (at < len) {
			size_t n = 1 + draw(&seed, 300);
			n = n < len - at ? n : len - at;
			assert_int_equal(
			    wire_feed(&w, in + at, n, &out), WIRE_MORE);
			at += n;
		}
		assert_int_equal(wire_finish(&w, &out), WIRE_END);
		assert_int_equal(out.len, m);
		assert_memory_equal(buf_str(&out), want, m);
		assert_int_equal(w.longest, longest);
		assert_int_equal(w.eight_bit, memchr(in, 0xff, len) != NULL);
		buf_free(&out);
	}
}

static void
test_C01_NUL_is_refused_at_any_place(void **state)
{
	(void)state;
	for (size_t at = 0; at < 6; at++) {
		char in[] = "ab\r\ncd";
		struct wire w;
		struct buf out;
		in[at] = '\0';
		buf_init(&out, 100);
		wire_init(&w, 0);
		assert_int_equal(wire_feed(&w, in, 6, &out), WIRE_NUL);
		buf_free(&out);
	}
	struct wire w;
	struct buf out;
	buf_init(&out, 100);
	wire_init(&w, DOT_ENDS);
	assert_int_equal(wire_feed(&w, "a\n.\n\0\xff", 6, &out), WIRE_END);
	assert_false(w.eight_bit);
	buf_free(&out);
}

static void
test_C12_full(void **state)
{
	static const char *const inputs[] = {
	    "abcd", "abc\n", "ab\n\n", "a\r\r\rb", ".abc"};
	static const size_t needed[] = {6, 5, 6, 7, 6};
	(void)state;
	for (size_t i = 0; i < COUNT(inputs); i++)
		for (size_t max = 0; max < 8; max++) {
			struct wire w;
			struct buf out;
			enum wire_result r;
			buf_init(&out, max);
			wire_init(&w, DOT_ENDS);
			r = wire_feed(&w, inputs[i], strlen(inputs[i]), &out);
			if (r == WIRE_MORE)
				r = wire_finish(&w, &out);
			assert_int_equal(
			    r, max < needed[i] ? WIRE_FULL : WIRE_END);
			assert_true(out.len <= max);
			buf_free(&out);
		}
}

/* C04: a line without end, and CRs without end, cost no memory here. */
static void
test_C04_long_lines(void **state)
{
	static char chunk[100000];
	struct wire w;
	struct buf out;
	(void)state;
	buf_init(&out, 2 * sizeof(chunk));
	wire_init(&w, 0);
	memset(chunk, 'x', sizeof(chunk));
	for (int i = 0; i < 100; i++) {
		assert_int_equal(
		    wire_feed(&w, chunk, sizeof(chunk), &out), WIRE_MORE);
		buf_clear(&out);
	}
	assert_int_equal(w.longest, 100 * sizeof(chunk));
	memset(chunk, '\r', sizeof(chunk));
	for (int i = 0; i < 100; i++)
		assert_int_equal(
		    wire_feed(&w, chunk, sizeof(chunk), &out), WIRE_MORE);
	assert_int_equal(out.len, 0);
	assert_int_equal(w.crs, 100 * sizeof(chunk));
	assert_int_equal(wire_feed(&w, "\n", 1, &out), WIRE_MORE);
	assert_string_equal(buf_str(&out), "\r\n");
	assert_int_equal(w.produced, 100 * sizeof(chunk) + 2);
	buf_free(&out);
}

static size_t
stuffed(const char *in, size_t len, size_t piece, size_t room, char *out,
    bool *line_start)
{
	struct stuff s;
	size_t at = 0, n = 0;
	stuff_init(&s);
	while (at < len) {
		size_t used, take = piece < len - at ? piece : len - at;
		size_t m = stuff_copy(&s, in + at, take, &used, out + n, room);
		assert_true(used > 0 && used <= take && m <= room);
		at += used;
		n += m;
	}
	*line_start = stuff_at_line_start(&s);
	return n;
}

static void
test_E17_stuffing_at_every_cut(void **state)
{
	static const struct {
		const char *in, *out;
		bool line_start;
	} t[] = {
	    {"", "", true},
	    {".\r\n", "..\r\n", true},
	    {"..\r\n.a\r\n", "...\r\n..a\r\n", true},
	    {"a.\r\n.\r\n.\r\n", "a.\r\n..\r\n..\r\n", true},
	    {"a", "a", false},
	    {"a\r", "a\r", false},
	    {"a\n", "a\n", false},
	    {"\r\n\r\n.", "\r\n\r\n..", false},
	    {"a\n.\r\n", "a\n..\r\n", true}, /* LIB2 */
	    {"a\r.\r\n", "a\r.\r\n", true},
	    {"......\r\n.....", ".......\r\n......", false},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(t); i++)
		for (size_t piece = 1; piece <= 20; piece++)
			for (size_t room = 2; room <= 20; room++) {
				char out[64];
				bool start;
				size_t n = stuffed(t[i].in, strlen(t[i].in),
				    piece, room, out, &start);
				assert_int_equal(n, strlen(t[i].out));
				assert_memory_equal(out, t[i].out, n);
				assert_int_equal(start, t[i].line_start);
			}
}

/* What lies before the input in memory is none of it. */
static void
test_E17_stuffing_looks_at_its_input_only(void **state)
{
	static const char memory[] = "a\n.b";
	char out[8];
	size_t used;
	struct stuff s;
	(void)state;
	stuff_init(&s);
	assert_int_equal(stuff_copy(&s, memory, 1, &used, out, 8), 1);
	assert_int_equal(stuff_copy(&s, memory + 2, 2, &used, out, 8), 2);
	assert_memory_equal(out, ".b", 2);
}

/* What is stuffed and unstuffed is what it was; the lone dot ends it. */
static void
test_E17_stuff_then_unstuff(void **state)
{
	static const char alphabet[] = "\n.\n.ab";
	unsigned seed = 7;
	(void)state;
	for (int round = 0; round < 400; round++) {
		char in[1000], text[2002], wired[4010];
		size_t len = draw(&seed, sizeof(in)), longest;
		bool start;
		for (size_t i = 0; i < len; i++)
			in[i] = alphabet[draw(&seed, 6)];
		size_t m = model(in, len, 0, text, &longest);
		size_t n = stuffed(text, m, 1 + draw(&seed, 50),
		    2 + draw(&seed, 50), wired, &start);
		assert_true(start);
		memcpy(wired + n, ".\r\nQUIT", 7);
		struct wire w;
		struct buf out;
		buf_init(&out, sizeof(wired));
		wire_init(&w, DOT_ENDS | UNSTUFF);
		assert_int_equal(wire_feed(&w, wired, n + 7, &out), WIRE_END);
		assert_int_equal(out.len, m);
		assert_memory_equal(buf_str(&out), text, m);
		buf_free(&out);
	}
}

static void
test_E17_clean_lines(void **state)
{
	static const struct {
		const char *in;
		bool dots;
		size_t n, longest;
	} v[] = {
	    {"", true, 0, 0},
	    {"ab", true, 0, 0},
	    {"ab\r\nc", true, 4, 2},
	    {"\r\n\r\n", true, 4, 0},
	    {"a\r\nabc\r\nab\r\n", true, 12, 3},
	    {"a\r\nb\nc\r\n", true, 3, 1},
	    {"a\r\nb\rc\r\n", true, 3, 1},
	    {"a\r\nb\r\r\n", true, 3, 1},
	    {"a\r\n\n", true, 3, 1},
	    {"a\r\nb\r", true, 3, 1},
	    {"a\r\n.\r\nb\r\n", true, 3, 1},
	    {"a\r\n.\r\nb\r\n", false, 9, 1},
	    {".a\r\n", true, 0, 0},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(v); i++) {
		size_t longest = 0, len = strlen(v[i].in);
		assert_int_equal(
		    wire_clean(v[i].in, len, v[i].dots, &longest), v[i].n);
		assert_int_equal(longest, v[i].longest);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_C02_C03_C10_E15_E25_E26_cases_at_every_cut),
	    cmocka_unit_test(test_E17_all_small_inputs),
	    cmocka_unit_test(test_C03_E17_random_cuts),
	    cmocka_unit_test(test_C01_NUL_is_refused_at_any_place),
	    cmocka_unit_test(test_C12_full),
	    cmocka_unit_test(test_C04_long_lines),
	    cmocka_unit_test(test_E17_stuffing_at_every_cut),
	    cmocka_unit_test(test_E17_stuffing_looks_at_its_input_only),
	    cmocka_unit_test(test_E17_stuff_then_unstuff),
	    cmocka_unit_test(test_E17_clean_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/*
 * From characters to the letters, digits and hyphens of an A-label, as in
 * RFC 3492 section 6.3, whose names are kept.  Not IDNA: it neither maps nor
 * checks characters.  libidn2 does, but not in sendmail, which links
 * nothing for the sake of a name.
 *
 * Invariant: nothing is written behind out[room - 1], and no sum overflows:
 * delta grows by less than 2^21 * (n + 1) in all, and n is at most room.
 */
#include "mail/punycode.h"

#include <stdbool.h>

#define BASE 36
#define T_MIN 1
#define T_MAX 26
#define SKEW 38
#define DAMP 700
#define INITIAL_BIAS 72
#define INITIAL_N 0x80

struct digits {
	char *out;
	size_t n, room;
	bool full;
};

static void
put(struct digits *d, char c)
{
	if (d->n == d->room)
		d->full = true;
	else
		d->out[d->n++] = c;
}

static void
put_digit(struct digits *d, uint64_t digit)
{
	put(d, (char)(digit < 26 ? 'a' + digit : '0' + (digit - 26)));
}

static uint64_t
threshold(uint64_t k, uint64_t bias)
{
	if (k <= bias + T_MIN)
		return T_MIN;
	return k >= bias + T_MAX ? T_MAX : k - bias;
}

/* Section 6.3: a number of variable length, the least digit first. */
static void
put_number(struct digits *d, uint64_t q, uint64_t bias)
{
	for (uint64_t k = BASE;; k += BASE) {
		uint64_t t = threshold(k, bias);
		if (q < t)
			break;
		put_digit(d, t + (q - t) % (BASE - t));
		q = (q - t) / (BASE - t);
	}
	put_digit(d, q);
}

/* Section 6.1. */
static uint64_t
adapt(uint64_t delta, uint64_t points, bool first)
{
	uint64_t k = 0;
	delta = first ? delta / DAMP : delta / 2;
	delta += delta / points;
	for (; delta > (BASE - T_MIN) * T_MAX / 2; k += BASE)
		delta /= BASE - T_MIN;
	return k + (BASE - T_MIN + 1) * delta / (delta + SKEW);
}

/* The least character that is not below c; above all of them: none. */
static uint32_t
least_from(const uint32_t *s, size_t n, uint32_t c)
{
	uint32_t least = UINT32_MAX;
	for (size_t i = 0; i < n; i++)
		if (s[i] >= c && s[i] < least)
			least = s[i];
	return least;
}

size_t
punycode_encode(const uint32_t *s, size_t n, char *out, size_t room)
{
	struct digits d = {.out = out, .room = room};
	uint64_t delta = 0, bias = INITIAL_BIAS;
	uint32_t next = INITIAL_N;
	if (n > room)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (s[i] > 0x10ffff)
			return 0;
		if (s[i] < INITIAL_N)
			put(&d, (char)s[i]);
	}
	size_t basic = d.n, handled = basic;
	if (basic > 0)
		put(&d, '-');
	for (; handled < n && !d.full; next++, delta++) {
		uint32_t m = least_from(s, n, next);
		delta += (uint64_t)(m - next) * (handled + 1);
		next = m;
		for (size_t i = 0; i < n; i++) {
			if (s[i] < m)
				delta++;
			if (s[i] != m)
				continue;
			put_number(&d, delta, bias);
			bias = adapt(delta, handled + 1, handled == basic);
			delta = 0;
			handled++;
		}
	}
	return d.full ? 0 : d.n;
}

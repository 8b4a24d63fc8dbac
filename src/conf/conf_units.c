/* SPDX-License-Identifier: ISC */
/*
 * Numbers, sizes and durations as administrators write them, and back.
 * Decimal digits only: no sign, no blank, no exponent, no locale.
 *
 * Invariant: a result that does not fit is a refusal, never a wrapped or
 * clipped number.
 */
#include "conf/conf_read.h"

#include <stdio.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit size_units[] = {{"T", UINT64_C(1) << 40},
    {"G", UINT64_C(1) << 30}, {"M", UINT64_C(1) << 20}, {"K", 1024}, {"", 1}};

static const struct unit time_units[] = {{"w", 604800000}, {"d", 86400000},
    {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The digits at *s; moves *s behind them.  -1: none, or too many. */
static int
digits(const char **s, uint64_t *n)
{
	const char *p = *s;
	*n = 0;
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(*n, 10, n) ||
		    __builtin_add_overflow(*n, (uint64_t)(*p - '0'), n))
			return -1;
	if (p == *s)
		return -1;
	*s = p;
	return 0;
}

int
conf_number(const char *s, uint64_t *n)
{
	return digits(&s, n) != 0 || *s != '\0' ? -1 : 0;
}

int
conf_size(const char *s, uint64_t *octets)
{
	uint64_t n;
	if (digits(&s, &n) != 0)
		return -1;
	for (size_t i = 0; i < COUNT(size_units); i++)
		if (strcasecmp(s, size_units[i].name) == 0)
			return __builtin_mul_overflow(
				   n, size_units[i].factor, octets)
				   ? -1
				   : 0;
	return -1;
}

static const struct unit *
time_unit(const char *s, size_t len)
{
	for (size_t i = 0; i < COUNT(time_units); i++)
		if (strlen(time_units[i].name) == len &&
		    memcmp(s, time_units[i].name, len) == 0)
			return &time_units[i];
	return NULL;
}

int
conf_duration(const char *s, int64_t *ms)
{
	int64_t sum = 0;
	if (strcmp(s, "0") == 0) {
		*ms = 0;
		return 0;
	}
	do {
		uint64_t n;
		if (digits(&s, &n) != 0)
			return -1;
		size_t len = strspn(s, "wdhms");
		const struct unit *u = time_unit(s, len);
		if (u == NULL || __builtin_mul_overflow(n, u->factor, &n) ||
		    __builtin_add_overflow(sum, n, &sum))
			return -1;
		s += len;
	} while (*s != '\0');
	*ms = sum;
	return 0;
}

static void
format(uint64_t n, const struct unit *units, size_t count, char out[32])
{
	size_t i = 0;
	while (n > 0 && i + 1 < count && n % units[i].factor != 0)
		i++;
	if (n == 0)
		(void)snprintf(out, 32, "0");
	else
		(void)snprintf(out, 32, "%llu%s",
		    (unsigned long long)(n / units[i].factor), units[i].name);
}

void
conf_format_size(uint64_t octets, char out[32])
{
	format(octets, size_units, COUNT(size_units), out);
}

void
conf_format_duration(uint64_t ms, char out[32])
{
	format(ms, time_units, COUNT(time_units), out);
}

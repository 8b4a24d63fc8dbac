/* SPDX-License-Identifier: ISC */
/* The clocks; see the header for which is for what. */
#include "base/clock.h"

#include <time.h>

static int64_t
read_clock_us(clockid_t id)
{
	struct timespec now;
	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t
read_clock(clockid_t id)
{
	return read_clock_us(id) / 1000;
}

int64_t
clock_wall_ms(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t
clock_mono_ms(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t
clock_mono_us(void)
{
	return read_clock_us(CLOCK_MONOTONIC);
}

int64_t
clock_boot_ms(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

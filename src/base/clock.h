/* SPDX-License-Identifier: ISC */
/*
 * Clocks.  The wall clock dates mail and decides expiry; the monotonic one
 * drives back-off and deadlines and never jumps (R7).
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

int64_t clock_wall_ms(void); /* milliseconds since 1970, UTC */
int64_t clock_mono_ms(void); /* milliseconds since some start */
int64_t clock_mono_us(void); /* the same clock in microseconds */

/* The same, but it goes on while the machine sleeps: for what expires
 * elsewhere. */
int64_t clock_boot_ms(void);

#endif

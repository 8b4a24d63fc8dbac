/* SPDX-License-Identifier: ISC */
/*
 * The lines of a queue file, shared by its writer and its reader: fixed
 * widths, and at the end of each line its own checksum.  Private to the
 * room.
 */
#ifndef QUEUE_LAYOUT_H
#define QUEUE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

#define LAYOUT_MAGIC "waypost-batch "
#define LAYOUT_START "waypost-batch 1\n"
#define LAYOUT_START_LEN (sizeof(LAYOUT_START) - 1)
#define LAYOUT_RECORD_LEN 51
#define LAYOUT_END_LEN 39
#define LAYOUT_SEAL_LEN 9 /* eight hex digits and the LF */

/* Put the checksum of what stands before it at the end of a line of len
 * octets, LF included. */
void layout_seal(char *line, size_t len);
bool layout_sealed(const char *line, size_t len);

/* Exactly n decimal digits (n < 20), exactly eight lower-case hex digits,
 * and a literal; each moves *p.  The caller knows that they are there. */
bool layout_decimal(const char **p, size_t n, uint64_t *out) MUST_CHECK;
bool layout_hex(const char **p, uint32_t *out) MUST_CHECK;
bool layout_literal(const char **p, const char *text) MUST_CHECK;

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Digits and checksums of fixed-width lines.  One spelling for each value:
 * a flipped bit never makes another spelling of the same number.
 */
#include "queue/layout.h"

#include <string.h>

#include "base/io.h"

static const char digits[] = "0123456789abcdef";

void
layout_seal(char *line, size_t len)
{
	uint32_t crc = io_crc32c(0, line, len - LAYOUT_SEAL_LEN);
	char *seal = line + len - LAYOUT_SEAL_LEN;
	for (int i = 7; i >= 0; i--, crc >>= 4)
		seal[i] = digits[crc & 15];
	seal[8] = '\n';
}

bool
layout_sealed(const char *line, size_t len)
{
	const char *p = line + len - LAYOUT_SEAL_LEN;
	uint32_t crc;
	return layout_hex(&p, &crc) && *p == '\n' &&
	       crc == io_crc32c(0, line, len - LAYOUT_SEAL_LEN);
}

bool
layout_decimal(const char **p, size_t n, uint64_t *out)
{
	uint64_t value = 0;
	for (size_t i = 0; i < n; i++) {
		char c = (*p)[i];
		if (c < '0' || c > '9')
			return false;
		value = value * 10 + (uint64_t)(c - '0');
	}
	*p += n;
	*out = value;
	return true;
}

bool
layout_hex(const char **p, uint32_t *out)
{
	uint32_t value = 0;
	for (int i = 0; i < 8; i++) {
		char c = (*p)[i];
		if (c >= '0' && c <= '9')
			value = value << 4 | (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (uint32_t)(c - 'a' + 10);
		else
			return false;
	}
	*p += 8;
	*out = value;
	return true;
}

bool
layout_literal(const char **p, const char *text)
{
	size_t len = strlen(text);
	if (memcmp(*p, text, len) != 0)
		return false;
	*p += len;
	return true;
}

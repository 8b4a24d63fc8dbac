/* SPDX-License-Identifier: ISC */
/* PROXY headers, whole and at every cut: an answer once given stays. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smtpd/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int
parse(const uint8_t *data, size_t len, struct proxy_result *r)
{
	/* Its own allocation, so that one octet too far is seen. */
	char *copy = malloc(len > 0 ? len : 1);
	if (copy == NULL)
		abort();
	if (len > 0)
		memcpy(copy, data, len);
	int n = proxy_parse(copy, len, r);
	free(copy);
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct proxy_result r, again;
	if (len > 2 * PROXY_HEADER_MAX)
		len = 2 * PROXY_HEADER_MAX;
	int whole = parse(data, len, &r);
	if (whole > (int)len || whole > PROXY_HEADER_MAX || whole < -1 ||
	    (whole == 0 && len >= PROXY_HEADER_MAX))
		abort();
	for (size_t cut = 0; cut < len; cut++) {
		int n = parse(data, cut, &again);
		if (n == 0 && !(whole > 0 && cut >= (size_t)whole))
			continue;
		if (n != whole)
			abort();
		if (n > 0 && (again.local != r.local || again.port != r.port ||
				 !ip_equal(&again.ip, &r.ip)))
			abort();
	}
	return 0;
}

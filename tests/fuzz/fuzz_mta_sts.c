/* SPDX-License-Identifier: ISC */
/* MTA-STS: the same octets as a TXT record and as a policy. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/mta_sts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char id[STS_ID_MAX + 1];
	struct sts_policy p;
	/* Its own allocation, so that one octet too far is seen. */
	char *copy = malloc(len > 0 ? len : 1);
	if (copy == NULL)
		return 0;
	memcpy(copy, data, len);
	if (sts_record_read(copy, len, id) == 0 &&
	    (id[0] == '\0' || strpbrk(id, " ;=\r\n") != NULL))
		abort();
	if (sts_policy_read(&p, copy, len) == 0 &&
	    (p.max_age > STS_AGE_MAX || p.mode > STS_ENFORCE ||
		sts_policy_names(&p, "") || sts_policy_names(&p, "nodot.")))
		abort();
	free(copy);
	return 0;
}

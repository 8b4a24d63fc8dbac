/* SPDX-License-Identifier: ISC */
/* DNS messages: the first octet chooses the record type. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "net/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check(const struct dns_message *m, enum record_type type)
{
	const char *why;
	if (m->n > DNS_RECORDS_MAX || m->ttl > INT32_MAX)
		abort();
	if ((dns_judge(m, &why) == ANSWER_OK) != (why == NULL))
		abort();
	for (size_t i = 0; i < m->n; i++) {
		const char *name = m->records[i].name;
		size_t len = strnlen(name, sizeof(m->records[i].name));
		uint8_t sum = 0; /* every octet is there to be read */
		for (size_t k = 0; k < m->records[i].len; k++)
			sum = (uint8_t)(sum + m->records[i].data[k]);
		if (m->records[i].len == 0 && sum != 0)
			abort();
		if (type != RECORD_MX && type != RECORD_PTR)
			continue;
		if ((len > 0 || type == RECORD_PTR) &&
		    !dns_name_valid(name, len))
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const enum record_type types[] = {RECORD_A, RECORD_MX,
	    RECORD_AAAA, RECORD_PTR, RECORD_TXT, RECORD_TLSA};
	struct dns_message m;
	if (len == 0)
		return 0;
	enum record_type type = types[data[0] % 6];
	/* Its own allocation, so that one octet too far is seen. */
	uint8_t *copy = malloc(len > 1 ? len - 1 : 1);
	if (copy == NULL)
		return 0;
	memcpy(copy, data + 1, len - 1);
	if (dns_read(copy, len - 1, type, &m) == 0)
		check(&m, type);
	else if (m.records != NULL || m.n != 0)
		abort();
	free(m.records);
	(void)dns_name_valid((const char *)copy, len - 1);
	free(copy);
	return 0;
}

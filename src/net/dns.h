/* SPDX-License-Identifier: ISC */
/* The wire form of DNS answers (RFC 1035): a pure decoder. */
#ifndef NET_DNS_H
#define NET_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "net/resolver.h"

struct dns_message {
	unsigned rcode;             /* of the header, 0..15 */
	char owner[256];            /* of the last record */
	uint32_t ttl;               /* the least of the records' */
	struct dns_record *records; /* one block, to be freed by the caller */
	size_t n;                   /* at most DNS_RECORDS_MAX */
	size_t left_out; /* MX, PTR, CNAME with no host name in them */
};

/*
 * Read the records of one type from the answer section, whoever owns them:
 * the caller trusts who wrote the message that they belong to the chain of
 * the question.  0; -1 when it is malformed: then m is empty.
 */
int dns_read(const uint8_t *data, size_t len, enum record_type type,
    struct dns_message *m) MUST_CHECK;

/* What it answers, and why (a phrase) unless ANSWER_OK. */
enum answer_kind dns_judge(const struct dns_message *m, const char **why);

/* May this name be looked up and stand in a URL (C20)?  Labels of letters,
 * digits, '-' and '_', no final dot, 253 octets, not all digits and dots. */
bool dns_name_valid(const char *s, size_t len);

#endif

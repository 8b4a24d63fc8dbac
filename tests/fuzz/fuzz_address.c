/* SPDX-License-Identifier: ISC */
/*
 * The address grammar: what is accepted must be one word of one line inside
 * angle brackets, come back unchanged, and agree with its own parts.  The
 * first octet gives the flags.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)           \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

/* Find the end of a path as a server may, and it must be the last octet. */
static void
check_on_the_wire(const struct address *a)
{
	char line[ADDRESS_MAX + 20];
	int n = snprintf(line, sizeof(line), "MAIL FROM:<%s>", a->text);
	MUST(n == a->len + 12);
	bool quoted = false;
	for (int i = 11; i < n - 1; i++) {
		unsigned char c = (unsigned char)line[i];
		MUST(c >= 0x20 && c != 0x7f);
		if (c == '"')
			quoted = !quoted;
		else if (c == '\\' && quoted)
			i++;
		else if (!quoted)
			MUST(c != ' ' && c != '>' && c != '\\' && c != ',' &&
			     (c != '<' || i == 11));
	}
	MUST(!quoted && line[n - 1] == '>');
}

static void
check_parts(const struct address *a, unsigned flags)
{
	char local[LOCAL_PART_MAX + 1];
	const char *domain = address_domain(a);
	size_t n = address_local(a, local), len = strlen(domain);
	MUST(n <= a->at && a->at <= LOCAL_PART_MAX);
	MUST(a->text[a->len] == '\0' && strlen(a->text) == a->len);
	MUST(address_is_null(a) == (a->len == 0));
	MUST(address_is_bare(a) == (a->len > 0 && len == 0));
	MUST(len == 0 || domain_valid(domain, len, flags) ||
	     domain_literal_valid(domain, len));
	MUST(memchr(local, '\n', n) == NULL);
	MUST((flags & ADDRESS_UTF8) || !address_is_utf8(a));
	MUST(address_is_utf8(a) || !address_local_is_utf8(a));
}

static void
check_qualified(struct address *a)
{
	struct address whole = *a;
	const char *why;
	if (address_qualify(&whole, "example.com") != 0)
		abort(); /* a local part is far below the limit */
	MUST(address_is_null(a) || !address_is_bare(&whole));
	MUST(address_parse(a, whole.text, whole.len,
		 ADDRESS_UTF8 | ADDRESS_EMPTY, &why) == 0);
	MUST(address_equal(a, &whole));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	unsigned flags = data[0] & 7;
	const char *text = (const char *)data + 1, *why = NULL;
	size_t len = size - 1;
	struct address a, again;
	(void)domain_valid(text, len, flags);
	(void)domain_literal_valid(text, len);
	if (address_parse(&a, text, len, flags, &why) != 0) {
		MUST(why != NULL && why[0] != '\0');
		return 0;
	}
	MUST(a.len == len && memcmp(a.text, text, len) == 0);
	MUST(address_parse(&again, a.text, a.len, flags, &why) == 0);
	MUST(again.at == a.at && address_equal(&a, &again));
	check_on_the_wire(&a);
	check_parts(&a, flags);
	check_qualified(&a);
	return 0;
}

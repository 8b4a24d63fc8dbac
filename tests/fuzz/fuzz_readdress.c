/* SPDX-License-Identifier: ISC */
/*
 * A header section whose first octet says which rules apply: each field,
 * rewritten, must be the same field with the same lines and, but for the
 * addresses, the same text; the addresses must be those that the rules give;
 * and a second time must change nothing.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "submit/masquerade.h"
#include "submit/readdress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)           \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static char hostname[] = "h.example.com", origin[] = "example.com";
static char outside[] = "m.example", one[] = "one@isp.example";
static char root[] = "root", cron[] = "cron=cron@isp.example";
static char *exempt[] = {root}, *senders[] = {cron};

static size_t
count(const char *p, size_t len, char c)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++)
		n += p[i] == c;
	return n;
}

static int
read_list(const struct field *f, struct address_list *l)
{
	const char *why;
	return header_mailboxes(
	    f->value, f->value_len, ADDRESS_BARE | ADDRESS_UTF8, l, &why);
}

/* As many addresses, and each is either as it was or has a domain. */
static void
check_lists(const struct field *before, const struct field *after)
{
	struct address_list was = {0}, is = {0};
	MUST(read_list(before, &was) == 0 && read_list(after, &is) == 0);
	MUST(was.n == is.n);
	for (size_t i = 0; i < is.n; i++)
		MUST(address_equal(&was.v[i], &is.v[i]) ||
		     !address_is_bare(&is.v[i]));
	address_list_free(&was);
	address_list_free(&is);
}

static void
check_field(const struct conf *c, const struct field *f)
{
	static const char line_ends[] = {'\r', '\n', '\0'};
	struct readdress r = {.conf = c, .growth = 2048};
	struct field again;
	struct buf first, second;
	buf_init(&first, f->len + 2048);
	buf_init(&second, f->len + 4096);
	readdress_field(&r, f, &first);
	MUST(buf_ok(&first) && r.growth <= 2048);
	MUST(field_next(first.data, first.len, &again) == 1);
	MUST(again.len == first.len && again.name_len == f->name_len);
	if (first.len != f->len || memcmp(first.data, f->name, f->len) != 0) {
		check_lists(f, &again);
		for (size_t i = 0; i < 3; i++)
			MUST(count(first.data, first.len, line_ends[i]) <=
			     count(f->name, f->len, line_ends[i]));
		r.growth = 2048;
		readdress_field(&r, &again, &second);
		MUST(second.len == first.len &&
		     memcmp(second.data, first.data, first.len) == 0);
	}
	buf_free(&first);
	buf_free(&second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf c = {.hostname = hostname, .origin = origin};
	struct field f;
	if (size == 0)
		return 0;
	unsigned rules = *data;
	c.masquerade.domain = rules & 1 ? outside : NULL;
	c.masquerade.from = rules & 2 ? one : NULL;
	c.masquerade.exempt = (struct words){exempt, rules & 4 ? 1 : 0};
	c.masquerade.senders = (struct words){senders, rules & 8 ? 1 : 0};
	c.masquerade.header_from = rules & 16;
	const char *p = (const char *)data + 1;
	for (size--; field_next(p, size, &f) == 1; p += f.len, size -= f.len)
		check_field(&c, &f);
	return 0;
}

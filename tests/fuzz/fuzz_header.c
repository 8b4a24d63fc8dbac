/* SPDX-License-Identifier: ISC */
/*
 * A header section: its fields must tile it, every address found must
 * satisfy the grammar, and phrases made of it must be one field line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)           \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static void
check_list(const char *value, size_t len, unsigned flags)
{
	struct address_list l = {0};
	const char *why = NULL;
	int result = header_mailboxes(value, len, flags, &l, &why);
	MUST(why != NULL && (result == 0 || why[0] != '\0'));
	MUST(l.n <= len);
	for (size_t i = 0; i < l.n; i++) {
		struct address again;
		MUST(address_parse(
			 &again, l.v[i].text, l.v[i].len, flags, &why) == 0);
		MUST(memmem(l.v[i].text, l.v[i].len, "\r", 1) == NULL);
	}
	address_list_unique(&l);
	for (size_t i = 1; i < l.n && i < 20; i++)
		MUST(!address_equal(&l.v[i - 1], &l.v[i]));
	address_list_free(&l);
}

/* Read back as the display name of an address, it must hide nothing. */
static void
check_phrase(const char *name, size_t len)
{
	static const char behind[] = " <a@b>";
	struct address_list l = {0};
	const char *why;
	struct buf b;
	buf_init(&b, 16 * len + 200);
	header_phrase(&b, name, len);
	for (size_t i = 0; i < b.len; i++) {
		unsigned char c = (unsigned char)b.data[i];
		MUST(c < 0x7f && (c >= 0x20 || c == '\r' || c == '\n'));
		if (c == '\r')
			MUST(memcmp(b.data + i, "\r\n =?UTF-8?Q?", 13) == 0);
		if (c == '\n')
			MUST(i > 0 && b.data[i - 1] == '\r');
	}
	(void)buf_adds(&b, behind);
	MUST(buf_ok(&b));
	MUST(header_mailboxes(b.data, b.len, 0, &l, &why) == 0);
	MUST(l.n == 1 && strcmp(l.v[0].text, "a@b") == 0);
	address_list_free(&l);
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	size_t len = size;
	struct field f;
	int more;
	while ((more = field_next(p, len, &f)) == 1) {
		MUST(f.name == p && f.name_len > 0 && f.len <= len);
		MUST(f.value > p + f.name_len && f.value[-1] == ':');
		MUST(f.value + f.value_len <= p + f.len);
		check_list(f.value, f.value_len, ADDRESS_BARE);
		check_phrase(f.value, f.value_len);
		p += f.len;
		len -= f.len;
	}
	check_list(p, len, ADDRESS_BARE | ADDRESS_UTF8 | ADDRESS_EMPTY);
	check_phrase(p, len);
	return 0;
}

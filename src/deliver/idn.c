/* SPDX-License-Identifier: ISC */
/*
 * From U-labels to A-labels.  Not a comparison of names: those in the
 * domain table are compared there.
 *
 * Invariant: what comes out satisfies domain_valid() without ADDRESS_UTF8,
 * whatever libidn2 thinks of names.
 */
#include "deliver/idn.h"

#include <idn2.h>
#include <string.h>

static bool
is_ascii(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] >= 0x80)
			return false;
	return true;
}

int
idn_to_ascii(const char *domain, size_t len, char out[DOMAIN_MAX + 1])
{
	char name[DOMAIN_MAX + 1], *ascii = NULL;
	out[0] = '\0';
	if (is_ascii(domain, len) && len <= DOMAIN_MAX) {
		memcpy(out, domain, len);
		out[len] = '\0';
		return 0;
	}
	if (!domain_valid(domain, len, ADDRESS_UTF8))
		return -1;
	memcpy(name, domain, len);
	name[len] = '\0';
	int r = idn2_to_ascii_8z(
	    name, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	size_t n = r == IDN2_OK ? strlen(ascii) : 0;
	bool good = n > 0 && n <= DOMAIN_MAX && domain_valid(ascii, n, 0);
	if (good)
		memcpy(out, ascii, n + 1);
	if (r == IDN2_OK)
		idn2_free(ascii);
	return good ? 0 : -1;
}

int
idn_address(struct address *a)
{
	char domain[DOMAIN_MAX + 1];
	size_t local = (size_t)a->at + 1;
	if (!address_is_utf8(a))
		return 0;
	if (address_local_is_utf8(a) ||
	    idn_to_ascii(
		address_domain(a), strlen(address_domain(a)), domain) != 0)
		return -1;
	size_t n = strlen(domain);
	if (local + n > ADDRESS_MAX)
		return -1;
	memcpy(a->text + local, domain, n + 1);
	a->len = (uint16_t)(local + n);
	return 0;
}

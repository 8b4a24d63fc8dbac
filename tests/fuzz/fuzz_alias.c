/* SPDX-License-Identifier: ISC */
/*
 * Any file as an alias map: loading ends, names are found or not, and what
 * comes out of an expansion is whole addresses with a domain.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "submit/alias.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expand(const struct alias *a, const struct conf *c, const char *name)
{
	struct address_list out = {0};
	struct address rcpt;
	const char *why = NULL;
	if (address_parse(&rcpt, name, strlen(name), ADDRESS_BARE, &why) != 0)
		abort();
	if (alias_expand(a, c, &rcpt, &out, &why) == 0) {
		if (out.n == 0)
			abort();
		for (size_t i = 0; i < out.n; i++)
			if (address_is_bare(&out.v[i]) ||
			    address_is_null(&out.v[i]))
				abort();
	} else if (why == NULL) {
		abort();
	}
	address_list_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {
	    "a", "root", "b@h.example.com", "\"x y\"", "c@elsewhere.example"};
	struct conf conf = {.hostname = (char[]){"h.example.com"},
	    .origin = (char[]){"example.com"}};
	struct faults f;
	char path[64];
	int fd = memfd_create("aliases", MFD_CLOEXEC);
	if (fd < 0 || io_write(fd, data, size) != 0)
		abort();
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	faults_init(&f);
	struct alias *a = alias_load(path, &f);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		expand(a, &conf, names[i]);
	alias_free(a);
	faults_free(&f);
	(void)close(fd);
	return 0;
}

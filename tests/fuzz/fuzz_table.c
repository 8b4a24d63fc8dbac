/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as the domain table.  What is accepted is found again under its
 * own name and below its wildcard, routes somewhere, and has a key.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "conf/conf_read.h"
#include "conf/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
demand(int holds)
{
	if (!holds)
		abort();
}

static void
ask(struct conf *c, const uint8_t *data, size_t size)
{
	char name[300];
	struct buf key;
	struct route r;
	const uint8_t *end = memchr(data, ' ', size);
	size_t len = end != NULL ? (size_t)(end - data) : size;
	if (len >= sizeof(name) - 2 || memchr(data, '\0', len) != NULL)
		return;
	memcpy(name, data, len);
	name[len] = '\0';
	buf_init(&key, 65536);
	route_find(c, name, "a@b.test", &r);
	demand(r.way != WAY_HOST || r.entry->host != NULL);
	demand((r.session == NULL) == (r.way == WAY_LOCAL));
	route_key(&r, name, &key);
	demand(key.len > 0);
	buf_free(&key);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char text[] =
	    "hostname = a.b\nsmarthost { hosts = h }\n"
	    "smarthost n { hosts = i senders = b.test }\n";
	struct faults f;
	faults_init(&f);
	struct conf *c = conf_read("w", text, sizeof(text) - 1, 0, &f);
	demand(c != NULL);
	for (unsigned flags = 0; flags < 4; flags++) {
		unsigned before = f.count;
		c->table = table_read("d",
		    alloc_string((const char *)data, size), size, flags, &f);
		demand((c->table != NULL) ==
		       (f.count == before || (flags & TABLE_LENIENT)));
		if (size > 0)
			ask(c, data, size);
		table_free(c->table);
		c->table = NULL;
	}
	conf_unref(c);
	faults_free(&f);
	return 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as waypost.conf: a configuration without a fault, or faults and
 * none; with CONF_LENIENT always one.  And a load leaves nothing behind:
 * the next one of a good file is good.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "conf/conf_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
demand(int holds)
{
	if (!holds)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char good[] = "hostname = a.b\nmax-hops = 9\n";
	struct faults f;
	faults_init(&f);
	struct conf *c = conf_read("w", (const char *)data, size, 0, &f);
	demand((c != NULL) == (f.count == 0));
	if (c != NULL) {
		demand(strchr(c->hostname, '.') != NULL);
		demand(c->queue.nretry > 0);
		demand(!c->relay.allow || c->relay.open_relay);
		demand(strcmp(c->drop.directory, c->pickup.directory) != 0);
	}
	conf_unref(c);
	faults_free(&f);
	c = conf_read("w", (const char *)data, size, CONF_LENIENT, &f);
	demand(c != NULL && c->hostname != NULL && c->queue.nretry > 0);
	conf_unref(c);
	faults_free(&f);
	c = conf_read("w", good, sizeof(good) - 1, 0, &f);
	demand(c != NULL && c->max_hops == 9);
	conf_unref(c);
	faults_free(&f);
	return 0;
}

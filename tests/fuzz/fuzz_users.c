/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as the users file, and as base64.  What is accepted is found
 * under its name and reads the same when it is written again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/log.h"
#include "conf/conf.h"
#include "conf/users.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
demand(int holds)
{
	if (!holds)
		abort();
}

static void
check_base64(const uint8_t *data, size_t size)
{
	size_t n, room = BASE64_ROOM(size);
	unsigned char *out = malloc(room > 0 ? room : 1);
	struct buf b;
	demand(out != NULL);
	buf_init(&b, size + 4);
	if (base64_decode((const char *)data, size, out, room, &n) == 0) {
		demand(n <= room && base64_encode(&b, out, n) == 0);
		demand(b.len == size && memcmp(buf_str(&b), data, size) == 0);
	}
	free(out);
	buf_free(&b);
}

static struct users *
read_text(const char *text, size_t len)
{
	struct faults f;
	faults_init(&f);
	struct users *u = users_read("u", alloc_string(text, len), len, &f);
	demand((u != NULL) == (f.count == 0));
	faults_free(&f);
	return u;
}

static void
check_users(const struct users *u, size_t size)
{
	struct buf b;
	struct address a;
	const char *why;
	buf_init(&b, size * 2 + 100);
	demand(address_parse(&a, "a@b.test", 8, 0, &why) == 0);
	for (size_t i = 0; i < users_count(u); i++) {
		const struct verifier *v = users_at(u, i);
		demand(users_find(u, v->name) == v);
		demand(user_name_valid(v->name, strlen(v->name)));
		demand(v->senders == NULL || senders_check(v->senders) == NULL);
		(void)verifier_may_send(v, &a);
		verifier_format(&b, v);
		(void)buf_addc(&b, '\n');
	}
	demand(buf_ok(&b));
	struct users *again = read_text(buf_str(&b), b.len);
	demand(again != NULL && users_count(again) == users_count(u));
	for (size_t i = 0; i < users_count(u); i++) {
		struct verifier v = *users_at(u, i), w = *users_at(again, i);
		demand((v.senders == NULL) == (w.senders == NULL));
		demand(v.senders == NULL || strcmp(v.senders, w.senders) == 0);
		v.senders = w.senders = NULL;
		demand(memcmp(&v, &w, sizeof(v)) == 0);
	}
	users_free(again);
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_base64(data, size);
	struct users *u = read_text((const char *)data, size);
	if (u != NULL)
		check_users(u, size);
	users_free(u);
	return 0;
}

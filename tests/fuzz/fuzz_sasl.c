/* SPDX-License-Identifier: ISC */
/*
 * AUTH from the client's side: the first line is the mechanism, the others
 * are fed.  A line that begins with '!' is put into base64 first, "~" is no
 * initial response, and "$" in a line becomes the nonce of the server.
 */
#include <event2/event.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/log.h"
#include "conf/conf.h"
#include "conf/conf_read.h"
#include "smtpd/auth.h"

#define KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
	struct event_base *base;
	struct auth *auth;
	struct conf *c;
	struct users *u;
	struct auth_channel ch;
	struct auth_exchange *x;
	char nonce[200];
	int answers;
};

static void
demand(int holds)
{
	if (!holds)
		abort();
}

static void
check(struct fuzz *z, enum auth_step step, const struct buf *out,
    const struct status *st)
{
	char text[2000];
	size_t n;
	const char *user = auth_user(z->x);
	if (step == AUTH_DONE) /* only a certificate can: nobody has the key */
		demand(st->code == 235 && strcmp(user, "bob") == 0);
	else
		demand(*user == '\0');
	demand(step != AUTH_FAILED || st->verdict != DONE);
	if (step != AUTH_CHALLENGE)
		return;
	demand(base64_decode(
		   buf_str(out), out->len, text, sizeof(text) - 1, &n) == 0);
	text[n] = '\0';
	z->nonce[0] = '\0';
	size_t len = strncmp(text, "r=", 2) == 0 ? strcspn(text + 2, ",") : 0;
	if (len < sizeof(z->nonce)) {
		memcpy(z->nonce, text + 2, len);
		z->nonce[len] = '\0';
	}
}

static void
on_answer(void *arg, enum auth_step step, const struct buf *out,
    const struct status *st)
{
	struct fuzz *z = arg;
	z->answers++;
	check(z, step, out, st);
	demand(step == AUTH_FAILED);
}

static void
set_up(struct fuzz *z)
{
	static const char text[] =
	    "hostname = a.b\nauth { mechanisms = { PLAIN, LOGIN, "
	    "SCRAM-SHA-256, SCRAM-SHA-256-PLUS, EXTERNAL } }\n";
	static const char users[] =
	    "bob:SCRAM-SHA-256$4096:c2FsdA==$" KEY ":" KEY "\n";
	struct faults f;
	faults_init(&f);
	z->base = event_base_new();
	z->auth = auth_new(z->base);
	z->c = conf_read("w", text, sizeof(text) - 1, 0, &f);
	z->u = users_read(
	    "u", alloc_string(users, sizeof(users) - 1), sizeof(users) - 1, &f);
	demand(z->c != NULL && z->u != NULL);
	z->ch = (struct auth_channel){.tls = true,
	    .binding_type = "tls-exporter",
	    .binding = (const unsigned char *)users,
	    .binding_len = 32,
	    .certificate_name = "bob"};
}

/* What is fed for a line. */
static void
translate(const struct fuzz *z, const char *line, size_t len, struct buf *out)
{
	struct buf raw;
	if (len == 0 || *line != '!') {
		(void)buf_add(out, line, len);
		return;
	}
	buf_init(&raw, 1 << 20);
	for (size_t i = 1; i < len; i++)
		if (line[i] == '$')
			(void)buf_adds(&raw, z->nonce);
		else
			(void)buf_addc(&raw, line[i]);
	(void)base64_encode(out, raw.data, raw.len);
	buf_free(&raw);
}

static enum auth_step
feed(struct fuzz *z, const char *line, size_t len)
{
	struct buf text, out;
	struct status st = {0};
	bool none = len == 1 && *line == '~';
	buf_init(&text, 1 << 21);
	buf_init(&out, 20000);
	translate(z, line, len, &text);
	/* In memory of its own size. */
	char *exact = malloc(text.len > 0 ? text.len : 1);
	demand(exact != NULL);
	if (text.len > 0)
		memcpy(exact, text.data, text.len);
	enum auth_step step =
	    auth_feed(z->x, none ? NULL : exact, text.len, &out, &st);
	if (step != AUTH_PENDING)
		check(z, step, &out, &st);
	free(exact);
	buf_free(&text);
	buf_free(&out);
	return step;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz z;
	char mechanism[64] = "";
	const char *p = (const char *)data, *end = p + size;
	enum auth_step step = AUTH_CHALLENGE;
	if (z.base == NULL)
		set_up(&z);
	const char *stop = memchr(p, '\n', size);
	if (stop == NULL || stop - p >= (ptrdiff_t)sizeof(mechanism))
		return 0;
	memcpy(mechanism, p, (size_t)(stop - p));
	z.x = auth_begin(z.auth, z.c, z.u, &z.ch, mechanism, on_answer, &z);
	z.nonce[0] = '\0';
	z.answers = 0;
	for (p = stop + 1; p < end; p = stop + 1) {
		stop = memchr(p, '\n', (size_t)(end - p));
		if (stop == NULL)
			stop = end;
		step = feed(&z, p, (size_t)(stop - p));
		if (step != AUTH_CHALLENGE && step != AUTH_FAILED)
			break;
	}
	/* Some are waited for, others are left while they are hashed. */
	while (step == AUTH_PENDING && size % 4 == 0 && z.answers == 0)
		demand(event_base_loop(z.base, EVLOOP_ONCE) == 0);
	(void)event_base_loop(z.base, EVLOOP_NONBLOCK);
	auth_end(z.x);
	return 0;
}

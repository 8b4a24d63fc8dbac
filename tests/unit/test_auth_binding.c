/* SPDX-License-Identifier: ISC */
/*
 * SCRAM by hand: a client that knows the password and says about channel
 * binding what it likes (F16), and messages that are none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "auth_peer.h"

#define FIRST_BARE "n=bob,r=abcdefgh"

struct lie {
	const char *gs2;   /* "n,,", "y,,", "p=tls-exporter,,", ... */
	const char *again; /* what c= says it was; NULL: gs2 */
	const unsigned char *binding; /* 32 octets behind it, or NULL */
	const char *nonce;            /* in front of the server's, or NULL */
	bool no_proof;
};

/* The server's first message, as it is and taken apart. */
struct first {
	char text[300];
	char nonce[200];
	unsigned char salt[64];
	size_t salt_len;
};

static void
take_first(const struct peer *p, struct first *f)
{
	size_t n;
	memset(f, 0, sizeof(*f));
	assert_int_equal(base64_decode(buf_str(&p->out), p->out.len, f->text,
			     sizeof(f->text) - 1, &n),
	    0);
	const char *salt = strstr(f->text, ",s="), *i = strstr(f->text, ",i=");
	assert_true(salt != NULL && i != NULL);
	assert_string_equal(i, ",i=4096");
	assert_int_equal(base64_decode(salt + 3, (size_t)(i - salt) - 3,
			     f->salt, sizeof(f->salt), &f->salt_len),
	    0);
	memcpy(f->nonce, f->text + 2, (size_t)(salt - f->text) - 2);
}

/* RFC 5802 section 3: ClientProof, in base64, appended to final. */
static void
add_proof(struct buf *final, const struct first *f)
{
	char salted[32], key[32], server[32], stored[32];
	unsigned char signature[32];
	unsigned int n = sizeof(signature);
	struct buf text;
	buf_init(&text, 2000);
	(void)buf_addf(&text, FIRST_BARE ",%s,%s", f->text, buf_str(final));
	assert_int_equal(gsasl_scram_secrets_from_password(GSASL_HASH_SHA256,
			     "secret", PEER_ITERATIONS, (const char *)f->salt,
			     f->salt_len, salted, key, server, stored),
	    GSASL_OK);
	assert_non_null(HMAC(EVP_sha256(), stored, sizeof(stored),
	    (const unsigned char *)text.data, text.len, signature, &n));
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (char)(key[i] ^ signature[i]);
	(void)buf_adds(final, ",p=");
	assert_int_equal(base64_encode(final, key, sizeof(key)), 0);
	buf_free(&text);
}

/* The reply code to the final message: 334 when it was believed. */
static int
tell(struct peer *p, const char *mechanism, const struct lie *l)
{
	struct buf message, header;
	struct first f;
	buf_init(&message, 2000);
	buf_init(&header, 2000);
	(void)buf_addf(&message, "%s" FIRST_BARE, l->gs2);
	peer_begin(p, mechanism);
	enum auth_step step = peer_send(p, message.data, message.len);
	if (step == AUTH_CHALLENGE) {
		take_first(p, &f);
		(void)buf_adds(&header, l->again != NULL ? l->again : l->gs2);
		(void)buf_add(&header, l->binding, l->binding ? 32 : 0);
		buf_clear(&message);
		(void)buf_adds(&message, "c=");
		(void)base64_encode(&message, header.data, header.len);
		(void)buf_addf(
		    &message, ",r=%s%s", l->nonce ? l->nonce : "", f.nonce);
		if (!l->no_proof)
			add_proof(&message, &f);
		step = peer_send(p, message.data, message.len);
	}
	buf_free(&message);
	buf_free(&header);
	return peer_code(p, step);
}

static const unsigned char other_binding[32] = "another one";

static void
test_F16_claims(void **state)
{
	static const char plus[] = "SCRAM-SHA-256-PLUS",
			  not [] = "SCRAM-SHA-256";
	static const struct {
		const char *mechanism;
		const char *type; /* of the channel, NULL: it has none */
		struct lie lie;
		int code;
	} cases[] = {
	    {not, "tls-exporter", {.gs2 = "n,,"}, 334},
	    {not, NULL, {.gs2 = "n,,"}, 334},
	    /* "I could, but you do not offer it." */
	    {not, NULL, {.gs2 = "y,,"}, 334},
	    {not, "tls-exporter", {.gs2 = "y,,"}, 535},
	    {not, "tls-unique", {.gs2 = "y,,"}, 535},
	    {not, "tls-exporter", {.gs2 = "n,,", .again = "y,,"}, 535},
	    {not, "tls-exporter", {.gs2 = "y,,", .again = "n,,"}, 535},
	    {not, NULL, {.gs2 = "n,,", .again = "y,,"}, 535},
	    {not, "tls-exporter", {.gs2 = "n,,", .binding = peer_binding}, 535},
	    {not, NULL, {.gs2 = "p=tls-exporter,,", .binding = peer_binding},
		535},
	    {not, "tls-exporter", {.gs2 = "n,,", .nonce = "x"}, 535},
	    {not, "tls-exporter", {.gs2 = "n,,", .no_proof = true}, 535},
	    {plus, "tls-exporter",
		{.gs2 = "p=tls-exporter,,", .binding = peer_binding}, 334},
	    {plus, "tls-unique",
		{.gs2 = "p=tls-unique,,", .binding = peer_binding}, 334},
	    {plus, "tls-exporter",
		{.gs2 = "p=tls-exporter,,", .binding = other_binding}, 535},
	    {plus, "tls-exporter", {.gs2 = "p=tls-exporter,,"}, 535},
	    {plus, "tls-exporter",
		{.gs2 = "p=tls-unique,,", .binding = peer_binding}, 535},
	    {plus, "tls-unique",
		{.gs2 = "p=tls-exporter,,", .binding = peer_binding}, 535},
	    {plus, "tls-exporter",
		{.gs2 = "p=tls-server-end-point,,", .binding = peer_binding},
		535},
	    {plus, "tls-exporter",
		{.gs2 = "p=tls-exporter,,",
		    .again = "p=tls-unique,,",
		    .binding = peer_binding},
		535},
	    {plus, "tls-exporter", {.gs2 = "n,,"}, 535},
	    {plus, "tls-exporter", {.gs2 = "y,,"}, 535},
	};
	struct peer p;
	(void)state;
	peer_open(&p);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		p.ch.binding_type = cases[i].type;
		int code = tell(&p, cases[i].mechanism, &cases[i].lie);
		if (code != cases[i].code)
			fail_msg("case %zu: %d", i, code);
		if (code != 334)
			continue;
		assert_string_equal(auth_user(p.x), "");
		assert_int_equal(peer_text(&p, "", 0), AUTH_DONE);
		assert_string_equal(auth_user(p.x), "bob");
	}
	/* The channel has one, but it is not offered: "y" is the truth. */
	conf_unref(p.c);
	p.c = peer_conf("SCRAM-SHA-256", false);
	p.ch.binding_type = "tls-exporter";
	assert_int_equal(tell(&p, not, &(struct lie){.gs2 = "y,,"}), 334);
	peer_close(&p);
}

static void
test_first_messages(void **state)
{
	static const char *const firsts[] = {"x,,n=bob,r=abcdefgh", "n,,n=bob",
	    "n,,r=abcdefgh", "n,,n=,r=abcdefgh", "n,,m=x,n=bob,r=abcdefgh", "n",
	    ",,", "n,,", "n,,n=bob,r=", "n,x,n=bob,r=abcdefgh"};
	struct peer p;
	(void)state;
	peer_open(&p);
	for (size_t i = 0; i < sizeof(firsts) / sizeof(*firsts); i++) {
		peer_begin(&p, "SCRAM-SHA-256");
		if (peer_code(
			&p, peer_send(&p, firsts[i], strlen(firsts[i]))) != 535)
			fail_msg("%s", firsts[i]);
	}
	peer_begin(&p, "SCRAM-SHA-256");
	assert_int_equal(
	    peer_code(&p, peer_send(&p, "n,,n=bob\0,r=abcdefgh", 20)), 535);
	peer_close(&p);
}

static void
test_LIB11_authzid(void **state)
{
	struct peer p;
	(void)state;
	peer_open(&p);
	assert_int_equal(
	    tell(&p, "SCRAM-SHA-256", &(struct lie){.gs2 = "n,a=bob,"}), 334);
	assert_int_equal(
	    tell(&p, "SCRAM-SHA-256", &(struct lie){.gs2 = "n,a=eve,"}), 535);
	assert_int_equal(
	    tell(&p, "SCRAM-SHA-256", &(struct lie){.gs2 = "n,a=root,"}), 535);
	peer_close(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_F16_claims),
	    cmocka_unit_test(test_first_messages),
	    cmocka_unit_test(test_LIB11_authzid),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

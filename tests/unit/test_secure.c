/* SPDX-License-Identifier: ISC */
/*
 * smtpd/secure.h against OpenSSL's client over a socket pair: handshakes
 * cut at every read, what is refused, contexts that change, full sockets.
 */
#include "secure_peer.h"

static struct identity server, other;

static void
test_octets_both_ways(void **state)
{
	static const int pieces[] = {1, 2, 7, 100, 4096};
	struct secure_context *c = context(&server, "modern", NULL);
	(void)state;
	for (int v = 0; v < 2; v++) {
		for (size_t i = 0; i < sizeof(pieces) / sizeof(int); i++) {
			struct pair p;
			char in[64];
			size_t n;
			pair_open(&p, c);
			(void)SSL_CTX_set_max_proto_version(
			    p.ctx, v ? TLS1_3_VERSION : TLS1_2_VERSION);
			pair_client(&p);
			assert_int_equal(
			    secure_read(p.server, in, sizeof(in), &n),
			    SECURE_FAILED); /* too early */
			assert_int_equal(
			    pair_handshake(&p, pieces[i]), SECURE_OK);
			while (pair_forward(&p, 4096) > 0)
				;
			assert_memory_equal(secure_describe(p.server),
			    v ? "TLSv1.3 TLS_" : "TLSv1.2 ECDHE", 12);
			assert_int_equal(SSL_write(p.client, "EHLO", 4), 4);
			do
				assert_true(pair_forward(&p, pieces[i]) > 0);
			while (secure_read(p.server, in, sizeof(in), &n) ==
			       SECURE_WANT_READ);
			assert_int_equal(n, 4);
			assert_memory_equal(in, "EHLO", 4);
			assert_int_equal(
			    secure_write(p.server, "250", 3, &n), SECURE_OK);
			assert_int_equal(n, 3);
			assert_int_equal(
			    secure_write(p.server, "", 0, &n), SECURE_OK);
			(void)pair_back(&p);
			assert_int_equal(SSL_read(p.client, in, sizeof(in)), 3);
			assert_memory_equal(in, "250", 3);
			pair_close(&p);
		}
	}
	secure_context_unref(c);
}

static struct secure_context *
open_secured(struct pair *p, int version)
{
	struct secure_context *c = context(&server, "modern", NULL);
	pair_open(p, c);
	(void)SSL_CTX_set_max_proto_version(p->ctx, version);
	pair_client(p);
	assert_int_equal(pair_handshake(p, 4096), SECURE_OK);
	while (pair_forward(p, 4096) > 0)
		;
	return c;
}

static void
test_ends(void **state)
{
	struct pair p;
	char in[16];
	size_t n;
	(void)state;
	struct secure_context *c = open_secured(&p, TLS1_3_VERSION);
	assert_int_equal(
	    secure_read(p.server, in, sizeof(in), &n), SECURE_WANT_READ);
	(void)SSL_shutdown(p.client);
	(void)pair_forward(&p, 4096);
	assert_int_equal(secure_read(p.server, in, sizeof(in), &n), SECURE_EOF);
	/* Half-closed: the answer still goes out (D22). */
	assert_int_equal(secure_write(p.server, "250", 3, &n), SECURE_OK);
	pair_close(&p);
	secure_context_unref(c);

	c = open_secured(&p, TLS1_2_VERSION);
	(void)close(p.fds[1]);
	p.fds[1] = -1;
	assert_int_equal(secure_read(p.server, in, sizeof(in), &n), SECURE_EOF);
	assert_int_equal(secure_write(p.server, "x", 1, &n), SECURE_FAILED);
	assert_int_equal(secure_write(p.server, "x", 1, &n), SECURE_FAILED);
	pair_close(&p);
	secure_context_unref(c);
}

static void
test_close_notify(void **state)
{
	struct pair p;
	char in[16];
	(void)state;
	struct secure_context *c = open_secured(&p, TLS1_3_VERSION);
	secure_free(p.server);
	p.server = NULL;
	(void)pair_back(&p);
	assert_int_equal(SSL_read(p.client, in, sizeof(in)), 0);
	assert_int_equal(SSL_get_error(p.client, 0), SSL_ERROR_ZERO_RETURN);
	pair_close(&p);
	secure_context_unref(c);
}

/* E23: clear octets behind close_notify, or in the middle, are not read. */
static void
test_E23_cleartext(void **state)
{
	for (int notify = 0; notify < 2; notify++) {
		struct pair p;
		char in[16];
		size_t n;
		(void)state;
		struct secure_context *c = open_secured(&p, TLS1_2_VERSION);
		if (notify)
			(void)SSL_shutdown(p.client);
		(void)pair_forward(&p, 4096);
		assert_int_equal(write(p.fds[1], "\r\n.\r\nQUIT\r\n", 11), 11);
		assert_int_equal(secure_read(p.server, in, sizeof(in), &n),
		    notify ? SECURE_EOF : SECURE_FAILED);
		assert_int_equal(n, 0);
		assert_int_not_equal(
		    secure_read(p.server, in, sizeof(in), &n), SECURE_OK);
		pair_close(&p);
		secure_context_unref(c);
	}
}

static enum secure_result
try(const char *profile, int max_version, const char *ciphers)
{
	struct secure_context *c = context(&server, profile, NULL);
	struct pair p;
	pair_open(&p, c);
	(void)SSL_CTX_set_min_proto_version(p.ctx, 0);
	(void)SSL_CTX_set_max_proto_version(p.ctx, max_version);
	assert_int_equal(SSL_CTX_set_cipher_list(p.ctx, ciphers), 1);
	pair_client(&p);
	enum secure_result r = pair_handshake(&p, 4096);
	if (r == SECURE_FAILED)
		assert_true(strlen(secure_describe(p.server)) > 0);
	pair_close(&p);
	secure_context_unref(c);
	return r;
}

static void
test_F06_versions_and_ciphers(void **state)
{
	static const struct {
		const char *profile;
		int version;
		const char *ciphers;
		enum secure_result want;
	} t[] = {
	    {"modern", TLS1_2_VERSION, "ALL", SECURE_OK},
	    {"modern", TLS1_1_VERSION, "ALL:@SECLEVEL=0", SECURE_FAILED},
	    {"modern", TLS1_VERSION, "ALL:@SECLEVEL=0", SECURE_FAILED},
	    {"legacy", TLS1_1_VERSION, "ALL:@SECLEVEL=0", SECURE_OK},
	    {"legacy", TLS1_VERSION, "ALL:@SECLEVEL=0", SECURE_OK},
	    {"legacy", TLS1_2_VERSION, "ALL", SECURE_OK},
	    {"modern", TLS1_2_VERSION, "aNULL:@SECLEVEL=0", SECURE_FAILED},
	    {"legacy", TLS1_2_VERSION, "aNULL:@SECLEVEL=0", SECURE_FAILED},
	    {"modern", TLS1_2_VERSION, "eNULL:@SECLEVEL=0", SECURE_FAILED},
	    {"legacy", TLS1_2_VERSION, "eNULL:@SECLEVEL=0", SECURE_FAILED},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (try(t[i].profile, t[i].version, t[i].ciphers) != t[i].want)
			fail_msg("%s %x %s", t[i].profile, t[i].version,
			    t[i].ciphers);
}

static void
test_F07_nothing_is_resumed(void **state)
{
	(void)state;
	for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++) {
		struct pair p;
		struct secure_context *c = open_secured(&p, v);
		/* Tickets of TLS 1.3 would come with the first read. */
		char in[16];
		(void)SSL_read(p.client, in, sizeof(in));
		SSL_SESSION *before = SSL_get1_session(p.client);
		assert_int_equal(SSL_SESSION_has_ticket(before), 0);
		assert_int_equal(SSL_SESSION_get_max_early_data(before), 0);
		assert_null(SSL_get_current_compression(p.client));
		pair_close(&p);
		pair_open(&p, c);
		(void)SSL_CTX_set_max_proto_version(p.ctx, v);
		pair_client(&p);
		(void)SSL_set_session(p.client, before);
		assert_int_equal(pair_handshake(&p, 4096), SECURE_OK);
		assert_int_equal(SSL_session_reused(p.client), 0);
		SSL_SESSION_free(before);
		pair_close(&p);
		secure_context_unref(c);
	}
}

static void
test_F07_renegotiation(void **state)
{
	struct pair p;
	char in[16];
	size_t n;
	(void)state;
	struct secure_context *c = open_secured(&p, TLS1_2_VERSION);
	assert_int_equal(SSL_renegotiate(p.client), 1);
	(void)SSL_do_handshake(p.client);
	assert_true(pair_forward(&p, 4096) > 0);
	assert_int_not_equal(
	    secure_read(p.server, in, sizeof(in), &n), SECURE_OK);
	/* An alert and no hello comes back. */
	assert_true(pair_back(&p) < 64);
	assert_int_not_equal(SSL_do_handshake(p.client), 1);
	pair_close(&p);
	secure_context_unref(c);
}

static void
test_F08_broken_keys(void **state)
{
	char *none = secure_path("none", ""), *torn = secure_path("torn", "");
	char *locked = secure_path("locked", "");
	const char *why;
	struct pair p;
	(void)state;
	FILE *f = fopen(torn, "w");
	(void)fputs("-----BEGIN CERTIFICATE-----\nMIIB\n", f);
	(void)fclose(f);
	f = fopen(locked, "w");
	assert_int_equal(PEM_write_PrivateKey(f, server.key, EVP_aes_128_cbc(),
			     (unsigned char *)none, 4, NULL, NULL),
	    1);
	(void)fclose(f);
	const struct {
		const char *crt, *key, *authorities, *why;
	} t[] = {
	    {none, server.pem, NULL, "no such"},
	    {server.crt, none, NULL, "no such"},
	    {torn, server.pem, NULL, "no certificate"},
	    {server.pem, server.pem, NULL, "no certificate"},
	    {server.crt, torn, NULL, "no private key"},
	    {server.crt, server.crt, NULL, "no private key"},
	    {server.crt, other.pem, NULL, "belong together"},
	    {server.crt, locked, NULL, "pass phrase"},
	    {server.crt, server.pem, none, "authorities"},
	    {server.crt, server.pem, torn, "authorities"},
	};
	struct secure_context *c = open_secured(&p, TLS1_3_VERSION);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_null(secure_context_new(
		    t[i].crt, t[i].key, "modern", t[i].authorities, &why));
		if (strstr(why, t[i].why) == NULL)
			fail_msg("%zu: %s", i, why);
	}
	/* A connection outlives the context that its listener had. */
	size_t n;
	secure_context_unref(c);
	secure_context_unref(NULL);
	assert_int_equal(secure_write(p.server, "250", 3, &n), SECURE_OK);
	pair_close(&p);
	(void)unlink(torn);
	(void)unlink(locked);
	free(none);
	free(torn);
	free(locked);
}

static void
test_D16_no_tls(void **state)
{
	static const char *const t[] = {"GET / HTTP/1.1\r\n\r\n",
	    "EHLO x\r\nMAIL FROM:<a@b>\r\n", "SSH-2.0-x\r\n",
	    "\x16\x03\x01\xff\xff\x01\xff\xff\xff.............",
	    "\x80\x2e\x01\x03\x01..........................................."};
	struct secure_context *c = context(&server, "modern", NULL);
	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct pair p;
		size_t len = strlen(t[i]), n;
		pair_open(&p, c);
		assert_int_equal(write(p.fds[1], t[i], len), len);
		if (secure_handshake(p.server) != SECURE_FAILED)
			fail_msg("no TLS %zu", i);
		assert_true(strlen(secure_describe(p.server)) > 0);
		assert_int_equal(secure_handshake(p.server), SECURE_FAILED);
		assert_int_equal(
		    secure_write(p.server, "x", 1, &n), SECURE_FAILED);
		pair_close(&p);
	}
	struct pair p;
	pair_open(&p, c);
	assert_int_equal(secure_handshake(p.server), SECURE_WANT_READ);
	(void)shutdown(p.fds[1], SHUT_WR);
	assert_int_equal(secure_handshake(p.server), SECURE_FAILED);
	assert_non_null(strstr(secure_describe(p.server), "clos"));
	pair_close(&p);
	secure_context_unref(c);
}

/* The common name of the certificate that a client gets for this name. */
static void
shown(struct secure_context *c, int version, const char *name, char out[64])
{
	struct pair p;
	pair_open(&p, c);
	(void)SSL_CTX_set_max_proto_version(p.ctx, version);
	pair_client(&p);
	if (name != NULL)
		assert_int_equal(SSL_set_tlsext_host_name(p.client, name), 1);
	assert_int_equal(pair_handshake(&p, 4096), SECURE_OK);
	(void)X509_NAME_get_text_by_NID(
	    X509_get_subject_name(SSL_get0_peer_certificate(p.client)),
	    NID_commonName, out, 64);
	pair_close(&p);
}

static void
test_F09_server_names(void **state)
{
	static const struct {
		const char *asked, *shown;
	} v[] = {
	    {NULL, "relay.test"},
	    {"nobody.test", "relay.test"},
	    {"mx.second.test", "second"},
	    {"MX.second.TEST", "second"},
	    {"second", "relay.test"}, /* a common name is no name */
	    {"x.second.test", "relay.test"},
	    {"a.wild.test", "wild"},
	    {"wild.test", "relay.test"},
	    {"a.b.wild.test", "relay.test"},
	    {"mx.wild.test", "second"}, /* exact, though it comes later */
	    {"part1.test", "relay.test"},
	    {"bad\tname", "relay.test"},
	};
	struct identity wild =
	    make_identity("wild", "DNS:*.wild.test,DNS:part*.test", NULL, 30);
	struct identity second = make_identity(
	    "second", "DNS:mx.second.test,DNS:mx.wild.test", NULL, 30);
	struct secure_context *c = context(&server, "modern", NULL);
	(void)state;
	secure_context_add(c, context(&wild, "modern", NULL));
	secure_context_add(c, context(&second, "modern", NULL));
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		char name[64];
		shown(c, TLS1_2_VERSION, v[i].asked, name);
		assert_string_equal(name, v[i].shown);
		shown(c, TLS1_3_VERSION, v[i].asked, name);
		assert_string_equal(name, v[i].shown);
	}
	secure_context_unref(c);
	free_identity(&wild);
	free_identity(&second);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_octets_both_ways),
	    cmocka_unit_test(test_ends),
	    cmocka_unit_test(test_close_notify),
	    cmocka_unit_test(test_E23_cleartext),
	    cmocka_unit_test(test_F06_versions_and_ciphers),
	    cmocka_unit_test(test_F07_nothing_is_resumed),
	    cmocka_unit_test(test_F07_renegotiation),
	    cmocka_unit_test(test_F08_broken_keys),
	    cmocka_unit_test(test_D16_no_tls),
	    cmocka_unit_test(test_F09_server_names),
	};
	(void)signal(SIGPIPE, SIG_IGN);
	if (mkdtemp(secure_place) == NULL)
		return 1;
	server = make_identity("relay.test", NULL, NULL, 30);
	other = make_identity("other.test", NULL, NULL, 30);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	free_identity(&server);
	free_identity(&other);
	(void)rmdir(secure_place);
	return failed;
}

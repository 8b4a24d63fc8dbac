/* SPDX-License-Identifier: ISC */
/*
 * smtpd/secure.h: what a handshake proves (bindings, certificates of
 * clients), server names as an enemy sends them, and what it costs when a
 * client does not read or only idles.
 */
#include <malloc.h>

#include "secure_peer.h"

static struct identity server, authority, stranger;

/* --- channel bindings --- */

static void
test_tls_exporter(void **state)
{
	struct secure_context *c = context(&server, "modern", NULL);
	struct auth_channel ch;
	struct pair p;
	unsigned char want[32];
	(void)state;
	pair_open(&p, c);
	pair_client(&p);
	secure_channel(p.server, &ch);
	assert_false(ch.tls);
	assert_int_equal(pair_handshake(&p, 4096), SECURE_OK);
	assert_string_equal(SSL_get_version(p.client), "TLSv1.3");
	secure_channel(p.server, &ch);
	assert_true(ch.tls);
	assert_null(ch.certificate_name);
	assert_string_equal(ch.binding_type, "tls-exporter");
	assert_int_equal(ch.binding_len, 32);
	/* RFC 9266: with a context, which is empty. */
	assert_int_equal(SSL_export_keying_material(p.client, want,
			     sizeof(want), "EXPORTER-Channel-Binding", 24,
			     (const unsigned char *)"", 0, 1),
	    1);
	assert_memory_equal(ch.binding, want, 32);
	pair_close(&p);
	secure_context_unref(c);
}

static void
test_tls_unique(void **state)
{
	struct secure_context *c = context(&server, "legacy", NULL);
	static const struct {
		int version;
		uint64_t options;
		bool bound;
	} t[] = {{TLS1_2_VERSION, 0, true},
	    /* Without extended master secret it proves nothing. */
	    {TLS1_2_VERSION, SSL_OP_NO_EXTENDED_MASTER_SECRET, false},
	    {TLS1_1_VERSION, 0, false}, {TLS1_VERSION, 0, false}};
	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct auth_channel ch;
		struct pair p;
		unsigned char want[64];
		pair_open(&p, c);
		(void)SSL_CTX_set_min_proto_version(p.ctx, 0);
		(void)SSL_CTX_set_max_proto_version(p.ctx, t[i].version);
		(void)SSL_CTX_set_options(p.ctx, t[i].options);
		assert_int_equal(
		    SSL_CTX_set_cipher_list(p.ctx, "ALL:@SECLEVEL=0"), 1);
		pair_client(&p);
		assert_int_equal(pair_handshake(&p, 4096), SECURE_OK);
		secure_channel(p.server, &ch);
		assert_true(ch.tls);
		assert_int_equal(ch.binding_type != NULL, t[i].bound);
		assert_int_equal(ch.binding != NULL, t[i].bound);
		if (t[i].bound) {
			size_t n = SSL_get_finished(p.client, want, 64);
			assert_string_equal(ch.binding_type, "tls-unique");
			assert_int_equal(ch.binding_len, n);
			assert_memory_equal(ch.binding, want, n);
		}
		pair_close(&p);
	}
	secure_context_unref(c);
}

/* --- certificates of clients --- */

/* The name that the listener takes from this certificate; "" for none. */
static void
assert_name(const struct identity *i, const char *want)
{
	for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++) {
		struct secure_context *c =
		    context(&server, "modern", authority.crt);
		struct auth_channel ch;
		struct pair p;
		pair_open(&p, c);
		(void)SSL_CTX_set_max_proto_version(p.ctx, v);
		if (i != NULL) {
			(void)SSL_CTX_use_certificate(p.ctx, i->certificate);
			(void)SSL_CTX_use_PrivateKey(p.ctx, i->key);
		}
		pair_client(&p);
		assert_int_equal(pair_handshake(&p, 4096), SECURE_OK);
		secure_channel(p.server, &ch);
		assert_string_equal(
		    ch.certificate_name != NULL ? ch.certificate_name : "",
		    want);
		pair_close(&p);
		secure_context_unref(c);
	}
}

static void
test_client_names(void **state)
{
	static const struct {
		const char *cn, *san;
		long days;
		bool known;
		const char *want;
	} t[] = {{"alice", NULL, 30, true, "alice"},
	    {"alice", "email:bob@example.com", 30, true, "bob@example.com"},
	    {"alice", "DNS:host.example.com", 30, true, "alice"},
	    {"alice", "email:a@b.c,email:d@e.f", 30, true, "alice"},
	    {"alice", NULL, -1, true, ""}, /* expired yesterday */
	    {"alice", NULL, 30, false, ""},
	    {"alice", "email:bob@example.com", 30, false, ""}};
	(void)state;
	assert_name(NULL, "");
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct identity client = make_identity(t[i].cn, t[i].san,
		    t[i].known ? &authority : &stranger, t[i].days);
		assert_name(&client, t[i].want);
		free_identity(&client);
	}
	struct identity itself = make_identity("alice", NULL, NULL, 30);
	assert_name(&itself, "");
	free_identity(&itself);
}

static void
test_client_names_that_are_odd(void **state)
{
	static const struct {
		const char *cn[2];
		int len[2];
	} t[] = {{{"root\0.example.com", NULL}, {17, 0}},
	    {{"alice", "root"}, {-1, -1}}};
	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		EVP_PKEY *key = EVP_EC_gen("P-256");
		X509 *x = blank_certificate(key, 30);
		for (int k = 0; k < 2 && t[i].cn[k] != NULL; k++)
			add_name(
			    X509_get_subject_name(x), t[i].cn[k], t[i].len[k]);
		struct identity client =
		    seal_certificate(x, key, &authority, "odd");
		assert_name(&client, "");
		free_identity(&client);
	}
}

/* --- server names --- */

static size_t
put16(unsigned char *p, size_t n)
{
	p[0] = (unsigned char)(n >> 8);
	p[1] = (unsigned char)n;
	return 2;
}

/* A ClientHello of TLS 1.2 with these octets as server_name extension, in
 * records of at most 16 KiB. */
static size_t
make_hello(unsigned char *out, const unsigned char *sni, size_t len)
{
	static unsigned char hello[70000];
	static const uint16_t other[] = {10, 4, 2, 23, /* P-256 */
	    13, 4, 2, 0x0403};                         /* ECDSA with SHA-256 */
	size_t n = 4, at = 0;
	memset(hello, 0, sizeof(hello));
	hello[0] = 1;
	n += put16(hello + n, 0x0303) + 32 + 1; /* random, no session id */
	n += put16(hello + n, 2);
	n += put16(hello + n, 0xc02b);
	hello[n++] = 1;
	hello[n++] = 0;
	n += put16(hello + n, sizeof(other) + 4 + len);
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		n += put16(hello + n, other[i]);
	n += put16(hello + n, 0);
	n += put16(hello + n, len);
	memcpy(hello + n, sni, len);
	n += len;
	hello[1] = (unsigned char)((n - 4) >> 16);
	(void)put16(hello + 2, (n - 4) & 0xffff);
	for (size_t done = 0; done < n;) {
		size_t part = n - done < 16384 ? n - done : 16384;
		out[at++] = 22;
		at += put16(out + at, 0x0301);
		at += put16(out + at, part);
		memcpy(out + at, hello + done, part);
		at += part;
		done += part;
	}
	return at;
}

static size_t
make_sni(unsigned char *out, const char *name, size_t len, size_t told)
{
	size_t n = put16(out, told + 3);
	out[n++] = 0;
	n += put16(out + n, told);
	memcpy(out + n, name, len);
	return n + len;
}

/* What comes of such a hello: an answer or an alert, never a crash. */
static enum secure_result
greet(struct secure_context *c, const unsigned char *sni, size_t len,
    size_t piece)
{
	static unsigned char hello[80000];
	struct pair p;
	enum secure_result r = SECURE_WANT_READ;
	size_t n = make_hello(hello, sni, len), at = 0;
	pair_open(&p, c);
	while (at < n && r == SECURE_WANT_READ) {
		size_t part = n - at < piece ? n - at : piece;
		assert_int_equal(write(p.fds[1], hello + at, part), part);
		at += part;
		r = secure_handshake(p.server);
	}
	char answer[6] = "";
	assert_true(read(p.fds[1], answer, sizeof(answer)) > 5);
	assert_int_equal(answer[0], r == SECURE_WANT_READ ? 22 : 21);
	pair_close(&p);
	return r;
}

static void
test_F09_server_names(void **state)
{
	static char big[65000];
	static unsigned char sni[66000];
	const struct {
		const char *name;
		size_t len, told;
		enum secure_result want;
	} t[] = {
	    {"relay.test", 10, 10, SECURE_WANT_READ},
	    {"RELAY.TEST.", 11, 11, SECURE_WANT_READ},
	    {"\\", 1, 1, SECURE_WANT_READ},
	    {"a\\\0b", 4, 4, SECURE_FAILED},
	    {"\\\0", 2, 2, SECURE_FAILED},
	    {"", 0, 0, SECURE_WANT_READ},
	    {"../../etc/passwd", 16, 16, SECURE_WANT_READ},
	    {"${run{x}}\r\n\x1b[2J\xff\xfe", 17, 17, SECURE_WANT_READ},
	    {"x", 1, 2, SECURE_FAILED},
	    {"xyz", 3, 2, SECURE_FAILED},
	    {"x", 1, 65000, SECURE_FAILED},
	    {big, 255, 255, SECURE_WANT_READ},
	    {big, 256, 256, SECURE_FAILED},
	    {big, 65000, 65000, SECURE_FAILED},
	};
	struct secure_context *c = context(&server, "modern", NULL);
	(void)state;
	memset(big, 'a', sizeof(big));
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		size_t n = make_sni(sni, t[i].name, t[i].len, t[i].told);
		enum secure_result r = greet(c, sni, n, 4096);
		if (r != t[i].want)
			fail_msg("server name %zu: %d", i, (int)r);
		if (n < 1000)
			assert_int_equal(greet(c, sni, n, 1), t[i].want);
	}
	secure_context_unref(c);
}

/* --- clients that do not read, and idle ones --- */

static void
test_H03_full_socket(void **state)
{
	static char data[1 << 20], got[1 << 20];
	struct secure_context *c = context(&server, "modern", NULL);
	struct pair p;
	size_t sent = 0, received = 0, n;
	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7 + i / 251);
	pair_open(&p, c);
	pair_client(&p);
	assert_int_equal(pair_handshake(&p, 4096), SECURE_OK);
	bool waited = false;
	while (received < sizeof(data)) {
		enum secure_result r = SECURE_OK;
		/* Each time from another place in memory. */
		while (sent < sizeof(data) && r == SECURE_OK) {
			char *copy = malloc(sizeof(data) - sent);
			memcpy(copy, data + sent, sizeof(data) - sent);
			r = secure_write(
			    p.server, copy, sizeof(data) - sent, &n);
			free(copy);
			sent += n;
		}
		assert_true(r == SECURE_OK || r == SECURE_WANT_WRITE);
		waited |= r == SECURE_WANT_WRITE;
		assert_true(pair_back(&p) > 0);
		int k;
		while ((k = SSL_read(p.client, got + received,
			    (int)(sizeof(got) - received))) > 0)
			received += (size_t)k;
	}
	assert_true(waited);
	assert_memory_equal(got, data, sizeof(data));
	pair_close(&p);
	secure_context_unref(c);
}

/* 1,000 idle sessions must fit into 120 MiB: 60 kB each are ours here. */
static void
test_idle_memory(void **state)
{
	enum { N = 50 };
	struct secure_context *c = context(&server, "modern", NULL);
	struct pair p[N];
	size_t before = 0;
	(void)state;
	for (int i = 0; i < N; i++) {
		/* The first ones fill caches. */
		if (i == 10)
			before = mallinfo2().uordblks;
		pair_open(&p[i], c);
		pair_client(&p[i]);
		assert_int_equal(pair_handshake(&p[i], 4096), SECURE_OK);
		SSL_free(p[i].client);
		SSL_CTX_free(p[i].ctx);
		p[i].client = NULL;
		p[i].ctx = NULL;
	}
	size_t each = (mallinfo2().uordblks - before) / (N - 10);
	print_message("idle TLS session: %zu octets\n", each);
	assert_true(each < 60000);
	for (int i = 0; i < N; i++)
		pair_close(&p[i]);
	secure_context_unref(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_tls_exporter),
	    cmocka_unit_test(test_tls_unique),
	    cmocka_unit_test(test_client_names),
	    cmocka_unit_test(test_client_names_that_are_odd),
	    cmocka_unit_test(test_F09_server_names),
	    cmocka_unit_test(test_H03_full_socket),
	    cmocka_unit_test(test_idle_memory),
	};
	(void)signal(SIGPIPE, SIG_IGN);
	if (mkdtemp(secure_place) == NULL)
		return 1;
	server = make_identity("relay.test", NULL, NULL, 30);
	authority = make_identity("authority", NULL, NULL, 30);
	stranger = make_identity("stranger", NULL, NULL, 30);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	free_identity(&server);
	free_identity(&authority);
	free_identity(&stranger);
	(void)rmdir(secure_place);
	return failed;
}

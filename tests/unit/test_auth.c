/* SPDX-License-Identifier: ISC */
/* AUTH: offers, PLAIN, LOGIN, EXTERNAL, passwords, the thread's queue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/limits.h"

#include "auth_peer.h"

static void
test_F04_offers(void **state)
{
	static const struct {
		const char *mechanisms;
		bool tls, without_tls, binding;
		const char *certificate, *offer;
	} cases[] = {
	    {ALL_MECHANISMS, true, false, true, "bob", ALL_MECHANISMS},
	    {ALL_MECHANISMS, true, false, true, NULL,
		"SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN"},
	    {ALL_MECHANISMS, true, false, false, "nobody",
		"SCRAM-SHA-256 PLAIN LOGIN"},
	    {ALL_MECHANISMS, false, false, true, "bob", ""},
	    {ALL_MECHANISMS, false, true, true, "bob",
		"SCRAM-SHA-256 PLAIN LOGIN"},
	    {"LOGIN PLAIN", true, false, true, "bob", "PLAIN LOGIN"},
	    {"SCRAM-SHA-256-PLUS", true, false, true, "bob",
		"SCRAM-SHA-256-PLUS"},
	    {"SCRAM-SHA-256-PLUS", true, false, false, "bob", ""},
	    {"EXTERNAL", true, false, false, "bob", "EXTERNAL"},
	    {"", true, true, true, "bob", ""},
	};
	struct peer p;
	char out[128];
	(void)state;
	peer_open(&p);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		conf_unref(p.c);
		p.c = peer_conf(cases[i].mechanisms, cases[i].without_tls);
		p.ch.tls = cases[i].tls;
		p.ch.binding = cases[i].binding ? peer_binding : NULL;
		p.ch.certificate_name = cases[i].certificate;
		auth_mechanisms(p.c, p.u, &p.ch, out, sizeof(out));
		if (strcmp(out, cases[i].offer) != 0)
			fail_msg("case %zu: \"%s\"", i, out);
		/* What is not offered does not begin. */
		peer_begin(&p, "PLAIN");
		assert_int_equal(peer_code(&p, peer_text(&p, NULL, 0)),
		    strstr(out, "PLAIN") != NULL ? 334 : 504);
	}
	peer_close(&p);
}

static void
test_F10_other_mechanisms(void **state)
{
	static const char *const others[] = {"ANONYMOUS", "EXTERNAL", "SECURID",
	    "DIGEST-MD5", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS",
	    "SAML20", "OPENID20", "GSSAPI", "GS2-KRB5", "NTLM", "", "plain",
	    "PLAIN ", "PLAINX", "SCRAM-SHA-256-PLU"};
	struct peer p;
	char name[301];
	(void)state;
	peer_open(&p);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		peer_begin(&p, others[i]);
		if (peer_code(&p, peer_text(&p, "Ym9i", 4)) != 504)
			fail_msg("%s: %d", others[i], p.st.code);
	}
	memset(name, 'A', sizeof(name));
	name[300] = '\0';
	peer_begin(&p, name);
	assert_int_equal(peer_code(&p, peer_text(&p, NULL, 0)), 504);
	peer_close(&p);
}

static void
test_F11_plain(void **state)
{
	static const struct {
		const char *message;
		size_t len;
		int code;
	} cases[] = {
#define M(text, code) {text, sizeof(text) - 1, code}
	    M("\0bob\0secret", 235),
	    M("bob\0bob\0secret", 235),
	    M("eve\0bob\0secret", 535),
	    M("bob\0eve\0secret", 535),
	    M("bo\0bob\0secret", 535),
	    M("bobb\0bob\0secret", 535),
	    M("\0bob\0Secret", 535),
	    M("\0bob\0secre", 535),
	    M("\0bob\0secret ", 535),
	    M("\0bob\0secret\r\n", 535),
	    M("\0bob\0", 535),
	    M("\0\0secret", 535),
	    M("\0\0", 535),
	    M("\0bob\0secret\0", 535),
	    M("\0bob\0secret\0x", 535),
	    M("\0\0bob\0secret", 535),
	    M("\0bobsecret", 535),
	    M("bob\0secret", 535),
	    M("bob", 535),
	    M("", 535),
	    M("\0Bob\0secret", 535),
	    M("\0bob\r\n\0secret", 535),
	    M("\0bob\033[1m\0secret", 535),
	    M("\0nobody\0secret", 535),
	    M("\0bob\0\xff\xfe", 535),
#undef M
	};
	struct peer p;
	(void)state;
	peer_open(&p);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int code = peer_plain(&p, cases[i].message, cases[i].len);
		if (code != cases[i].code)
			fail_msg("case %zu: %d", i, code);
		if (code == 235)
			assert_string_equal(auth_user(p.x), "bob");
		/* The same by way of an empty challenge. */
		peer_begin(&p, "PLAIN");
		assert_int_equal(peer_text(&p, NULL, 0), AUTH_CHALLENGE);
		assert_int_equal(p.out.len, 0);
		assert_int_equal(peer_code(&p, peer_send(&p, cases[i].message,
						   cases[i].len)),
		    cases[i].code);
	}
	peer_close(&p);
}

static void
test_F11_texts(void **state)
{
	static const char *const bad[] = {"*", "==", "A", "AGJvYgBzZWNyZXQ",
	    "AGJvYgBzZWNyZXR=", " AGJvYgBzZWNyZXQ=", "AGJvYgBzZWNyZXQ= ",
	    "AGJv\r\nYgBz"};
	struct peer p;
	char *large = malloc(65536);
	(void)state;
	peer_open(&p);
	peer_begin(&p, "PLAIN");
	assert_int_equal(
	    peer_code(&p, peer_text(&p, "AGJvYgBzZWNyZXQ=", 16)), 235);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		peer_begin(&p, "PLAIN");
		assert_int_equal(
		    peer_code(&p, peer_text(&p, bad[i], strlen(bad[i]))), 501);
		assert_string_equal(p.st.enhanced, "5.5.2");
	}
	/* "=" is an empty initial response, but no empty line. */
	peer_begin(&p, "PLAIN");
	assert_int_equal(peer_code(&p, peer_text(&p, "=", 1)), 535);
	peer_begin(&p, "PLAIN");
	assert_int_equal(peer_text(&p, NULL, 0), AUTH_CHALLENGE);
	assert_int_equal(peer_code(&p, peer_text(&p, "=", 1)), 501);
	memset(large, 'A', 65536);
	peer_begin(&p, "PLAIN");
	assert_int_equal(peer_code(&p, peer_text(&p, large, 65536)), 501);
	peer_begin(&p, "LOGIN");
	assert_int_equal(peer_text(&p, NULL, 0), AUTH_CHALLENGE);
	assert_int_equal(peer_code(&p, peer_text(&p, large, 65536)), 501);
	free(large);
	peer_close(&p);
}

static void
test_login(void **state)
{
	struct peer p;
	(void)state;
	peer_open(&p);
	peer_begin(&p, "LOGIN");
	assert_int_equal(peer_text(&p, NULL, 0), AUTH_CHALLENGE);
	assert_string_equal(buf_str(&p.out), "VXNlcm5hbWU6");
	assert_int_equal(peer_text(&p, "Ym9i", 4), AUTH_CHALLENGE);
	assert_string_equal(buf_str(&p.out), "UGFzc3dvcmQ6");
	assert_int_equal(peer_text(&p, "c2VjcmV0", 8), AUTH_DONE);
	assert_string_equal(auth_user(p.x), "bob");
	/* The initial response is the name (libgsasl would drop it). */
	peer_begin(&p, "LOGIN");
	assert_int_equal(peer_text(&p, "Ym9i", 4), AUTH_CHALLENGE);
	assert_string_equal(buf_str(&p.out), "UGFzc3dvcmQ6");
	assert_int_equal(peer_text(&p, "c2VjcmV0", 8), AUTH_DONE);

	assert_int_equal(peer_login(&p, "bob", "other"), 535);
	assert_int_equal(peer_login(&p, "eve", "secret"), 535);
	assert_int_equal(peer_login(&p, "bob", ""), 535);
	assert_int_equal(peer_login(&p, "", "secret"), 535);
	assert_int_equal(peer_login(&p, "nobody", "secret"), 535);
	peer_begin(&p, "LOGIN");
	assert_int_equal(peer_code(&p, peer_send(&p, "bob\0", 4)), 535);
	peer_begin(&p, "LOGIN");
	assert_int_equal(peer_text(&p, "=", 1), AUTH_CHALLENGE);
	assert_int_equal(peer_code(&p, peer_text(&p, "c2VjcmV0", 8)), 535);
	peer_close(&p);
}

static void
test_F11_passwords(void **state)
{
	static const struct {
		const char *stored, *given;
		int code;
	} cases[] = {
	    {"x", "x", 235},
	    {"a b", "a b", 235},
	    {"p\xc3\xa4ssw\xc3\xb6rd", "p\xc3\xa4ssw\xc3\xb6rd", 235},
	    /* SASLprep: decomposed, soft hyphen, no-break space. */
	    {"p\xc3\xa4ss", "pa\xcc\x88ss", 235},
	    {"pa\xcc\x88ss", "p\xc3\xa4ss", 235},
	    {"secret", "sec\xc2\xadret", 235},
	    {"a b",
		"a\xc2\xa0"
		"b",
		235},
	    {"IX", "\xe2\x85\xa8", 235},
	    {"p\xc3\xa4ss", "p\xe4ss", 535},
	    {"secret", "\xc2\xad", 535},
	    {"secret", "secret\x7f", 535},
	};
	struct peer p;
	(void)state;
	peer_open(&p);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf text;
		buf_init(&text, 1000);
		peer_line(&text, "u", cases[i].stored, PEER_ITERATIONS);
		users_free(p.u);
		p.u = peer_users(&text);
		buf_free(&text);
		if (peer_password(&p, "u", cases[i].given) != cases[i].code)
			fail_msg("PLAIN, case %zu: %d", i, p.st.code);
		if (peer_login(&p, "u", cases[i].given) != cases[i].code)
			fail_msg("LOGIN, case %zu: %d", i, p.st.code);
	}
	peer_close(&p);
}

static void
test_F11_long_passwords(void **state)
{
	struct peer p;
	struct buf text;
	char password[PASSWORD_MAX + 2];
	(void)state;
	peer_open(&p);
	buf_init(&text, 1000);
	memset(password, 'p', sizeof(password));
	password[PASSWORD_MAX] = '\0';
	peer_line(&text, "u", password, PEER_ITERATIONS);
	users_free(p.u);
	p.u = peer_users(&text);
	assert_int_equal(peer_password(&p, "u", password), 235);
	assert_int_equal(peer_login(&p, "u", password), 235);
	password[PASSWORD_MAX] = 'p';
	password[PASSWORD_MAX + 1] = '\0';
	assert_int_equal(peer_password(&p, "u", password), 535);
	assert_int_equal(peer_login(&p, "u", password), 535);
	/* As many combining marks as go in: no time to speak of. */
	for (size_t i = 0; i + 1 < PASSWORD_MAX; i += 2)
		memcpy(password + i, i % 4 ? "\xcc\xa3" : "\xcc\x81", 2);
	password[PASSWORD_MAX] = '\0';
	assert_int_equal(peer_password(&p, "u", password), 535);
	buf_free(&text);
	peer_close(&p);
}

static void
test_external(void **state)
{
	static const struct {
		const char *certificate, *text;
		int code;
	} cases[] = {
	    {"bob", "=", 235},
	    {"bob", "", 235},
	    {"bob", "Ym9i", 235},
	    {"bob", "ZXZl", 535},
	    {"bob", "Ym9iAA==", 535},
	    {"bob", "*", 501},
	    {"nobody", "=", 504},
	    {NULL, "=", 504},
	    {NULL, "Ym9i", 504},
	};
	struct peer p;
	(void)state;
	peer_open(&p);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		p.ch.certificate_name = cases[i].certificate;
		peer_begin(&p, "EXTERNAL");
		const char *t = cases[i].text;
		if (peer_code(&p, peer_text(&p, t, strlen(t))) != cases[i].code)
			fail_msg("case %zu: %d", i, p.st.code);
	}
	p.ch.certificate_name = "bob";
	peer_begin(&p, "EXTERNAL");
	assert_int_equal(peer_text(&p, NULL, 0), AUTH_CHALLENGE);
	assert_int_equal(p.out.len, 0);
	assert_int_equal(peer_text(&p, "", 0), AUTH_DONE);
	assert_string_equal(auth_user(p.x), "bob");
	peer_close(&p);
}

static void
test_F12_after_the_end(void **state)
{
	struct peer p;
	(void)state;
	peer_open(&p);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(peer_password(&p, "bob", "wrong"), 535);
		assert_int_equal(
		    peer_code(&p, peer_text(&p, "AGJvYgBzZWNyZXQ=", 16)), 503);
		assert_int_equal(peer_login(&p, "bob", "wrong"), 535);
		assert_int_equal(
		    peer_code(&p, peer_text(&p, "c2VjcmV0", 8)), 503);
		peer_begin(&p, "SCRAM-SHA-256");
		assert_int_equal(
		    peer_code(&p, peer_send(&p, "n,,x=y", 6)), 535);
		assert_int_equal(peer_code(&p, peer_text(&p, "", 0)), 503);
	}
	assert_int_equal(peer_password(&p, "bob", "secret"), 235);
	peer_close(&p);
}

static void
test_F14_same_words(void **state)
{
	struct peer p;
	struct status wrong;
	(void)state;
	peer_open(&p);
	assert_int_equal(peer_password(&p, "bob", "wrong"), 535);
	wrong = p.st;
	assert_string_equal(wrong.enhanced, "5.7.8");
	assert_string_equal(wrong.text, "Authentication credentials invalid");
	assert_string_equal(auth_claimed(p.x), "bob");
	assert_int_equal(peer_password(&p, "nobody", "wrong"), 535);
	assert_memory_equal(&wrong.text, p.st.text, strlen(wrong.text) + 1);
	assert_string_equal(auth_claimed(p.x), "nobody");
	assert_int_equal(peer_login(&p, "nobody", "wrong"), 535);
	assert_string_equal(wrong.text, p.st.text);
	assert_int_equal(peer_plain(&p, "eve\0bob\0secret", 14), 535);
	assert_string_equal(wrong.text, p.st.text);
	/* No users at all. */
	users_free(p.u);
	p.u = NULL;
	assert_int_equal(peer_password(&p, "bob", "secret"), 535);
	assert_string_equal(wrong.text, p.st.text);
	peer_close(&p);
}

static void
test_F17_users_are_replaced(void **state)
{
	struct peer p;
	(void)state;
	peer_open(&p);
	peer_begin(&p, "LOGIN");
	assert_int_equal(peer_text(&p, NULL, 0), AUTH_CHALLENGE);
	users_free(p.u); /* a reload */
	p.u = NULL;
	assert_int_equal(peer_text(&p, "Ym9i", 4), AUTH_CHALLENGE);
	assert_int_equal(peer_text(&p, "c2VjcmV0", 8), AUTH_DONE);
	assert_string_equal(auth_user(p.x), "bob");
	peer_close(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_F04_offers),
	    cmocka_unit_test(test_F10_other_mechanisms),
	    cmocka_unit_test(test_F11_plain),
	    cmocka_unit_test(test_F11_texts),
	    cmocka_unit_test(test_login),
	    cmocka_unit_test(test_F11_passwords),
	    cmocka_unit_test(test_F11_long_passwords),
	    cmocka_unit_test(test_external),
	    cmocka_unit_test(test_F12_after_the_end),
	    cmocka_unit_test(test_F14_same_words),
	    cmocka_unit_test(test_F17_users_are_replaced),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

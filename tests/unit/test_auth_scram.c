/* SPDX-License-Identifier: ISC */
/*
 * SCRAM against libgsasl's client: proofs, channel binding, names that are
 * no users.  test_auth_binding.c has a client that is less honest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth_peer.h"

/* What the client believes. */
struct client {
	const char *authid, *authzid, *password;
	const unsigned char *exporter, *unique; /* 32 octets; NULL: none */
	bool with_initial;                      /* an initial response */
	const char *last; /* instead of the empty line, or NULL */
};

struct talk {
	int code;
	int lines;        /* of challenges */
	char first[200];  /* the server's first message */
	bool client_done; /* it has verified the server */
};

static int
client_callback(Gsasl *g, Gsasl_session *s, Gsasl_property p)
{
	const struct client *c = gsasl_session_hook_get(s);
	const char *value = NULL;
	struct buf b;
	(void)g;
	buf_init(&b, 100);
	if (p == GSASL_AUTHID)
		value = c->authid;
	else if (p == GSASL_AUTHZID)
		value = c->authzid;
	else if (p == GSASL_PASSWORD)
		value = c->password;
	const unsigned char *binding = p == GSASL_CB_TLS_EXPORTER ? c->exporter
				       : p == GSASL_CB_TLS_UNIQUE ? c->unique
								  : NULL;
	if (binding != NULL) {
		assert_int_equal(base64_encode(&b, binding, 32), 0);
		value = buf_str(&b);
	}
	int rc =
	    value != NULL ? gsasl_property_set(s, p, value) : GSASL_NO_CALLBACK;
	buf_free(&b);
	return rc;
}

/* The client's next message in base64; "" when it has none. */
static void
client_says(Gsasl_session *s, const char *challenge, char out[2000], int *rc)
{
	char *text = NULL;
	*rc = gsasl_step64(s, challenge, &text);
	(void)snprintf(out, 2000, "%s", text != NULL ? text : "");
	gsasl_free(text);
}

static void
talk_on(struct peer *p, const struct client *c, Gsasl_session *s,
    struct talk *t, char line[2000])
{
	int rc = GSASL_NEEDS_MORE;
	enum auth_step step;
	size_t n;
	if (!c->with_initial) {
		assert_int_equal(peer_text(p, NULL, 0), AUTH_CHALLENGE);
		assert_int_equal(p->out.len, 0);
		t->lines++;
	}
	while ((step = peer_text(p, line, strlen(line))) == AUTH_CHALLENGE) {
		t->lines++;
		assert_true(t->lines < 10);
		if (t->first[0] == '\0')
			assert_int_equal(
			    base64_decode(buf_str(&p->out), p->out.len,
				t->first, sizeof(t->first) - 1, &n),
			    0);
		client_says(s, buf_str(&p->out), line, &rc);
		t->client_done = rc == GSASL_OK;
		if (rc == GSASL_OK && c->last != NULL)
			(void)snprintf(line, 2000, "%s", c->last);
		else if (rc != GSASL_OK && rc != GSASL_NEEDS_MORE)
			(void)snprintf(line, 2000, "*");
	}
	t->code = peer_code(p, step);
}

static struct talk
talk(struct peer *p, const char *mechanism, const struct client *c)
{
	Gsasl *g;
	Gsasl_session *s;
	struct talk t = {0};
	char line[2000];
	int rc;
	assert_int_equal(gsasl_init(&g), GSASL_OK);
	gsasl_callback_set(g, client_callback);
	assert_int_equal(gsasl_client_start(g, mechanism, &s), GSASL_OK);
	gsasl_session_hook_set(s, (void *)c);
	client_says(s, "", line, &rc);
	peer_begin(p, mechanism);
	talk_on(p, c, s, &t, line);
	gsasl_finish(s);
	gsasl_done(g);
	return t;
}

static const unsigned char other_binding[32] = "another one";

static void
test_scram(void **state)
{
	struct peer p;
	struct client c = {.authid = "bob", .password = "secret"};
	(void)state;
	peer_open(&p);
	for (int i = 0; i < 2; i++) {
		c.with_initial = i == 1;
		struct talk t = talk(&p, "SCRAM-SHA-256", &c);
		assert_int_equal(t.code, 235);
		/* The server's proof comes in a 334 of its own. */
		assert_int_equal(t.lines, c.with_initial ? 2 : 3);
		assert_true(t.client_done);
		assert_string_equal(auth_user(p.x), "bob");
	}
	c.authzid = "bob";
	assert_int_equal(talk(&p, "SCRAM-SHA-256", &c).code, 235);
	c.authzid = "eve";
	assert_int_equal(talk(&p, "SCRAM-SHA-256", &c).code, 535);
	c.authzid = NULL;
	c.password = "wrong";
	assert_int_equal(talk(&p, "SCRAM-SHA-256", &c).code, 535);
	c.authid = "nobody";
	assert_int_equal(talk(&p, "SCRAM-SHA-256", &c).code, 535);
	assert_string_equal(p.st.text, "Authentication credentials invalid");
	assert_string_equal(auth_claimed(p.x), "nobody");
	c = (struct client){
	    .authid = "bob", .password = "secret", .last = "eHh4"};
	assert_int_equal(talk(&p, "SCRAM-SHA-256", &c).code, 535);
	c.last = "*";
	assert_int_equal(talk(&p, "SCRAM-SHA-256", &c).code, 501);
	peer_close(&p);
}

static void
test_scram_passwords(void **state)
{
	static const char *const passwords[] = {
	    "x", "p\xc3\xa4ssw\xc3\xb6rd", "pa\xcc\x88ss", "a,b=c"};
	struct peer p;
	(void)state;
	peer_open(&p);
	for (size_t i = 0; i < sizeof(passwords) / sizeof(*passwords); i++) {
		struct buf text;
		buf_init(&text, 1000);
		peer_line(&text, "u=x", passwords[i], PEER_ITERATIONS);
		users_free(p.u);
		p.u = peer_users(&text);
		buf_free(&text);
		struct client c = {.authid = "u=x", .password = passwords[i]};
		assert_int_equal(talk(&p, "SCRAM-SHA-256", &c).code, 235);
		assert_string_equal(auth_user(p.x), "u=x");
	}
	peer_close(&p);
}

static void
test_binding(void **state)
{
	static const struct {
		const char *offered; /* the type that the server has */
		const char *mechanism;
		const unsigned char *exporter, *unique;
		int code;
	} cases[] = {
	    {"tls-exporter", "SCRAM-SHA-256-PLUS", peer_binding, NULL, 235},
	    {"tls-unique", "SCRAM-SHA-256-PLUS", NULL, peer_binding, 235},
	    {"tls-exporter", "SCRAM-SHA-256-PLUS", other_binding, NULL, 535},
	    {"tls-unique", "SCRAM-SHA-256-PLUS", NULL, other_binding, 535},
	    {"tls-exporter", "SCRAM-SHA-256-PLUS", NULL, peer_binding, 535},
	    {"tls-unique", "SCRAM-SHA-256-PLUS", peer_binding, NULL, 535},
	    {"tls-exporter", "SCRAM-SHA-256", NULL, NULL, 235},
	    {NULL, "SCRAM-SHA-256-PLUS", peer_binding, NULL, 504},
	};
	struct peer p;
	(void)state;
	peer_open(&p);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct client c = {.authid = "bob",
		    .password = "secret",
		    .exporter = cases[i].exporter,
		    .unique = cases[i].unique,
		    .with_initial = true};
		p.ch.binding_type = cases[i].offered;
		struct talk t = talk(&p, cases[i].mechanism, &c);
		if (t.code != cases[i].code)
			fail_msg("case %zu: %d", i, t.code);
	}
	peer_close(&p);
}

static void
test_steps_are_bounded(void **state)
{
	struct peer p;
	(void)state;
	peer_open(&p);
	peer_begin(&p, "SCRAM-SHA-256");
	assert_int_equal(peer_text(&p, NULL, 0), AUTH_CHALLENGE);
	assert_int_equal(peer_code(&p, peer_text(&p, "", 0)), 535);
	peer_begin(&p, "SCRAM-SHA-256");
	assert_int_equal(peer_code(&p, peer_text(&p, "=", 1)), 535);
	peer_close(&p);
}

/* "i=4096" and the salt of a name, as the server shows them. */
static void
shown(struct peer *p, const char *name, char out[200])
{
	struct client c = {
	    .authid = name, .password = "wrong", .with_initial = true};
	struct talk t = talk(p, "SCRAM-SHA-256", &c);
	assert_int_equal(t.code, 535);
	assert_int_equal(t.lines, 1);
	(void)snprintf(out, 200, "%s", strstr(t.first, ",s="));
}

static void
replace_users(struct peer *p, const char *salt_key, unsigned iterations)
{
	struct buf text;
	buf_init(&text, 1000);
	(void)buf_adds(&text, salt_key);
	peer_line(&text, "bob", "secret", iterations);
	users_free(p->u);
	p->u = peer_users(&text);
	buf_free(&text);
}

static void
test_F14_unknown_users(void **state)
{
	static const char *const salt_keys[] = {
	    "", "# salt-key: MDEyMzQ1Njc4OWFiY2RlZg==\n"};
	struct peer p, q;
	char bob[200], one[200], again[200], two[200];
	(void)state;
	peer_open(&p);
	peer_open(&q); /* another worker, or after a restart */
	for (size_t i = 0; i < 2; i++) {
		replace_users(&p, salt_keys[i], 5000);
		replace_users(&q, salt_keys[i], 5000);
		shown(&p, "bob", bob);
		shown(&p, "one", one);
		/* Stable, one name unlike the other, of the same form. */
		shown(&p, "one", again);
		assert_string_equal(one, again);
		shown(&q, "one", again);
		assert_string_equal(one, again);
		shown(&p, "two", two);
		assert_string_not_equal(one, two);
		assert_string_not_equal(one, bob);
		assert_int_equal(strlen(one), strlen(bob));
		assert_non_null(strstr(one, ",i=5000"));
		assert_non_null(strstr(bob, ",i=5000"));
	}
	/* With a key, a new verifier of bob changes nothing for others. */
	struct buf text;
	buf_init(&text, 1000);
	(void)buf_adds(&text, salt_keys[1]);
	peer_line(&text, "bob", "changed", 5000);
	users_free(p.u);
	p.u = peer_users(&text);
	shown(&p, "one", again);
	assert_string_equal(one, again);
	buf_free(&text);
	/* Nobody there: stable at least within the process. */
	users_free(p.u);
	p.u = NULL;
	shown(&p, "one", one);
	shown(&p, "one", again);
	assert_string_equal(one, again);
	assert_non_null(strstr(one, ",i=10000"));
	peer_close(&p);
	peer_close(&q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_scram),
	    cmocka_unit_test(test_scram_passwords),
	    cmocka_unit_test(test_binding),
	    cmocka_unit_test(test_steps_are_bounded),
	    cmocka_unit_test(test_F14_unknown_users),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

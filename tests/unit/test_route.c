/* SPDX-License-Identifier: ISC */
/* Routing: local, remote entry, smart host, MX; keys; host specifications. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "conf/conf_read.h"
#include "conf/route.h"

static const char table[] = "example.com local default\n"
			    "example.net alias\n"
			    "corp.test remote host=Hub.corp.test:26\n"
			    "*.corp.test remote host=[192.0.2.9] user=u "
			    "secret-file=/s\n"
			    "twin.test remote host=[192.0.2.9] user=u "
			    "secret-file=/s\n"
			    "mx.test remote route=mx tls=verify\n"
			    "smart.test remote route=smarthost\n";

#define HOST "hostname = mx.example.org\n"
#define SMART                                                             \
	"smarthost { hosts = { \"[192.0.2.25]:587\" } user = me "         \
	"secret-file = /m }\n"                                            \
	"smarthost \"sales\" { hosts = { a.test, \"B.test\" } senders = " \
	"{ \"x@s.test\", \"t.test\", \"*.u.test\", \"@v.test\" } "        \
	"tls = require }\n"

static struct conf *
conf(const char *text)
{
	struct faults f;
	faults_init(&f);
	struct conf *c = conf_read("w", text, strlen(text), 0, &f);
	if (c == NULL)
		fail_msg("%s", buf_str(&f.text));
	c->table = table_read(
	    "d", alloc_string(table, strlen(table)), strlen(table), 0, &f);
	if (c->table == NULL)
		fail_msg("%s", buf_str(&f.text));
	return c;
}

struct expected {
	const char *domain, *sender;
	enum way way;
	const char *key;
};

static void
check(const struct conf *c, const struct expected *e, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct route r;
		struct buf key;
		route_find(c, e[i].domain, e[i].sender, &r);
		buf_init(&key, 10000);
		route_key(&r, e[i].domain, &key);
		if (r.way != e[i].way || strcmp(buf_str(&key), e[i].key) != 0)
			fail_msg("%s: way %d, key %s", e[i].domain, (int)r.way,
			    buf_str(&key));
		assert_true((r.session == NULL) == (r.way == WAY_LOCAL));
		buf_free(&key);
	}
}

#define CHECK(c, e) check(c, e, sizeof(e) / sizeof((e)[0]))

static void
test_no_smarthost(void **state)
{
	static const struct expected e[] = {
	    {"", NULL, WAY_LOCAL, "local"},
	    {"EXAMPLE.com", NULL, WAY_LOCAL, "local"},
	    {"example.net", NULL, WAY_LOCAL, "local"},
	    {"Other.test", "a@b", WAY_MX, "mx other.test"},
	    {"[192.0.2.1]", NULL, WAY_MX, "mx [192.0.2.1]"},
	    {"corp.test", NULL, WAY_HOST, "host hub.corp.test:26"},
	    {"mx.test", NULL, WAY_MX, "mx mx.test tls=verify"},
	    {"a.corp.test", NULL, WAY_HOST,
		"host [192.0.2.9] tls=verify user=u secret-file=/s"},
	    {"twin.test", NULL, WAY_HOST,
		"host [192.0.2.9] tls=verify user=u secret-file=/s"},
	};
	struct conf *c = conf(HOST);
	struct route r;
	(void)state;
	CHECK(c, e);
	route_find(c, "other.test", NULL, &r);
	assert_null(r.entry);
	assert_int_equal(r.session->tls, TLS_OPPORTUNISTIC);
	assert_null(r.session->user);
	conf_unref(c);
}

static void
test_A20_smarthost(void **state)
{
	static const char main_key[] =
	    "smarthost [192.0.2.25]:587 user=me secret-file=/m";
	static const char sales[] = "smarthost a.test,b.test tls=require";
	static const struct expected e[] = {
	    {"example.com", NULL, WAY_LOCAL, "local"},
	    {"corp.test", NULL, WAY_HOST, "host hub.corp.test:26"},
	    {"mx.test", NULL, WAY_MX, "mx mx.test tls=verify"},
	    {"other.test", NULL, WAY_SMARTHOST, main_key},
	    {"other.test", "", WAY_SMARTHOST, main_key},
	    {"other.test", "y@s.test", WAY_SMARTHOST, main_key},
	    {"other.test", "x@S.test", WAY_SMARTHOST, sales},
	    {"other.test", "y@T.test", WAY_SMARTHOST, sales},
	    {"other.test", "y@a.t.test", WAY_SMARTHOST, main_key},
	    {"other.test", "y@a.u.test", WAY_SMARTHOST, sales},
	    {"other.test", "y@u.test", WAY_SMARTHOST, main_key},
	    {"other.test", "y@v.test", WAY_SMARTHOST, sales},
	    {"smart.test", NULL, WAY_SMARTHOST, main_key},
	    {"smart.test", "x@s.test", WAY_SMARTHOST, sales},
	    {"[192.0.2.1]", NULL, WAY_SMARTHOST, main_key},
	};
	struct conf *c = conf(HOST SMART);
	(void)state;
	CHECK(c, e);
	conf_unref(c);
}

/* The smart host's password must not go to whoever is in the MX. */
static void
test_A22_direct_first(void **state)
{
	static const struct expected e[] = {
	    {"other.test", NULL, WAY_DIRECT_FIRST,
		"mx other.test, then smarthost s.test user=u secret-file=/s"},
	    {"smart.test", NULL, WAY_SMARTHOST,
		"smarthost s.test user=u secret-file=/s"},
	};
	struct conf *c = conf(HOST "smarthost { hosts = s.test user = u "
				   "secret-file = /s direct-first = true }\n");
	struct route r;
	(void)state;
	CHECK(c, e);
	route_find(c, "other.test", NULL, &r);
	assert_null(r.session->user);
	assert_string_equal(r.smarthost->session.user, "u");
	conf_unref(c);
}

static void
test_named_only(void **state)
{
	static const struct expected e[] = {
	    {"o.test", NULL, WAY_MX, "mx o.test"},
	    {"o.test", "a@s.test", WAY_SMARTHOST, "smarthost h"},
	};
	struct conf *c =
	    conf(HOST "smarthost n { hosts = h senders = s.test }\n");
	(void)state;
	CHECK(c, e);
	conf_unref(c);
}

static void
test_host_spec(void **state)
{
	static const struct {
		const char *text, *host;
		unsigned port;
		bool bracketed, literal;
	} cases[] = {
	    {"[192.0.2.1]:587", "192.0.2.1", 587, true, true},
	    {"[name.test]:25", "name.test", 25, true, false},
	    {"name.test", "name.test", 7, false, false},
	    {"name:65535", "name", 65535, false, false},
	    {"[IPv6:2001:db8::1]", "2001:db8::1", 7, true, true},
	    {"[2001:db8::1]:1", "2001:db8::1", 1, true, true},
	    {"192.0.2.1", "192.0.2.1", 7, true, true},
	    {"192.0.2.1:26", "192.0.2.1", 26, true, true},
	};
	static const char *const bad[] = {"", ":25", "[]", "[]:25", "[a", "a]",
	    "a:", "a:0", "a:65536", "a:-1", "a: 1", "a:1 ", "[a]25",
	    "[a]:", "::1", "2001:db8::1", "a b", "a..b", "-a", "[IPv6:]",
	    "a:1:2", "256.1.1.1", "[a]:1]", "http://a", "a/b", "a@b"};
	struct host_spec h;
	char longest[300];
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(host_spec_parse(cases[i].text, 7, &h), 0);
		assert_string_equal(h.host, cases[i].host);
		assert_int_equal(h.port, cases[i].port);
		assert_int_equal(h.bracketed, cases[i].bracketed);
		assert_int_equal(h.literal, cases[i].literal);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (host_spec_parse(bad[i], 7, &h) == 0)
			fail_msg("accepted %s", bad[i]);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(host_spec_parse(longest, 7, &h), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_no_smarthost),
	    cmocka_unit_test(test_A20_smarthost),
	    cmocka_unit_test(test_A22_direct_first),
	    cmocka_unit_test(test_named_only),
	    cmocka_unit_test(test_host_spec),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

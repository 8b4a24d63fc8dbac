/* SPDX-License-Identifier: ISC */
/* Each way to break waypost.conf has its fault, with its line (M07, M15). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "conf/conf.h"
#include "conf/conf_read.h"

#define HOST "hostname = mx.example.com\n"

static struct conf *
read_text(const char *text, unsigned flags, struct faults *f)
{
	faults_init(f);
	return conf_read("w.conf", text, strlen(text), flags, f);
}

struct broken {
	const char *text;
	const char *fault[4]; /* each in a line of its own, in any order */
};

static const struct broken m15[] = {
    {HOST "bogus = 1\nmax-hops = 300\nlimits { x = 1\n errors = no }\n",
	{"w.conf:2: bogus is an unknown key",
	    "w.conf:3: max-hops: \"300\" is no number from 1 to 100",
	    "w.conf:4: limits.x is an unknown key",
	    "w.conf:5: limits.errors: \"no\" is no number"}},
    {HOST "# a comment\n/* two\nlines */ max-hops = 0 # x\n",
	{"w.conf:4: max-hops: \"0\""}},
    {HOST "what { a = { b = {1} } }\nmax-hops = x\n",
	{"w.conf:2: what is an unknown section", "w.conf:3: max-hops"}},
    {HOST "max-hops = 1\nmax-hops = 2\n",
	{"w.conf:3: max-hops is given twice"}},
    {HOST "drop { }\ndrop { }\n", {"w.conf:3: drop is given twice"}},
    {HOST "drop \"x\" { }\n", {"w.conf:2: drop is a section without a name"}},
    {HOST "listen { }\n", {"w.conf:2: listen is a section that needs"}},
    {HOST "listen a { address = \"1.2.3.4:25\" }\n"
	  "listen a { address = \"1.2.3.4:26\" }\n",
	{"w.conf:3: listen is given twice"}},
    {HOST "listen a { address = \"1.2.3.4:25\" }\n"
	  "listen b { address = \"1.2.3.4:25\" }\n",
	{"w.conf:3: listen \"b\" has the address of listen \"a\""}},
    {HOST "listen a { }\n", {"w.conf:2: listen \"a\" has no address"}},
    {HOST "listen a { address = \"\" }\n", {"w.conf:2: listen \"a\" has no"}},
    {HOST "listen \"a b\" { }\n", {"w.conf:2: listen has a name"}},
    {HOST "listen a { address = \"localhost:25\" }\n", {"w.conf:2: listen.ad"}},
    {HOST "listen a { address = \"::1:25\" }\n", {"w.conf:2: listen.address"}},
    {HOST "listen a { address = \"1.2.3.4:0\" }\n", {"w.conf:2: listen.ad"}},
    {HOST "listen a { address = /s tls = none\nrequire-tls = 1 }\n",
	{"w.conf:3: listen.require-tls: \"1\" is neither true nor false"}},
    {HOST "listen a { address = /s tls = none\nrequire-tls = true }\n",
	{"w.conf:3: listen \"a\": require-tls contradicts tls none"}},
    {HOST "listen a { address = /s\ntls = implicit }\n",
	{"w.conf:3: listen \"a\": tls implicit needs a certificate"}},
    {HOST "listen a { address = /s\nkey = /k }\n",
	{"w.conf:3: listen \"a\": certificate and key belong together"}},
    {HOST "certificate { certificate = /c\nkey = /k }\n",
	{"w.conf:2: certificate is a section that needs a name"}},
    {HOST "certificate b { certificate = /c }\n",
	{"w.conf:2: certificate \"b\" needs a certificate and a key"}},
    {HOST "tls { certificate = /c }\n", {"w.conf:2: tls.certificate and"}},
    {HOST "smarthost { }\n", {"w.conf:2: smarthost \"\" has no hosts"}},
    {HOST "smarthost { hosts = {} }\n",
	{"w.conf:2: smarthost \"\" has no hosts"}},
    {HOST "smarthost { hosts = { a, \"b:x\" } }\n",
	{"w.conf:2: smarthost.hosts: \"b:x\" is no host"}},
    {HOST "smarthost { hosts = { a } senders = { \"x@y\" } }\n",
	{"w.conf:2: smarthost.senders belongs into"}},
    {HOST "smarthost n { hosts = { a } }\n",
	{"w.conf:2: smarthost \"n\" has no senders"}},
    {HOST "smarthost { hosts = a\nuser = u }\n",
	{"w.conf:3: smarthost \"\": user needs secret-file"}},
    {HOST "smarthost { hosts = a\nsecret-file = /s }\n",
	{"w.conf:3: smarthost \"\": a secret is of no use"}},
    {HOST "smarthost { hosts = a user = u secret-file = /s "
	  "secret-command = x }\n",
	{"w.conf:2: smarthost \"\": secret-file and secret-command"}},
    {HOST "smarthost { hosts = a tls = none implicit = true }\n",
	{"w.conf:2: smarthost \"\": implicit TLS"}},
    {HOST "smarthost { hosts = a tls = maybe mechanism = NTLM }\n",
	{"w.conf:2: smarthost.tls: \"maybe\" is none of none, opportunistic",
	    "w.conf:2: smarthost.mechanism: \"NTLM\""}},
    {HOST "relay { except = { \"10.0.0.0/33\", \"10.0.0.1/8\", \"xy\" } }\n",
	{"w.conf:2: relay.except: \"10.0.0.0/33\"",
	    "w.conf:2: relay.except: \"10.0.0.1/8\"",
	    "w.conf:2: relay.except: \"xy\""}},
    {HOST "relay {\n default = allow\n}\n",
	{"w.conf:3: relay.default = allow makes an open relay"}},
    {HOST "aliases = etc/aliases\n", {"w.conf:2: aliases: \"etc/aliases\""}},
    {HOST "queue { retry = {} }\n", {"w.conf:2: queue.retry: needs"}},
    {HOST "queue { retry = { \"5\" } }\n", {"w.conf:2: queue.retry: \"5\""}},
    {HOST "queue { expire = 4000d }\n", {"w.conf:2: queue.expire: \"4000d\" is "
					 "no duration from 1s to 365d"}},
    {HOST "queue { report-copy-to = \"a@b@c\" }\n", {"w.conf:2: queue.rep"}},
    {HOST "limits { message-size = 1e99 session-size = -1 }\n",
	{"w.conf:2: limits.message-size: \"1e99\"",
	    "w.conf:2: limits.session-size: \"-1\""}},
    {HOST "limits { message-size = 99999999999999999999 }\n", {"w.conf:2: li"}},
    {HOST "limits { message-size = 18014398509481985K }\n", {"w.conf:2: lim"}},
    {HOST "dns { servers = { \"127.0.0.1@99999\", a } }\n",
	{"w.conf:2: dns.servers: \"127.0.0.1@99999\"", "w.conf:2: dns.ser"}},
    {HOST "masquerade { domain = \"a..b\" }\n", {"w.conf:2: masquerade.dom"}},
    {HOST "masquerade { from = root exempt = { \"a@b\" } clients = a }\n",
	{"w.conf:2: masquerade.from: \"root\" is no",
	    "w.conf:2: masquerade.exempt: \"a@b\" is no",
	    "w.conf:2: masquerade.clients: \"a\""}},
    {HOST "masquerade { senders = { \"a@b\", \"a=b\", \"=a@b\", \"a=\" } }\n",
	{"w.conf:2: masquerade.senders: \"a@b\" is no rep",
	    "w.conf:2: masquerade.senders: \"a=b\" is no rep",
	    "w.conf:2: masquerade.senders: \"=a@b\" is no rep",
	    "w.conf:2: masquerade.senders: \"a=\" is no rep"}},
    {HOST "postmaster = \"a\\nb\"\n", {"w.conf:2: postmaster: \"a?b\" has a"}},
    {HOST "auth { mechanisms += { PLAIN } }\n",
	{"w.conf:2: auth.mechanisms +="}},
    {"hostname = relay\n", {"w.conf:1: hostname: \"relay\" has no dot"}},
    {"hostname = \"a b.c\"\n", {"w.conf:1: hostname: \"a b.c\" is no host"}},
    {"", {"w.conf: sets nothing"}},
    {"# only\n", {"w.conf: sets nothing"}},
    /* Syntax ends the parse, and what came before is still looked at. */
    {HOST "max-hops = x\nmax-hops\norigin = 5..\n",
	{"w.conf:2: max-hops: \"x\"", "w.conf:4: "}},
    {HOST "limits {\n", {"w.conf:2: section limits is not closed"}},
    {HOST "bogus {\n x\n", {"w.conf:2: bogus is an unknown section"}},
    {HOST "}\n", {"w.conf:2: unexpected closing brace"}},
    {HOST "auth { mechanisms = { PLAIN LOGIN } }\n", {"w.conf:2: unexpected"}},
    {HOST "origin = = b\n", {"w.conf:2: unexpected token '='"}},
    {HOST "include(\"/etc/passwd\")\n", {"w.conf:2: "}},
    {HOST "origin = \"a\n\n", {"w.conf:4: a string is not closed"}},
    {HOST "origin = 'a\n", {"w.conf:3: a string is not closed"}},
    {HOST "/* never closed\n", {"w.conf:3: a comment is not closed"}},
    {HOST "origin = \"a\\x00b\"\n", {"w.conf:2: an escape for NUL"}},
    {HOST "origin = \"a\\0b\"\n", {"w.conf:2: an escape for NUL"}},
    {HOST "origin = \"a\x01\"\n", {"w.conf:2: a control character"}},
    {HOST "# c \x02\n", {"w.conf:2: a control character"}},
    {HOST "smarthost s { hosts = a senders = { *.b } }\n",
	{"w.conf:2: * and + must stand in quotes"}},
};

static void
expect(const struct broken *b, const struct faults *f)
{
	char all[FAULTS_MAX];
	size_t n = 0;
	(void)snprintf(all, sizeof(all), "\n%s", buf_str(&f->text));
	for (; n < 4 && b->fault[n] != NULL; n++) {
		char want[200];
		(void)snprintf(want, sizeof(want), "\n%s", b->fault[n]);
		if (strstr(all, want) == NULL)
			fail_msg(
			    "%s\n gave%s\n not %s", b->text, all, b->fault[n]);
	}
	if (f->count != n)
		fail_msg("%s\n gave %u faults: %s", b->text, f->count, all);
}

static void
test_M15_broken(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(m15) / sizeof(m15[0]); i++) {
		struct faults f;
		struct conf *c = read_text(m15[i].text, 0, &f);
		if (c != NULL)
			fail_msg("accepted: %s", m15[i].text);
		expect(&m15[i], &f);
		faults_free(&f);
	}
}

/* What one load leaves behind must not reach into the next. */
static void
test_M01_good_after_broken(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(m15) / sizeof(m15[0]); i++) {
		struct faults f;
		conf_unref(read_text(m15[i].text, 0, &f));
		faults_free(&f);
		struct conf *c = read_text(HOST "max-hops = 9 # x", 0, &f);
		assert_non_null(c);
		assert_int_equal(c->max_hops, 9);
		conf_unref(c);
	}
}

/* 10 MB line; and what costs time if anything here is quadratic. */
static void
test_M07_large(void **state)
{
	static const char *const units[] = {"bogus = 1\n", "{", "max-hops=1 ",
	    "listen a { }\n", "smarthost { hosts = {a} }\n", "x ", "/*", "\""};
	size_t size = CONF_FILE_MAX;
	char *text = malloc(size + 1);
	(void)state;
	assert_non_null(text);
	for (size_t k = 0; k < sizeof(units) / sizeof(units[0]); k++) {
		size_t n = strlen(units[k]);
		struct faults f;
		for (size_t i = 0; i < size; i++)
			text[i] = units[k][i % n];
		text[size] = '\0';
		assert_null(read_text(text, 0, &f));
		assert_true(f.count > 0 && f.text.len <= FAULTS_MAX);
		faults_free(&f);
	}
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_M15_broken),
	    cmocka_unit_test(test_M01_good_after_broken),
	    cmocka_unit_test(test_M07_large),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

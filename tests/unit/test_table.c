/* SPDX-License-Identifier: ISC */
/* The domain table: entries, look-ups (A32), faults with their lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "conf/conf_read.h"
#include "conf/table.h"

static struct table *
read_text(const char *text, unsigned flags, struct faults *f)
{
	faults_init(f);
	return table_read(
	    "d", alloc_string(text, strlen(text)), strlen(text), flags, f);
}

static struct table *
good(const char *text, unsigned flags)
{
	struct faults f;
	struct table *t = read_text(text, flags, &f);
	if (t == NULL)
		fail_msg("%s", buf_str(&f.text));
	assert_int_equal(f.count, 0);
	faults_free(&f);
	return t;
}

static const char sample[] =
    "# name kind settings\n"
    "Example.COM\tlocal default # behind\n"
    "example.net alias\n"
    "  example.org local maildir=/var/mail/%d/%u\r\n"
    "\n"
    "corp.test remote host=hub.corp.test:25 relay=yes tls=require\n"
    "*.corp.test remote host=[192.0.2.9] user=u secret-file=/s\n"
    "*.deep.corp.test remote route=mx helo=a.b tls=none\n"
    "x.deep.corp.test remote route=smarthost relay=no\n"
    "q.test remote host=h implicit=yes user=u "
    "secret-command=\"get it now\" tls=opportunistic mechanism=login "
    "ca-file=/a client-certificate=/c client-key=/k\n"
    "[192.0.2.1] alias\n";

static const struct domain *
find(const struct table *t, const char *name)
{
	return table_find(t, name, strlen(name));
}

static void
test_entries(void **state)
{
	struct table *t = good(sample, 0);
	(void)state;
	assert_int_equal(table_size(t), 9);
	assert_string_equal(table_default(t)->name, "example.com");
	const struct domain *d = find(t, "example.net");
	assert_int_equal(d->kind, DOMAIN_ALIAS);
	assert_true(domain_is_local(d));
	d = find(t, "example.org");
	assert_string_equal(d->maildir, "/var/mail/%d/%u");
	assert_false(d->is_default);
	d = find(t, "corp.test");
	assert_string_equal(d->host, "hub.corp.test:25");
	assert_true(d->relay);
	assert_int_equal(d->route, ROUTE_HOST);
	assert_int_equal(d->session->tls, TLS_REQUIRE);
	assert_string_equal(d->session->mechanism, "auto");
	assert_null(d->session->user);
	/* A password goes to a verified peer unless something else is said. */
	assert_int_equal(find(t, "a.corp.test")->session->tls, TLS_VERIFY);
	d = find(t, "q.test");
	assert_int_equal(d->session->tls, TLS_OPPORTUNISTIC);
	assert_true(d->session->implicit);
	assert_string_equal(d->session->secret_command, "get it now");
	assert_string_equal(d->session->mechanism, "LOGIN");
	assert_string_equal(d->session->client_key, "/k");
	d = find(t, "b.deep.corp.test");
	assert_int_equal(d->route, ROUTE_MX);
	assert_string_equal(d->session->helo, "a.b");
	assert_int_equal(table_smarthost_line(t), 9);
	table_free(t);
}

static void
test_A32_lookup(void **state)
{
	static const char *const cases[][2] = {
	    {"example.com", "example.com"},
	    {"EXAMPLE.com", "example.com"},
	    {"a.example.com", NULL},
	    {"com", NULL},
	    {"corp.test", "corp.test"},
	    {"a.corp.test", "*.corp.test"},
	    {"b.a.CORP.test", "*.corp.test"},
	    {"deep.corp.test", "*.corp.test"},
	    {"y.deep.corp.test", "*.deep.corp.test"},
	    {"z.y.deep.corp.test", "*.deep.corp.test"},
	    {"x.deep.corp.test", "x.deep.corp.test"},
	    {"xcorp.test", NULL},
	    {".corp.test", NULL},
	    {"*.corp.test", "*.corp.test"},
	    {"test", NULL},
	    {"", NULL},
	    {"[192.0.2.1]", "[192.0.2.1]"},
	    {"192.0.2.1", NULL},
	};
	struct table *t = good(sample, 0);
	char longest[400];
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct domain *d = find(t, cases[i][0]);
		const char *want = cases[i][1];
		if ((d == NULL) != (want == NULL) ||
		    (d != NULL && strcmp(d->name, want) != 0))
			fail_msg("%s gave %s", cases[i][0],
			    d != NULL ? d->name : "nothing");
	}
	memset(longest, 'a', sizeof(longest));
	memcpy(longest + 245, ".corp.test", 10);
	assert_non_null(table_find(t, longest, 255));
	assert_null(table_find(t, longest, 256));
	assert_null(table_find(NULL, "a", 1));
	/* Names are given by length. */
	assert_non_null(table_find(t, "corp.testing", 9));
	table_free(t);
}

/* U-labels and A-labels are the same names, whichever the file has (G21). */
static void
test_G21_labels(void **state)
{
	static const char *const cases[][2] = {
	    {"bücher.test", "xn--bcher-kva.test"},
	    {"BÜCHER.TEST", "xn--bcher-kva.test"},
	    {"XN--BCHER-KVA.test", "xn--bcher-kva.test"},
	    {"straße.test", "xn--strae-oqa.test"},
	    {"xn--strae-oqa.test", "xn--strae-oqa.test"},
	    {"ä.köln.test", "*.xn--kln-sna.test"},
	    {"a.xn--kln-sna.test", "*.xn--kln-sna.test"},
	    {"b.ä.xn--kln-sna.test", "*.xn--kln-sna.test"},
	    {"köln.test", NULL},
	    {"strasse.test", NULL},
	    {"bucher.test", NULL},
	    {"bücher.test.evil.test", NULL},
	    {"bu\xcc\x88"
	     "cher.test",
		NULL},
	    {"b\xfc"
	     "cher.test",
		NULL},
	};
	struct table *t = good("Bücher.test local default\n"
			       "xn--STRAE-oqa.test alias\n"
			       "*.KÖLN.test remote route=mx\n",
	    0);
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct domain *d = find(t, cases[i][0]);
		const char *want = cases[i][1];
		if ((d == NULL) != (want == NULL) ||
		    (d != NULL && strcmp(d->name, want) != 0))
			fail_msg("%s gave %s", cases[i][0],
			    d != NULL ? d->name : "nothing");
	}
	assert_string_equal(table_default(t)->name, "xn--bcher-kva.test");
	table_free(t);
}

static void
test_only_local(void **state)
{
	struct table *t = good("a.test local default\nb.test remote nonsense\n"
			       "c.test alias\nb.test remote\n",
	    TABLE_LOCAL);
	(void)state;
	assert_int_equal(table_size(t), 2);
	assert_null(find(t, "b.test"));
	assert_true(domain_is_local(find(t, "c.test")));
	table_free(t);
}

static void
test_empty(void **state)
{
	struct faults f;
	(void)state;
	faults_init(&f);
	struct table *t = table_load("/nonexistent/domains", false, &f);
	assert_non_null(t);
	assert_int_equal(table_size(t), 0);
	assert_null(table_default(t));
	table_free(t);
	assert_null(table_load("/tmp", false, &f));
	assert_non_null(strstr(buf_str(&f.text), "/tmp: is not a regular"));
	faults_free(&f);
	t = good("\xef\xbb\xbf# x\n\n  # y", 0);
	assert_int_equal(table_size(t), 0);
	table_free(t);
}

struct broken {
	const char *text;
	const char *fault;
};

#define OK "a.test local default\n"

static const struct broken broken[] = {
    {OK "b.test\n", "d:2: b.test needs a kind"},
    {OK "b.test lokal\n", "d:2: b.test needs a kind"},
    {OK "b=c local\n", "d:2: b needs a kind"},
    {OK "b_.test! alias\n", "d:2: b_.test! is no domain name"},
    {OK "*.*.test alias\n", "d:2: *.*.test is no domain name"},
    {OK "* remote route=mx\n", "d:2: * is no domain name"},
    {OK "b..test alias\n", "d:2: b..test is no domain name"},
    {OK "A.test alias\n", "d:2: a.test is given twice, first on line 1"},
    {OK "b\xfc.test alias\n", "d:2: b\xfc.test is no domain name"},
    {OK "ü..test alias\n", "d:2: ü..test is no domain name"},
    {OK "ü.test alias x\n", "d:2: x behind alias"},
    {OK "bücher.test alias\nXN--bcher-KVA.test alias\n",
	"d:3: xn--bcher-kva.test is given twice, first on line 2"},
    {OK "*.b alias\nc alias\n*.B remote route=mx\n",
	"d:4: *.b is given twice, first on line 2"},
    {OK "b.test local default\n", "d:2: b.test: a.test is the default"},
    {"b.test local\nc.test alias\n", "d:1: no local domain is the default"},
    {"*.test local default\n", "d:1: *.test cannot be the default"},
    {OK "b.test alias maildir=/x\n", "d:2: maildir behind alias"},
    {OK "b.test local maildir=x\n", "d:2: maildir: \"x\" is not an absolute"},
    {OK "b.test local maildir=/%h\n", "d:2: maildir: \"/%h\" has a %"},
    {OK "b.test local maildir=/a maildir=/b\n", "d:2: maildir: \"/b\" is giv"},
    {OK "b.test local relay=yes\n", "d:2: relay is no setting of a local"},
    {"b.test local default default\n", "d:1: default is given twice"},
    {OK "b.test remote\n", "d:2: b.test needs host=..., route=mx"},
    {OK "b.test remote relay=yes\n", "d:2: b.test needs host=..."},
    {OK "b.test remote route=host\n", "d:2: b.test route=host needs"},
    {OK "b.test remote route=mx host=a\n", "d:2: b.test host= contradicts"},
    {OK "b.test remote route=dns\n", "d:2: route: \"dns\" is none of host, mx"},
    {OK "b.test remote route=mx route=mx\n", "d:2: route: \"mx\" is given tw"},
    {OK "b.test remote host=a:b\n", "d:2: host: \"a:b\" is no host"},
    {OK "b.test remote host=\n", "d:2: host: \"\" is no host"},
    {OK "b.test remote host=a host=b\n", "d:2: host: \"b\" is given twice"},
    {OK "b.test remote host=a relay=maybe\n", "d:2: relay: \"maybe\" is nei"},
    {OK "b.test remote host=a bogus=1\n", "d:2: bogus is no setting of a rem"},
    {OK "b.test remote host=a hosts=b\n", "d:2: hosts is no setting of a rem"},
    {OK "b.test remote host=a default\n", "d:2: default is no setting; write"},
    {OK "b.test remote host=a tls=on\n", "d:2: tls: \"on\" is none of none"},
    {OK "b.test remote host=a tls=none tls=none\n", "d:2: tls: \"none\" is gi"},
    {OK "b.test remote host=a user=u\n", "d:2: b.test user needs secret-file"},
    {OK "b.test remote host=a client-key=/k\n", "d:2: b.test client-certific"},
    {OK "b.test remote route=smarthost tls=none\n", "d:2: b.test settings of"},
    {OK "b.test remote host=a user=\"x secret-file=/s\n", "d:2: user has quo"},
    {OK "b.test remote host=a user=\"x\"y secret-file=/s\n", "d:2: user has q"},
};

static void
test_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct faults f;
		if (read_text(broken[i].text, 0, &f) != NULL)
			fail_msg("accepted: %s", broken[i].text);
		if (strncmp(buf_str(&f.text), broken[i].fault,
			strlen(broken[i].fault)) != 0 ||
		    f.count != 1)
			fail_msg("%s gave %s, not %s", broken[i].text,
			    buf_str(&f.text), broken[i].fault);
		faults_free(&f);
	}
}

static void
test_each_fault_is_told(void **state)
{
	struct faults f;
	(void)state;
	assert_null(read_text("a b\nb.test local default\nc.test x\nb.test "
			      "alias q=1 w=2\n",
	    0, &f));
	assert_string_equal(buf_str(&f.text),
	    "d:1: a needs a kind: local, alias or remote\n"
	    "d:3: c.test needs a kind: local, alias or remote\n"
	    "d:4: q behind alias: it has no setting\n"
	    "d:4: w behind alias: it has no setting");
	faults_free(&f);
	/* sendmail goes on with what is good. */
	struct table *t =
	    read_text("a b\nb.test local default\n", TABLE_LENIENT, &f);
	assert_non_null(t);
	assert_int_equal(f.count, 1);
	assert_string_equal(table_default(t)->name, "b.test");
	table_free(t);
	faults_free(&f);
}

static void
test_M07_nul(void **state)
{
	static const char nul[] = OK "b.test\0 alias\n";
	struct faults f;
	(void)state;
	faults_init(&f);
	assert_null(table_read(
	    "d", alloc_string(nul, sizeof(nul) - 1), sizeof(nul) - 1, 0, &f));
	assert_string_equal(buf_str(&f.text), "d:2: a NUL in the line");
	faults_free(&f);
}

/* No input makes it crawl: many lines, one line of 10 MB, equal names. */
static void
test_M07_large(void **state)
{
	static const char *const units[] = {"a", "a ", "a.b alias\n", "\n",
	    "x remote host=a ", "a=\"", "#", "default "};
	size_t size = 10 << 20;
	(void)state;
	for (size_t k = 0; k < sizeof(units) / sizeof(units[0]); k++) {
		char *text = alloc_zero(size + 1, 1);
		struct faults f;
		memcpy(text, "a local ", 8);
		for (size_t i = 8; i < size; i++)
			text[i] = units[k][i % strlen(units[k])];
		faults_init(&f);
		table_free(table_read("d", text, size, TABLE_LENIENT, &f));
		faults_free(&f);
	}
}

static void
test_hundred_thousand(void **state)
{
	struct buf b;
	struct faults f;
	char name[64];
	(void)state;
	buf_init(&b, 64 << 20);
	for (int i = 0; i < 100000; i++)
		(void)buf_addf(&b, "%sd%d.test remote host=h%d\n",
		    i % 2 ? "*." : "", i, i);
	struct table *t = read_text(buf_str(&b), 0, &f);
	assert_non_null(t);
	for (int i = 0; i < 100000; i++) {
		(void)snprintf(
		    name, sizeof(name), "%sd%d.test", i % 2 ? "w." : "", i);
		const struct domain *d = find(t, name);
		assert_non_null(d);
		assert_int_equal(atoi(d->host + 1), i);
	}
	table_free(t);
	buf_free(&b);
	faults_free(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_entries),
	    cmocka_unit_test(test_A32_lookup),
	    cmocka_unit_test(test_G21_labels),
	    cmocka_unit_test(test_only_local),
	    cmocka_unit_test(test_empty),
	    cmocka_unit_test(test_faults),
	    cmocka_unit_test(test_each_fault_is_told),
	    cmocka_unit_test(test_M07_nul),
	    cmocka_unit_test(test_M07_large),
	    cmocka_unit_test(test_hundred_thousand),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

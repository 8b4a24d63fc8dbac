/* SPDX-License-Identifier: ISC */
/* The users file: what it says, what it must not say, who may read it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "conf/users.h"

#define KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEYS "SCRAM-SHA-256$4096:c2FsdA==$" KEY ":" KEY

static struct users *
read_text(const char *text, size_t len, struct faults *f)
{
	faults_init(f);
	return users_read("users", alloc_string(text, len), len, f);
}

static struct users *
good(const char *text)
{
	struct faults f;
	struct users *u = read_text(text, strlen(text), &f);
	if (u == NULL)
		fail_msg("%s", buf_str(&f.text));
	faults_free(&f);
	return u;
}

static void
test_lines(void **state)
{
	struct users *u =
	    good("# a comment\n\n"
		 "bob:" KEYS "\r\n"
		 " \t\n"
		 "Bob:SCRAM-SHA-256$1000000:c2FsdA==$" KEY ":" KEY "\n"
		 "CORP\\printer@4:" KEYS ":a@b.test,@c.test");
	(void)state;
	assert_int_equal(users_count(u), 3);
	assert_string_equal(users_at(u, 0)->name, "bob");
	const struct verifier *v = users_find(u, "bob");
	assert_int_equal(v->iterations, 4096);
	assert_int_equal(v->salt_len, 4);
	assert_memory_equal(v->salt, "salt", 4);
	assert_int_equal(v->stored_key[31], 31);
	assert_int_equal(v->server_key[31], 31);
	assert_null(v->senders);
	assert_int_equal(users_find(u, "Bob")->iterations, 1000000);
	v = users_find(u, "CORP\\printer@4");
	assert_string_equal(v->senders, "a@b.test,@c.test");
	assert_null(users_find(u, "BOB"));
	assert_null(users_find(u, ""));
	assert_null(users_find(NULL, "bob"));
	assert_int_equal(users_count(NULL), 0);
	users_free(u);
	users_free(NULL);
}

static void
test_format(void **state)
{
	static const char *const lines[] = {
	    "bob:" KEYS, "x:" KEYS ":@[192.0.2.1],a@[IPv6:2001:db8::1]"};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct buf b;
		struct users *u = good(lines[i]);
		buf_init(&b, 1000);
		verifier_format(&b, users_at(u, 0));
		assert_string_equal(buf_str(&b), lines[i]);
		buf_free(&b);
		users_free(u);
	}
}

static void
test_faults(void **state)
{
	static const struct {
		const char *text, *fault;
	} cases[] = {
	    {"bob\n", "users:1: no user name"},
	    {":" KEYS, "users:1: no user name"},
	    {" bob:" KEYS, "users:1: no user name"},
	    {"bob smith:" KEYS, "users:1: no user name"},
	    {"b\xc3\xb6"
	     "b:" KEYS,
		"users:1: no user name"},
	    {"b\033[1mb:" KEYS, "users:1: no user name"},
	    {"\nbob:{PLAIN}secret", "users:2: bob: only SCRAM-SHA-256"},
	    {"bob:SCRAM-SHA-1$4096:c2FsdA==$" KEY ":" KEY, "only SCRAM-SHA"},
	    {"bob:SCRAM-SHA-256$4095:c2FsdA==$" KEY ":" KEY, "iterations"},
	    {"bob:SCRAM-SHA-256$1000001:c2FsdA==$" KEY ":" KEY, "iterations"},
	    {"bob:SCRAM-SHA-256$99999999999999999999:c2FsdA==$" KEY ":" KEY,
		"iterations"},
	    {"bob:SCRAM-SHA-256$-1:c2FsdA==$" KEY ":" KEY, "iterations"},
	    {"bob:SCRAM-SHA-256$4096:$" KEY ":" KEY, "the salt"},
	    {"bob:SCRAM-SHA-256$4096:c2Fsd$" KEY ":" KEY, "the salt"},
	    {"bob:SCRAM-SHA-256$4096:c2FsdA==$" KEY ":AAEC", "a key"},
	    {"bob:SCRAM-SHA-256$4096:c2FsdA==$AAEC:" KEY, "a key"},
	    {"bob:SCRAM-SHA-256$4096:c2FsdA==$" KEY, "want ITERATIONS"},
	    {"bob:SCRAM-SHA-256$4096:c2FsdA==", "want ITERATIONS"},
	    {"bob:SCRAM-SHA-256$4096", "want ITERATIONS"},
	    {"bob:SCRAM-SHA-256$", "want ITERATIONS"},
	    {"bob:" KEYS ":", "bob: senders:"},
	    {"bob:" KEYS ":a@b.test,", "bob: senders:"},
	    {"bob:" KEYS ":a@b.test, c@d.test", "bob: senders:"},
	    {"bob:" KEYS ":@", "bob: senders:"},
	    {"bob:" KEYS ":bob", "bob: senders:"},
	    {"bob:" KEYS ":<a@b.test>", "bob: senders:"},
	    {"bob:" KEYS "\nbob:" KEYS, "users:2: bob is given twice, first "
					"on line 1"},
	    {"# salt-key: AAEC\n", "users:1: salt-key"},
	    {"# salt-key: " KEY "\n# salt-key: " KEY "\n", "users:2: a second"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct faults f;
		struct users *u =
		    read_text(cases[i].text, strlen(cases[i].text), &f);
		if (u != NULL)
			fail_msg("case %zu is taken", i);
		assert_int_equal(f.count, 1);
		if (strstr(buf_str(&f.text), cases[i].fault) == NULL)
			fail_msg("case %zu: %s", i, buf_str(&f.text));
		/* Nothing of the keys is told. */
		assert_null(strstr(buf_str(&f.text), "AAEC"));
		faults_free(&f);
	}
}

static void
test_nul_in_a_line(void **state)
{
	static const char text[] = "bob\0x:" KEYS "\n";
	struct faults f;
	(void)state;
	assert_null(read_text(text, sizeof(text) - 1, &f));
	assert_non_null(strstr(buf_str(&f.text), "users:1: a NUL"));
	faults_free(&f);
}

static void
test_salt_key(void **state)
{
	const unsigned char *key;
	struct users *u = good("# salt-key: " KEY "\nbob:" KEYS);
	(void)state;
	assert_int_equal(users_salt_key(u, &key), 32);
	assert_int_equal(key[31], 31);
	users_free(u);
	u = good("bob:" KEYS);
	assert_int_equal(users_salt_key(u, &key), 0);
	users_free(u);
	assert_int_equal(users_salt_key(NULL, &key), 0);
}

static void
test_F17_references(void **state)
{
	struct users *u = good("bob:" KEYS ":@c.test");
	const struct users *mine = users_ref(u);
	(void)state;
	users_free(u);
	assert_string_equal(users_find(mine, "bob")->senders, "@c.test");
	users_free(mine);
	assert_null(users_ref(NULL));
}

static void
test_many(void **state)
{
	struct buf b;
	char name[16];
	(void)state;
	buf_init(&b, 10 << 20);
	for (int i = 0; i < 5000; i++)
		(void)buf_addf(&b, "u%d:" KEYS ":u%d@b.test\n", i, i);
	assert_true(buf_ok(&b));
	struct users *u = good(buf_str(&b));
	for (int i = 0; i < 5000; i++) {
		(void)snprintf(name, sizeof(name), "u%d", i);
		assert_ptr_equal(users_find(u, name), users_at(u, (size_t)i));
	}
	users_free(u);
	buf_free(&b);
}

static void
test_F20_senders(void **state)
{
	static const struct {
		const char *senders, *from;
		bool may;
	} cases[] = {
	    {NULL, "any@where.test", true},
	    {"bob@a.test", "bob@a.test", true},
	    {"bob@a.test", "bob@A.Test", true},
	    {"bob@a.test", "Bob@a.test", false},
	    {"bob@a.test", "bob@b.a.test", false},
	    {"bob@a.test", "\"bob\"@a.test", true},
	    {"x@y.test,bob@a.test", "bob@a.test", true},
	    {"@a.test", "anybody@a.test", true},
	    {"@a.test", "anybody@A.TEST", true},
	    {"@a.test", "x@b.a.test", false},
	    {"@a.test", "x@ba.test", false},
	    {"@a.test", "x@a.test.evil.test", false},
	    {"@a.test,c@d.test", "c@d.test", true},
	    {"@a.test", "\"x@a.test\"@evil.test", false},
	    {"@[192.0.2.1]", "x@[192.0.2.1]", true},
	    {"bob@a.test", "", true},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[400];
		struct address a;
		const char *why = "";
		(void)snprintf(line, sizeof(line), "bob:" KEYS "%s%s",
		    cases[i].senders != NULL ? ":" : "",
		    cases[i].senders != NULL ? cases[i].senders : "");
		struct users *u = good(line);
		if (address_parse(&a, cases[i].from, strlen(cases[i].from),
			ADDRESS_EMPTY, &why) != 0)
			fail_msg("%s: %s", cases[i].from, why);
		if (verifier_may_send(users_at(u, 0), &a) != cases[i].may)
			fail_msg("case %zu: %s", i, cases[i].from);
		users_free(u);
	}
}

static void
test_F18_names(void **state)
{
	static const char *const bad[] = {"", "a b", "a\tb", "a\r\nb", "a:b",
	    "a,b", "\"a\"", "<a>", "(a)", "a;b", "#a", "\x7f", "b\xc3\xb6",
	    "\033"};
	char name[USER_NAME_MAX + 2];
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (user_name_valid(bad[i], strlen(bad[i])))
			fail_msg("case %zu is valid", i);
	assert_false(user_name_valid("a\0b", 3));
	assert_true(user_name_valid("a#b", 3));
	assert_true(user_name_valid("!$%&'*+-./=?@[\\]^_`{|}~", 23));
	memset(name, 'a', sizeof(name));
	assert_true(user_name_valid(name, USER_NAME_MAX));
	assert_false(user_name_valid(name, USER_NAME_MAX + 1));
}

static void
test_M08_files(void **state)
{
	static const struct {
		mode_t mode;
		bool fine;
	} cases[] = {{0600, true}, {0640, true}, {0660, true}, {0644, false},
	    {0642, false}, {0641, false}};
	char path[] = "/tmp/test_users.XXXXXX";
	static const char text[] = "bob:" KEYS "\n";
	struct faults f;
	(void)state;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(
	    write(fd, text, sizeof(text) - 1), (ssize_t)sizeof(text) - 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(fchmod(fd, cases[i].mode), 0);
		faults_init(&f);
		struct users *u = users_load(path, &f);
		assert_int_equal(f.count, cases[i].fine ? 0 : 1);
		assert_int_equal(u != NULL, cases[i].fine);
		if (u == NULL)
			assert_non_null(strstr(buf_str(&f.text), path));
		users_free(u);
		faults_free(&f);
	}
	(void)close(fd);
	(void)unlink(path);
	faults_init(&f);
	struct users *u = users_load(path, &f);
	assert_non_null(u);
	assert_int_equal(users_count(u), 0);
	users_free(u);
	assert_null(users_load("/tmp", &f));
	assert_int_equal(f.count, 1);
	faults_free(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_format),
	    cmocka_unit_test(test_faults),
	    cmocka_unit_test(test_nul_in_a_line),
	    cmocka_unit_test(test_salt_key),
	    cmocka_unit_test(test_F17_references),
	    cmocka_unit_test(test_many),
	    cmocka_unit_test(test_F20_senders),
	    cmocka_unit_test(test_F18_names),
	    cmocka_unit_test(test_M08_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

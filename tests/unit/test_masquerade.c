/* SPDX-License-Identifier: ISC */
/*
 * submit/masquerade.h and submit/readdress.h: whose address becomes which
 * (A49, R33), and that nothing but the address changes in a field.  Every
 * case is done twice, which must change nothing more.
 */
#include "submit/masquerade.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "submit/readdress.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char hostname[] = "h.example.com", origin[] = "example.com";
static char outside[] = "m.example", one[] = "one@isp.example";
static char root[] = "root", odd[] = "\"odd one\"";
static char s0[] = "cron=cron@isp.example", s1[] = "a@else.example=A@x.example",
	    s2[] = "bob@m.example=robert@isp.example",
	    s3[] = "cron@isp.example=never@isp.example",
	    s4[] = "\"odd two\"=odd@isp.example";

static struct conf
make(const char *rules)
{
	static char *exempt[] = {root, odd};
	static char *senders[] = {s0, s1, s2, s3, s4};
	struct conf c = {.hostname = hostname, .origin = origin};
	for (; *rules != '\0'; rules++) {
		switch (*rules) {
		case 'd':
			c.masquerade.domain = outside;
			break;
		case 'x':
			c.masquerade.exempt = (struct words){exempt, 2};
			break;
		case 'f':
			c.masquerade.from = one;
			break;
		case 's':
			c.masquerade.senders = (struct words){senders, 5};
			break;
		default:
			c.masquerade.header_from = true;
		}
	}
	return c;
}

#define LONG_60 "a23456789012345678901234567890123456789012345678901234567890"
#define LONG_DOMAIN                                                       \
	"a2345678901234567890123456789012345678901234567890.example.com." \
	"a2345678901234567890123456789012345678901234567890"

static void
test_A49_addresses(void **state)
{
	static const struct {
		const char *rules;
		enum masquerade_scope scope;
		const char *in, *want;
	} cases[] = {
	    {"", MASQUERADE_OWN, "a@example.com", "a@example.com"},
	    {"d", MASQUERADE_OWN, "a@example.com", "a@m.example"},
	    {"d", MASQUERADE_OWN, "a@EXAMPLE.com", "a@m.example"},
	    {"d", MASQUERADE_OWN, "a@h.example.com", "a@m.example"},
	    {"d", MASQUERADE_STRANGER, "a@h.example.com", "a@m.example"},
	    {"d", MASQUERADE_OWN, "\"a b\"@example.com", "\"a b\"@m.example"},
	    {"d", MASQUERADE_OWN, "a@x.example.com", "a@x.example.com"},
	    {"d", MASQUERADE_OWN, "a@m.example", "a@m.example"},
	    {"d", MASQUERADE_OWN, "", ""},
	    {"dfs", MASQUERADE_OWN, "", ""},
	    {"dx", MASQUERADE_OWN, "Root@example.com", "Root@example.com"},
	    {"dx", MASQUERADE_OWN, "\"odd one\"@example.com",
		"\"odd one\"@example.com"},
	    {"dx", MASQUERADE_OWN, "rooty@example.com", "rooty@m.example"},
	    {"f", MASQUERADE_OWN, "a@example.com", "one@isp.example"},
	    {"f", MASQUERADE_OWN, "a@else.example", "one@isp.example"},
	    {"fx", MASQUERADE_OWN, "root@example.com", "root@example.com"},
	    {"fx", MASQUERADE_OWN, "root@else.example", "one@isp.example"},
	    {"df", MASQUERADE_STRANGER, "a@else.example", "a@else.example"},
	    {"df", MASQUERADE_STRANGER, "a@example.com", "a@m.example"},
	    {"df", MASQUERADE_REPLY, "a@example.com", "a@m.example"},
	    {"s", MASQUERADE_OWN, "cron@h.example.com", "cron@isp.example"},
	    {"s", MASQUERADE_STRANGER, "CRON@example.com", "cron@isp.example"},
	    {"s", MASQUERADE_OWN, "cron@else.example", "cron@else.example"},
	    {"s", MASQUERADE_OWN, "A@Else.Example", "A@x.example"},
	    {"s", MASQUERADE_OWN, "\"odd two\"@example.com", "odd@isp.example"},
	    {"sf", MASQUERADE_OWN, "cron@example.com", "cron@isp.example"},
	    {"sd", MASQUERADE_OWN, "bob@example.com", "robert@isp.example"},
	    {"sd", MASQUERADE_OWN, "bob@m.example", "robert@isp.example"},
	    {"s", MASQUERADE_OWN, "bob@example.com", "bob@example.com"},
	    {"s", MASQUERADE_OWN, "cron@isp.example", "cron@isp.example"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct conf c = make(cases[i].rules);
		struct address a = {0};
		const char *why;
		assert_int_equal(address_parse(&a, cases[i].in,
				     strlen(cases[i].in), ADDRESS_EMPTY, &why),
		    0);
		for (int twice = 0; twice < 2; twice++) {
			masquerade(&c, cases[i].scope, &a);
			if (strcmp(a.text, cases[i].want) != 0)
				fail_msg("%zu: %s", i, a.text);
			assert_int_equal(a.len, strlen(a.text));
		}
	}
}

static void
test_too_long_stays(void **state)
{
	static char longest[] = LONG_DOMAIN "." LONG_DOMAIN "." LONG_DOMAIN;
	struct conf c = {.hostname = hostname, .origin = origin};
	static const char text[] = LONG_60 "@example.com";
	struct address a;
	const char *why;
	(void)state;
	c.masquerade.domain = longest;
	assert_int_equal(address_parse(&a, text, sizeof(text) - 1, 0, &why), 0);
	masquerade(&c, MASQUERADE_OWN, &a);
	assert_string_equal(a.text, text);
}

struct field_case {
	const char *rules, *in, *want; /* NULL: as it was */
};

static const struct field_case fields[] = {
    {"", "To: root\r\n", "To: root@example.com\r\n"},
    {"", "to:root\r\n", "to:root@example.com\r\n"},
    {"", "Cc : root , a@b,  bob\r\n",
	"Cc : root@example.com , a@b,  bob@example.com\r\n"},
    {"", "To: Jo \"X\" Doe <jo> (a (nested) one)\r\n",
	"To: Jo \"X\" Doe <jo@example.com> (a (nested) one)\r\n"},
    {"", "From: root (Charlie Root)\r\n",
	"From: root@example.com (Charlie Root)\r\n"},
    {"", "To: a,\r\n\tb ,\r\n c\r\n",
	"To: a@example.com,\r\n\tb@example.com ,\r\n c@example.com\r\n"},
    {"", "To: first . last\r\n", "To: first . last@example.com\r\n"},
    {"", "To: first(c).\r\n last (d)\r\n",
	"To: first(c).\r\n last@example.com (d)\r\n"},
    {"", "To: \"a b\", <@x,@y:jo>\r\n",
	"To: \"a b\"@example.com, <@x,@y:jo@example.com>\r\n"},
    {"", "To: friends: a, b@c;, d\r\n",
	"To: friends: a@example.com, b@c;, d@example.com\r\n"},
    {"", "Reply-To: a\r\n", "Reply-To: a@example.com\r\n"},
    {"", "Resent-To: a\r\n", "Resent-To: a@example.com\r\n"},
    {"", "Errors-To: a\r\n", "Errors-To: a@example.com\r\n"},
    {"", "From: J\xc3\xb6 <j\xc3\xb6>\r\n",
	"From: J\xc3\xb6 <j\xc3\xb6@example.com>\r\n"},
    {"", "To: a", "To: a@example.com"}, /* the section ended here */
    /* Not ours to change. */
    {"", "To: a@b, c@d\r\n", NULL},
    {"", "To: a, b@c d\r\n", NULL},
    {"", "To: Jo Doe\r\n", NULL},
    {"", "To: a, (open\r\n", NULL},
    {"", "To: a, \"open\r\n", NULL},
    {"", "To: a, <b\r\n", NULL},
    {"", "To: a, b\x01\r\n", NULL},
    {"", "To: undisclosed-recipients:;\r\n", NULL},
    {"", "To:\r\n", NULL},
    {"", "From: <>\r\n", NULL},
    {"", "From: =?UTF-8?Q?J=C3=B6?=\r\n", NULL},
    {"", "Subject: root\r\n", NULL},
    {"", "X-To: root\r\n", NULL},
    {"", "Tox: root\r\n", NULL},
    {"", "Return-Path: root\r\n", NULL},
    /* Senders, on request only. */
    {"d", "From: jo@example.com\r\n", NULL},
    {"d", "From: jo\r\n", "From: jo@example.com\r\n"},
    {"dh", "From: jo\r\n", "From: jo@m.example\r\n"},
    {"dh", "From: \"Doe, Jo\" <jo@h.example.com> (x)\r\n",
	"From: \"Doe, Jo\" <jo@m.example> (x)\r\n"},
    {"dh", "Sender: jo@example.com\r\n", "Sender: jo@m.example\r\n"},
    {"dh", "Reply-To: jo@example.com\r\n", "Reply-To: jo@m.example\r\n"},
    {"dh", "Resent-From: jo@example.com\r\n", "Resent-From: jo@m.example\r\n"},
    {"dh", "To: jo@example.com\r\n", NULL},
    {"dh", "From: jo@else.example\r\n", NULL},
    {"dh", "From: <>\r\n", NULL},
    {"dhx", "From: root\r\n", "From: root@example.com\r\n"},
    {"dh", "From: a@example.com, b@else.example,\r\n c@h.example.com\r\n",
	"From: a@m.example, b@else.example,\r\n c@m.example\r\n"},
    {"fh", "From: Jo <jo@else.example>\r\n", "From: Jo <one@isp.example>\r\n"},
    {"fh", "Reply-To: jo@else.example\r\n", NULL},
    {"f", "From: Jo <jo@else.example>\r\n", NULL},
    {"sh", "From: cron (Cron)\r\n", "From: cron@isp.example (Cron)\r\n"},
    {"sh", "Reply-To: cron\r\n", "Reply-To: cron@isp.example\r\n"},
    {"sh", "From: cron\r\n @\r\n example.com\r\n",
	"From:   cron@isp.example\r\n"},
    /* Comments and folds inside of an address that goes. */
    {"sh", "From: cron(a)@(b)\r\n example(c).(d)com\r\n",
	"From: (a)(b) (c)(d)cron@isp.example\r\n"},
};

static void
check_field(const struct field_case *t)
{
	struct conf c = make(t->rules);
	const char *want = t->want != NULL ? t->want : t->in;
	struct readdress r = {.conf = &c, .growth = 4096};
	struct field f;
	struct buf once, twice;
	buf_init(&once, 8192);
	buf_init(&twice, 8192);
	assert_int_equal(field_next(t->in, strlen(t->in), &f), 1);
	readdress_field(&r, &f, &once);
	if (strcmp(buf_str(&once), want) != 0)
		fail_msg("%s gave %s", t->in, buf_str(&once));
	if (once.len > strlen(t->in))
		assert_int_equal(4096 - r.growth, once.len - strlen(t->in));
	assert_int_equal(field_next(once.data, once.len, &f), 1);
	readdress_field(&r, &f, &twice);
	assert_string_equal(buf_str(&twice), want);
	buf_free(&once);
	buf_free(&twice);
}

static void
test_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(fields); i++)
		check_field(&fields[i]);
}

/* A field that would grow too much stays as it is; a smaller one does
 * not. */
static void
test_growth(void **state)
{
	static const char two[] = "To: a,b\r\nCc: c\r\n";
	struct conf c = make("");
	struct readdress r = {.conf = &c, .growth = 12};
	struct field f;
	struct buf out;
	(void)state;
	buf_init(&out, 8192);
	for (size_t at = 0; field_next(two + at, sizeof(two) - 1 - at, &f) == 1;
	     at += f.len)
		readdress_field(&r, &f, &out);
	assert_string_equal(buf_str(&out), "To: a,b\r\nCc: c@example.com\r\n");
	assert_int_equal(r.growth, 0);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_A49_addresses),
	    cmocka_unit_test(test_too_long_stays),
	    cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_growth),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

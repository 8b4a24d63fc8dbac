/* SPDX-License-Identifier: ISC */
/*
 * smtpd/relay.h: the whole matrix of destination, list, user and mode, each
 * cell against a table that was written from the document's rule (R19-R23),
 * and the forms in which an intruder asks (A5, G07-G23).
 */
#include "smtpd/relay.h"

#include "place.h"

static struct place place;

#define DOMAINS                                           \
	"example.com local\n"                             \
	"local.test local default\n"                      \
	"second.test local\n"                             \
	"alias.test alias\n"                              \
	"open.test remote host=127.0.0.1:1 relay=yes\n"   \
	"closed.test remote host=127.0.0.1:1 relay=no\n"  \
	"plain.test remote host=127.0.0.1:1\n"            \
	"*.wild.test remote host=127.0.0.1:1 relay=yes\n" \
	"no.wild.test remote host=127.0.0.1:1\n"

static int
set_up(void **state)
{
	(void)state;
	place_open(&place, DOMAINS, PLACE_DIRECTORIES);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	place_close(&place);
	return 0;
}

static struct peer
peer(const char *ip)
{
	struct peer p = {.name_known = true};
	if (ip_parse(ip, strlen(ip), &p.ip) != 0)
		fail_msg("%s is an address", ip);
	return p;
}

#define LISTED "192.0.2.1"
#define NOT_LISTED "198.51.100.1"

/* The rule that lets it pass; RELAY_DENIED with the seed's words. */
static enum relay_rule
ask(const struct peer *p, const char *user, const char *rcpt)
{
	struct address a;
	struct status st = {0};
	enum relay_rule rule = RELAY_DENIED;
	char want[400];
	const char *why;
	if (address_parse(
		&a, rcpt, strlen(rcpt), ADDRESS_BARE | ADDRESS_UTF8, &why) != 0)
		fail_msg("%s: %s", rcpt, why);
	relay_check(place.c, p, user, &a, &st, &rule);
	if (rule != RELAY_DENIED) {
		assert_int_equal(st.verdict, DONE);
		assert_int_equal(st.code, 250);
		return rule;
	}
	assert_int_equal(st.verdict, NEVER);
	assert_int_equal(st.code, 550);
	assert_string_equal(st.enhanced, "5.7.1");
	(void)snprintf(want, sizeof(want), "Unable to relay for %s", rcpt);
	assert_string_equal(st.text, want);
	return rule;
}

/* --- the matrix --- */

static const struct {
	const char *rcpt;
	bool always; /* whoever brings it */
	enum relay_rule rule;
} destinations[] = {
    {"u@local.test", true, RELAY_LOCAL_DOMAIN},
    {"u@second.test", true, RELAY_LOCAL_DOMAIN},
    {"u@alias.test", true, RELAY_LOCAL_DOMAIN},
    {"u@open.test", true, RELAY_DOMAIN_OPEN},
    {"u@a.b.wild.test", true, RELAY_DOMAIN_OPEN},
    {"u@closed.test", false, RELAY_DENIED},
    {"u@plain.test", false, RELAY_DENIED},
    {"u@no.wild.test", false, RELAY_DENIED},
    {"u@wild.test", false, RELAY_DENIED},
    {"u@unknown.test", false, RELAY_DENIED},
    {"u@[192.0.2.9]", false, RELAY_DENIED},
};

/* For destinations that have no rule of their own: who may.  Columns: not
 * listed and unknown, not listed with a user, listed and unknown, listed
 * with a user. */
static const struct {
	const char *conf, *may;
	enum relay_rule rules[4];
} modes[] = {
    /* "Only the list below", users in any case. */
    {"default = deny authenticated = true", "nyyy",
	{RELAY_DENIED, RELAY_AUTHENTICATED, RELAY_LISTED, RELAY_AUTHENTICATED}},
    /* "Only the list below." */
    {"default = deny authenticated = false", "nnyy",
	{RELAY_DENIED, RELAY_DENIED, RELAY_LISTED, RELAY_LISTED}},
    /* "All except the list below", users in any case. */
    {"default = allow open-relay = true authenticated = true", "yyny",
	{RELAY_DEFAULT, RELAY_AUTHENTICATED, RELAY_DENIED,
	    RELAY_AUTHENTICATED}},
    /* "All except the list below." */
    {"default = allow open-relay = true authenticated = false", "yynn",
	{RELAY_DEFAULT, RELAY_DEFAULT, RELAY_DENIED, RELAY_DENIED}},
};

static void
check_cell(size_t mode, size_t destination, int column)
{
	struct peer p = peer(column & 2 ? LISTED : NOT_LISTED);
	enum relay_rule got =
	    ask(&p, column & 1 ? "alice" : "", destinations[destination].rcpt);
	bool may =
	    destinations[destination].always || modes[mode].may[column] == 'y';
	enum relay_rule want = destinations[destination].always
				   ? destinations[destination].rule
				   : modes[mode].rules[column];
	if ((got != RELAY_DENIED) != may || got != want)
		fail_msg("%s: %s, column %d: %s", modes[mode].conf,
		    destinations[destination].rcpt, column,
		    relay_rule_name(got));
}

static void
test_matrix(void **state)
{
	(void)state;
	for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++) {
		char text[256];
		(void)snprintf(text, sizeof(text),
		    "relay { %s except = { \"" LISTED "\", \"10.1.0.0/16\", "
		    "\"2001:db8::/32\" } }\n",
		    modes[m].conf);
		place_conf(&place, text);
		for (size_t d = 0;
		     d < sizeof(destinations) / sizeof(destinations[0]); d++)
			for (int column = 0; column < 4; column++)
				check_cell(m, d, column);
	}
}

/* A12: unset and empty are the same, whatever the default. */
static void
test_A12_unset_is_empty(void **state)
{
	static const char *const lists[] = {"", "except = {}"};
	(void)state;
	for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++) {
		for (size_t i = 0; i < 2; i++) {
			char text[256];
			(void)snprintf(text, sizeof(text), "relay { %s %s }\n",
			    modes[m].conf, lists[i]);
			place_conf(&place, text);
			struct peer p = peer(LISTED);
			assert_int_equal(
			    ask(&p, "", "u@unknown.test"), modes[m].rules[0]);
			assert_int_equal(ask(&p, "alice", "u@unknown.test"),
			    modes[m].rules[1]);
		}
	}
	/* No section at all: closed, users may (G28). */
	place_conf(&place, "");
	struct peer p = peer("127.0.0.1");
	assert_int_equal(ask(&p, "", "u@unknown.test"), RELAY_DENIED);
	assert_int_equal(ask(&p, "a", "u@unknown.test"), RELAY_AUTHENTICATED);
}

/* --- disguises --- */

/* y: foreign, l: ours.  Those that are no address are refused before. */
static void
test_A5_G07_disguises(void **state)
{
	static const struct {
		const char *rcpt;
		bool parses;
	} t[] = {{"u%unknown.test@local.test", true},
	    {"u%unknown.test@[127.0.0.1]", true}, {"\"u@unknown.test\"", true},
	    {"\"u%unknown.test\"", true}, {"u%unknown.test", true},
	    {"u@unknown.test@local.test", false},
	    {"u@unknown.test@[127.0.0.1]", false},
	    {"\"u@unknown.test\"@local.test", true},
	    {"\"u\\@unknown.test\"@local.test", true},
	    {"\"u@unknown.test\"@[127.0.0.1]", true},
	    {"@local.test:u@unknown.test", false},
	    {"@[127.0.0.1]:u@unknown.test", false}, {"unknown.test!u", true},
	    {"unknown.test!u@local.test", true},
	    {"unknown.test!u@[127.0.0.1]", true},
	    {"\"unknown.test!u\"@alias.test", true},
	    {"\"@a:u\"@local.test", true}, {"u%x@open.test", true},
	    {"@a,@b:u@unknown.test", false}};
	struct peer p = peer(NOT_LISTED), own = {.local_socket = true};
	(void)state;
	place_conf(&place, "relay { except = { \"" LISTED "\" } }\n");
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct address a;
		const char *why, *r = t[i].rcpt;
		assert_int_equal(
		    address_parse(&a, r, strlen(r), ADDRESS_BARE, &why) == 0,
		    t[i].parses);
		if (!t[i].parses)
			continue;
		assert_true(relay_disguised(&a));
		if (ask(&p, "", r) != RELAY_DENIED)
			fail_msg("%s passes", r);
		/* Who may relay may write so. */
		assert_int_not_equal(ask(&p, "alice", r), RELAY_DENIED);
		assert_int_not_equal(ask(&own, "", r), RELAY_DENIED);
	}
	/* Ordinary ones stay. */
	assert_int_equal(ask(&p, "", "u"), RELAY_LOCAL_DOMAIN);
	assert_int_equal(ask(&p, "", "u.v+w=x@local.test"), RELAY_LOCAL_DOMAIN);
	assert_int_equal(ask(&p, "", "\"u v\"@local.test"), RELAY_LOCAL_DOMAIN);
}

static void
test_G21_domains_that_look_alike(void **state)
{
	static const char *const denied[] = {"u@evilopen.test",
	    "u@open.test.ex", "u@open.tes", "u@pen.test", "u@evillocal.test",
	    "u@local.test.ex", "u@x.local.test", "u@evilwild.test",
	    "u@wild.test", "u@a.wild.test.ex", "u@localhost", "u@[127.0.0.1]"};
	static const struct {
		const char *text;
		size_t len;
	} none[] = {{"u@OPEN.test.", 12}, {"u@open.test\0.evil", 17},
	    {"u@open..test", 12}, {"u@.open.test", 12}};
	struct peer p = peer(NOT_LISTED);
	(void)state;
	place_conf(&place, "");
	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++)
		if (ask(&p, "", denied[i]) != RELAY_DENIED)
			fail_msg("%s passes", denied[i]);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		struct address a;
		const char *why;
		assert_int_equal(address_parse(&a, none[i].text, none[i].len,
				     ADDRESS_BARE | ADDRESS_UTF8, &why),
		    -1);
	}
	struct address utf8;
	struct status st;
	enum relay_rule rule;
	const char *why, accent[] = "u@op\xc3\xa9n.test";
	assert_int_equal(
	    address_parse(&utf8, accent, strlen(accent), ADDRESS_UTF8, &why),
	    0);
	relay_check(place.c, &p, "", &utf8, &st, &rule);
	assert_int_equal(st.verdict, NEVER);
	assert_int_equal(ask(&p, "", "u@OPEN.Test"), RELAY_DOMAIN_OPEN);
	assert_int_equal(ask(&p, "", "u@LOCAL.TEST"), RELAY_LOCAL_DOMAIN);
	assert_int_equal(ask(&p, "", "u@A.WILD.test"), RELAY_DOMAIN_OPEN);
}

/* --- who is listed --- */

static void
test_G22_addresses(void **state)
{
	static const struct {
		const char *ip;
		bool listed;
	} t[] = {{"10.1.1.1", true}, {"::ffff:10.1.1.1", true},
	    {"10.2.0.0", false}, {"10.0.255.255", false}, {"192.0.2.1", true},
	    {"192.0.2.2", false}, {"2001:db8:1::1", true},
	    {"2001:db9::1", false}, {"::10.1.1.1", false}, {"::", false}};
	(void)state;
	place_conf(&place, "relay { except = { \"10.1.0.0/16\", \"192.0.2.1\", "
			   "\"2001:db8::/32\" } }\n");
	assert_false(relay_needs_name(place.c));
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct peer p = peer(t[i].ip);
		if (relay_listed(&place.c->relay.except, &p) != t[i].listed)
			fail_msg("%s", t[i].ip);
		assert_int_equal(ask(&p, "", "u@unknown.test"),
		    t[i].listed ? RELAY_LISTED : RELAY_DENIED);
	}
}

/* A name counts when it was confirmed; the caller leaves it "" else. */
static void
test_G23_names(void **state)
{
	static const struct {
		const char *name;
		bool listed;
	} t[] = {{"a.allowed.ex", true}, {"A.B.ALLOWED.EX", true},
	    {"allowed.ex", false}, {"evilallowed.ex", false},
	    {"allowed.ex.evil", false}, {"a.allowed.ex.evil", false},
	    {"host.example", true}, {"HOST.example", true},
	    {"x.host.example", false}, {"host.example.evil", false},
	    {"ost.example", false}, {"", false}, {".allowed.ex", false},
	    {"ex", false}};
	(void)state;
	char *entries[] = {strdup(".allowed.ex"), strdup("host.example")};
	const struct words except = {entries, 2};
	place_conf(&place, "relay { except = { \".allowed.ex\" } }\n");
	assert_true(relay_needs_name(place.c));
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct peer p = peer(NOT_LISTED);
		(void)snprintf(p.name, sizeof(p.name), "%s", t[i].name);
		if (relay_listed(&except, &p) != t[i].listed)
			fail_msg("%s", t[i].name);
	}
	free(entries[0]);
	free(entries[1]);
	struct peer p = peer(NOT_LISTED);
	p.name_known = false;
	assert_int_equal(ask(&p, "", "u@unknown.test"), RELAY_DENIED);
}

/* --- who may connect --- */

static int
access_code(const struct peer *p)
{
	struct status st = {0};
	relay_access(place.c, p, &st);
	if (st.verdict == DONE)
		return 220;
	assert_int_equal(st.verdict, NEVER);
	assert_string_equal(st.enhanced, "5.7.1");
	return st.code;
}

static void
test_access(void **state)
{
	struct peer listed = peer(LISTED), other = peer(NOT_LISTED);
	struct peer own = {.local_socket = true};
	(void)state;
	place_conf(&place, "");
	assert_int_equal(access_code(&other), 220);
	place_conf(&place, "access { except = { \"" LISTED "\" } }\n");
	assert_int_equal(access_code(&listed), 554);
	assert_int_equal(access_code(&other), 220);
	place_conf(
	    &place, "access { default = deny except = { \"" LISTED "\" } }\n");
	assert_int_equal(access_code(&listed), 220);
	assert_int_equal(access_code(&other), 554);
	assert_int_equal(access_code(&own), 220);
	place_conf(
	    &place, "access { default = deny except = { \".corp.test\" } }\n");
	assert_true(relay_needs_name(place.c));
	assert_int_equal(access_code(&other), 554);
	(void)snprintf(other.name, sizeof(other.name), "a.corp.test");
	assert_int_equal(access_code(&other), 220);
	/* To connect is no right to relay, and listed there is not here. */
	assert_int_equal(ask(&other, "", "u@unknown.test"), RELAY_DENIED);
}

/* R28: what is made on this host is never met with the refusal. */
static void
test_R28_unix_socket(void **state)
{
	struct peer own = {.local_socket = true, .uid = 1000};
	(void)state;
	for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++) {
		char text[256];
		/* Its address is all zero, and listed as the worst case. */
		(void)snprintf(text, sizeof(text),
		    "relay { %s except = { \"::\" } }\n", modes[m].conf);
		place_conf(&place, text);
		assert_int_equal(
		    ask(&own, "", "u@unknown.test"), RELAY_THIS_HOST);
		assert_int_equal(
		    ask(&own, "", "u@local.test"), RELAY_LOCAL_DOMAIN);
		assert_int_equal(
		    ask(&own, "", "u@open.test"), RELAY_DOMAIN_OPEN);
	}
}

/* Whose mail is completed and masqueraded as our own. */
static void
test_R33_own_clients(void **state)
{
	static char block[] = "192.0.2.0/24";
	static char *list[] = {block};
	struct conf c = {.masquerade.clients = {list, 1}};
	static const struct {
		const char *ip, *user;
		bool local_socket, own, own_if_listed;
	} cases[] = {
	    {"127.0.0.1", "", false, true, true},
	    {"127.9.9.9", "", false, true, true},
	    {"::1", "", false, true, true},
	    {"::", "", true, true, true},
	    {NOT_LISTED, "jo", false, true, true},
	    {LISTED, "", false, false, true},
	    {NOT_LISTED, "", false, false, false},
	    {"2001:db8::1", "", false, false, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer p = peer(cases[i].ip);
		p.local_socket = cases[i].local_socket;
		c.masquerade.clients.n = 0;
		assert_int_equal(
		    relay_is_own(&c, &p, cases[i].user), cases[i].own);
		c.masquerade.clients.n = 1;
		assert_int_equal(relay_is_own(&c, &p, cases[i].user),
		    cases[i].own_if_listed);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_matrix),
	    cmocka_unit_test(test_A12_unset_is_empty),
	    cmocka_unit_test(test_A5_G07_disguises),
	    cmocka_unit_test(test_G21_domains_that_look_alike),
	    cmocka_unit_test(test_G22_addresses),
	    cmocka_unit_test(test_G23_names),
	    cmocka_unit_test(test_access),
	    cmocka_unit_test(test_R28_unix_socket),
	    cmocka_unit_test(test_R33_own_clients),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* SPDX-License-Identifier: ISC */
/* Punycode against the samples of RFC 3492, and domains made comparable
 * beside what libidn2 makes of them (G21). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <idn2.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "mail/domain_key.h"
#include "mail/punycode.h"

static size_t
decode(const char *s, uint32_t *c, size_t room)
{
	size_t len = strlen(s), n = 0;
	for (size_t at = 0, used = 1; at < len && used > 0; at += used) {
		assert_true(n < room);
		used = utf8_next(s + at, len - at, &c[n++]);
		assert_true(used > 0);
	}
	return n;
}

/* Section 7.1; digits in lower case throughout. */
static const struct {
	const char *name, *text, *digits;
} samples[] = {
    {"A Arabic", "ليهمابتكلموشعربي؟", "egbpdaj6bu4bxfgehfvwxn"},
    {"B Chinese, simplified", "他们为什么不说中文", "ihqwcrb4cv8a8dqg056pqjye"},
    {"C Chinese, traditional", "他們爲什麽不說中文",
	"ihqwctvzc91f659drss3x8bo0yb"},
    {"D Czech", "Pročprostěnemluvíčesky", "Proprostnemluvesky-uyb24dma41a"},
    {"E Hebrew", "למההםפשוטלאמדבריםעברית", "4dbcagdahymbxekheh6e0a7fei0b"},
    {"F Hindi", "यहलोगहिन्दीक्योंनहींबोलसकतेहैं",
	"i1baa7eci9glrd9b2ae1bj0hfcgg6iyaf8o0a1dig0cd"},
    {"G Japanese", "なぜみんな日本語を話してくれないのか",
	"n8jok5ay5dzabd5bym9f0cm5685rrjetr6pdxa"},
    {"H Korean", "세계의모든사람들이한국어를이해한다면얼마나좋을까",
	"989aomsvi5e83db1d2a355cv1e0vak1dwrv93d5xbh15a0dt30a5jpsd879ccm6fea98"
	"c"},
    {"I Russian", "почемужеонинеговорятпорусски",
	"b1abfaaepdrnnbgefbadotcwatmq2g4l"},
    {"J Spanish", "PorquénopuedensimplementehablarenEspañol",
	"PorqunopuedensimplementehablarenEspaol-fmd56a"},
    {"K Vietnamese", "TạisaohọkhôngthểchỉnóitiếngViệt",
	"TisaohkhngthchnitingVit-kjcr8268qyxafd2f1b9g"},
    {"L", "3年B組金八先生", "3B-ww4c5e180e575a65lsy2b"},
    {"M", "安室奈美恵-with-SUPER-MONKEYS",
	"-with-SUPER-MONKEYS-pc58ag80a8qai00g7n9n"},
    {"N", "Hello-Another-Way-それぞれの場所",
	"Hello-Another-Way--fc4qua05auwb3674vfr0b"},
    {"O", "ひとつ屋根の下2", "2-u9tlzr9756bt3uc0v"},
    {"P", "MajiでKoiする5秒前", "MajiKoi5-783gue6qz075azm5e"},
    {"Q", "パフィーdeルンバ", "de-jg4avhby1noc0d"},
    {"R", "そのスピードで", "d9juau41awczczp"},
    {"S", "-> $1.00 <-", "-> $1.00 <--"},
};

static void
test_samples(void **state)
{
	uint32_t c[100];
	char out[100];
	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		size_t n = decode(samples[i].text, c, 100);
		size_t want = strlen(samples[i].digits);
		memset(out, 'x', sizeof(out));
		if (punycode_encode(c, n, out, sizeof(out)) != want ||
		    memcmp(out, samples[i].digits, want) != 0)
			fail_msg("%s: %.99s", samples[i].name, out);
		/* It fits exactly, and never writes behind its room. */
		memset(out, 'x', sizeof(out));
		assert_int_equal(punycode_encode(c, n, out, want), want);
		assert_int_equal(out[want], 'x');
		for (size_t room = 0; room < want; room++) {
			memset(out, 'x', sizeof(out));
			assert_int_equal(punycode_encode(c, n, out, room), 0);
			assert_int_equal(out[room], 'x');
		}
	}
}

static void
test_extremes(void **state)
{
	uint32_t c[LABEL_MAX] = {0};
	char out[LABEL_MAX * 8];
	(void)state;
	assert_int_equal(punycode_encode(c, 0, out, sizeof(out)), 0);
	c[0] = 0x110000;
	assert_int_equal(punycode_encode(c, 1, out, sizeof(out)), 0);
	c[0] = UINT32_MAX;
	assert_int_equal(punycode_encode(c, 1, out, sizeof(out)), 0);
	/* The largest steps there are. */
	for (size_t i = 0; i < LABEL_MAX; i++)
		c[i] = i + 1 < LABEL_MAX ? 0x80 + (uint32_t)i : 0x10ffff;
	assert_true(punycode_encode(c, LABEL_MAX, out, sizeof(out)) > 0);
}

static void
test_G21_keys(void **state)
{
	static const char *const cases[][2] = {
	    {"example.com", "example.com"},
	    {"EXAMPLE.com", "example.com"},
	    {"bücher.test", "xn--bcher-kva.test"},
	    {"BÜCHER.Test", "xn--bcher-kva.test"},
	    {"XN--Bcher-KVA.test", "xn--bcher-kva.test"},
	    {"*.bücher.test", "*.xn--bcher-kva.test"},
	    {"a.straße.test", "a.xn--strae-oqa.test"},
	    {"ПРИМЕР.ИСПЫТАНИЕ", "xn--e1afmkfd.xn--80akhbyknj4f"},
	    {"ΠΑΡΆΔΕΙΓΜΑ", "xn--hxajbheg2az3al"},
	    {"例え.テスト", "xn--r8jz45g.xn--zckzah"},
	    {"[IPv6:2001:DB8::1]", "[ipv6:2001:db8::1]"},
	    /* Other names than they look like. */
	    {"bu\xcc\x88"
	     "cher.test",
		"xn--bucher-xyd.test"},
	    {"b\xc3\xbc"
	     "cher\xe3\x80\x82test",
		"xn--bchertest-q9a6353k"},
	    /* No names. */
	    {"", ""},
	    {"ü..test", ""},
	    {".ü", ""},
	    {"ü.", ""},
	    {"b\xfc"
	     "cher.test",
		""},
	    {"\xc3", ""},
	};
	char out[DOMAIN_MAX + 1];
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = domain_key(cases[i][0], strlen(cases[i][0]), out);
		assert_string_equal(out, cases[i][1]);
		assert_int_equal(n, strlen(out));
	}
}

static void
test_lengths(void **state)
{
	char name[DOMAIN_MAX * 2], out[DOMAIN_MAX + 1];
	(void)state;
	memset(name, 'a', sizeof(name));
	assert_int_equal(domain_key(name, DOMAIN_MAX, out), DOMAIN_MAX);
	assert_int_equal(domain_key(name, DOMAIN_MAX + 1, out), 0);
	/* "xn--", 52 letters, "-", three digits and more: 63 is the end. */
	size_t last = 0;
	for (size_t n = 1; n < 70; n++) {
		memcpy(name + n, "\xc3\xbc", 2);
		size_t len = domain_key(name, n + 2, out);
		assert_int_equal(strlen(out), len);
		assert_true(len <= LABEL_MAX);
		if (len > 0)
			assert_int_equal(last, n - 1);
		if (len > 0)
			last = n;
		memcpy(name + n, "aa", 2);
	}
	assert_in_range(last, 50, 57);
	/* Labels that fit, and more of them than a domain holds. */
	size_t len = 0;
	while (len + 4 < DOMAIN_MAX) {
		memcpy(name + len,
		    "\xc3\xbc"
		    "a.",
		    4);
		len += 4;
	}
	assert_int_equal(domain_key(name, len - 1, out), 0);
	assert_string_equal(out, "");
}

static void
put_utf8(char *s, uint32_t c)
{
	if (c < 0x800)
		*s++ = (char)(0xc0 | c >> 6);
	else
		*s++ = (char)(0xe0 | c >> 12);
	if (c >= 0x800)
		*s++ = (char)(0x80 | (c >> 6 & 0x3f));
	*s++ = (char)(0x80 | (c & 0x3f));
	*s = '\0';
}

/* Each character in a label: our A-label is libidn2's; or the character
 * is encoded as it is, where libidn2 maps or forbids it. */
static void
test_beside_libidn2(void **state)
{
	unsigned equal = 0, capitals = 0;
	(void)state;
	for (uint32_t c = 0x80; c < 0xd800; c++) {
		char text[8], out[DOMAIN_MAX + 1], raw[DOMAIN_MAX + 1];
		char *theirs = NULL;
		const uint32_t one[] = {c, 'x'};
		put_utf8(text, c);
		(void)strncat(text, "x", 2);
		assert_true(domain_key(text, strlen(text), out) > 0);
		size_t n = punycode_encode(one, 2, raw + 4, DOMAIN_MAX - 4);
		memcpy(raw, "xn--", 4);
		raw[4 + n] = '\0';
		int r = idn2_to_ascii_8z(
		    text, &theirs, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
		if (r == IDN2_OK && strcmp(theirs, out) == 0) {
			equal++;
			if (strcmp(out, raw) != 0)
				capitals++;
		} else if (strcmp(out, raw) != 0) {
			fail_msg("U+%04X: %s is no small letter of %s (%s)",
			    (unsigned)c, out, raw,
			    r == IDN2_OK ? theirs : idn2_strerror(r));
		}
		if (r == IDN2_OK)
			idn2_free(theirs);
	}
	assert_true(equal > 40000);
	assert_true(capitals > 400);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_samples),
	    cmocka_unit_test(test_extremes),
	    cmocka_unit_test(test_G21_keys),
	    cmocka_unit_test(test_lengths),
	    cmocka_unit_test(test_beside_libidn2),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

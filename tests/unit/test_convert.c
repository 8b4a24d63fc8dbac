/* SPDX-License-Identifier: ISC */
/*
 * Messages for servers that take less: what is written, octet by octet.
 * That it means the same as before is for tests/e2e/54-convert.sh.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/io.h"
#include "deliver/convert.h"
#include "deliver/idn.h"
#include "mail/transfer.h"

static ssize_t
from_text(void *arg, uint64_t offset, char *out, size_t room)
{
	memcpy(out, (const char *)arg + offset, room);
	return (ssize_t)room;
}

/* Its outcome; what was written is in out. */
static enum convert_result
run(const char *text, unsigned how, struct buf *out)
{
	struct convert_source in = {from_text, (void *)text, strlen(text)};
	uint64_t size;
	const char *why;
	bool address;
	int fd = memfd_create("test", MFD_CLOEXEC);
	assert_true(fd >= 0);
	enum convert_result r =
	    convert(&in, how, idn_to_ascii, fd, &size, &why, &address);
	buf_init(out, 1 << 20);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(io_slurp(fd, out), 0);
	assert_int_equal(out->len, size);
	(void)close(fd);
	return r;
}

struct sample {
	const char *before, *after; /* NULL: needless, "": impossible */
	unsigned how;
};

static const struct sample samples[] = {
    {"A: b\r\n\r\nplain\r\n", NULL, CONVERT_SEVEN_BIT},
    {"A: b\r\n\r\nö =\r\n",
	"A: b\r\nMIME-Version: 1.0\r\n"
	"Content-Type: text/plain; charset=unknown-8bit\r\n"
	"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	"=C3=B6 =3D\r\n",
	CONVERT_SEVEN_BIT},
    {"A: b\r\n\r\nö\r\n", NULL, 0},
    {"MIME-Version: 1.0\r\nContent-Type: x/y\r\n"
     "Content-Transfer-Encoding: 8bit\r\n\r\nö\r\n",
	"MIME-Version: 1.0\r\nContent-Type: x/y\r\n"
	"Content-Transfer-Encoding: base64\r\n\r\nw7YNCg==\r\n",
	CONVERT_SEVEN_BIT},
    {"Subject: a ö b ü c\r\n\r\nx\r\n",
	"Subject: a =?UTF-8?Q?=C3=B6_b_=C3=BC?= c\r\n\r\nx\r\n",
	CONVERT_ASCII_HEADER},
    {"Subject: \xff\r\n\r\nö\r\n",
	"Subject: =?unknown-8bit?Q?=FF?=\r\n\r\nö\r\n", CONVERT_ASCII_HEADER},
    {"From: \"ö, b\" x <a@ü.test> (ü)\r\n\r\n",
	"From: =?UTF-8?Q?=C3=B6=2C_b?= x <a@xn--tda.test> "
	"(=?UTF-8?Q?=C3=BC?=)\r\n\r\n",
	CONVERT_ASCII_HEADER},
    {"From: ü@b.test\r\n\r\n", "", CONVERT_ASCII_HEADER},
    {"Nüm: ö\r\n\r\nx\r\n", "N??m: =?UTF-8?Q?=C3=B6?=\r\n\r\nx\r\n",
	CONVERT_ASCII_HEADER},
    {"Message-ID: <ü@b>\r\n\r\n",
	"Downgraded-Message-ID: =?UTF-8?Q?=3C=C3=BC=40b=3E?=\r\n\r\n",
	CONVERT_ASCII_HEADER},
    {"Content-Type: x/y; name=\"ü b\"; z=1\r\n\r\n",
	"Content-Type: x/y; name*=utf-8''%C3%BC%20b; z=1\r\n\r\n",
	CONVERT_ASCII_HEADER},
    {"Content-Transfer-Encoding: x-uuencode\r\n\r\nö\r\n", "",
	CONVERT_SEVEN_BIT},
    {"Content-Type: message/partial\r\n\r\nö\r\n", "", CONVERT_SEVEN_BIT},
    {"Content-Type: multipart/mixed\r\n\r\nö\r\n", "", CONVERT_SEVEN_BIT},
    {"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"
     "Content-Transfer-Encoding: 8bit\r\n\r\nö\r\n--b\r\n\r\nä\r\n--b--\r\n",
	"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"
	"\r\n??\r\n--b\r\nContent-Type: text/plain; charset=unknown-8bit\r\n"
	"Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=A4\r\n"
	"--b--\r\n",
	CONVERT_SEVEN_BIT},
};

static void
test_samples(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct sample *s = &samples[i];
		struct buf out;
		enum convert_result r = run(s->before, s->how, &out);
		if (s->after == NULL)
			assert_int_equal(r, CONVERT_NEEDLESS);
		else if (*s->after == '\0')
			assert_int_equal(r, CONVERT_IMPOSSIBLE);
		else
			assert_string_equal(buf_str(&out), s->after);
		buf_free(&out);
	}
}

static void
test_long_lines(void **state)
{
	(void)state;
	char *text = malloc(8000);
	assert_non_null(text);
	memset(text, 'x', 8000);
	memcpy(text, "X: ", 3);
	for (size_t i = 500; i < 2600; i += 7)
		text[i] = ' ';
	memcpy(text + 2600, "\r\n\r\n", 4);
	memcpy(text + 5000, "\r\n", 3);
	struct buf out;
	assert_int_equal(run(text, 0, &out), CONVERT_DONE);
	size_t column = 0, letters = 0;
	for (size_t i = 0; i < out.len; i++) {
		column = out.data[i] == '\n' ? 0 : column + 1;
		letters += out.data[i] == 'x';
		assert_true(column <= 999);
	}
	/* None was lost: 5000 less what is no x; text/plain adds one. */
	size_t want = 1;
	for (size_t i = 0; i < 5000; i++)
		want += text[i] == 'x';
	assert_int_equal(letters, want);
	buf_free(&out);
	free(text);
}

static void
encode(enum transfer_kind kind, const char *in, const char *want)
{
	for (size_t cut = 0; cut <= strlen(in); cut++) {
		struct transfer t;
		struct buf out;
		buf_init(&out, 10000);
		transfer_init(&t, kind);
		assert_int_equal(transfer_feed(&t, in, cut, &out), 0);
		assert_int_equal(
		    transfer_feed(&t, in + cut, strlen(in) - cut, &out), 0);
		assert_int_equal(transfer_finish(&t, &out), 0);
		assert_string_equal(buf_str(&out), want);
		buf_free(&out);
	}
}

static void
test_transfer(void **state)
{
	(void)state;
	encode(TRANSFER_QP, "", "");
	encode(TRANSFER_QP, "a \r\nb\t", "a=20\r\nb=09");
	encode(TRANSFER_QP, "a\rb\r", "a=0Db=0D");
	encode(TRANSFER_QP_MEND, "=3D\xff= \r\nx", "=3D=FF=\r\nx");
	encode(TRANSFER_BASE64, "abcd", "YWJjZA==");
	encode(TRANSFER_BASE64_MEND, "YWJj\xffZA==\r\n", "YWJjZA==");
	encode(TRANSFER_QP,
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaa\xff.",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaa=\r\n=FF.");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_samples),
	    cmocka_unit_test(test_long_lines),
	    cmocka_unit_test(test_transfer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

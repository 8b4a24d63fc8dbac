/* SPDX-License-Identifier: ISC */
/*
 * submit/submit.h: what goes in, and what lies in the queue afterwards.
 * Every letter is fed whole and octet by octet, with the same outcome.
 */
#include "submit/submit.h"

#include "base/log.h"
#include "spool.h"

static struct conf conf = {.hostname = "h.example.com",
    .origin = "example.com",
    .max_hops = 30,
    .limits.message_size = 1024 * 1024};

/* A letter: what is asked, and what must come of it. */
struct letter {
	const char *name, *in;
	size_t len; /* 0: strlen(in) */
	unsigned flags;
	const char *rcpts; /* arguments, joined by blanks */
	const char *from;  /* NULL: none given */
	/* expected */
	int code;             /* 0: queued */
	const char *enhanced; /* when refused */
	const char *to;       /* envelope, joined by blanks */
	const char *sender;
	const char *out; /* without our Received field */
};

static struct address
parse_any(const char *text)
{
	struct address a;
	const char *why;
	assert_int_equal(address_parse(&a, text, strlen(text),
			     ADDRESS_BARE | ADDRESS_EMPTY | ADDRESS_UTF8, &why),
	    0);
	return a;
}

static int
give_rcpts(struct submit *s, const char *rcpts, struct status *st)
{
	while (*rcpts != '\0') {
		char one[300];
		size_t n = strcspn(rcpts, " ");
		(void)snprintf(one, sizeof(one), "%.*s", (int)n, rcpts);
		struct address a = parse_any(one);
		if (submit_rcpt(s, &a, st) != 0)
			return -1;
		rcpts += n + (rcpts[n] == ' ');
	}
	return 0;
}

static int
feed(struct submit *s, const char *in, size_t len, size_t step,
    struct status *st)
{
	for (size_t at = 0; at < len; at += step) {
		size_t n = len - at < step ? len - at : step;
		int r = submit_feed(s, in + at, n, st);
		if (r != 0)
			return r < 0 ? -1 : 0;
	}
	return 0;
}

/* 0 and the id, or -1 and the status. */
static int
post(struct spool *sp, const struct letter *l, size_t step,
    char id[QUEUE_ID_MAX + 1], struct status *st)
{
	struct address from = {0};
	if (l->from != NULL)
		from = parse_any(l->from);
	struct submit_options o = {.conf = &conf,
	    .store = &sp->s,
	    .flags = l->flags,
	    .from = l->from != NULL ? &from : NULL,
	    .source = "test uid=1"};
	struct submit *s = submit_new(&o);
	int result = give_rcpts(s, l->rcpts != NULL ? l->rcpts : "", st);
	if (result == 0)
		result =
		    feed(s, l->in, l->len ? l->len : strlen(l->in), step, st);
	if (result == 0)
		result = submit_commit(s, id, st);
	submit_free(s);
	return result;
}

struct queued {
	struct envelope env;
	char *data;
	size_t len;
};

static void
fetch(struct spool *sp, const char *id, struct queued *q)
{
	struct batch b;
	struct batch_entry e;
	const char *why = NULL;
	uint64_t at = 0;
	assert_int_equal(batch_open(&b, sp->s.new_fd, id, &why), 0);
	assert_int_equal(batch_next(&b, &at, &e, &why), 1);
	assert_int_equal(batch_envelope(&b, &e, &q->env, &why), 0);
	assert_int_equal(batch_verify(&b, &e, &why), 0);
	q->len = e.data_len;
	q->data = calloc(1, q->len + 1);
	assert_int_equal(batch_read(&b, &e, 0, q->data, q->len), q->len);
	batch_close(&b);
	assert_int_equal(store_remove(&sp->s, id), 0);
}

static void
drop_queued(struct queued *q)
{
	envelope_free(&q->env);
	free(q->data);
}

/* Behind our Received field, which has to be there. */
static const char *
behind_received(const struct queued *q)
{
	const char *p = q->data;
	assert_memory_equal(p, "Received: by h.example.com", 26);
	do {
		p = strstr(p, "\r\n");
		assert_non_null(p);
		p += 2;
	} while (*p == ' ' || *p == '\t');
	return p;
}

static void
check_queued(struct spool *sp, const struct letter *l, const char *id)
{
	struct queued q;
	char to[2048] = "";
	fetch(sp, id, &q);
	for (size_t i = 0; i < q.env.nrcpts; i++) {
		size_t n = strlen(to);
		(void)snprintf(to + n, sizeof(to) - n, "%s%s", i ? " " : "",
		    q.env.rcpts[i].addr.text);
	}
	assert_string_equal(to, l->to);
	if (l->sender != NULL)
		assert_string_equal(q.env.from.text, l->sender);
	assert_string_equal(behind_received(&q), l->out);
	drop_queued(&q);
}

static void
check(const struct letter *letters, size_t n)
{
	struct spool sp;
	spool_open(&sp);
	for (size_t i = 0; i < n; i++) {
		const struct letter *l = &letters[i];
		static const size_t steps[] = {1, 2, 7, 1 << 20};
		for (size_t k = 0; k < 4; k++) {
			char id[QUEUE_ID_MAX + 1];
			struct status st = {0};
			int result = post(&sp, l, steps[k], id, &st);
			if ((result == 0) != (l->code == 0))
				fail_msg("%s: %d %s", l->name, result, st.text);
			if (result == 0) {
				check_queued(&sp, l, id);
			} else {
				assert_int_equal(st.code, l->code);
				assert_string_equal(st.enhanced, l->enhanced);
				assert_int_equal(
				    directory_count(sp.s.new_fd), 0);
			}
			assert_int_equal(directory_count(sp.s.tmp_fd), 0);
		}
	}
	spool_close(&sp);
}

#define CHECK(letters) check(letters, sizeof(letters) / sizeof((letters)[0]))
#define T SUBMIT_HEADER_RCPTS
#define X SUBMIT_XLINES

static void
test_C02_C09_C10_shapes(void **state)
{
	static const struct letter letters[] = {
	    {"C09 empty", "", 0, 0, "a", "me", 0, NULL, "a@example.com",
		"me@example.com", "\r\n"},
	    {"C10 no final newline", "Subject: x\n\nhi", 0, 0, "a", "me", 0,
		NULL, "a@example.com", NULL, "Subject: x\r\n\r\nhi\r\n"},
	    {"C10 header only", "Subject: x\n", 0, 0, "a", "me", 0, NULL,
		"a@example.com", NULL, "Subject: x\r\n\r\n"},
	    {"C10 header only, cut", "Subject: x", 0, 0, "a", "me", 0, NULL,
		"a@example.com", NULL, "Subject: x\r\n\r\n"},
	    {"empty line first", "\nSubject: x\n", 0, 0, "a", "me", 0, NULL,
		"a@example.com", NULL, "\r\nSubject: x\r\n"},
	    {"C05 no colon in line 1", "hi there\nTo: x@y\n", 0, T, "a", "me",
		0, NULL, "a@example.com", NULL, "\r\nhi there\r\nTo: x@y\r\n"},
	    {"C05 no colon later", "Subject: x\nhi\n", 0, 0, "a", "me", 0, NULL,
		"a@example.com", NULL, "Subject: x\r\n\r\nhi\r\n"},
	    {"continuation first", " x: y\nz", 0, 0, "a", "me", 0, NULL,
		"a@example.com", NULL, "\r\n x: y\r\nz\r\n"},
	    {"C05 mbox line", "From x@y Mon Jan  1 10:00:00\nA: b\n\n.c\n", 0,
		0, "a", "me", 0, NULL, "a@example.com", NULL,
		"A: b\r\n\r\n.c\r\n"},
	    {"C05 mbox lines", ">From x@y remote from z\nFrom x@y\nA: b\n", 0,
		0, "a", "me", 0, NULL, "a@example.com", NULL, "A: b\r\n\r\n"},
	    {"C05 no mbox line", "A: b\nFrom x\n", 0, 0, "a", "me", 0, NULL,
		"a@example.com", NULL, "A: b\r\n\r\nFrom x\r\n"},
	    {"C02 CR", "A: b\r\r\n\r\nx\ry\r\n", 0, 0, "a", "me", 0, NULL,
		"a@example.com", NULL, "A: b\r\n\r\nx y\r\n"},
	    {"odd fields stay", "X-a:\tb\n  c \nY :d\nBCCX: e\n\n", 0, 0, "a",
		"me", 0, NULL, "a@example.com", NULL,
		"X-a:\tb\r\n  c \r\nY :d\r\nBCCX: e\r\n\r\n"},
	    {"C18 queue records", "A: b\n\nwaypost-batch 1\nEND 00000001\n", 0,
		0, "a", "me", 0, NULL, "a@example.com", NULL,
		"A: b\r\n\r\nwaypost-batch 1\r\nEND 00000001\r\n"},
	};
	(void)state;
	CHECK(letters);
}

static void
test_A26_C03_dots(void **state)
{
	static const struct letter letters[] = {
	    {"A26 ends", "A: b\n\nx\n.\ny\n", 0, SUBMIT_DOT_ENDS, "a", "me", 0,
		NULL, "a@example.com", NULL, "A: b\r\n\r\nx\r\n"},
	    {"A26 ends in header", "A: b\n.\ny\n", 0, SUBMIT_DOT_ENDS, "a",
		"me", 0, NULL, "a@example.com", NULL, "A: b\r\n\r\n"},
	    {"A26 body", "A: b\n\nx\n.\ny\n", 0, 0, "a", "me", 0, NULL,
		"a@example.com", NULL, "A: b\r\n\r\nx\r\n.\r\ny\r\n"},
	    {"two dots", "A: b\n\n..\n", 0, SUBMIT_DOT_ENDS, "a", "me", 0, NULL,
		"a@example.com", NULL, "A: b\r\n\r\n..\r\n"},
	};
	(void)state;
	CHECK(letters);
}

static void
test_A15_A16_A17_header_recipients(void **state)
{
	static const struct letter letters[] = {
	    {"A16 adds", "To: x@y\nCc: \"a, b\" <b@c>, d\n\n", 0, T, "a x@y",
		"me", 0, NULL, "a@example.com x@y b@c d@example.com", NULL,
		"To: x@y\r\nCc: \"a, b\" <b@c>, d\r\n\r\n"},
	    {"A17 Bcc", "Bcc: s@t\nbCC: u@v\nTo: x@y\n\n", 0, T, "", "me", 0,
		NULL, "s@t u@v x@y", NULL, "To: x@y\r\n\r\n"},
	    {"A17 Bcc with a blank", "Bcc : s@t\nTo\t: x@y\n\n", 0, T, "", "me",
		0, NULL, "s@t x@y", NULL, "To\t: x@y\r\n\r\n"},
	    {"A17 no -t", "Bcc: s@t,\n  u@v\nA: b\n\n", 0, 0, "a", "me", 0,
		NULL, "a@example.com", NULL, "A: b\r\n\r\n"},
	    {"A17 Resent-Bcc", "Resent-Bcc: s@t\nTo: x@y\n\n", 0, T, "", "me",
		0, NULL, "s@t", NULL, "To: x@y\r\n\r\n"},
	    {"Resent block", "Resent-To: r@s\nResent-From: q@s\nTo: x@y\n\n", 0,
		T, "", "me", 0, NULL, "r@s", NULL,
		"Resent-To: r@s\r\nResent-From: q@s\r\nTo: x@y\r\n\r\n"},
	    {"two Resent blocks",
		"Resent-From: q@s\nResent-To: r@s\n"
		"Resent-From: o@p\nResent-To: old@p\nTo: x@y\n\n",
		0, T, "", "me", 0, NULL, "r@s", NULL,
		"Resent-From: q@s\r\nResent-To: r@s\r\n"
		"Resent-From: o@p\r\nResent-To: old@p\r\nTo: x@y\r\n\r\n"},
	    {"Resent behind a trace field",
		"Resent-To: r@s\nReceived: x\nResent-To: old@p\n\n", 0, T, "",
		"me", 0, NULL, "r@s", NULL,
		"Resent-To: r@s\r\nReceived: x\r\nResent-To: old@p\r\n\r\n"},
	    {"C06 folding", "Subject: x\n\tBcc: y@z\nTo: a@b\n\n", 0, T, "",
		"me", 0, NULL, "a@b", NULL,
		"Subject: x\r\n\tBcc: y@z\r\nTo: a@b\r\n\r\n"},
	    {"group", "To: all: a@b, c@d;, undisclosed:;\n\n", 0, T, "", "me",
		0, NULL, "a@b c@d", NULL,
		"To: all: a@b, c@d;, undisclosed:;\r\n\r\n"},
	    {"A15 none", "Subject: x\n\nTo: x@y\n", 0, T, "", "me", 554,
		"5.1.3", NULL, NULL, NULL},
	    {"C07 broken list", "To: a@b, \"c\n\n", 0, T, "d", "me", 501,
		"5.1.3", NULL, NULL, NULL},
	    {"C08 command", "To: |id\n\n", 0, T, "", "me", 501, "5.1.3", NULL,
		NULL, NULL},
	    {"C08 path", "Cc: /etc/passwd\n\n", 0, T, "", "me", 501, "5.1.3",
		NULL, NULL, NULL},
	    {"C08 dash", "To: -x@y\n\n", 0, T, "", "me", 0, NULL, "-x@y", NULL,
		"To: -x@y\r\n\r\n"},
	};
	(void)state;
	CHECK(letters);
}

static void
test_pickup_lines(void **state)
{
	static const struct letter letters[] = {
	    {"x-lines",
		"x-sender: me@a\nX-Receiver: \"J\" <r@b>, s@b\n"
		"x-receiver: r@b\nFrom: f@c\nTo: t@d\nBcc: z@d\n\nhi\n",
		0, X, NULL, NULL, 0, NULL, "r@b s@b", "me@a",
		"From: f@c\r\nTo: t@d\r\n\r\nhi\r\n"},
	    {"stripped later, too",
		"x-sender: me@a\nFrom: f@c\nX-Receiver: r@b\n\n", 0, X, NULL,
		NULL, 0, NULL, "r@b", "me@a", "From: f@c\r\n\r\n"},
	    {"null sender", "x-sender: <>\nx-receiver: r@b\n\n", 0, X, NULL,
		NULL, 0, NULL, "r@b", "", "\r\n"},
	    {"empty sender", "x-sender:\nx-receiver: r@b\n\n", 0, X, NULL, NULL,
		0, NULL, "r@b", "", "\r\n"},
	    {"same sender twice", "x-sender: m@a\nx-sender: m@A\nTo: t@d\n\n",
		0, X, NULL, NULL, 0, NULL, "t@d", "m@a", "To: t@d\r\n\r\n"},
	    {"two senders", "x-sender: m@a\nx-sender: n@a\nTo: t@d\n\n", 0, X,
		NULL, NULL, 501, "5.1.3", NULL, NULL, NULL},
	    {"Sender over From", "From: f@c, g@c\nSender: s@c\nTo: t\n\n", 0, X,
		NULL, NULL, 0, NULL, "t@example.com", "s@c",
		"From: f@c, g@c\r\nSender: s@c\r\nTo: t\r\n\r\n"},
	    {"From", "From: F <f@c>\nCc: t@d\nBcc: u@d\n\n", 0, X, NULL, NULL,
		0, NULL, "t@d u@d", "f@c", "From: F <f@c>\r\nCc: t@d\r\n\r\n"},
	    {"no sender", "To: t@d\n\n", 0, X, NULL, NULL, 501, "5.1.7", NULL,
		NULL, NULL},
	    {"no recipient", "From: f@c\n\n", 0, X, NULL, NULL, 554, "5.1.3",
		NULL, NULL, NULL},
	    {"not asked: stay", "x-receiver: r@b\n\n", 0, 0, "a", "me", 0, NULL,
		"a@example.com", NULL, "x-receiver: r@b\r\n\r\n"},
	    {"stuffed", "x-sender: m@a\nx-receiver: r@b\n\n..x\n.y\n", 0,
		X | SUBMIT_UNSTUFF, NULL, NULL, 0, NULL, "r@b", "m@a",
		"\r\n.x\r\ny\r\n"},
	};
	(void)state;
	CHECK(letters);
}

static void
test_C01_C16_refused(void **state)
{
	struct buf hops;
	buf_init(&hops, 1 << 16);
	for (int i = 0; i < 31; i++)
		(void)buf_adds(&hops, "Received: by x\n");
	(void)buf_adds(&hops, "\nx\n");
	const struct letter letters[] = {
	    {"C01 header", "A: b\0c\n\n", 8, 0, "a", "me", 554, "5.6.0", NULL,
		NULL, NULL},
	    {"C01 body", "A: b\n\nx\0y\n", 10, 0, "a", "me", 554, "5.6.0", NULL,
		NULL, NULL},
	    {"C16 hops", buf_str(&hops), 0, 0, "a", "me", 554, "5.4.6", NULL,
		NULL, NULL},
	    {"A13 pipe", "x", 0, 0, "|id", "me", 501, "5.1.3", NULL, NULL,
		NULL},
	    {"A13 quoted", "x", 0, 0, "\"|id\"", "me", 501, "5.1.3", NULL, NULL,
		NULL},
	    {"no recipient", "x", 0, 0, "", "me", 554, "5.1.3", NULL, NULL,
		NULL},
	};
	(void)state;
	CHECK(letters);
	buf_free(&hops);
}

static struct submit *
open_submit(struct spool *sp, unsigned flags, const char *full_name)
{
	static struct address from;
	struct status st;
	from = parse_any("me");
	struct submit *s = submit_new(&(struct submit_options){.conf = &conf,
	    .store = &sp->s,
	    .flags = flags,
	    .from = &from,
	    .full_name = full_name,
	    .source = "test",
	    .notify = NOTIFY_DELAY,
	    .ret = RET_HDRS,
	    .envid = "e+2Bd"});
	struct address to = parse_any("a@b");
	assert_int_equal(submit_rcpt(s, &to, &st), 0);
	return s;
}

/* Feed n octets c; the result of the last call. */
static int
flood(struct submit *s, char c, size_t n, struct status *st)
{
	char piece[65536];
	int result = 0;
	memset(piece, c, sizeof(piece));
	while (n > 0 && result == 0) {
		size_t now = n < sizeof(piece) ? n : sizeof(piece);
		result = submit_feed(s, piece, now, st);
		n -= now;
	}
	return result;
}

static void
test_C12_size(void **state)
{
	size_t max = conf.limits.message_size;
	struct status st;
	struct spool sp;
	char id[QUEUE_ID_MAX + 1];
	(void)state;
	spool_open(&sp);
	struct submit *s = open_submit(&sp, 0, NULL);
	assert_int_equal(submit_feed(s, "A: b\n\n", 6, &st), 0);
	assert_int_equal(flood(s, 'x', max - 10, &st), 0);
	assert_int_equal(submit_commit(s, id, &st), 0);
	submit_free(s);
	struct queued q;
	fetch(&sp, id, &q);
	assert_int_equal(strlen(behind_received(&q)), max);
	drop_queued(&q);

	s = open_submit(&sp, 0, NULL);
	assert_int_equal(submit_feed(s, "A: b\n\n", 6, &st), 0);
	assert_int_equal(flood(s, 'x', max - 9, &st), 0);
	assert_int_equal(submit_commit(s, id, &st), -1);
	assert_int_equal(st.code, 552);
	assert_string_equal(st.enhanced, "5.3.4");
	submit_free(s);
	assert_int_equal(directory_count(sp.s.tmp_fd), 0);
	assert_int_equal(directory_count(sp.s.new_fd), 0);
	spool_close(&sp);
}

/* One line without end, of letters, of a field, of CRs; no end of fields. */
static void
test_C04_C05_C13_floods(void **state)
{
	static const struct {
		const char *start;
		char c;
		int code;
	} cases[] = {{"", 'x', 552}, {"A: ", 'x', 554}, {"A: b\n\n", 'x', 552},
	    {"", '\r', 554}, {"A: b\n\n", '\r', 554}, {"", '\n', 552},
	    {"From ", 'x', 554}, {"", 0, 554}, {"To: ", '(', 554}};
	uint64_t old = conf.limits.message_size;
	(void)state;
	conf.limits.message_size = 8 << 20;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct status st;
		struct spool sp;
		spool_open(&sp);
		struct submit *s = open_submit(&sp, SUBMIT_HEADER_RCPTS, NULL);
		assert_int_equal(
		    submit_feed(s, cases[i].start, strlen(cases[i].start), &st),
		    0);
		assert_int_equal(flood(s, cases[i].c, 100 << 20, &st), -1);
		if (st.code != cases[i].code)
			fail_msg("case %zu: %d %s", i, st.code, st.text);
		submit_free(s);
		assert_int_equal(directory_count(sp.s.tmp_fd), 0);
		spool_close(&sp);
	}
	conf.limits.message_size = old;
}

static void
test_C05_many_fields(void **state)
{
	struct status st;
	struct spool sp;
	int result = 0;
	(void)state;
	spool_open(&sp);
	struct submit *s = open_submit(&sp, 0, NULL);
	for (int i = 0; i < 100000 && result == 0; i++)
		result = submit_feed(s, "a:\n", 3, &st);
	assert_int_equal(result, -1);
	assert_int_equal(st.code, 554);
	submit_free(s);
	spool_close(&sp);
}

static size_t
count(const char *text, const char *what)
{
	size_t n = 0;
	for (const char *p = text; (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
}

static void
test_C17_completion(void **state)
{
	static const struct {
		const char *in, *full_name, *has;
		int dates, ids, froms;
	} cases[] = {
	    {"Subject: x\n\n", NULL, "\r\nFrom: me@example.com\r\n", 1, 1, 1},
	    {"Subject: x\n\n", "Jo Doe",
		"\r\nFrom: Jo Doe <me@example.com>\r\n", 1, 1, 1},
	    {"From: q\nDate: never\nMessage-Id: <m>\n\n", "Jo",
		"From: q@example.com\r\nDate: never\r\nMessage-Id: <m>\r\n\r\n",
		1, 0, 1},
	    {"FROM:\ndate :\n\n", NULL, "FROM:\r\ndate :\r\n", 0, 1, 0},
	    {"x: y\n\n", "N\r\nBcc: e@x", "<me@example.com>", 1, 1, 1},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct status st;
		struct spool sp;
		struct queued q;
		char id[QUEUE_ID_MAX + 1];
		spool_open(&sp);
		struct submit *s =
		    open_submit(&sp, SUBMIT_COMPLETE, cases[i].full_name);
		assert_int_equal(
		    feed(s, cases[i].in, strlen(cases[i].in), 9, &st), 0);
		assert_int_equal(submit_commit(s, id, &st), 0);
		submit_free(s);
		fetch(&sp, id, &q);
		if (strstr(q.data, cases[i].has) == NULL)
			fail_msg("case %zu: %s", i, q.data);
		assert_int_equal(count(q.data, "\nDate:"), cases[i].dates);
		assert_int_equal(count(q.data, "\nMessage-ID:"), cases[i].ids);
		assert_int_equal(count(q.data, "\nFrom:"), cases[i].froms);
		assert_int_equal(count(q.data, "\nBcc"), 0); /* A08 */
		assert_int_equal(q.env.rcpts[0].notify, NOTIFY_DELAY);
		assert_int_equal(q.env.ret, RET_HDRS);
		assert_string_equal(q.env.envid, "e+2Bd");
		drop_queued(&q);
		spool_close(&sp);
	}
}

/* A message that is sent on says by whom, on top; one that only came with
 * such a block, or is whole, does not change. */
static void
test_C17_resent(void **state)
{
#define WHOLE "From: a@b\nDate: d\nMessage-ID: <m>\n"
	static const struct {
		const char *in;
		int froms, dates, ids;
	} cases[] = {
	    {"Resent-To: c@d\n" WHOLE "\n", 1, 1, 1},
	    {WHOLE "Resent-Bcc: c@d\n\n", 1, 1, 1},
	    {"Resent-From: x@y\nResent-To: c@d\n" WHOLE "\n", 1, 1, 1},
	    {"Resent-Date: r\nResent-Message-ID: <r>\n" WHOLE "\n", 1, 1, 1},
	    {"Received: x\nResent-To: c@d\n" WHOLE "\n", 0, 0, 0},
	    {"Resent-Date: r\nResent-Date: r\n" WHOLE "\n", 1, 2, 1},
	    {"Resent-Sender: r@s\n" WHOLE "\n", 0, 0, 0},
	    {WHOLE "\n", 0, 0, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct status st;
		struct spool sp;
		struct queued q;
		char id[QUEUE_ID_MAX + 1];
		spool_open(&sp);
		struct submit *s = open_submit(&sp, SUBMIT_COMPLETE, "Jo");
		assert_int_equal(
		    feed(s, cases[i].in, strlen(cases[i].in), 9, &st), 0);
		assert_int_equal(submit_commit(s, id, &st), 0);
		submit_free(s);
		fetch(&sp, id, &q);
		const char *p = behind_received(&q);
		assert_int_equal(count(p, "Resent-From:"), cases[i].froms);
		assert_int_equal(count(p, "Resent-Date:"), cases[i].dates);
		assert_int_equal(count(p, "Resent-Message-ID:"), cases[i].ids);
		assert_int_equal(count(p, "\nMessage-ID:"), 1);
		if (i == 0)
			assert_memory_equal(
			    p, "Resent-From: Jo <me@example.com>\r\n", 34);
		drop_queued(&q);
		spool_close(&sp);
	}
}

/* A49 for the envelope of each kind of door. */
static void
test_A49_envelope(void **state)
{
	static char here[] = "m.example", one[] = "one@out.example";
	static const struct {
		const char *from, *want;
		unsigned flags;
		bool one;
	} cases[] = {
	    {"me", "me@m.example", SUBMIT_COMPLETE, false},
	    {"me@h.example.com", "me@m.example", SUBMIT_RELAY, false},
	    {"me@else.example", "me@else.example", SUBMIT_COMPLETE, false},
	    {"", "", SUBMIT_COMPLETE, true},
	    {"me@else.example", "one@out.example", SUBMIT_COMPLETE, true},
	    {"me@else.example", "me@else.example", SUBMIT_RELAY, true},
	    {"me@example.com", "me@m.example", SUBMIT_RELAY, true},
	    {"", "", SUBMIT_RELAY, true},
	};
	(void)state;
	conf.masquerade.domain = here;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct letter l = {.in = "From: me\n\n",
		    .flags = cases[i].flags,
		    .rcpts = "a@b",
		    .from = cases[i].from};
		struct status st;
		struct spool sp;
		struct queued q;
		char id[QUEUE_ID_MAX + 1];
		conf.masquerade.from = cases[i].one ? one : NULL;
		spool_open(&sp);
		assert_int_equal(post(&sp, &l, 5, id, &st), 0);
		fetch(&sp, id, &q);
		assert_string_equal(q.env.from.text, cases[i].want);
		assert_non_null(
		    strstr(q.data, cases[i].flags == SUBMIT_RELAY
				       ? "\r\nFrom: me\r\n"
				       : "\r\nFrom: me@example.com\r\n"));
		drop_queued(&q);
		spool_close(&sp);
	}
	conf.masquerade.domain = conf.masquerade.from = NULL;
}

/* Names that do not fit any more stay bare; the letter is not refused. */
static void
test_readdress_is_bounded(void **state)
{
	const size_t names = 40000;
	char *head = calloc(1, 4 * names + 100);
	struct status st;
	struct spool sp;
	struct queued q;
	char id[QUEUE_ID_MAX + 1];
	(void)state;
	memcpy(head, "To: b\nCc: a", 11);
	for (size_t i = 0; i < names; i++)
		memcpy(head + 11 + 2 * i, ",a", 3);
	memcpy(head + 11 + 2 * names, "\n\n", 3);
	spool_open(&sp);
	struct submit *s = open_submit(&sp, SUBMIT_COMPLETE, NULL);
	assert_int_equal(feed(s, head, strlen(head), 9000, &st), 0);
	assert_int_equal(submit_commit(s, id, &st), 0);
	submit_free(s);
	fetch(&sp, id, &q);
	assert_non_null(strstr(q.data, "\r\nTo: b@example.com\r\nCc: a,a,a"));
	drop_queued(&q);
	spool_close(&sp);
	free(head);
}

static void
test_eight_bit(void **state)
{
	static const struct {
		const char *in;
		bool eight_bit;
	} cases[] = {{"A: b\n\nx\n", false}, {"A: b\n\n\xc3\xa4\n", true},
	    {"A: \xe4\n\n", true}};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct status st;
		struct spool sp;
		struct queued q;
		char id[QUEUE_ID_MAX + 1];
		spool_open(&sp);
		struct submit *s = open_submit(&sp, 0, NULL);
		assert_int_equal(
		    feed(s, cases[i].in, strlen(cases[i].in), 3, &st), 0);
		assert_int_equal(submit_commit(s, id, &st), 0);
		submit_free(s);
		fetch(&sp, id, &q);
		assert_int_equal(q.env.eight_bit, cases[i].eight_bit);
		assert_false(q.env.utf8);
		drop_queued(&q);
		spool_close(&sp);
	}
}

static void
test_A21_too_many(void **state)
{
	struct status st;
	struct spool sp;
	int result = 0;
	(void)state;
	spool_open(&sp);
	struct submit *s = open_submit(&sp, 0, NULL);
	for (int i = 0; i < RECIPIENTS_MAX && result == 0; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "r%d@x", i);
		struct address a = parse_any(name);
		result = submit_rcpt(s, &a, &st);
	}
	assert_int_equal(result, -1);
	assert_int_equal(st.code, 552);
	submit_free(s);
	assert_int_equal(directory_count(sp.s.tmp_fd), 0);
	spool_close(&sp);
}

/* An alias that is the administrator's fault does not bounce mail. */
static void
test_alias_faults_are_temporary(void **state)
{
	char path[300];
	struct status st;
	struct spool sp;
	struct faults f;
	(void)state;
	spool_open(&sp);
	(void)snprintf(path, sizeof(path), "%s/aliases", sp.path);
	FILE *out = fopen(path, "w");
	assert_non_null(out);
	(void)fputs("bad: |id\nall: a, A@b, a@b\n", out);
	assert_int_equal(fclose(out), 0);
	faults_init(&f);
	struct alias *aliases = alias_load(path, &f);
	struct address from = parse_any(""), bad = parse_any("bad"),
		       all = parse_any("all@example.com");
	struct submit_options o = {.conf = &conf,
	    .store = &sp.s,
	    .aliases = aliases,
	    .from = &from,
	    .source = "test"};
	struct submit *s = submit_new(&o);
	char id[QUEUE_ID_MAX + 1];
	assert_int_equal(submit_rcpt(s, &bad, &st), 0);
	assert_int_equal(submit_commit(s, id, &st), -1);
	assert_int_equal(st.verdict, LATER);
	assert_string_equal(st.enhanced, "4.3.5");
	submit_free(s);
	s = submit_new(&o);
	assert_int_equal(submit_rcpt(s, &all, &st), 0);
	assert_int_equal(submit_rcpt(s, &all, &st), 0);
	assert_int_equal(submit_commit(s, id, &st), 0);
	submit_free(s);
	struct queued q;
	fetch(&sp, id, &q);
	assert_int_equal(q.env.nrcpts, 3);
	drop_queued(&q);
	alias_free(aliases);
	faults_free(&f);
	spool_close(&sp);
}

/* RFC 8689: what the sender wants of TLS gets into the envelope. */
static void
test_tls_wish(void **state)
{
	static const struct {
		const char *in;
		bool option;
		enum tls_wish wish;
	} t[] = {
	    {"Subject: x\n\nx\n", false, WISH_NONE},
	    {"TLS-Required: No\n\nx\n", false, WISH_TLS_OPTIONAL},
	    {"tls-required:\n\tno \n\nx\n", false, WISH_TLS_OPTIONAL},
	    {"TLS-Required: Yes\n\nx\n", false, WISH_NONE},
	    {"TLS-Required:\n\nx\n", false, WISH_NONE},
	    {"Subject: x\n\nTLS-Required: No\n", false, WISH_NONE},
	    {"Subject: x\n\nx\n", true, WISH_REQUIRETLS},
	    {"TLS-Required: No\n\nx\n", true, WISH_REQUIRETLS},
	};
	struct spool sp;
	(void)state;
	spool_open(&sp);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct address to = parse_any("a@b.test");
		struct submit_options o = {.conf = &conf,
		    .store = &sp.s,
		    .from = &to,
		    .source = "test",
		    .require_tls = t[i].option};
		char id[QUEUE_ID_MAX + 1];
		struct status st;
		struct queued q;
		struct submit *s = submit_new(&o);
		assert_int_equal(submit_rcpt(s, &to, &st), 0);
		assert_int_equal(
		    submit_feed(s, t[i].in, strlen(t[i].in), &st), 0);
		assert_int_equal(submit_commit(s, id, &st), 0);
		submit_free(s);
		fetch(&sp, id, &q);
		assert_int_equal(q.env.tls, t[i].wish);
		drop_queued(&q);
	}
	spool_close(&sp);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_C02_C09_C10_shapes),
	    cmocka_unit_test(test_A26_C03_dots),
	    cmocka_unit_test(test_A15_A16_A17_header_recipients),
	    cmocka_unit_test(test_pickup_lines),
	    cmocka_unit_test(test_C01_C16_refused),
	    cmocka_unit_test(test_C12_size),
	    cmocka_unit_test(test_C04_C05_C13_floods),
	    cmocka_unit_test(test_C05_many_fields),
	    cmocka_unit_test(test_C17_completion),
	    cmocka_unit_test(test_C17_resent),
	    cmocka_unit_test(test_A49_envelope),
	    cmocka_unit_test(test_readdress_is_bounded),
	    cmocka_unit_test(test_eight_bit),
	    cmocka_unit_test(test_A21_too_many),
	    cmocka_unit_test(test_tls_wish),
	    cmocka_unit_test(test_alias_faults_are_temporary),
	};
	log_level(LOG_WARNING);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

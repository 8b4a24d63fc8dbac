/* SPDX-License-Identifier: ISC */
/*
 * Envelopes: a value and its text form.  Not a parser of addresses or of
 * DSN words: those are judged by address_parse() and by xtext.c, here as at
 * every other border.
 *
 * What envelope_write() makes of a sane envelope envelope_read() takes:
 * fixed order, canonical numbers, nothing unknown.  Reading takes time in
 * proportion to the length.
 */
#include "queue/envelope.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue/store.h"

void
envelope_init(struct envelope *e)
{
	*e = (struct envelope){.seq = 1, .arrived_ms = clock_wall_ms()};
}

void
envelope_free(struct envelope *e)
{
	for (size_t i = 0; i < e->nrcpts; i++)
		free(e->rcpts[i].orcpt);
	free(e->rcpts);
	free(e->source);
	free(e->envid);
	free(e->watch);
	*e = (struct envelope){.seq = 1};
}

static struct rcpt *
add_slot(struct envelope *e)
{
	if (e->nrcpts >= RECIPIENTS_MAX)
		return NULL;
	if (e->nrcpts == e->cap) {
		e->cap = e->cap == 0 ? 1 : e->cap * 2;
		e->rcpts = alloc_grow(e->rcpts, e->cap, sizeof(*e->rcpts));
	}
	return &e->rcpts[e->nrcpts++];
}

int
envelope_add(struct envelope *e, const struct address *addr, unsigned notify,
    const char *orcpt)
{
	uint32_t last = e->nrcpts == 0 ? 0 : e->rcpts[e->nrcpts - 1].number;
	struct rcpt *r = add_slot(e);
	if (r == NULL)
		return -1;
	r->addr = *addr;
	r->number = last + 1;
	r->notify = notify;
	r->orcpt = orcpt == NULL ? NULL : alloc_string(orcpt, strlen(orcpt));
	return 0;
}

/* --- writing --- */

/* One line, whatever is in it (INV7). */
static void
write_source(const char *source, struct buf *out)
{
	(void)buf_adds(out, "source: ");
	for (const char *p = source == NULL ? "" : source; *p != '\0'; p++)
		(void)buf_addc(out, *p >= 0x20 && *p < 0x7f ? *p : '?');
	(void)buf_addc(out, '\n');
}

static void
write_notify(unsigned notify, struct buf *out)
{
	static const struct {
		unsigned bit;
		const char *name;
	} names[] = {{NOTIFY_NEVER, "never"}, {NOTIFY_SUCCESS, "success"},
	    {NOTIFY_FAILURE, "failure"}, {NOTIFY_DELAY, "delay"},
	    {NOTIFY_EXPANDED, "expanded"}};
	const char *comma = "";
	if (notify == 0)
		(void)buf_addc(out, '-');
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if ((notify & names[i].bit) == 0)
			continue;
		(void)buf_adds(out, comma);
		(void)buf_adds(out, names[i].name);
		comma = ",";
	}
}

static void
write_rcpt(const struct rcpt *r, struct buf *out)
{
	(void)buf_addf(out, "rcpt: %" PRIu32 " ", r->number);
	write_notify(r->notify, out);
	(void)buf_addc(out, ' ');
	(void)buf_adds(out, r->orcpt == NULL ? "-" : r->orcpt);
	(void)buf_addc(out, ' ');
	(void)buf_add(out, r->addr.text, r->addr.len);
	(void)buf_addc(out, '\n');
}

int
envelope_write(const struct envelope *e, struct buf *out)
{
	(void)buf_addf(out, "envelope: 1\nseq: %" PRIu32 "\n", e->seq);
	(void)buf_addf(out, "arrived: %" PRId64 "\n",
	    e->arrived_ms < 0 ? 0 : e->arrived_ms);
	write_source(e->source, out);
	(void)buf_adds(out, "from: ");
	(void)buf_add(out, e->from.text, e->from.len);
	(void)buf_addc(out, '\n');
	if (e->eight_bit)
		(void)buf_adds(out, "body: 8bit\n");
	if (e->utf8)
		(void)buf_adds(out, "utf8: yes\n");
	if (e->envid != NULL)
		(void)buf_addf(out, "envid: %s\n", e->envid);
	if (e->ret != RET_NONE)
		(void)buf_addf(
		    out, "ret: %s\n", e->ret == RET_FULL ? "full" : "hdrs");
	if (e->watch != NULL)
		(void)buf_addf(out, "watch: %s\n", e->watch);
	if (e->defer)
		(void)buf_adds(out, "defer: yes\n");
	if (e->tls != WISH_NONE)
		(void)buf_addf(out, "tls: %s\n",
		    e->tls == WISH_REQUIRETLS ? "required" : "optional");
	for (size_t i = 0; i < e->nrcpts; i++)
		write_rcpt(&e->rcpts[i], out);
	return buf_ok(out) ? 0 : -1;
}

/* --- reading --- */

/* What is left to read, and the value of the line just taken. */
struct reader {
	const char *p, *end;
	const char *value;
	size_t len;
};

/* Take the next line if it has this key. */
static bool
take(struct reader *r, const char *key)
{
	size_t len = strlen(key);
	size_t left = (size_t)(r->end - r->p);
	if (left < len + 3 || memcmp(r->p, key, len) != 0 || r->p[len] != ':' ||
	    r->p[len + 1] != ' ')
		return false;
	const char *value = r->p + len + 2;
	const char *lf = memchr(value, '\n', (size_t)(r->end - value));
	if (lf == NULL)
		return false;
	r->value = value;
	r->len = (size_t)(lf - value);
	r->p = lf + 1;
	return true;
}

/* Take the next line if it has this key and this value. */
static bool
take_exact(struct reader *r, const char *key, const char *value)
{
	const char *before = r->p;
	if (take(r, key) && r->len == strlen(value) &&
	    memcmp(r->value, value, r->len) == 0)
		return true;
	r->p = before;
	return false;
}

/* A canonical decimal number, 0..max. */
static bool
read_number(const char *s, size_t len, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;
	if (len == 0 || len > 19 || (s[0] == '0' && len > 1))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(s[i] - '0');
	}
	*out = value;
	return value <= max;
}

static bool
is_printable(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] < 0x20 || s[i] >= 0x7f)
			return false;
	return true;
}

/* The word up to the next blank, which is dropped. */
static bool
next_word(struct reader *r, const char **word, size_t *len)
{
	const char *blank = memchr(r->value, ' ', r->len);
	if (blank == NULL)
		return false;
	*word = r->value;
	*len = (size_t)(blank - r->value);
	r->value += *len + 1;
	r->len -= *len + 1;
	return true;
}

/* What write_notify() writes. */
static bool
read_notify(const char *word, size_t len, unsigned *notify)
{
	static const char expanded[] = "expanded";
	*notify = 0;
	if (len == 1 && *word == '-')
		return true;
	if (len == sizeof(expanded) - 1 && memcmp(word, expanded, len) == 0) {
		*notify = NOTIFY_EXPANDED;
		return true;
	}
	return notify_parse(word, len, notify) == 0;
}

static const char *
read_rcpt(struct envelope *e, struct reader *r)
{
	struct rcpt rcpt = {0};
	const char *word, *orcpt, *why;
	size_t len, orcpt_len;
	uint64_t number;
	uint32_t last = e->nrcpts == 0 ? 0 : e->rcpts[e->nrcpts - 1].number;
	if (!next_word(r, &word, &len) ||
	    !read_number(word, len, UINT32_MAX - 1, &number) || number <= last)
		return "bad number of a recipient";
	rcpt.number = (uint32_t)number;
	if (!next_word(r, &word, &len) || !read_notify(word, len, &rcpt.notify))
		return "bad notify";
	if (!next_word(r, &orcpt, &orcpt_len))
		return "no orcpt";
	bool none = orcpt_len == 1 && *orcpt == '-';
	if (!none && !orcpt_valid(orcpt, orcpt_len))
		return "bad orcpt";
	if (address_parse(&rcpt.addr, r->value, r->len,
		e->utf8 ? ADDRESS_UTF8 : 0, &why) != 0)
		return why;
	struct rcpt *slot = add_slot(e);
	if (slot == NULL)
		return "too many recipients";
	if (!none)
		rcpt.orcpt = alloc_string(orcpt, orcpt_len);
	*slot = rcpt;
	return NULL;
}

static const char *
read_sender(struct envelope *e, const char *from, size_t len)
{
	const char *why;
	unsigned flags = ADDRESS_EMPTY | (e->utf8 ? ADDRESS_UTF8 : 0);
	return address_parse(&e->from, from, len, flags, &why) != 0 ? why
								    : NULL;
}

/* The lines before the recipients. */
static const char *
read_head(struct envelope *e, struct reader *r)
{
	uint64_t number;
	if (!take_exact(r, "envelope", "1"))
		return "not an envelope of version 1";
	if (!take(r, "seq") ||
	    !read_number(r->value, r->len, BATCH_MESSAGES_MAX, &number) ||
	    number == 0)
		return "bad seq";
	e->seq = (uint32_t)number;
	if (!take(r, "arrived") ||
	    !read_number(r->value, r->len, INT64_MAX, &number))
		return "bad time of arrival";
	e->arrived_ms = (int64_t)number;
	if (!take(r, "source") || !is_printable(r->value, r->len))
		return "bad source";
	e->source = alloc_string(r->value, r->len);
	if (!take(r, "from"))
		return "no sender";
	const char *from = r->value;
	size_t from_len = r->len;
	e->eight_bit = take_exact(r, "body", "8bit");
	e->utf8 = take_exact(r, "utf8", "yes");
	if (take(r, "envid")) {
		if (!xtext_valid(r->value, r->len, ENVID_MAX))
			return "bad envid";
		e->envid = alloc_string(r->value, r->len);
	}
	if (take_exact(r, "ret", "full"))
		e->ret = RET_FULL;
	else if (take_exact(r, "ret", "hdrs"))
		e->ret = RET_HDRS;
	if (take(r, "watch")) {
		if (!batch_id_valid(r->value, r->len))
			return "bad watch";
		e->watch = alloc_string(r->value, r->len);
	}
	e->defer = take_exact(r, "defer", "yes");
	if (take_exact(r, "tls", "required"))
		e->tls = WISH_REQUIRETLS;
	else if (take_exact(r, "tls", "optional"))
		e->tls = WISH_TLS_OPTIONAL;
	return read_sender(e, from, from_len);
}

static const char *
read_all(struct envelope *e, struct reader *r)
{
	const char *why = read_head(e, r);
	while (why == NULL && take(r, "rcpt"))
		why = read_rcpt(e, r);
	if (why != NULL)
		return why;
	if (r->p != r->end)
		return "unknown line in an envelope";
	return e->nrcpts == 0 ? "no recipient" : NULL;
}

int
envelope_read(
    struct envelope *e, const char *text, size_t len, const char **why)
{
	struct reader r = {.p = text, .end = text + len};
	*e = (struct envelope){.seq = 1};
	*why = read_all(e, &r);
	if (*why == NULL)
		return 0;
	envelope_free(e);
	return -1;
}

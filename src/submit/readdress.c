/* SPDX-License-Identifier: ISC */
/*
 * Rewrites header fields in place, so to speak: the octets between the
 * addresses are copied, and an address that changes is put where its last
 * token was, so that a comment inside of it survives, too.  What
 * an address becomes is decided in masquerade.c.
 *
 * Invariant: no line of a field is added, and none becomes blank: an address
 * is never empty, holds no line end, and takes the folds inside of the old
 * one with it.
 */
#include "submit/readdress.h"

#include <string.h>

#include "mail/token.h"
#include "submit/masquerade.h"

enum role { NO_ADDRESSES, ADDRESSES, SENDER, REPLY };

static const struct {
	const char *name;
	enum role role;
} roles[] = {
    {"From", SENDER},
    {"Sender", SENDER},
    {"Reply-To", REPLY},
    {"To", ADDRESSES},
    {"Cc", ADDRESSES},
    {"Bcc", ADDRESSES},
    {"Resent-From", SENDER},
    {"Resent-Sender", SENDER},
    {"Resent-Reply-To", REPLY},
    {"Resent-To", ADDRESSES},
    {"Resent-Cc", ADDRESSES},
    {"Resent-Bcc", ADDRESSES},
    {"Apparently-To", ADDRESSES},
    {"Disposition-Notification-To", ADDRESSES},
    {"Errors-To", ADDRESSES},
    {"Mail-Followup-To", ADDRESSES},
    {"Mail-Reply-To", ADDRESSES},
    {"Return-Receipt-To", ADDRESSES},
};

static enum role
role_of(const struct field *f)
{
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (field_is(f, roles[i].name))
			return roles[i].role;
	return NO_ADDRESSES;
}

struct rewriting {
	const struct conf *conf;
	enum role role;
	const char *rest; /* of the value, not copied yet */
	struct buf *out;
};

/* A name that lost its address is no user of ours. */
static bool
is_encoded_word(const struct address *a)
{
	return a->len > 4 && memcmp(a->text, "=?", 2) == 0 &&
	       memcmp(a->text + a->len - 2, "?=", 2) == 0;
}

/* What it is to be; false: as it is. */
static bool
decide(const struct rewriting *w, struct address *a)
{
	struct address was = *a;
	const struct conf *c = w->conf;
	if (address_is_bare(a) && is_encoded_word(a))
		return false;
	if (address_qualify(a, conf_origin(c)) != 0)
		return false;
	if (c->masquerade.header_from && w->role == SENDER)
		masquerade(c, MASQUERADE_OWN, a);
	if (c->masquerade.header_from && w->role == REPLY)
		masquerade(c, MASQUERADE_REPLY, a);
	return !address_equal(&was, a);
}

/* Unfolded: else a line could be left with nothing but blanks. */
static void
put_gap(struct buf *out, const char *p, const char *end)
{
	for (; p < end; p++)
		if (*p != '\r' && *p != '\n')
			(void)buf_addc(out, *p);
}

/* The blanks and comments of the old text, and the new address where its
 * last token was. */
static void
put(struct buf *out, const struct address *a, const char *text, size_t len)
{
	const char *end = text + len, *gap = text;
	struct lexer lx = {.p = text, .end = end};
	while (lx.p < end) {
		struct token t = token_next(&lx);
		if (t.kind == THE_END || t.kind == BROKEN)
			break;
		put_gap(out, gap, t.text);
		gap = t.text + t.len;
	}
	(void)buf_add(out, a->text, a->len);
}

static int
on_mailbox(void *arg, const struct address *a, const char *text, size_t len)
{
	struct rewriting *w = arg;
	struct address to = *a;
	if (!decide(w, &to))
		return 0;
	(void)buf_add(w->out, w->rest, (size_t)(text - w->rest));
	w->rest = text + len;
	if (address_is_bare(a) && to.at == a->len &&
	    memcmp(to.text, a->text, a->len) == 0) {
		(void)buf_add(w->out, text, len);
		(void)buf_add(w->out, to.text + to.at, (size_t)to.len - to.at);
	} else {
		put(w->out, &to, text, len);
	}
	return buf_ok(w->out) ? 0 : -1;
}

void
readdress_field(struct readdress *r, const struct field *f, struct buf *out)
{
	const char *end = f->name + f->len, *why;
	struct buf changed;
	struct rewriting w = {.conf = r->conf,
	    .role = role_of(f),
	    .rest = f->name,
	    .out = &changed};
	buf_init(&changed, f->len + r->growth);
	if (w.role != NO_ADDRESSES &&
	    header_each_mailbox(f->value, f->value_len,
		ADDRESS_BARE | ADDRESS_UTF8, on_mailbox, &w, &why) == 0)
		(void)buf_add(&changed, w.rest, (size_t)(end - w.rest));
	else
		w.rest = f->name;
	if (w.rest == f->name || !buf_ok(&changed)) {
		(void)buf_add(out, f->name, f->len);
	} else {
		(void)buf_add(out, changed.data, changed.len);
		if (changed.len > f->len)
			r->growth -= changed.len - f->len;
	}
	buf_free(&changed);
}

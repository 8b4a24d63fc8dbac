/* SPDX-License-Identifier: ISC */
/*
 * DKIM signatures.  Which fields are signed: those that a reader sees or
 * that say how to read the body, from the last to the first of each name;
 * and of most of them one more than there are, so that none can be
 * added.  l= is never used.
 *
 * Invariant: what is hashed is what rendition_read() will give out behind
 * the signatures; a message is signed with all its keys or, when one is
 * missing, by what the section says.
 */
#include "deliver/dkim_sign.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "deliver/idn.h"
#include "mail/dkim.h"

#define READ_SIZE 16384
#define HASH_SIZE 32

static const struct {
	const char *name;
	bool oversign;
} signed_fields[] = {{"From", true}, {"Sender", true}, {"Reply-To", true},
    {"Subject", true}, {"Date", true}, {"Message-ID", true}, {"To", true},
    {"Cc", true}, {"In-Reply-To", true}, {"References", true},
    {"MIME-Version", true}, {"Content-Type", true},
    {"Content-Transfer-Encoding", true}, {"Content-Disposition", false},
    {"Content-ID", false}, {"Content-Description", false},
    {"List-Unsubscribe", false}, {"List-Unsubscribe-Post", false},
    {"List-ID", false}, {"List-Help", false}, {"List-Post", false},
    {"Auto-Submitted", false}};

struct signing {
	const struct convert_source *message;
	const struct dkim_conf *section;
	struct buf head;
	uint64_t body; /* where it starts */
	struct field *fields;
	size_t nfields;
	struct buf names;     /* for h= */
	struct buf canonical; /* the signed fields */
	unsigned char body_hash[HASH_SIZE];
};

bool
dkim_entitled(const struct envelope *env)
{
	const char *s = env->source != NULL ? env->source : "";
	return strncmp(s, "smtp ", 5) != 0 ||
	       strncmp(s, "smtp relay=yes ", 15) == 0;
}

/* --- the header --- */

static int
read_head(struct signing *s)
{
	char chunk[READ_SIZE];
	const char *end = NULL;
	while (end == NULL && s->head.len < s->message->size) {
		uint64_t left = s->message->size - s->head.len;
		size_t from = s->head.len > 3 ? s->head.len - 3 : 0;
		ssize_t n = s->message->read(s->message->arg, s->head.len,
		    chunk, left < sizeof(chunk) ? (size_t)left : sizeof(chunk));
		if (n <= 0)
			return -1;
		if (buf_add(&s->head, chunk, (size_t)n) != 0)
			break; /* no header of ours to sign */
		if (memcmp(s->head.data, "\r\n", 2) == 0)
			end = s->head.data;
		else
			end = memmem(s->head.data + from, s->head.len - from,
			    "\r\n\r\n", 4);
	}
	return 0;
}

static void
split_head(struct signing *s)
{
	const char *at = buf_str(&s->head);
	size_t left = s->head.len, cap = 0;
	struct field f;
	int more;
	while ((more = field_next(at, left, &f)) == 1 &&
	       s->nfields < HEADER_FIELDS_MAX) {
		if (s->nfields == cap) {
			cap = cap > 0 ? cap * 2 : 32;
			s->fields = alloc_grow(s->fields, cap, sizeof(f));
		}
		s->fields[s->nfields++] = f;
		at += f.len;
		left -= f.len;
	}
	/* The blank line belongs to neither. */
	bool blank = more == 0 && left >= 2;
	s->body = (uint64_t)(at - buf_str(&s->head)) + (blank ? 2 : 0);
}

/* The domain of the one address in the one From. */
static bool
from_domain(const struct signing *s, char domain[DOMAIN_MAX + 1])
{
	const struct field *from = NULL;
	struct address_list l = {0};
	const char *why;
	for (size_t i = 0; i < s->nfields; i++) {
		if (!field_is(&s->fields[i], "From"))
			continue;
		if (from != NULL)
			return false;
		from = &s->fields[i];
	}
	bool found = from != NULL &&
		     header_mailboxes(from->value, from->value_len,
			 ADDRESS_UTF8, &l, &why) == 0 &&
		     l.n > 0;
	if (found) {
		const char *d = address_domain(&l.v[0]);
		found = idn_to_ascii(d, strlen(d), domain) == 0;
	}
	address_list_free(&l);
	return found;
}

/* The section of the domain, or of the nearest one above that signs for
 * those below. */
static const struct dkim_conf *
find_section(const struct conf *c, const char *domain)
{
	for (const char *d = domain; d != NULL && *d != '\0';) {
		for (size_t i = 0; i < c->ndkim; i++)
			if (strcasecmp(c->dkim[i].domain, d) == 0 &&
			    (d == domain || c->dkim[i].subdomains))
				return &c->dkim[i];
		d = strchr(d, '.');
		d = d != NULL ? d + 1 : NULL;
	}
	return NULL;
}

static void
add_name(struct signing *s, size_t *column, const char *name)
{
	size_t n = strlen(name);
	bool first = s->names.len == 0;
	if (!first && *column + n > 66) {
		(void)buf_adds(&s->names, ":\r\n\t ");
		*column = 0;
	} else if (!first) {
		(void)buf_addc(&s->names, ':');
	}
	(void)buf_adds(&s->names, name);
	*column += n + 1;
}

static void
gather_fields(struct signing *s)
{
	size_t column = 2;
	size_t n = sizeof(signed_fields) / sizeof(signed_fields[0]);
	for (size_t i = 0; i < n; i++) {
		const char *name = signed_fields[i].name;
		for (size_t k = s->nfields; k > 0; k--) {
			if (!field_is(&s->fields[k - 1], name))
				continue;
			(void)dkim_field(&s->canonical, &s->fields[k - 1]);
			add_name(s, &column, name);
		}
		if (signed_fields[i].oversign)
			add_name(s, &column, name);
	}
}

/* --- hashes and signatures --- */

static void
hash_some(void *arg, const char *data, size_t len)
{
	if (EVP_DigestUpdate(arg, data, len) != 1)
		die("out of memory");
}

static int
hash_body(struct signing *s)
{
	char chunk[READ_SIZE];
	struct dkim_body b;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
		die("out of memory");
	dkim_body_init(&b, hash_some, ctx);
	int r = 0;
	for (uint64_t at = s->body; at < s->message->size && r == 0;) {
		uint64_t left = s->message->size - at;
		ssize_t n = s->message->read(s->message->arg, at, chunk,
		    left < sizeof(chunk) ? (size_t)left : sizeof(chunk));
		r = n <= 0 ? -1 : 0;
		if (r == 0)
			dkim_body_feed(&b, chunk, (size_t)n);
		at += n > 0 ? (uint64_t)n : 0;
	}
	dkim_body_finish(&b);
	if (EVP_DigestFinal_ex(ctx, s->body_hash, NULL) != 1)
		die("out of memory");
	EVP_MD_CTX_free(ctx);
	return r;
}

/* Base64 in lines. */
static void
add_base64(struct buf *out, const void *data, size_t len)
{
	struct buf text;
	buf_init(&text, 4 * len + 8);
	(void)base64_encode(&text, data, len);
	for (size_t i = 0; i < text.len; i += 70) {
		size_t n = text.len - i < 70 ? text.len - i : 70;
		(void)buf_adds(out, i > 0 ? "\r\n\t " : "");
		(void)buf_add(out, text.data + i, n);
	}
	buf_free(&text);
}

/* RSA signs the text with SHA-256, Ed25519 the SHA-256 of it. */
static int
make_signature(EVP_PKEY *key, const struct buf *text, struct buf *out)
{
	unsigned char signature[DKIM_SIGNATURE_MAX], hash[HASH_SIZE];
	size_t len = sizeof(signature);
	const unsigned char *data = (const unsigned char *)text->data;
	size_t size = text->len;
	bool rsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
	if (!rsa) {
		if (EVP_Digest(data, size, hash, NULL, EVP_sha256(), NULL) != 1)
			return -1;
		data = hash;
		size = sizeof(hash);
	}
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool made = ctx != NULL &&
		    EVP_DigestSignInit(
			ctx, NULL, rsa ? EVP_sha256() : NULL, NULL, key) == 1 &&
		    EVP_DigestSign(ctx, signature, &len, data, size) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	if (made)
		add_base64(out, signature, len);
	return made ? 0 : -1;
}

static int
sign_with(
    struct signing *s, const char *selector, EVP_PKEY *key, struct buf *out)
{
	struct buf field, text;
	struct field f;
	bool rsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
	long long now = clock_wall_ms() / 1000;
	buf_init(&field, HEADER_MAX);
	buf_init(&text, 2 * (size_t)HEADER_MAX);
	(void)buf_addf(&field,
	    "DKIM-Signature: v=1; a=%s-sha256; c=relaxed/relaxed;\r\n"
	    "\td=%s; s=%s;\r\n\tt=%lld;",
	    rsa ? "rsa" : "ed25519", s->section->domain, selector, now);
	if (s->section->expire_ms > 0)
		(void)buf_addf(&field, " x=%lld;",
		    now + (long long)s->section->expire_ms / 1000);
	(void)buf_addf(&field, "\r\n\th=%s;\r\n\tbh=", buf_str(&s->names));
	add_base64(&field, s->body_hash, sizeof(s->body_hash));
	(void)buf_adds(&field, ";\r\n\tb=");
	(void)buf_add(&text, s->canonical.data, s->canonical.len);
	int r = -1;
	if (field_next(field.data, field.len, &f) == 1 &&
	    dkim_field(&text, &f) == 0) {
		text.len -= 2; /* its CRLF is not signed */
		r = make_signature(key, &text, &field);
	}
	if (r == 0 && buf_adds(&field, "\r\n") == 0)
		r = buf_add(out, field.data, field.len);
	buf_free(&text);
	buf_free(&field);
	return r;
}

/* Is it there already? */
static bool
has_signature(const struct signing *s, const char *selector)
{
	for (size_t i = 0; i < s->nfields; i++) {
		const struct field *f = &s->fields[i];
		const char *d, *sel;
		if (!field_is(f, "DKIM-Signature"))
			continue;
		size_t nd = dkim_tag(f->value, f->value_len, "d", &d);
		size_t ns = dkim_tag(f->value, f->value_len, "s", &sel);
		if (nd == strlen(s->section->domain) &&
		    strncasecmp(d, s->section->domain, nd) == 0 &&
		    ns == strlen(selector) &&
		    strncasecmp(sel, selector, ns) == 0)
			return true;
	}
	return false;
}

static int
sign_all(
    struct signing *s, struct keyring *keys, struct buf *out, struct status *st)
{
	const struct dkim_conf *c = s->section;
	for (size_t i = 0; i < c->keys.n; i++) {
		const char *why = NULL;
		if (has_signature(s, c->selectors.v[i]))
			continue;
		EVP_PKEY *key = keyring_key(keys, c->keys.v[i], &why);
		if (key != NULL &&
		    sign_with(s, c->selectors.v[i], key, out) != 0)
			why = "it does not sign";
		if (why == NULL)
			continue;
		log_event(c->optional ? LOG_NOTICE : LOG_ERR, "dkim-key",
		    LOG_STR("domain", c->domain), LOG_STR("file", c->keys.v[i]),
		    LOG_STR("text", why));
		status_set(st, LATER, 0, "4.3.5",
		    "the DKIM key of %.100s cannot be used: %.100s", c->domain,
		    why);
		if (!c->optional)
			return -1;
	}
	return 0;
}

static int
sign(struct signing *s, const struct conf *conf, struct keyring *keys,
    struct buf *out, struct status *st)
{
	char domain[DOMAIN_MAX + 1];
	status_set(st, LATER, 0, "4.3.0", "the message cannot be signed now");
	if (read_head(s) != 0)
		return -1;
	split_head(s);
	if (buf_ok(&s->head) && from_domain(s, domain))
		s->section = find_section(conf, domain);
	if (s->section == NULL)
		return 0;
	gather_fields(s);
	if (!buf_ok(&s->names) || !buf_ok(&s->canonical) || hash_body(s) != 0)
		return -1;
	return sign_all(s, keys, out, st);
}

int
dkim_sign(const struct convert_source *message, const struct conf *conf,
    struct keyring *keys, struct buf *out, struct status *st)
{
	struct signing s = {.message = message};
	buf_init(&s.head, HEADER_MAX + 2 * READ_SIZE);
	buf_init(&s.names, HEADER_MAX);
	buf_init(&s.canonical, 2 * (size_t)HEADER_MAX);
	int r = sign(&s, conf, keys, out, st);
	buf_free(&s.head);
	buf_free(&s.names);
	buf_free(&s.canonical);
	free(s.fields);
	return r;
}

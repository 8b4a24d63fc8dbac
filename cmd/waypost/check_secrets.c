/* SPDX-License-Identifier: ISC */
/*
 * What waypost check finds of secrets, certificates and keys, read by the
 * daemons' own functions and as the user that they run as.  Prints no
 * secret.  Invariant: a file that several sections name is told once.
 */
#include "check.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/hash.h"
#include "base/log.h"
#include "deliver/secret.h"
#include "smtpd/secure.h"

#define EXPIRES_SOON_DAYS 14

/* A file, or a pair of them, that was told. */
struct told {
	struct hash_link link;
	char *name;
};

struct look {
	struct check *k;
	struct hash told;
	const char *where; /* "file:line: " in the domain table, or NULL */
};

/* That, or where waypost.conf names it. */
static const char *
at(struct look *look, const void *member, const void *other)
{
	return look->where != NULL ? look->where
				   : check_at(look->k, member, other);
}

static bool
same(const struct hash_link *l, const void *key)
{
	return strcmp(((const struct told *)l)->name, key) == 0;
}

/* Is it the first time?  second: of a pair, or "". */
static bool
is_new(struct look *look, const char *name, const char *second)
{
	struct buf key;
	buf_init(&key, 2 * PATH_MAX);
	(void)buf_addf(&key, "%s\n%s", name, second);
	uint64_t hash = hash_bytes(buf_str(&key), key.len);
	bool fresh = hash_find(&look->told, hash, same, buf_str(&key)) == NULL;
	if (fresh) {
		struct told *t = alloc_zero(1, sizeof(*t));
		t->name = alloc_string(buf_str(&key), key.len);
		hash_add(&look->told, &t->link, hash);
	}
	buf_free(&key);
	return fresh;
}

static void
forget(void *arg, struct hash_link *l)
{
	struct told *t = (struct told *)l;
	(void)arg;
	free(t->name);
	free(t);
}

static void
check_secret(struct look *look, const struct session_conf *s)
{
	struct status st;
	if (s->secret_file == NULL || !is_new(look, s->secret_file, ""))
		return;
	struct secret *secret = secret_read(s->secret_file, &st);
	if (secret != NULL)
		check_tell(look->k, FOUND_GOOD, NULL, "secret-file %s",
		    s->secret_file);
	else
		check_tell(look->k, FOUND_FAULT,
		    "a file of one line, owner the user of waypostd, mode "
		    "0600",
		    "%s%s", at(look, &s->secret_file, NULL), st.text);
	secret_free(secret);
}

/* When does the first certificate of a file end? */
static void
check_end(struct check *k, const char *file, const char *where)
{
	BIO *in = BIO_new_file(file, "r");
	X509 *x = in != NULL ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
	int days = 0, seconds = 0;
	if (x == NULL ||
	    ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(x)) != 1)
		check_tell(k, FOUND_FAULT, "a certificate chain in PEM",
		    "%s%s: no certificate can be read", where, file);
	else if (days < 0 || seconds < 0)
		check_tell(k, FOUND_FAULT, "renew it",
		    "%s%s: expired %d days ago", where, file, -days);
	else
		check_tell(k,
		    days < EXPIRES_SOON_DAYS ? FOUND_WARNING : FOUND_GOOD,
		    days < EXPIRES_SOON_DAYS ? "renew it" : NULL,
		    "%s%s: good for %d more days",
		    days < EXPIRES_SOON_DAYS ? where : "", file, days);
	X509_free(x);
	BIO_free(in);
}

/* As a listener loads it: do they fit together? */
static void
check_pair(struct look *look, char *const *certificate, char *const *key)
{
	struct check *k = look->k;
	const char *why = "";
	if (*certificate == NULL || *key == NULL ||
	    !is_new(look, *certificate, *key))
		return;
	const char *where = at(look, certificate, key);
	struct secure_context *c =
	    secure_context_new(*certificate, *key, "modern", NULL, &why);
	if (c == NULL)
		check_tell(k, FOUND_FAULT,
		    "certificate and key of one pair, readable by the daemons",
		    "%s%s, %s: %s", where, *certificate, *key, why);
	else
		check_end(k, *certificate, where);
	secure_context_unref(c);
}

/* Authorities that are asked for, and cannot be read, let nobody in. */
static void
check_authorities(struct look *look, char *const *file)
{
	if (*file == NULL || !is_new(look, *file, ""))
		return;
	BIO *in = BIO_new_file(*file, "r");
	X509 *x = in != NULL ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
	if (x == NULL)
		check_tell(look->k, FOUND_FAULT,
		    "certificates in PEM, readable by the daemons",
		    "%s%s: no certificate can be read", at(look, file, NULL),
		    *file);
	X509_free(x);
	BIO_free(in);
}

static void
check_session(struct look *look, const struct session_conf *s)
{
	check_secret(look, s);
	check_pair(look, &s->client_certificate, &s->client_key);
	check_authorities(look, &s->ca_file);
}

static void
on_domain(void *arg, const struct domain *d, unsigned line)
{
	struct look *look = arg;
	if (d->session == NULL)
		return;
	char where[PATH_MAX + 16];
	(void)snprintf(
	    where, sizeof(where), "%s:%u: ", look->k->c->domains, line);
	look->where = where;
	check_session(look, d->session);
	look->where = NULL;
}

static void
check_dkim(struct look *look)
{
	const struct conf *c = look->k->c;
	for (size_t i = 0; i < c->ndkim; i++)
		for (size_t n = 0; n < c->dkim[i].keys.n; n++)
			if (is_new(look, c->dkim[i].keys.v[n], "") &&
			    access(c->dkim[i].keys.v[n], R_OK) != 0 &&
			    !(c->dkim[i].optional && errno == ENOENT))
				check_tell(look->k, FOUND_FAULT,
				    "waypost dkim keygen makes it; waypostd "
				    "must be able to read it",
				    "%sdkim key %s: %s",
				    check_at(look->k, &c->dkim[i].keys, NULL),
				    c->dkim[i].keys.v[n], strerror(errno));
}

void
check_secrets(struct check *k)
{
	const struct conf *c = k->c;
	struct look look = {.k = k};
	for (size_t i = 0; i < c->nsmarthosts; i++)
		check_session(&look, &c->smarthosts[i].session);
	table_each(c->table, on_domain, &look);
	check_pair(&look, &c->tls.certificate, &c->tls.key);
	for (size_t i = 0; i < c->nlisteners; i++) {
		const struct listener *l = &c->listeners[i];
		check_pair(&look, &l->certificate, &l->key);
		check_authorities(&look, &l->client_ca);
	}
	for (size_t i = 0; i < c->ncertificates; i++)
		check_pair(&look, &c->certificates[i].certificate,
		    &c->certificates[i].key);
	check_dkim(&look);
	hash_each(&look.told, forget, NULL);
	hash_free(&look.told);
}

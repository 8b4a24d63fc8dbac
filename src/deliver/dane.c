/* SPDX-License-Identifier: ISC */
/*
 * DANE by OpenSSL's SSL_dane functions.  Not a verifier of our own.
 *
 * libcurl shows its SSL_CTX, and no SSL before the handshake; the records
 * therefore go in from the info callback, when the handshake starts.  What
 * goes wrong there cannot be told from there: without records OpenSSL falls
 * back to authorities, of which the context has none, and dane_proved() says
 * no.  Invariant: no error is left in OpenSSL's queue, where the handshake
 * would find it.
 */
#include "deliver/dane.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "base/log.h"

#define USAGE_TA 2
#define USAGE_EE 3

struct dane_record {
	uint8_t usage, selector, matching;
	const uint8_t *data; /* in the block */
	size_t len;
};

struct dane {
	char *host, *domain; /* domain may be NULL */
	struct dane_record *v;
	size_t n;
	const SSL *armed; /* has the records */
};

static int
enable(const struct dane *d, SSL *ssl)
{
	/* libcurl has named the host, whose alias this may be. */
	if (SSL_dane_enable(ssl, d->host) <= 0 ||
	    SSL_set_tlsext_host_name(ssl, d->host) != 1)
		return -1;
	/* A certificate for a key that is named needs no name (RFC 7672
	 * section 3.1.1). */
	(void)SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
	if (d->domain != NULL && SSL_add1_host(ssl, d->domain) != 1)
		return -1;
	return 0;
}

static bool
add(SSL *ssl, const struct dane_record *r)
{
	return SSL_dane_tlsa_add(ssl, r->usage, r->selector, r->matching,
		   (unsigned char *)(uintptr_t)r->data, r->len) == 1;
}

/* Keep what a session takes that nobody will ever use. */
static void
keep_usable(struct dane *d, const struct answer *a, uint8_t *block)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = NULL;
	if (ctx != NULL && SSL_CTX_dane_enable(ctx) == 1)
		ssl = SSL_new(ctx);
	bool ready = ssl != NULL && enable(d, ssl) == 0;
	for (size_t i = 0; ready && i < a->n; i++) {
		const struct dns_record *in = &a->records[i];
		if (in->len < 4 ||
		    (in->data[0] != USAGE_TA && in->data[0] != USAGE_EE))
			continue;
		struct dane_record r = {.usage = in->data[0],
		    .selector = in->data[1],
		    .matching = in->data[2],
		    .data = block,
		    .len = in->len - 3};
		memcpy(block, in->data + 3, r.len);
		if (!add(ssl, &r))
			continue;
		d->v[d->n++] = r;
		block += r.len;
	}
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	ERR_clear_error();
}

struct dane *
dane_new(const struct answer *a, const char *host, const char *domain)
{
	size_t octets = 0;
	for (size_t i = 0; i < a->n; i++)
		octets += a->records[i].len;
	struct dane *d = alloc_zero(1, sizeof(*d));
	d->host = alloc_string(host, strlen(host));
	if (domain != NULL)
		d->domain = alloc_string(domain, strlen(domain));
	d->v = alloc_zero(1, a->n * sizeof(*d->v) + octets + 1);
	keep_usable(d, a, (uint8_t *)(d->v + a->n));
	if (d->n > 0)
		return d;
	dane_free(d);
	return NULL;
}

void
dane_free(struct dane *d)
{
	if (d == NULL)
		return;
	free(d->host);
	free(d->domain);
	free(d->v);
	free(d);
}

static void
on_info(const SSL *ssl, int where, int result)
{
	struct dane *d = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	(void)result;
	/* Again after the handshake: tickets and new keys start one, too. */
	if (!(where & SSL_CB_HANDSHAKE_START) || d->armed == ssl)
		return;
	d->armed = ssl;
	SSL *own = (SSL *)(uintptr_t)ssl;
	if (enable(d, own) == 0)
		for (size_t i = 0; i < d->n; i++)
			(void)add(own, &d->v[i]);
	ERR_clear_error();
}

int
dane_context(struct dane *d, SSL_CTX *ctx)
{
	if (SSL_CTX_dane_enable(ctx) != 1) {
		ERR_clear_error();
		return -1;
	}
	SSL_CTX_set_app_data(ctx, d);
	SSL_CTX_set_info_callback(ctx, on_info);
	return 0;
}

bool
dane_proved(SSL *ssl)
{
	return SSL_get_verify_result(ssl) == X509_V_OK &&
	       SSL_get0_dane_authority(ssl, NULL, NULL) >= 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * One policy over HTTPS (RFC 8461 section 3.3): our resolver's addresses,
 * libcurl's transfer, the certificate verified, no redirect, no proxy, a
 * size and a time that end it.  Not what the policy says.
 *
 * Invariant: the owner is told once, and never from within a callback of
 * libcurl.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/ssl.h>

#include "base/limits.h"
#include "base/log.h"
#include "deliver/sts_internal.h"

#define HTTPS_PORT 443

struct sts_fetch {
	struct sts_source source;
	sts_fetch_fn fn;
	void *arg;
	char host[256]; /* mta-sts.DOMAIN */
	struct question *v6, *v4;
	struct buf resolve; /* "+host:443:address,address" */
	bool any;           /* address at all */
	CURL *easy;
	struct curl_slist *addresses;
	X509_STORE *store;
	bool running; /* in the multi */
	struct buf text;
	struct status why;
	char error[CURL_ERROR_SIZE];
};

static void
fetch_free(struct sts_fetch *f)
{
	if (f->v6 != NULL)
		resolver_cancel(f->v6);
	if (f->v4 != NULL)
		resolver_cancel(f->v4);
	if (f->running)
		multi_remove(f->source.multi, f->easy);
	curl_easy_cleanup(f->easy);
	curl_slist_free_all(f->addresses);
	X509_STORE_free(f->store);
	buf_free(&f->resolve);
	buf_free(&f->text);
	free(f);
}

void
sts_fetch_cancel(struct sts_fetch *f)
{
	fetch_free(f);
}

static void
finish(struct sts_fetch *f, const char *why)
{
	f->fn(f->arg, why == NULL ? buf_str(&f->text) : NULL, f->text.len, why);
	fetch_free(f);
}

static size_t
on_data(char *data, size_t size, size_t n, void *arg)
{
	struct sts_fetch *f = arg;
	/* Anything else than n ends the transfer. */
	return buf_add(&f->text, data, size * n) == 0 ? size * n : 0;
}

static CURLcode
on_tls_context(CURL *easy, void *ctx, void *arg)
{
	struct sts_fetch *f = arg;
	(void)easy;
	SSL_CTX_set1_cert_store(ctx, f->store);
	return CURLE_OK;
}

#define SET(option, value)                                            \
	do {                                                          \
		if (r == CURLE_OK)                                    \
			r = curl_easy_setopt(f->easy, option, value); \
	} while (0)

static CURLcode
set_tls(struct sts_fetch *f)
{
	CURLcode r = CURLE_OK;
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_CAINFO, NULL);
	SET(CURLOPT_CAPATH, NULL);
	SET(CURLOPT_CA_CACHE_TIMEOUT, 0L); /* as in hop_secure.c */
	SET(CURLOPT_SSL_CTX_FUNCTION, on_tls_context);
	SET(CURLOPT_SSL_CTX_DATA, f);
	return r;
}

static CURLcode
set_options(struct sts_fetch *f)
{
	char url[320];
	CURLcode r = CURLE_OK;
	(void)snprintf(
	    url, sizeof(url), "https://%s/.well-known/mta-sts.txt", f->host);
	f->addresses = curl_slist_append(NULL, buf_str(&f->resolve));
	if (f->addresses == NULL)
		r = CURLE_OUT_OF_MEMORY;
	SET(CURLOPT_URL, url);
	SET(CURLOPT_RESOLVE, f->addresses);
	SET(CURLOPT_PROTOCOLS_STR, "https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_FORBID_REUSE, 1L);
	SET(CURLOPT_TIMEOUT_MS, (long)STS_FETCH_MS);
	SET(CURLOPT_MAXFILESIZE, (long)STS_POLICY_MAX);
	SET(CURLOPT_WRITEFUNCTION, on_data);
	SET(CURLOPT_WRITEDATA, f);
	SET(CURLOPT_ERRORBUFFER, f->error);
	SET(CURLOPT_PRIVATE, f);
	return r == CURLE_OK ? set_tls(f) : r;
}

static void
start(struct sts_fetch *f)
{
	if (!f->any) {
		finish(f, f->why.text);
		return;
	}
	f->store = trust_store(f->source.trust, f->source.ca_file, &f->why);
	if (f->store == NULL) {
		finish(f, f->why.text);
		return;
	}
	f->easy = curl_easy_init();
	if (f->easy == NULL || set_options(f) != CURLE_OK ||
	    multi_add(f->source.multi, f->easy) != 0) {
		finish(f, "libcurl refuses its options");
		return;
	}
	f->running = true;
}

static void
add_addresses(struct sts_fetch *f, const struct answer *a)
{
	char ip[IP_TEXT_MAX];
	if (a->kind != ANSWER_OK) {
		status_set(&f->why, LATER, 0, NULL, "%s", a->why);
		return;
	}
	for (size_t i = 0; i < a->n && i < MX_ADDRESSES_MAX; i++) {
		ip_format(&a->records[i].ip, ip);
		(void)buf_addf(&f->resolve,
		    a->type == RECORD_AAAA ? "%s[%s]" : "%s%s",
		    f->any ? "," : "", ip);
		f->any = true;
	}
}

static void
got_v6(void *arg, const struct answer *a)
{
	struct sts_fetch *f = arg;
	f->v6 = NULL;
	add_addresses(f, a);
	if (f->v4 == NULL)
		start(f);
}

static void
got_v4(void *arg, const struct answer *a)
{
	struct sts_fetch *f = arg;
	f->v4 = NULL;
	add_addresses(f, a);
	if (f->v6 == NULL)
		start(f);
}

struct sts_fetch *
sts_fetch_new(
    const struct sts_source *s, const char *domain, sts_fetch_fn fn, void *arg)
{
	struct sts_fetch *f = alloc_zero(1, sizeof(*f));
	f->source = *s;
	f->fn = fn;
	f->arg = arg;
	buf_init(&f->text, STS_POLICY_MAX);
	buf_init(&f->resolve, 4096);
	(void)snprintf(f->host, sizeof(f->host), "mta-sts.%.247s", domain);
	/* The plus lets libcurl forget them again. */
	(void)buf_addf(&f->resolve, "+%s:%u:", f->host, HTTPS_PORT);
	f->v6 = resolver_ask(s->resolver, f->host, RECORD_AAAA, got_v6, f);
	f->v4 = resolver_ask(s->resolver, f->host, RECORD_A, got_v4, f);
	return f;
}

/* NULL, or what is wrong with a transfer that ended well. */
static const char *
judge(struct sts_fetch *f)
{
	long code = 0;
	char *type = NULL;
	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &code);
	curl_easy_getinfo(f->easy, CURLINFO_CONTENT_TYPE, &type);
	if (code != 200) {
		(void)snprintf(
		    f->error, sizeof(f->error), "HTTP status %ld", code);
		return f->error;
	}
	if (type == NULL || strncasecmp(type, "text/plain", 10) != 0)
		return "the policy is not text/plain";
	if (strlen(buf_str(&f->text)) != f->text.len)
		return "the policy is not text";
	return NULL;
}

void
sts_fetch_done(void *arg, CURL *easy, CURLcode code)
{
	struct sts_fetch *f = NULL;
	(void)arg;
	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &f);
	if (code == CURLE_OK)
		finish(f, judge(f));
	else if (!buf_ok(&f->text) || code == CURLE_FILESIZE_EXCEEDED)
		finish(f, "the policy is too large");
	else
		finish(f, f->error[0] ? f->error : curl_easy_strerror(code));
}

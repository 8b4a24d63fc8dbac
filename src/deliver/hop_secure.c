/* SPDX-License-Identifier: ISC */
/*
 * libcurl's TLS options for what was decided (hop_policy.c), and whether
 * the session then is what it was to be.
 *
 * Invariant: whatever libcurl makes of its options, no session counts as
 * proven by DANE unless OpenSSL says that a record matched.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/log.h"
#include "deliver/hop_internal.h"

#define SET(option, value)                                            \
	do {                                                          \
		if (r == CURLE_OK)                                    \
			r = curl_easy_setopt(h->easy, option, value); \
	} while (0)

static CURLcode
on_tls_context(CURL *easy, void *ctx, void *arg)
{
	struct hop *h = arg;
	(void)easy;
	if (h->store != NULL)
		SSL_CTX_set1_cert_store(ctx, h->store);
	if (h->dane != NULL && dane_context(h->dane, ctx) != 0)
		return CURLE_SSL_CERTPROBLEM;
	return CURLE_OK;
}

int
setup_secure(struct hop *h, struct status *st)
{
	static const long levels[] = {[TLS_NONE] = CURLUSESSL_NONE,
	    [TLS_OPPORTUNISTIC] = CURLUSESSL_TRY,
	    [TLS_REQUIRE] = CURLUSESSL_ALL,
	    [TLS_VERIFY] = CURLUSESSL_ALL};
	bool verify = h->policy == TLS_VERIFY, dane = h->dane != NULL;
	CURLcode r = CURLE_OK;
	SET(CURLOPT_USE_SSL,
	    h->implicit ? (long)CURLUSESSL_ALL : levels[h->policy]);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
	/* Else 7.88 puts the store of another session over ours, after the
	 * callback. */
	SET(CURLOPT_CA_CACHE_TIMEOUT, 0L);
	SET(CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
	SET(CURLOPT_SSL_VERIFYHOST, verify && !dane ? 2L : 0L);
	SET(CURLOPT_CAINFO, NULL);
	SET(CURLOPT_CAPATH, NULL);
	if ((verify && !dane) || h->testing) {
		h->store = trust_store(h->hops->trust,
		    h->testing ? h->sts_ca_file : h->ca_file, st);
		if (h->store == NULL && !h->testing)
			return -1;
	}
	SET(CURLOPT_SSL_CTX_FUNCTION, on_tls_context);
	SET(CURLOPT_SSL_CTX_DATA, h);
	return r == CURLE_OK ? 0 : -1;
}

static SSL *
session(const struct hop *h)
{
	struct curl_tlssessioninfo *info = NULL;
	if (curl_easy_getinfo(h->easy, CURLINFO_TLS_SSL_PTR, &info) !=
		CURLE_OK ||
	    info == NULL || info->backend != CURLSSLBACKEND_OPENSSL)
		return NULL;
	return info->internals;
}

/* What a policy in testing mode would have failed for, or NULL. */
static const char *
would_fail(const struct hop *h, SSL *ssl)
{
	if (ssl == NULL)
		return "there is no TLS";
	long result = SSL_get_verify_result(ssl);
	if (result != X509_V_OK)
		return X509_verify_cert_error_string(result);
	X509 *certificate = SSL_get0_peer_certificate(ssl);
	if (certificate == NULL || X509_check_host(certificate, h->target.host,
				       strlen(h->target.host), 0, NULL) != 1)
		return "the certificate does not name this host";
	return NULL;
}

/* "TLSv1.3 TLS_AES_256_GCM_SHA384 verified", or "none". */
static void
describe(struct hop *h, SSL *ssl)
{
	static const char *const proofs[] = {[PROOF_NONE] = "unverified",
	    [PROOF_CA] = "verified",
	    [PROOF_STS] = "mta-sts",
	    [PROOF_DANE] = "dane"};
	if (ssl != NULL)
		(void)snprintf(h->tls, sizeof(h->tls), "%s %s %s",
		    SSL_get_version(ssl), SSL_get_cipher_name(ssl),
		    proofs[h->proof]);
}

const char *
secure_missing(const struct hop *h)
{
	if (h->records)
		return "DANE: there are TLSA records, but the server does "
		       "not offer STARTTLS";
	if (h->proof == PROOF_STS)
		return "MTA-STS: the policy wants TLS, but the server does "
		       "not offer STARTTLS";
	return "the server does not offer STARTTLS";
}

const char *
secure_unproved(const struct hop *h, const char *text, char *out, size_t room)
{
	const char *wanted = "";
	if (h->proof == PROOF_DANE)
		wanted = "DANE: no TLSA record matches the certificate: ";
	else if (h->proof == PROOF_STS)
		wanted = "MTA-STS: the certificate does not prove the host: ";
	(void)snprintf(out, room, "%s%s", wanted, text);
	return out;
}

int
setup_proved(struct hop *h, struct status *st)
{
	SSL *ssl = session(h);
	h->has_tls = ssl != NULL;
	if (!h->has_tls && (h->policy >= TLS_REQUIRE || h->implicit)) {
		setup_status(h, "TLS is not on", "4.7.5", st);
		return -1;
	}
	if (h->dane != NULL && !dane_proved(ssl)) {
		setup_status(h, "DANE: no TLSA record matches", "4.7.5", st);
		return -1;
	}
	if (h->wish == WISH_REQUIRETLS && !h->setup.caps.require_tls) {
		setup_status(
		    h, "the server does not offer REQUIRETLS", "5.7.30", st);
		return -1;
	}
	policy_tested(h, would_fail(h, ssl));
	describe(h, ssl);
	return 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * What a finished handshake proves to AUTH: a channel binding (RFC 5929,
 * RFC 9266) and the name in a client certificate that verified.  It trusts
 * nothing that is ambiguous: a binding that another connection could share
 * and a certificate with several names of a kind are none.
 */
#include <openssl/x509v3.h>
#include <string.h>

#include "smtpd/secure.h"
#include "smtpd/secure_internal.h"

/* RFC 9266: the label, and an empty context that is there. */
#define EXPORTER_LABEL "EXPORTER-Channel-Binding"
#define EXPORTER_OCTETS 32

/* One value that is a plain string; -1 for others. */
static int
copy_name(const ASN1_STRING *value, char out[USER_TEXT_MAX + 1])
{
	const unsigned char *data = ASN1_STRING_get0_data(value);
	int len = ASN1_STRING_length(value);
	if (len <= 0 || len > USER_TEXT_MAX ||
	    memchr(data, '\0', (size_t)len) != NULL)
		return -1;
	memcpy(out, data, (size_t)len);
	out[len] = '\0';
	return 0;
}

/* The one mail address among its alternative names. */
static int
mail_name(X509 *peer, char out[USER_TEXT_MAX + 1])
{
	const ASN1_STRING *found = NULL;
	int n = 0, result = -1;
	GENERAL_NAMES *names =
	    X509_get_ext_d2i(peer, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type != GEN_EMAIL)
			continue;
		found = name->d.rfc822Name;
		n++;
	}
	if (n == 1)
		result = copy_name(found, out);
	GENERAL_NAMES_free(names);
	return result;
}

/* The one common name of its subject. */
static int
common_name(X509 *peer, char out[USER_TEXT_MAX + 1])
{
	X509_NAME *subject = X509_get_subject_name(peer);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	if (at < 0 ||
	    X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
		return -1;
	ASN1_STRING *value =
	    X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
	int type = ASN1_STRING_type(value);
	if (type != V_ASN1_UTF8STRING && type != V_ASN1_PRINTABLESTRING &&
	    type != V_ASN1_IA5STRING)
		return -1;
	return copy_name(value, out);
}

static const char *
certificate_name(struct secure *s)
{
	X509 *peer = SSL_get0_peer_certificate(s->ssl);
	if (peer == NULL || s->distrusted ||
	    SSL_get_verify_result(s->ssl) != X509_V_OK)
		return NULL;
	if (mail_name(peer, s->certificate_name) != 0 &&
	    common_name(peer, s->certificate_name) != 0)
		return NULL;
	return s->certificate_name;
}

/*
 * tls-unique is the first Finished message: the client's, or ours when a
 * session was resumed; without extended master secret another connection
 * can be made to have the same (RFC 7627).
 */
static void
bind_channel(struct secure *s, struct auth_channel *ch)
{
	if (SSL_version(s->ssl) == TLS1_3_VERSION) {
		if (SSL_export_keying_material(s->ssl, s->binding,
			EXPORTER_OCTETS, EXPORTER_LABEL,
			sizeof(EXPORTER_LABEL) - 1, (const unsigned char *)"",
			0, 1) != 1)
			return;
		ch->binding_type = "tls-exporter";
		ch->binding_len = EXPORTER_OCTETS;
	} else if (SSL_version(s->ssl) == TLS1_2_VERSION &&
		   SSL_get_extms_support(s->ssl) == 1) {
		size_t n = SSL_session_reused(s->ssl)
			       ? SSL_get_finished(
				     s->ssl, s->binding, sizeof(s->binding))
			       : SSL_get_peer_finished(
				     s->ssl, s->binding, sizeof(s->binding));
		if (n == 0 || n > sizeof(s->binding))
			return;
		ch->binding_type = "tls-unique";
		ch->binding_len = n;
	}
	ch->binding = ch->binding_type != NULL ? s->binding : NULL;
}

void
secure_channel(struct secure *s, struct auth_channel *ch)
{
	*ch = (struct auth_channel){0};
	if (!s->established || s->failed)
		return;
	ch->tls = true;
	bind_channel(s, ch);
	ch->certificate_name = certificate_name(s);
}

/* SPDX-License-Identifier: ISC */
/*
 * Names and passwords as clients give them: whose verifier it is, and
 * SASLprep.  A name that is no user's gets a verifier too: it has the salt
 * length and the iterations of the first user, so that it looks like one
 * and costs as much, and keys that come from no password.
 *
 * Invariant: the work is the same whether the user is known or not (F14).
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/log.h"
#include "smtpd/auth_internal.h"

#define MADE_UP_LEN 64 /* octets of HMAC-SHA-512 */

/* Octets that follow from a secret, a purpose and a name. */
static void
derive(const unsigned char *key, size_t key_len, const char *purpose,
    const char *name, size_t len, unsigned char out[MADE_UP_LEN])
{
	unsigned int n = MADE_UP_LEN;
	char text[AUTH_RESPONSE_MAX];
	size_t purpose_len = strlen(purpose) + 1;
	if (len > sizeof(text) - purpose_len)
		len = sizeof(text) - purpose_len;
	memcpy(text, purpose, purpose_len);
	memcpy(text + purpose_len, name, len);
	if (HMAC(EVP_sha512(), key, (int)key_len, (const unsigned char *)text,
		purpose_len + len, out, &n) == NULL)
		die("HMAC-SHA-512 fails");
}

static void
make_up(const struct auth_exchange *x, const char *name, size_t len,
    struct verifier *v)
{
	unsigned char octets[MADE_UP_LEN];
	const unsigned char *key;
	size_t key_len = users_salt_key(x->users, &key);
	const struct verifier *like =
	    users_count(x->users) > 0 ? users_at(x->users, 0) : NULL;
	/* Without a key in the file: a secret that is the same in all
	 * workers and after a restart, if there is any user at all. */
	if (key_len == 0) {
		key = like != NULL ? like->server_key : x->auth->salt_key;
		key_len = like != NULL ? sizeof(like->server_key)
				       : sizeof(x->auth->salt_key);
	}
	*v = (struct verifier){0};
	v->iterations = like != NULL ? like->iterations : SCRAM_ITERATIONS;
	v->salt_len = like != NULL ? like->salt_len : SCRAM_SALT_LEN;
	derive(key, key_len, "waypost salt", name, len, octets);
	memcpy(v->salt, octets, v->salt_len);
	derive(key, key_len, "waypost keys", name, len, octets);
	memcpy(v->stored_key, octets, SCRAM_KEY_LEN);
	memcpy(v->server_key, octets + SCRAM_KEY_LEN, SCRAM_KEY_LEN);
	OPENSSL_cleanse(octets, sizeof(octets));
}

void
auth_name(struct auth_exchange *x, const char *name, size_t len)
{
	struct verifier v;
	size_t kept = len <= USER_TEXT_MAX ? len : USER_TEXT_MAX;
	memcpy(x->claimed, name, kept);
	x->claimed[kept] = '\0';
	make_up(x, name, len, &v);
	const struct verifier *found = user_name_valid(name, len)
					   ? users_find(x->users, x->claimed)
					   : NULL;
	x->verifier = found != NULL ? *found : v;
	x->verifier.senders = NULL; /* it belongs to the users */
	x->known = found != NULL;
	x->named = true;
	OPENSSL_cleanse(&v, sizeof(v));
}

int
auth_prepare(const char *password, size_t len, char out[PASSWORD_MAX])
{
	char text[PASSWORD_MAX + 1], *prepared;
	bool plain = true;
	int n = -1;
	/* Bounded: the order of combining marks takes quadratic time. */
	if (len > PASSWORD_MAX)
		return -1;
	for (size_t i = 0; i < len; i++)
		plain = plain && password[i] >= ' ' && password[i] <= '~';
	if (plain) { /* stays as it is, and no library sees it */
		memcpy(out, password, len);
		return (int)len;
	}
	memcpy(text, password, len);
	text[len] = '\0';
	if (gsasl_saslprep(text, GSASL_ALLOW_UNASSIGNED, &prepared, NULL) ==
	    GSASL_OK) {
		size_t prepared_len = strlen(prepared);
		if (prepared_len <= PASSWORD_MAX) {
			memcpy(out, prepared, prepared_len);
			n = (int)prepared_len;
		}
		OPENSSL_cleanse(prepared, prepared_len);
		gsasl_free(prepared);
	}
	OPENSSL_cleanse(text, sizeof(text));
	return n;
}

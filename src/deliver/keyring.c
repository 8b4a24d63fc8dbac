/* SPDX-License-Identifier: ISC */
/*
 * Keys by the path of their file.  A file is looked at (stat) at each use,
 * so that a replaced key is used at once; it is read only when it changed.
 *
 * Invariant: a key that is given out came from a file that nobody but its
 * owner could read or write, and the text of it is wiped.
 */
#include "deliver/keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/io.h"
#include "base/limits.h"
#include "base/log.h"

#define RSA_BITS_MIN 1024

struct held {
	char *path;
	struct stat st;
	EVP_PKEY *key;
};

struct keyring {
	struct held *v;
	size_t n;
};

struct keyring *
keyring_new(void)
{
	return alloc_zero(1, sizeof(struct keyring));
}

void
keyring_free(struct keyring *k)
{
	for (size_t i = 0; k != NULL && i < k->n; i++) {
		free(k->v[i].path);
		EVP_PKEY_free(k->v[i].key);
	}
	if (k != NULL)
		free(k->v);
	free(k);
}

static const char *
judge_file(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "not a regular file";
	if (st->st_mode & (S_IRWXG | S_IRWXO))
		return "group or others may access it (want mode 0600)";
	return st->st_size > DKIM_KEY_FILE_MAX ? "too long" : NULL;
}

static const char *
judge_key(const EVP_PKEY *key)
{
	int type = key != NULL ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;
	if (type == EVP_PKEY_ED25519)
		return NULL;
	if (type != EVP_PKEY_RSA)
		return "no private RSA or Ed25519 key in PEM form";
	return EVP_PKEY_get_bits(key) < RSA_BITS_MIN
		   ? "the RSA key has less than 1024 bits"
		   : NULL;
}

/* Nobody is asked. */
static int
no_password(char *out, int room, int writing, void *arg)
{
	(void)out;
	(void)room;
	(void)writing;
	(void)arg;
	return -1;
}

static EVP_PKEY *
read_key(int fd, const char **why)
{
	char text[DKIM_KEY_FILE_MAX];
	ssize_t n = io_pread(fd, text, sizeof(text), 0);
	if (n < 0) {
		*why = strerror(errno);
		return NULL;
	}
	BIO *bio = BIO_new_mem_buf(text, (int)n);
	EVP_PKEY *key =
	    bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL)
			: NULL;
	BIO_free(bio);
	explicit_bzero(text, sizeof(text));
	ERR_clear_error();
	*why = judge_key(key);
	if (*why == NULL)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

static struct held *
find(struct keyring *k, const char *path)
{
	for (size_t i = 0; i < k->n; i++)
		if (strcmp(k->v[i].path, path) == 0)
			return &k->v[i];
	k->v = alloc_grow(k->v, k->n + 1, sizeof(*k->v));
	k->v[k->n] = (struct held){.path = alloc_string(path, strlen(path))};
	return &k->v[k->n++];
}

static bool
unchanged(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev &&
	       a->st_size == b->st_size && a->st_mode == b->st_mode &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void
renew(struct held *h, const char **why)
{
	EVP_PKEY_free(h->key);
	h->key = NULL;
	int fd = open(h->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &h->st) != 0)
		*why = strerror(errno);
	else
		*why = judge_file(&h->st);
	if (*why == NULL)
		h->key = read_key(fd, why);
	if (fd >= 0)
		(void)close(fd);
}

EVP_PKEY *
keyring_key(struct keyring *k, const char *path, const char **why)
{
	struct held *h = find(k, path);
	struct stat st;
	*why = NULL;
	if (h->key == NULL || stat(path, &st) != 0 || !unchanged(&st, &h->st))
		renew(h, why);
	return h->key;
}

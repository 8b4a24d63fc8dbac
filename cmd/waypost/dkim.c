/* SPDX-License-Identifier: ISC */
/*
 * waypost dkim: make a key, and show what belongs into DNS.  Signs nothing
 * and asks no name server.
 *
 * Invariant: a key file appears whole, readable by the carrier's user
 * alone, and never in the place of another.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/base64.h"
#include "base/io.h"
#include "base/limits.h"
#include "conf/conf.h"
#include "deliver/keyring.h"
#include "mail/address.h"
#include "subcommand.h"

#define RSA_BITS 2048
#define TXT_MAX 255 /* octets of one character-string (RFC 1035) */

struct request {
	const char *domain, *selector, *directory;
	bool ed25519;
};

static const char usage_text[] =
    "usage: waypost [-C file] dkim keygen [--selector name]\n"
    "           [--type rsa|ed25519] [--directory dir] domain\n"
    "       waypost [-C file] dkim show [domain]\n"
    "keygen makes a key; both print the record to publish.\n"
    "  --selector NAME    of the key (waypost)\n"
    "  --type TYPE        rsa, which is the default, or ed25519\n"
    "  --directory DIR    where the key goes (dkim beside waypost.conf)\n";

static int
usage(void)
{
	(void)fputs(usage_text, stderr);
	return EX_USAGE;
}

static int
trouble(const char *what, int code)
{
	(void)fprintf(stderr, "waypost: %s: %s\n", what, strerror(errno));
	return code;
}

/* The value of the TXT record. */
static int
record_text(EVP_PKEY *key, struct buf *out)
{
	unsigned char raw[32], *der = NULL;
	size_t n = sizeof(raw);
	bool ed = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
	(void)buf_addf(out, "v=DKIM1; k=%s; p=", ed ? "ed25519" : "rsa");
	if (ed)
		return EVP_PKEY_get_raw_public_key(key, raw, &n) == 1
			   ? base64_encode(out, raw, n)
			   : -1;
	int len = i2d_PUBKEY(key, &der);
	int r = len > 0 ? base64_encode(out, der, (size_t)len) : -1;
	OPENSSL_free(der);
	return r;
}

/* As a zone file has it. */
static int
print_record(EVP_PKEY *key, const char *selector, const char *domain)
{
	struct buf text;
	buf_init(&text, 8 * DKIM_SIGNATURE_MAX);
	int r = record_text(key, &text);
	if (r == 0) {
		(void)printf("%s._domainkey.%s. IN TXT (", selector, domain);
		for (size_t i = 0; i < text.len; i += TXT_MAX)
			(void)printf("\n\t\"%.*s\"", TXT_MAX, text.data + i);
		(void)puts(" )");
	}
	buf_free(&text);
	return r;
}

/* --- keygen --- */

/* The directory for keys, which waypostd must be able to search. */
static int
make_directory(const char *path, const struct stat *spool)
{
	if (mkdir(path, 0750) != 0)
		return errno == EEXIST ? 0 : -1;
	return geteuid() == 0 ? chown(path, 0, spool->st_gid) : 0;
}

static int
write_key(int fd, EVP_PKEY *key, const struct stat *spool)
{
	char *text;
	BIO *bio = BIO_new(BIO_s_mem());
	int r = -1;
	if (bio != NULL && PEM_write_bio_PrivateKey(
			       bio, key, NULL, NULL, 0, NULL, NULL) == 1) {
		long n = BIO_get_mem_data(bio, &text);
		r = io_write(fd, text, (size_t)n);
	}
	BIO_free(bio);
	if (r == 0 && geteuid() == 0)
		r = fchown(fd, spool->st_uid, spool->st_gid);
	return r == 0 ? io_fsync(fd) : -1;
}

/* Under another name first; link(2) replaces nothing. */
static int
place_key(const char *path, EVP_PKEY *key, const struct stat *spool)
{
	char *temporary;
	if (asprintf(&temporary, "%s.new", path) < 0)
		return -1;
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r = fd < 0 ? -1 : write_key(fd, key, spool);
	if (r == 0)
		r = link(temporary, path);
	int error = errno;
	if (fd >= 0) {
		(void)close(fd);
		(void)unlink(temporary);
	}
	free(temporary);
	errno = error;
	return r;
}

static int
sync_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -1 : io_fsync(fd);
	if (fd >= 0)
		(void)close(fd);
	return r;
}

static int
make_key(const struct request *q, const char *path, const struct stat *spool)
{
	EVP_PKEY *key = q->ed25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
				   : EVP_RSA_gen(RSA_BITS);
	if (key == NULL) {
		(void)fputs("waypost: OpenSSL makes no key\n", stderr);
		return EX_SOFTWARE;
	}
	int code = EX_OK;
	if (place_key(path, key, spool) != 0 ||
	    sync_directory(q->directory) != 0)
		code = trouble(path, EX_CANTCREAT);
	else if (print_record(key, q->selector, q->domain) != 0)
		code = EX_SOFTWARE;
	EVP_PKEY_free(key);
	return code;
}

static int
keygen_in(const struct request *q, const struct conf *c)
{
	struct stat spool;
	char *path;
	if (stat(c->spool, &spool) != 0)
		return trouble(c->spool, EX_OSFILE);
	if (make_directory(q->directory, &spool) != 0)
		return trouble(q->directory, EX_CANTCREAT);
	if (asprintf(&path, "%s/%s.%s.pem", q->directory, q->domain,
		q->selector) < 0)
		return trouble("memory", EX_OSERR);
	int code = make_key(q, path, &spool);
	if (code == EX_OK)
		code = subcommand_flush();
	if (code == EX_OK)
		(void)fprintf(stderr,
		    "waypost: when the record is published, write into %s:\n"
		    "dkim \"%s\" { selector = \"%s\"  key = \"%s\" }\n",
		    c->path, q->domain, q->selector, path);
	free(path);
	return code;
}

static int
keygen(const struct invocation *v, struct request *q)
{
	char *directory = NULL;
	struct conf *c = subcommand_conf(v, 0);
	if (c == NULL)
		return EX_CONFIG;
	if (q->directory == NULL) {
		int n = (int)(strrchr(c->path, '/') - c->path);
		if (asprintf(&directory, "%.*s/dkim", n, c->path) < 0)
			directory = NULL;
		q->directory = directory;
	}
	int code = q->directory != NULL ? keygen_in(q, c) : EX_OSERR;
	free(directory);
	conf_unref(c);
	return code;
}

/* --- show --- */

static int
show(const struct invocation *v, const char *domain)
{
	struct conf *c = subcommand_conf(v, 0);
	if (c == NULL)
		return EX_CONFIG;
	struct keyring *keys = keyring_new();
	int code = EX_OK;
	for (size_t i = 0; i < c->ndkim; i++) {
		const struct dkim_conf *d = &c->dkim[i];
		if (domain != NULL && strcasecmp(domain, d->domain) != 0)
			continue;
		for (size_t k = 0; k < d->keys.n; k++) {
			const char *why = "it has no public part";
			EVP_PKEY *key = keyring_key(keys, d->keys.v[k], &why);
			if (key != NULL && print_record(key, d->selectors.v[k],
					       d->domain) == 0)
				continue;
			(void)fprintf(
			    stderr, "waypost: %s: %s\n", d->keys.v[k], why);
			code = EX_NOINPUT;
		}
	}
	keyring_free(keys);
	conf_unref(c);
	int flushed = subcommand_flush();
	return code != EX_OK ? code : flushed;
}

static int
options(int argc, char **argv, struct request *q)
{
	static const struct option long_options[] = {
	    {"selector", required_argument, NULL, 's'},
	    {"type", required_argument, NULL, 't'},
	    {"directory", required_argument, NULL, 'd'},
	    {NULL, 0, NULL, 0},
	};
	int opt;
	optind = 0;
	while ((opt = getopt_long(argc, argv, "s:t:d:", long_options, NULL)) !=
	       -1) {
		if (opt == 's')
			q->selector = optarg;
		else if (opt == 'd')
			q->directory = optarg;
		else if (opt == 't' && strcmp(optarg, "ed25519") == 0)
			q->ed25519 = true;
		else if (opt != 't' || strcmp(optarg, "rsa") != 0)
			return -1;
	}
	if (argc - optind > 1)
		return -1;
	q->domain = argv[optind];
	return 0;
}

/* Both become parts of a file name and of the record. */
static bool
names_fit(const struct request *q)
{
	return domain_valid(q->domain, strlen(q->domain), 0) &&
	       domain_valid(q->selector, strlen(q->selector), 0);
}

int
dkim_run(const struct invocation *v)
{
	struct request q = {.selector = "waypost"};
	if (subcommand_help(v, usage_text))
		return subcommand_flush();
	if (v->argc < 2 || options(v->argc - 1, v->argv + 1, &q) != 0)
		return usage();
	if (strcmp(v->argv[1], "show") == 0)
		return show(v, q.domain);
	if (strcmp(v->argv[1], "keygen") != 0 || q.domain == NULL)
		return usage();
	if (names_fit(&q))
		return keygen(v, &q);
	(void)fputs("waypost: domain or selector is no domain name (write "
		    "A-labels)\n",
	    stderr);
	return EX_DATAERR;
}

/* SPDX-License-Identifier: ISC */
/*
 * Certificate stores by file.  Not who uses them (hop_setup.c puts one into
 * libcurl's SSL_CTX).  Invariant: a store is never changed once it was
 * handed out; a changed file makes a new one.
 */
#include "deliver/trust.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "base/log.h"

struct trust_file {
	struct trust_file *next;
	struct timespec changed;
	ino_t inode;
	X509_STORE *store;
	char path[];
};

struct trust {
	struct trust_file *files;
};

struct trust *
trust_new(void)
{
	return alloc_zero(1, sizeof(struct trust));
}

void
trust_free(struct trust *t)
{
	if (t == NULL)
		return;
	struct trust_file *f, *next;
	for (f = t->files; f != NULL; f = next) {
		next = f->next;
		X509_STORE_free(f->store);
		free(f);
	}
	free(t);
}

static X509_STORE *
load(const char *path)
{
	X509_STORE *store = X509_STORE_new();
	if (store == NULL)
		die("no memory for a certificate store");
	int ok = X509_STORE_load_file(store, path);
	ERR_clear_error();
	if (ok != 1) {
		X509_STORE_free(store);
		return NULL;
	}
	/* As libcurl: an intermediate or the very certificate may be the
	 * anchor, so that ca-file can pin one. */
	X509_STORE_set_flags(
	    store, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
	return store;
}

static struct trust_file *
find(struct trust *t, const char *path)
{
	struct trust_file *f;
	for (f = t->files; f != NULL; f = f->next)
		if (strcmp(f->path, path) == 0)
			return f;
	f = alloc_zero(1, sizeof(*f) + strlen(path) + 1);
	memcpy(f->path, path, strlen(path));
	f->next = t->files;
	t->files = f;
	return f;
}

X509_STORE *
trust_store(struct trust *t, const char *file, struct status *st)
{
	if (file == NULL)
		file = curl_version_info(CURLVERSION_NOW)->cainfo;
	if (file == NULL)
		file = "/etc/ssl/certs/ca-certificates.crt";
	struct stat sb;
	if (stat(file, &sb) != 0) {
		status_set(st, LATER, 0, "4.7.5", "ca-file %s: %s", file,
		    strerror(errno));
		return NULL;
	}
	struct trust_file *f = find(t, file);
	if (f->store == NULL || f->inode != sb.st_ino ||
	    f->changed.tv_sec != sb.st_mtim.tv_sec ||
	    f->changed.tv_nsec != sb.st_mtim.tv_nsec) {
		X509_STORE_free(f->store);
		f->store = load(file);
		f->inode = sb.st_ino;
		f->changed = sb.st_mtim;
	}
	if (f->store == NULL) {
		status_set(st, LATER, 0, "4.7.5",
		    "ca-file %s: no certificates could be read", file);
		return NULL;
	}
	if (X509_STORE_up_ref(f->store) != 1)
		die("a certificate store has too many users");
	return f->store;
}

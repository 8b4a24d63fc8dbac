/* SPDX-License-Identifier: ISC */
/*
 * What waypost check finds on disk: secret files, certificates, the spool,
 * and whether somebody serves it.  Only looks.
 */
#include "check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/log.h"
#include "deliver/drop.h"
#include "deliver/secret.h"
#include "queue/board.h"
#include "queue/store.h"
#include "smtpd/secure.h"

#define EXPIRES_SOON_DAYS 14
#define SPACE_LOW_PERCENT 5

static void
check_secret(struct check *k, const struct session_conf *s)
{
	struct status st;
	if (s == NULL || s->secret_file == NULL)
		return;
	struct secret *secret = secret_read(s->secret_file, &st);
	if (secret != NULL)
		check_tell(
		    k, FOUND_GOOD, NULL, "secret-file %s", s->secret_file);
	else
		check_tell(k, FOUND_FAULT,
		    "one line, owner the user of waypostd, mode 0600", "%s",
		    st.text);
	secret_free(secret);
}

/* When does the first certificate of a file end? */
static void
check_end(struct check *k, const char *file)
{
	BIO *in = BIO_new_file(file, "r");
	X509 *x = in != NULL ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
	int days = 0, seconds = 0;
	if (x == NULL ||
	    ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(x)) != 1)
		check_tell(k, FOUND_FAULT, "a certificate chain in PEM",
		    "%s: no certificate can be read", file);
	else if (days < 0 || seconds < 0)
		check_tell(k, FOUND_FAULT, "renew it",
		    "%s: expired %d days ago", file, -days);
	else
		check_tell(k,
		    days < EXPIRES_SOON_DAYS ? FOUND_WARNING : FOUND_GOOD,
		    days < EXPIRES_SOON_DAYS ? "renew it" : NULL,
		    "%s: good for %d more days", file, days);
	X509_free(x);
	BIO_free(in);
}

/* As the listener loads it: do they fit together? */
static void
check_pair(struct check *k, const char *certificate, const char *key)
{
	const char *why = "";
	if (certificate == NULL || key == NULL)
		return;
	struct secure_context *c =
	    secure_context_new(certificate, key, "modern", NULL, &why);
	if (c == NULL)
		check_tell(k, FOUND_FAULT,
		    "certificate and key of one pair, readable by the daemons",
		    "%s, %s: %s", certificate, key, why);
	else
		check_end(k, certificate);
	secure_context_unref(c);
}

static void
check_space(struct check *k)
{
	struct statvfs fs;
	const char *spool = k->c->spool;
	if (statvfs(spool, &fs) != 0) {
		check_tell(k, FOUND_FAULT, "make it, owned by waypost",
		    "%s: %s", spool, strerror(errno));
		return;
	}
	unsigned long long mega =
	    (unsigned long long)fs.f_bavail * fs.f_frsize >> 20;
	bool low = fs.f_bavail * 100 < fs.f_blocks * SPACE_LOW_PERCENT ||
		   (fs.f_files > 0 &&
		       fs.f_favail * 100 < fs.f_files * SPACE_LOW_PERCENT);
	check_tell(k, low ? FOUND_WARNING : FOUND_GOOD,
	    low ? "make room: mail is refused when it is full" : NULL,
	    "%s: %llu MiB free", spool, mega);
}

/* May the spool's owner read and write there, by owner, group or all? */
static bool
is_open_to(const struct stat *dir, const char *spool)
{
	struct stat st;
	if (stat(spool, &st) != 0 || st.st_uid == 0)
		return true;
	mode_t want = st.st_uid == dir->st_uid   ? 0700
		      : st.st_gid == dir->st_gid ? 0070
						 : 0007;
	return (dir->st_mode & want) == want;
}

/* For local domains without a maildir, which the default one may have. */
static void
check_drop(struct check *k)
{
	const struct domain *d = table_default(k->c->table);
	const char *path = k->c->drop.directory;
	struct stat st;
	if (d == NULL)
		return;
	if (stat(path, &st) != 0) {
		if (errno == ENOENT && drop_is_own(k->c))
			return; /* waypostd makes it */
		check_tell(k, d->maildir == NULL ? FOUND_FAULT : FOUND_WARNING,
		    "make it, owned by waypost, mode 0750",
		    "drop directory %s: %s: mail for it waits", path,
		    strerror(errno));
	} else if (!S_ISDIR(st.st_mode)) {
		check_tell(k, FOUND_FAULT, "another drop.directory",
		    "%s is no directory: mail for it waits", path);
	} else if (!is_open_to(&st, k->c->spool)) {
		check_tell(k, FOUND_WARNING,
		    "give it to waypost, or to one of its groups, mode 0750 or "
		    "0770",
		    "drop directory %s: waypost may not write there", path);
	}
}

/* Does somebody hold the queue, and serve the listeners? */
static void
check_daemons(struct check *k)
{
	struct store s;
	struct board *b;
	if (store_open(&s, k->c->spool) != 0) {
		check_tell(k, FOUND_FAULT,
		    "queue/tmp and queue/new, 1770, owned by waypost:waydrop",
		    "%s/queue: %s", k->c->spool, strerror(errno));
		return;
	}
	bool served = store_served(&s);
	store_close(&s);
	check_tell(k, served ? FOUND_GOOD : FOUND_WARNING,
	    served ? NULL : "start waypostd", "waypostd %s",
	    served ? "runs" : "does not run: mail is kept, but not sent");
	if (k->c->nlisteners == 0)
		return;
	b = alloc_zero(1, sizeof(*b));
	bool runs = board_look(k->c->spool, BOARD_LISTENER, b) == 1;
	free(b);
	check_tell(k, runs ? FOUND_GOOD : FOUND_WARNING,
	    runs ? NULL : "start waypost-smtpd", "waypost-smtpd %s",
	    runs ? "runs" : "does not run");
}

void
check_files(struct check *k)
{
	const struct conf *c = k->c;
	for (size_t i = 0; i < c->nsmarthosts; i++)
		check_secret(k, &c->smarthosts[i].session);
	check_pair(k, c->tls.certificate, c->tls.key);
	for (size_t i = 0; i < c->nlisteners; i++)
		check_pair(k, c->listeners[i].certificate, c->listeners[i].key);
	for (size_t i = 0; i < c->ncertificates; i++)
		check_pair(
		    k, c->certificates[i].certificate, c->certificates[i].key);
	check_space(k);
	check_drop(k);
	check_daemons(k);
}

/* SPDX-License-Identifier: ISC */
/*
 * msmtprc(5): accounts with settings, which inherit from each other.  The
 * default account becomes the plain smart host, the others become smart
 * hosts of the senders that their "from" names.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

#include "base/log.h"
#include "import.h"

#define ACCOUNTS_MAX 100

struct account {
	char name[256];
	char parent[1024]; /* the first one */
	struct pairs set;
};

struct msmtp {
	struct import *im;
	struct account v[ACCOUNTS_MAX]; /* [0]: defaults */
	size_t n;
};

static const char *const quiet[] = {"syslog", "logfile", "logfile_time_format",
    "remove_bcc_headers", "auto_from", "allow_from_override",
    "add_missing_from_header", "add_missing_date_header", "eval", "protocol",
    NULL};

static struct account *
find(struct msmtp *m, const char *name)
{
	for (size_t i = m->n; i-- > 1;)
		if (strcmp(m->v[i].name, name) == 0)
			return &m->v[i];
	return NULL;
}

static void
inherit(struct account *a, const struct account *from)
{
	for (size_t i = 0; from != NULL && i < from->set.n; i++) {
		const struct pair *p = &from->set.v[i];
		pairs_add(&a->set, p->key, strlen(p->key), p->value,
		    strlen(p->value), p->line);
	}
}

/* "account NAME [: PARENT, ...]" */
static struct account *
start(struct msmtp *m, const char *path, const char *rest, unsigned line)
{
	char word[1024], parents[1024] = "";
	if (m->n == ACCOUNTS_MAX) {
		import_note(m->im, path, line, "too many accounts");
		return &m->v[m->n - 1];
	}
	struct account *a = &m->v[m->n];
	const char *colon = strchr(rest, ':');
	size_t len = colon != NULL ? (size_t)(colon - rest) : strlen(rest);
	while (len > 0 && strchr(" \t", rest[len - 1]) != NULL)
		len--;
	*a = (struct account){.set.path = path};
	(void)snprintf(a->name, sizeof(a->name), "%.*s", (int)len, rest);
	inherit(a, &m->v[0]);
	if (colon != NULL)
		(void)snprintf(parents, sizeof(parents), "%s", colon + 1);
	for (const char *p = parents; import_word(&p, word);) {
		inherit(a, find(m, word));
		if (*a->parent == '\0')
			memcpy(a->parent, word, sizeof(a->parent));
	}
	m->n++;
	return a;
}

static void
read_text(struct msmtp *m, const char *path, const struct buf *text)
{
	struct account *a = &m->v[0];
	size_t at = 0, len;
	const char *s;
	unsigned line = 0;
	a->set.path = path;
	m->n = 1;
	while (import_line(text, &at, &s, &len)) {
		line++;
		if (len == 0 || *s == '#')
			continue;
		size_t key = strcspn(s, " \t\n");
		key = key > len ? len : key;
		const char *value = s + key;
		size_t n = len - key;
		while (n > 0 && strchr(" \t", *value) != NULL)
			value++, n--;
		if (n > 1 && *value == '"' && value[n - 1] == '"')
			value++, n -= 2;
		if (key == 7 && memcmp(s, "account", 7) == 0) {
			char *rest = alloc_string(value, n);
			a = start(m, path, rest, line);
			free(rest);
		} else if (key == 8 && memcmp(s, "defaults", 8) == 0) {
			a = &m->v[0];
		} else {
			pairs_add(&a->set, s, key, value, n, line);
		}
	}
}

static void
carry_tls(struct import *im, const char *title, struct pairs *p)
{
	const char *ca = pairs_get(p, "tls_trust_file"), *s;
	bool check = pairs_yes(p, "tls_certcheck", true);
	bool starttls = pairs_yes(p, "tls_starttls", true);
	if (!pairs_yes(p, "tls", false)) {
		import_set(im, "smarthost", title, "tls", "none");
		return;
	}
	import_set(im, "smarthost", title, "tls", check ? "verify" : "require");
	if (!starttls)
		import_set(im, "smarthost", title, "implicit", "true");
	if (ca != NULL && *ca != '\0' && strcmp(ca, "system") != 0)
		import_set(im, "smarthost", title, "ca-file", ca);
	if ((s = pairs_get(p, "tls_cert_file")) != NULL && *s != '\0')
		import_set(im, "smarthost", title, "client-certificate", s);
	if ((s = pairs_get(p, "tls_key_file")) != NULL && *s != '\0')
		import_set(im, "smarthost", title, "client-key", s);
}

static void
carry_login(struct import *im, const char *title, struct pairs *p)
{
	const char *auth = pairs_get(p, "auth"), *user = pairs_get(p, "user");
	const char *eval = pairs_get(p, "passwordeval");
	bool password = pairs_get(p, "password") != NULL;
	if (auth == NULL || user == NULL || strcasecmp(auth, "off") == 0)
		return;
	if (eval != NULL) {
		import_set(im, "smarthost", title, "user", user);
		import_set(im, "smarthost", title, "secret-command", eval);
		import_note(im, p->path, pairs_line(p, "passwordeval"),
		    "passwordeval ran as the user; secret-command runs as the "
		    "user of waypostd");
	} else {
		import_login(im, title, user, p->path,
		    pairs_line(p, password ? "password" : "user"));
	}
	if (strcasecmp(auth, "on") != 0) {
		char upper[64];
		(void)snprintf(upper, sizeof(upper), "%.63s", auth);
		for (char *c = upper; *c != '\0'; c++)
			if (*c >= 'a' && *c <= 'z')
				*c = (char)(*c - 'a' + 'A');
		import_set(im, "smarthost", title, "mechanism", upper);
	}
}

/* What the plain account alone can say, as it is for the whole host. */
static void
carry_host_wide(struct import *im, struct pairs *p)
{
	const char *s;
	if ((s = pairs_get(p, "maildomain")) != NULL)
		import_set(im, NULL, NULL, "origin", s);
	if ((s = pairs_get(p, "aliases")) != NULL)
		import_set(im, NULL, NULL, "aliases", s);
	if ((s = pairs_get(p, "source_ip")) != NULL)
		import_set(im, "outbound", NULL, "source-address", s);
	if ((s = pairs_get(p, "from")) != NULL && strchr(s, '*') == NULL &&
	    strchr(s, '%') == NULL) {
		import_set(im, "masquerade", NULL, "from", s);
		if (pairs_get(p, "set_from_header") != NULL &&
		    pairs_yes(p, "set_from_header", false))
			import_set(
			    im, "masquerade", NULL, "header-from", "true");
	}
}

static void
carry_senders(struct import *im, const char *title, struct pairs *p)
{
	const char *from = pairs_get(p, "from");
	if (from != NULL && strncmp(from, "*@", 2) == 0)
		from += 2;
	if (from == NULL || *from == '\0' || strpbrk(from, "*?[%") != NULL)
		import_note(im, p->path, pairs_line(p, "from"),
		    "account %s has no sender that could choose it: give it "
		    "senders",
		    title);
	else
		import_add(im, "smarthost", title, "senders", from);
}

static void
carry(struct msmtp *m, struct account *a, const char *title)
{
	struct pairs *p = &a->set;
	struct import *im = m->im;
	char spec[400];
	const char *host = pairs_get(p, "host"), *port = pairs_get(p, "port");
	const char *helo = pairs_get(p, "domain");
	bool implicit =
	    pairs_yes(p, "tls", false) && !pairs_yes(p, "tls_starttls", true);
	if (host == NULL) {
		import_note(im, p->path, 0, "account %s has no host", a->name);
		return;
	}
	(void)snprintf(spec, sizeof(spec), "[%.300s]:%.5s", host,
	    port != NULL ? port
	    : implicit   ? "465"
			 : "25");
	import_add(im, "smarthost", title, "hosts", spec);
	carry_tls(im, title, p);
	carry_login(im, title, p);
	if (helo != NULL && strcmp(helo, "localhost") != 0)
		import_set(im, "smarthost", title, "helo", helo);
	if (title != NULL)
		carry_senders(im, title, p);
	else
		carry_host_wide(im, p);
	pairs_rest(p, im, quiet);
}

static void
carry_all(struct msmtp *m)
{
	struct account *first = find(m, "default");
	if (first == NULL && m->n > 1)
		first = &m->v[1];
	if (first != NULL)
		carry(m, first, NULL);
	/* "account default : work" is work by another name. */
	for (size_t i = 1; i < m->n; i++)
		if (&m->v[i] != first &&
		    strcmp(m->v[i].name, first->parent) != 0)
			carry(m, &m->v[i], m->v[i].name);
}

int
import_msmtp(struct import *im, const char *path)
{
	struct buf text;
	struct msmtp *m = alloc_zero(1, sizeof(*m));
	int code = import_slurp(path, &text);
	m->im = im;
	if (code == 0) {
		read_text(m, path, &text);
		carry_all(m);
	}
	if (text.data != NULL)
		explicit_bzero(text.data, text.len);
	buf_free(&text);
	for (size_t i = 0; i < m->n; i++)
		pairs_free(&m->v[i].set);
	free(m);
	return code;
}

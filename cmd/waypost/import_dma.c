/* SPDX-License-Identifier: ISC */
/* dma.conf: one word a line, or a word and a value; auth.conf beside it
 * has lines "user|host:password". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import.h"

static const char *const quiet[] = {"SPOOLDIR", "DEFER", "FULLBOUNCE", NULL};

static void
read_text(struct pairs *p, const struct buf *text)
{
	size_t at = 0, len;
	const char *s;
	for (unsigned line = 1; import_line(text, &at, &s, &len); line++) {
		size_t key = 0, value;
		const char *hash = len > 0 ? memchr(s, '#', len) : NULL;
		if (hash != NULL)
			len = (size_t)(hash - s);
		while (len > 0 && strchr(" \t", s[len - 1]) != NULL)
			len--;
		while (key < len && strchr(" \t=", s[key]) == NULL)
			key++;
		for (value = key; value < len; value++)
			if (strchr(" \t=", s[value]) == NULL)
				break;
		if (key > 0)
			pairs_add(p, s, key, s + value, len - value, line);
	}
}

/* The user of the host in the file of passwords. */
static void
carry_login(struct import *im, const char *path, const char *host)
{
	struct buf text;
	size_t at = 0, len;
	const char *s;
	int got = import_slurp(path, &text);
	for (unsigned line = 1; got == 0 && import_line(&text, &at, &s, &len);
	     line++) {
		char user[256];
		const char *bar = len > 0 ? memchr(s, '|', len) : NULL;
		size_t n = strlen(host);
		if (bar == NULL || *s == '#' ||
		    (size_t)(s + len - bar) < n + 2 ||
		    strncmp(bar + 1, host, n) != 0 || bar[n + 1] != ':')
			continue;
		(void)snprintf(user, sizeof(user), "%.*s", (int)(bar - s), s);
		import_login(im, NULL, user, path, line);
		break;
	}
	if (text.data != NULL)
		explicit_bzero(text.data, text.len);
	buf_free(&text);
}

static void
carry_host(struct import *im, struct pairs *p, const char *host)
{
	char spec[400];
	const char *port = pairs_get(p, "PORT"), *s;
	bool tls = pairs_yes(p, "SECURETRANSFER", false) ||
		   pairs_yes(p, "SECURETRANS", false);
	bool starttls = pairs_yes(p, "STARTTLS", false);
	bool maybe = pairs_yes(p, "OPPORTUNISTIC_TLS", false);
	bool verify = pairs_yes(p, "VERIFYCERT", false);
	(void)snprintf(spec, sizeof(spec), "[%.300s]:%.5s", host,
	    port != NULL ? port : "25");
	import_add(im, "smarthost", NULL, "hosts", spec);
	import_set(im, "smarthost", NULL, "tls",
	    !tls     ? "none"
	    : maybe  ? "opportunistic"
	    : verify ? "verify"
		     : "require");
	if (tls && !verify && !maybe)
		import_note(im, p->path, 0,
		    "dma did not verify the certificate; better is tls = "
		    "verify");
	if (tls && !starttls)
		import_set(im, "smarthost", NULL, "implicit", "true");
	if ((s = pairs_get(p, "CERTFILE")) != NULL) {
		import_set(im, "smarthost", NULL, "client-certificate", s);
		import_set(im, "smarthost", NULL, "client-key", s);
	}
	if ((s = pairs_get(p, "AUTHPATH")) != NULL)
		carry_login(im, s, host);
}

/* "user@host", "host" or "user@". */
static void
carry_masquerade(struct import *im, struct pairs *p, const char *s)
{
	const char *at = strchr(s, '@');
	if (at == NULL)
		import_set(im, "masquerade", NULL, "domain", s);
	else if (at != s && at[1] != '\0')
		import_set(im, "masquerade", NULL, "from", s);
	else
		import_note(im, p->path, pairs_line(p, "MASQUERADE"),
		    "MASQUERADE %s", s);
}

static void
carry_name(struct import *im, struct pairs *p, const char *s)
{
	struct buf text;
	size_t at = 0, len;
	const char *line;
	char name[256];
	if (*s != '/') {
		import_set(im, NULL, NULL, "hostname", s);
		return;
	}
	if (import_slurp_if(s, &text) == 0 &&
	    import_line(&text, &at, &line, &len) && len > 0) {
		(void)snprintf(name, sizeof(name), "%.*s", (int)len, line);
		import_set(im, NULL, NULL, "hostname", name);
	} else {
		import_note(im, p->path, pairs_line(p, "MAILNAME"),
		    "MAILNAME %s: nothing stands there", s);
	}
	buf_free(&text);
}

int
import_dma(struct import *im, const char *path)
{
	struct pairs p = {.path = path};
	struct buf text;
	const char *s;
	int code = import_slurp(path, &text);
	if (code == 0) {
		read_text(&p, &text);
		if ((s = pairs_get(&p, "MAILNAME")) != NULL)
			carry_name(im, &p, s);
		if ((s = pairs_get(&p, "ALIASES")) != NULL)
			import_set(im, NULL, NULL, "aliases", s);
		if ((s = pairs_get(&p, "SMARTHOST")) != NULL && *s != '\0')
			carry_host(im, &p, s);
		if ((s = pairs_get(&p, "MASQUERADE")) != NULL)
			carry_masquerade(im, &p, s);
		if (pairs_get(&p, "NULLCLIENT") == NULL)
			import_note(im, path, 0,
			    "dma put mail for users of this host into "
			    "/var/mail; waypost does that for a local domain "
			    "(domains(5), maildir=)");
		pairs_rest(&p, im, quiet);
	}
	buf_free(&text);
	pairs_free(&p);
	return code;
}

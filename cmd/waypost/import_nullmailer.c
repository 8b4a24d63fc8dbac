/* SPDX-License-Identifier: ISC */
/*
 * The directory of nullmailer: one file for each setting, and "remotes",
 * which become the hosts of the smart host.  waypost has one set of options
 * for them all, so those of the first remote are taken.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import.h"

/* The first line of a file of the directory, trimmed; false: none. */
static bool
first_line(const char *dir, const char *name, char value[1024])
{
	char path[4096];
	struct buf text;
	size_t at = 0, len;
	const char *s;
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	bool found = import_slurp_if(path, &text) == 0 &&
		     import_line(&text, &at, &s, &len) && len > 0;
	if (found)
		(void)snprintf(value, 1024, "%.*s", (int)len, s);
	buf_free(&text);
	return found;
}

static const struct file {
	const char *name, *section, *key, *suffix;
} files[] = {
    {"me", NULL, "hostname", ""},
    {"defaulthost", NULL, "origin", ""},
    {"helohost", "smarthost", "helo", ""},
    {"allmailfrom", "masquerade", "from", ""},
    {"queuelifetime", "queue", "expire", "s"},
    {"sendtimeout", "outbound", "timeout", "s"},
};

static const char *const not_carried[] = {"defaultdomain", "idhost", "maxpause",
    "pausetime", "doublebounceto", "bounceto", NULL};

struct remote {
	const char *path;
	unsigned line;
	char host[256], port[16], user[256], protocol[32];
	bool tls, implicit, insecure, password, login;
};

/* "--user=x", "--port 587", "ssl"; false: not known. */
static bool
option(struct remote *r, const char *s)
{
	while (*s == '-')
		s++;
	const char *value = strchr(s, '=');
	value = value != NULL ? value + 1 : "";
	if (strncmp(s, "port=", 5) == 0)
		(void)snprintf(r->port, sizeof(r->port), "%s", value);
	else if (strncmp(s, "user=", 5) == 0)
		(void)snprintf(r->user, sizeof(r->user), "%s", value);
	else if (strncmp(s, "pass=", 5) == 0)
		r->password = true;
	else if (strcmp(s, "starttls") == 0)
		r->tls = true;
	else if (strcmp(s, "ssl") == 0 || strcmp(s, "tls") == 0)
		r->tls = r->implicit = true;
	else if (strcmp(s, "insecure") == 0)
		r->insecure = true;
	else if (strcmp(s, "auth-login") == 0)
		r->login = true;
	else
		return false;
	return true;
}

static void
carry_options(struct import *im, const struct remote *r)
{
	import_set(im, "smarthost", NULL, "tls",
	    !r->tls       ? "none"
	    : r->insecure ? "require"
			  : "verify");
	if (r->implicit)
		import_set(im, "smarthost", NULL, "implicit", "true");
	if (r->login)
		import_set(im, "smarthost", NULL, "mechanism", "LOGIN");
	if (*r->user != '\0')
		import_login(im, NULL, r->user, r->path, r->line);
}

static bool
same_options(const struct remote *a, const struct remote *b)
{
	return a->tls == b->tls && a->implicit == b->implicit &&
	       a->insecure == b->insecure && strcmp(a->user, b->user) == 0;
}

/* One line of remotes.  False: it is none to be carried. */
static bool
read_remote(struct import *im, struct remote *r, const char *line)
{
	char word[1024];
	const char *p = line;
	if (!import_word(&p, word))
		return false;
	(void)snprintf(r->host, sizeof(r->host), "%.255s", word);
	while (import_word(&p, word)) {
		if (*word != '-' && *r->protocol == '\0')
			(void)snprintf(
			    r->protocol, sizeof(r->protocol), "%.31s", word);
		else if (!option(r, word))
			import_note(
			    im, r->path, r->line, "option %.200s", word);
	}
	if (*r->protocol != '\0' && strcmp(r->protocol, "smtp") != 0) {
		import_note(im, r->path, r->line, "protocol %s", r->protocol);
		return false;
	}
	return true;
}

static void
carry_remotes(struct import *im, const char *path, const struct buf *text)
{
	struct remote first = {0};
	size_t at = 0, len;
	const char *s;
	unsigned line, n = 0;
	for (line = 1; import_line(text, &at, &s, &len); line++) {
		struct remote r = {.path = path, .line = line};
		char copy[1024], spec[300];
		(void)snprintf(copy, sizeof(copy), "%.*s", (int)len, s);
		if (len == 0 || *s == '#' || !read_remote(im, &r, copy))
			continue;
		(void)snprintf(spec, sizeof(spec), "[%s]:%s", r.host,
		    *r.port != '\0' ? r.port
		    : r.implicit    ? "465"
				    : "25");
		if (n > 0 && !same_options(&first, &r)) {
			import_note(im, path, line,
			    "%s has other options than the first remote", spec);
			continue;
		}
		import_add(im, "smarthost", NULL, "hosts", spec);
		if (n++ == 0) {
			first = r;
			carry_options(im, &r);
		}
	}
}

int
import_nullmailer(struct import *im, const char *dir)
{
	char path[4096], value[1024];
	struct buf text;
	(void)snprintf(path, sizeof(path), "%s/remotes", dir);
	int code = import_slurp(path, &text);
	if (code == 0)
		carry_remotes(im, path, &text);
	buf_free(&text);
	for (size_t i = 0; code == 0 && i < sizeof(files) / sizeof(*files);
	     i++) {
		const struct file *f = &files[i];
		char whole[1100];
		if (!first_line(dir, f->name, value))
			continue;
		(void)snprintf(whole, sizeof(whole), "%s%s", value, f->suffix);
		import_set(im, f->section, NULL, f->key, whole);
	}
	for (size_t i = 0; code == 0 && not_carried[i] != NULL; i++) {
		(void)snprintf(
		    path, sizeof(path), "%s/%s", dir, not_carried[i]);
		if (first_line(dir, not_carried[i], value))
			import_note(im, path, 1, "%s", value);
	}
	if (code == 0 && first_line(dir, "adminaddr", value)) {
		(void)snprintf(path, sizeof(path), "%s/adminaddr", dir);
		import_set(im, NULL, NULL, "postmaster", value);
		import_note(im, path, 1,
		    "mail for users of this host goes there by /etc/aliases: "
		    "root: %s",
		    value);
	}
	return code;
}

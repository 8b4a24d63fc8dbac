/* SPDX-License-Identifier: ISC */
/*
 * waypost import: what another mailer's configuration means in waypost's
 * words, on standard output.  Writes no file and reads no password further
 * than to say on which line it stands.  The text grows by conf_edit, so
 * that a value is quoted or refused as everywhere, and is read back at the
 * end as the daemons would read it.
 */
#include "import.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/version.h"
#include "conf/conf_edit.h"
#include "conf/conf_read.h"
#include "subcommand.h"

#define SECRETS "/etc/waypost/secrets/"

static const struct source {
	const char *name, *path;
	int (*run)(struct import *im, const char *path);
} sources[] = {
    {"msmtp", "/etc/msmtprc", import_msmtp},
    {"nullmailer", "/etc/nullmailer", import_nullmailer},
    {"dma", "/etc/dma/dma.conf", import_dma},
    {"postfix", "/etc/postfix/main.cf", import_postfix},
};

static const char usage_text[] =
    "usage: waypost import [--domains] msmtp|nullmailer|dma|postfix [path]\n"
    "Prints the waypost.conf that the other mailer's configuration means,\n"
    "and names what could not be carried over.  path, if it is elsewhere:\n"
    "  msmtp       its file (/etc/msmtprc)\n"
    "  nullmailer  its directory (/etc/nullmailer)\n"
    "  dma         its file (/etc/dma/dma.conf)\n"
    "  postfix     its main.cf (/etc/postfix/main.cf)\n"
    "  --domains          print the lines of the domain table instead\n";

void
import_note(
    struct import *im, const char *path, unsigned line, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	struct buf note;
	buf_init(&note, CONF_FILE_MAX);
	(void)buf_addf(&note, "# %s:", path);
	if (line > 0)
		(void)buf_addf(&note, "%u:", line);
	(void)buf_addf(&note, " %s\n", text);
	if (strstr(buf_str(&im->notes), buf_str(&note)) == NULL)
		(void)buf_adds(&im->notes, buf_str(&note));
	buf_free(&note);
}

static void
replace(struct import *im, struct buf *text, int result, const char *key,
    const char *value)
{
	if (result < 0) {
		import_note(im, "import", 0,
		    "%s: \"%s\" cannot stand in waypost.conf", key, value);
	} else if (result == 0) {
		buf_clear(&im->conf);
		(void)buf_add(&im->conf, buf_str(text), text->len);
	}
	buf_free(text);
}

void
import_set(struct import *im, const char *section, const char *title,
    const char *key, const char *value)
{
	struct conf_place at = {section, title, key};
	struct buf text, quoted;
	buf_init(&text, CONF_FILE_MAX);
	buf_init(&quoted, CONF_FILE_MAX);
	int result = conf_edit_value(&quoted, value);
	if (result == 0)
		result = conf_edit_set(&text, buf_str(&im->conf), im->conf.len,
		    &at, buf_str(&quoted));
	buf_free(&quoted);
	replace(im, &text, result, key, value);
}

void
import_add(struct import *im, const char *section, const char *title,
    const char *key, const char *value)
{
	struct conf_place at = {section, title, key};
	struct buf text;
	buf_init(&text, CONF_FILE_MAX);
	int result = conf_edit_list(
	    &text, buf_str(&im->conf), im->conf.len, &at, value, true);
	replace(im, &text, result, key, value);
}

void
import_domain(struct import *im, const char *name, const char *rest)
{
	size_t len = strlen(name);
	for (const char *p = buf_str(&im->domains); *p != '\0';) {
		if (strncmp(p, name, len) == 0 && p[len] == ' ')
			return;
		p += strcspn(p, "\n");
		p += *p == '\n';
	}
	(void)buf_addf(&im->domains, "%-22s %s\n", name, rest);
}

void
import_login(struct import *im, const char *title, const char *user,
    const char *path, unsigned line)
{
	char secret[sizeof(SECRETS) + 128];
	(void)snprintf(secret, sizeof(secret), SECRETS "%.100s",
	    title != NULL ? title : "smarthost");
	import_set(im, "smarthost", title, "user", user);
	import_set(im, "smarthost", title, "secret-file", secret);
	import_note(im, path, line,
	    "put the password that stands here into %s, mode 0600", secret);
}

static int
slurp(const char *path, struct buf *text, bool must)
{
	buf_init(text, CONF_FILE_MAX);
	FILE *f = fopen(path, "re");
	char chunk[4096];
	size_t n;
	if (f == NULL && errno == ENOENT && !must)
		return 0;
	while (f != NULL && (n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		(void)buf_add(text, chunk, n);
	bool ok =
	    f != NULL && !ferror(f) && buf_ok(text) &&
	    (text->len == 0 || memchr(text->data, '\0', text->len) == NULL);
	if (!ok)
		(void)fprintf(stderr, "waypost: %s: %s\n", path,
		    f == NULL ? strerror(errno) : "cannot be read as text");
	if (f != NULL)
		(void)fclose(f);
	return ok ? 0 : EX_NOINPUT;
}

int
import_slurp(const char *path, struct buf *text)
{
	return slurp(path, text, true);
}

int
import_slurp_if(const char *path, struct buf *text)
{
	return slurp(path, text, false);
}

static bool
blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

bool
import_line(const struct buf *text, size_t *at, const char **s, size_t *len)
{
	const char *p = buf_str(text) + *at, *end = buf_str(text) + text->len;
	if (p >= end)
		return false;
	const char *lf = memchr(p, '\n', (size_t)(end - p));
	const char *stop = lf != NULL ? lf : end;
	*at += (size_t)(stop - p) + (lf != NULL ? 1 : 0);
	while (p < stop && blank(*p))
		p++;
	while (stop > p && blank(stop[-1]))
		stop--;
	*s = p;
	*len = (size_t)(stop - p);
	return true;
}

bool
import_word(const char **p, char word[1024])
{
	*p += strspn(*p, " \t\r\n,");
	size_t len = strcspn(*p, " \t\r\n,");
	if (len == 0)
		return false;
	(void)snprintf(word, 1024, "%.*s", (int)len, *p);
	*p += len;
	return true;
}

static int
check(const struct import *im)
{
	struct faults f;
	faults_init(&f);
	struct conf *c =
	    conf_read("waypost.conf", buf_str(&im->conf), im->conf.len, 0, &f);
	conf_unref(c);
	struct table *t = table_read("domains",
	    alloc_string(buf_str(&im->domains), im->domains.len),
	    im->domains.len, 0, &f);
	table_free(t);
	if (f.count > 0)
		(void)fprintf(stderr,
		    "waypost: this needs a hand before it can be used:\n");
	subcommand_faults(&f);
	int code = f.count == 0 ? 0 : EX_DATAERR;
	faults_free(&f);
	return code;
}

static int
print(const struct import *im, const char *path, bool domains)
{
	(void)printf("# %s, from %s by waypost " WAYPOST_VERSION ".\n",
	    domains ? "The domain table" : "waypost.conf", path);
	if (domains) {
		(void)fputs(buf_str(&im->domains), stdout);
		return subcommand_flush();
	}
	(void)fputs(buf_str(&im->conf), stdout);
	if (im->domains.len > 0)
		(void)puts("\n# The domain table is printed by "
			   "waypost import --domains.");
	if (im->notes.len > 0)
		(void)printf("\n# Not carried over, or to be done by hand:\n%s",
		    buf_str(&im->notes));
	return subcommand_flush();
}

static int
usage(FILE *to, int code)
{
	(void)fputs(usage_text, to);
	return code;
}

static int
run(const struct source *s, const char *path, bool domains)
{
	struct import im;
	buf_init(&im.conf, CONF_FILE_MAX);
	buf_init(&im.domains, CONF_FILE_MAX);
	buf_init(&im.notes, CONF_FILE_MAX);
	int code = s->run(&im, path);
	if (code == 0)
		code = print(&im, path, domains);
	if (code == 0)
		code = check(&im);
	buf_free(&im.conf);
	buf_free(&im.domains);
	buf_free(&im.notes);
	return code;
}

int
import_run(const struct invocation *v)
{
	static const struct option options[] = {
	    {"domains", no_argument, NULL, 'd'},
	    {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	bool domains = false;
	int opt;
	optind = 0; /* begin anew, behind the subcommand */
	while (
	    (opt = getopt_long(v->argc, v->argv, "h", options, NULL)) != -1) {
		if (opt == 'h')
			return usage(stdout, EX_OK);
		if (opt != 'd')
			return usage(stderr, EX_USAGE);
		domains = true;
	}
	int words = v->argc - optind;
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
		const struct source *s = &sources[i];
		if ((words == 1 || words == 2) &&
		    strcmp(v->argv[optind], s->name) == 0)
			return run(s,
			    words == 2 ? v->argv[optind + 1] : s->path,
			    domains);
	}
	return usage(stderr, EX_USAGE);
}

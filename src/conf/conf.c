/* SPDX-License-Identifier: ISC */
/*
 * The life of a configuration: loaded, shared by reference, freed whole;
 * and the list of faults that loading may leave.  What the text means is
 * conf_read.c's business.
 *
 * Invariant: a struct conf is never changed after conf_load() gave it out,
 * except for its count of references, which one thread owns.
 */
#include "conf/conf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/reach.h"
#include "conf/conf_keys.h"
#include "conf/conf_read.h"

void
faults_init(struct faults *f)
{
	buf_init(&f->text, FAULTS_MAX);
	f->count = 0;
}

void
faults_free(struct faults *f)
{
	buf_free(&f->text);
	f->count = 0;
}

void
faults_log(const struct faults *f)
{
	const char *p = buf_str(&f->text);
	while (*p != '\0') {
		size_t n = strcspn(p, "\n");
		log_event(LOG_ERR, "configuration", LOG_MEM("fault", p, n));
		p += n + (p[n] == '\n');
	}
}

/* One fault is one line, whatever a file name or a value holds. */
static void
flatten(char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = '?';
}

void
faults_add(
    struct faults *f, const char *file, unsigned line, const char *fmt, ...)
{
	char reason[512], where[512];
	va_list ap;
	f->count++;
	/* Told whole or not at all: the first ones are worth most. */
	if (!buf_ok(&f->text))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	if (line > 0)
		(void)snprintf(where, sizeof(where), "%s:%u", file, line);
	else
		(void)snprintf(where, sizeof(where), "%s", file);
	flatten(reason);
	flatten(where);
	(void)buf_addf(
	    &f->text, "%s%s: %s", f->text.len ? "\n" : "", where, reason);
}

/* Whoever may write the file commands the mailer (M08). */
static int
file_fit(const char *path, const struct stat *st, size_t max, struct faults *f)
{
	if (!S_ISREG(st->st_mode))
		faults_add(f, path, 0, "is not a regular file");
	else if ((uintmax_t)st->st_size > max)
		faults_add(f, path, 0, "is larger than %zu octets", max);
	else if (st->st_mode & S_IWOTH)
		faults_add(f, path, 0, "can be written by everybody");
	else if (st->st_uid != 0 && st->st_uid != geteuid())
		faults_add(f, path, 0,
		    "belongs to uid %u, neither to root nor to this user",
		    (unsigned)st->st_uid);
	else
		return 0;
	return -1;
}

static char *
slurp_fd(int fd, const char *path, size_t max, size_t *len, struct faults *f)
{
	struct stat st;
	if (fstat(fd, &st) != 0) {
		faults_add(f, path, 0, "%s", strerror(errno));
		return NULL;
	}
	if (file_fit(path, &st, max, f) != 0)
		return NULL;
	char *text = malloc((size_t)st.st_size + 1);
	if (text == NULL)
		die("out of memory");
	/* One read: what is appended meanwhile is told by the watch. */
	ssize_t n = io_pread(fd, text, (size_t)st.st_size, 0);
	if (n < 0) {
		faults_add(f, path, 0, "%s", strerror(errno));
		free(text);
		return NULL;
	}
	text[n] = '\0';
	*len = (size_t)n;
	return text;
}

char *
conf_slurp(const char *path, size_t max, bool missing_ok, size_t *len,
    struct faults *f)
{
	int fd = reach_open(path);
	*len = 0;
	if (fd < 0 && missing_ok && errno == ENOENT)
		return alloc_string("", 0);
	if (fd < 0) {
		faults_add(f, path, 0, "%s", strerror(errno));
		return NULL;
	}
	char *text = slurp_fd(fd, path, max, len, f);
	(void)close(fd);
	return text;
}

struct conf *
conf_load(const char *path, unsigned flags, struct faults *f)
{
	char *absolute = NULL;
	size_t len;
	if (path == NULL)
		path = CONF_PATH;
	if (*path != '/') {
		char *cwd = getcwd(NULL, 0);
		if (cwd == NULL || asprintf(&absolute, "%s/%s", cwd, path) < 0)
			absolute = NULL;
		free(cwd);
	}
	if (absolute != NULL)
		path = absolute;
	char *text = conf_slurp(path, CONF_FILE_MAX, false, &len, f);
	struct conf *c = NULL;
	if (text != NULL || (flags & CONF_LENIENT))
		c = conf_read(path, text, len, flags, f);
	free(text);
	free(absolute);
	return c;
}

unsigned
conf_again(const struct conf *old)
{
	bool there = old != NULL && old->domains_there;
	return CONF_TABLE | (there ? CONF_DOMAINS : 0U);
}

static bool
same_words(const struct words *a, const struct words *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return true;
}

bool
conf_same_dns(const struct conf *a, const struct conf *b)
{
	const char *x = a->dns.trust_anchor, *y = b->dns.trust_anchor;
	return same_words(&a->dns.servers, &b->dns.servers) &&
	       a->dns.hosts_file == b->dns.hosts_file &&
	       strcmp(x != NULL ? x : "", y != NULL ? y : "") == 0;
}

struct conf *
conf_ref(struct conf *c)
{
	c->refs++;
	return c;
}

static void
free_section(const struct key_section *s, struct conf *c)
{
	if (s->shape == SECTION_ONCE) {
		keys_free(s, c);
		return;
	}
	size_t n;
	char *array = keys_array(s, c, &n), *name;
	for (size_t i = 0; i < n; i++) {
		keys_free(s, array + i * s->size);
		memcpy(&name, array + i * s->size, sizeof(name));
		free(name);
	}
	free(array);
}

void
conf_unref(struct conf *c)
{
	if (c == NULL || --c->refs > 0)
		return;
	for (size_t i = 0; i < keys_nsections; i++)
		free_section(&keys_sections[i], c);
	table_free(c->table);
	free(c->sources);
	free(c->path);
	free(c);
}

unsigned
conf_line_of(const struct conf *c, const void *member)
{
	for (size_t i = 0; i < c->nsources; i++)
		if (c->sources[i].member == member)
			return c->sources[i].line;
	return 0;
}

const char *
conf_origin(const struct conf *c)
{
	if (c->origin != NULL)
		return c->origin;
	const struct domain *d = table_default(c->table);
	return d != NULL ? d->name : c->hostname;
}

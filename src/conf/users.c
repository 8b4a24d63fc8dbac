/* SPDX-License-Identifier: ISC */
/*
 * The users file: one read, one array of verifiers, one hash index by name.
 * Not who makes verifiers (cmd/waypost) and not who checks passwords
 * (smtpd/auth).
 *
 * Invariant: a name is there once, its verifier is whole and within the
 * limits, and a file with any fault is no file: nobody gets in by a line
 * that was understood in part.
 */
#include "conf/users.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/base64.h"
#include "base/hash.h"
#include "base/log.h"
#include "conf/conf.h"
#include "conf/conf_read.h"

#define SCHEME "SCRAM-SHA-256$"
#define SALT_KEY_COMMENT "# salt-key: "

struct entry {
	struct hash_link link;
	struct verifier v;
	unsigned line;
};

struct users {
	int refs;
	struct entry *v;
	size_t n, cap;
	struct hash index;
	unsigned char salt_key[SALT_KEY_MAX];
	size_t salt_key_len;
};

/* A line that is being read. */
struct line {
	char *p; /* what is left of it; NUL behind */
	const char *path;
	unsigned number;
	struct faults *f;
};

static const struct entry *
entry_of(const struct hash_link *link)
{
	return (const struct entry *)((const char *)link -
				      offsetof(struct entry, link));
}

static bool
same(const struct hash_link *link, const void *name)
{
	return strcmp(entry_of(link)->v.name, name) == 0;
}

bool
user_name_valid(const char *s, size_t len)
{
	if (len == 0 || len > USER_NAME_MAX || *s == '#')
		return false;
	for (size_t i = 0; i < len; i++)
		if (s[i] <= ' ' || s[i] > '~' ||
		    memchr("()<>\",:;", s[i], 8) != NULL)
			return false;
	return true;
}

/* One of a list of senders. */
static const char *
check_sender(const char *s, size_t len)
{
	struct address a;
	const char *why;
	if (len > 0 && *s == '@')
		return domain_valid(s + 1, len - 1, ADDRESS_UTF8) ||
			       domain_literal_valid(s + 1, len - 1)
			   ? NULL
			   : "senders: no domain behind an @";
	return address_parse(&a, s, len, ADDRESS_UTF8, &why) == 0
		   ? NULL
		   : "senders: neither an address nor @domain";
}

const char *
senders_check(const char *s)
{
	const char *why = NULL;
	while (why == NULL) {
		size_t len = strcspn(s, ",");
		why = check_sender(s, len);
		if (s[len] == '\0')
			break;
		s += len + 1;
	}
	return why;
}

/* The field before the next c, NUL behind; or NULL if there is no c. */
static char *
field(struct line *l, char c)
{
	char *start = l->p;
	char *end = strchr(start, c);
	if (end == NULL)
		return NULL;
	*end = '\0';
	l->p = end + 1;
	return start;
}

static bool
decode(const char *s, unsigned char *out, size_t min, size_t max, size_t *n)
{
	return base64_decode(s, strlen(s), out, max, n) == 0 && *n >= min;
}

/* "10000:SALT$STOREDKEY:SERVERKEY".  NULL, or what is wrong. */
static const char *
parse_keys(struct verifier *v, struct line *l)
{
	uint64_t iterations;
	size_t n;
	const char *count = field(l, ':');
	const char *salt = count != NULL ? field(l, '$') : NULL;
	const char *stored = salt != NULL ? field(l, ':') : NULL;
	if (stored == NULL)
		return "want ITERATIONS:SALT$STOREDKEY:SERVERKEY";
	const char *senders = strchr(l->p, ':');
	const char *server = senders != NULL ? field(l, ':') : l->p;
	if (conf_number(count, &iterations) != 0 ||
	    iterations < SCRAM_ITERATIONS_MIN ||
	    iterations > SCRAM_ITERATIONS_MAX)
		return "iterations: no number in its range";
	v->iterations = (unsigned)iterations;
	if (!decode(salt, v->salt, 1, sizeof(v->salt), &v->salt_len))
		return "the salt is no base64 of 1 to 64 octets";
	if (!decode(stored, v->stored_key, SCRAM_KEY_LEN, SCRAM_KEY_LEN, &n) ||
	    !decode(server, v->server_key, SCRAM_KEY_LEN, SCRAM_KEY_LEN, &n))
		return "a key is no base64 of 32 octets";
	if (senders == NULL)
		return NULL;
	const char *why = senders_check(l->p);
	if (why == NULL)
		v->senders = alloc_string(l->p, strlen(l->p));
	return why;
}

static void
read_user(struct users *u, struct line *l)
{
	if (u->n == u->cap) {
		u->cap = u->cap ? u->cap * 2 : 16;
		u->v = alloc_grow(u->v, u->cap, sizeof(*u->v));
	}
	struct entry *e = &u->v[u->n];
	*e = (struct entry){.line = l->number};
	const char *name = field(l, ':');
	const char *why = NULL;
	if (name == NULL || !user_name_valid(name, strlen(name))) {
		faults_add(l->f, l->path, l->number, "no user name and a ':'");
		return;
	}
	memcpy(e->v.name, name, strlen(name) + 1);
	if (strncmp(l->p, SCHEME, strlen(SCHEME)) != 0)
		why = "only " SCHEME "... is known";
	l->p += why == NULL ? strlen(SCHEME) : 0;
	if (why == NULL)
		why = parse_keys(&e->v, l);
	if (why == NULL)
		u->n++;
	else
		faults_add(l->f, l->path, l->number, "%s: %s", name, why);
}

static void
read_salt_key(struct users *u, struct line *l)
{
	if (u->salt_key_len > 0)
		faults_add(l->f, l->path, l->number, "a second salt-key");
	else if (!decode(l->p, u->salt_key, SALT_KEY_MIN, SALT_KEY_MAX,
		     &u->salt_key_len))
		faults_add(l->f, l->path, l->number,
		    "salt-key: no base64 of %d to %d octets", SALT_KEY_MIN,
		    SALT_KEY_MAX);
}

static void
read_line(struct users *u, struct line *l, size_t len)
{
	if (memchr(l->p, '\0', len) != NULL) {
		faults_add(l->f, l->path, l->number, "a NUL in the line");
		return;
	}
	if (len > 0 && l->p[len - 1] == '\r')
		l->p[--len] = '\0';
	if (strncmp(l->p, SALT_KEY_COMMENT, strlen(SALT_KEY_COMMENT)) == 0) {
		l->p += strlen(SALT_KEY_COMMENT);
		read_salt_key(u, l);
	} else if (*l->p != '#' && l->p[strspn(l->p, " \t")] != '\0') {
		read_user(u, l);
	}
}

static void
read_lines(struct users *u, char *text, size_t len, struct line *l)
{
	char *end = text + len;
	while (text < end) {
		char *stop = memchr(text, '\n', (size_t)(end - text));
		if (stop == NULL)
			stop = end;
		*stop = '\0';
		l->p = text;
		l->number++;
		read_line(u, l, (size_t)(stop - text));
		text = stop + 1;
	}
}

/* Only when the array stays where it is. */
static void
index_users(struct users *u, const char *path, struct faults *f)
{
	for (size_t i = 0; i < u->n; i++) {
		struct entry *e = &u->v[i];
		uint64_t hash = hash_bytes(e->v.name, strlen(e->v.name));
		struct hash_link *before =
		    hash_find(&u->index, hash, same, e->v.name);
		if (before == NULL)
			hash_add(&u->index, &e->link, hash);
		else
			faults_add(f, path, e->line,
			    "%s is given twice, first on line %u", e->v.name,
			    entry_of(before)->line);
	}
}

struct users *
users_read(const char *path, char *text, size_t len, struct faults *f)
{
	struct users *u = alloc_zero(1, sizeof(*u));
	struct line l = {.path = path, .f = f};
	unsigned before = f->count;
	u->refs = 1;
	read_lines(u, text, len, &l);
	index_users(u, path, f);
	explicit_bzero(text, len);
	free(text);
	if (f->count == before)
		return u;
	users_free(u);
	return NULL;
}

/* With the keys in it one can pose as this server, and try passwords. */
static bool private(const char *path, struct faults *f)
{
	struct stat st;
	if (stat(path, &st) != 0) {
		if (errno == ENOENT)
			return true;
		faults_add(f, path, 0, "%s", strerror(errno));
		return false;
	}
	if ((st.st_mode & S_IRWXO) == 0)
		return true;
	faults_add(f, path, 0, "others may access it: want mode 0640, not %04o",
	    (unsigned)st.st_mode & 07777);
	return false;
}

struct users *
users_load(const char *path, struct faults *f)
{
	size_t len;
	char *text = private(path, f)
			 ? conf_slurp(path, USERS_FILE_MAX, true, &len, f)
			 : NULL;
	return text != NULL ? users_read(path, text, len, f) : NULL;
}

const struct users *
users_ref(const struct users *u)
{
	/* The count is no part of what is const to its readers. */
	if (u != NULL)
		((struct users *)u)->refs++;
	return u;
}

void
users_free(const struct users *u)
{
	struct users *mine = (struct users *)u;
	if (u == NULL || --mine->refs > 0)
		return;
	for (size_t i = 0; i < mine->n; i++)
		free(mine->v[i].v.senders);
	hash_free(&mine->index);
	if (mine->n > 0)
		explicit_bzero(mine->v, mine->n * sizeof(*mine->v));
	free(mine->v);
	explicit_bzero(mine, sizeof(*mine));
	free(mine);
}

size_t
users_count(const struct users *u)
{
	return u != NULL ? u->n : 0;
}

const struct verifier *
users_at(const struct users *u, size_t i)
{
	return &u->v[i].v;
}

const struct verifier *
users_find(const struct users *u, const char *name)
{
	if (u == NULL)
		return NULL;
	const struct hash_link *l =
	    hash_find(&u->index, hash_bytes(name, strlen(name)), same, name);
	return l != NULL ? &entry_of(l)->v : NULL;
}

size_t
users_salt_key(const struct users *u, const unsigned char **key)
{
	*key = u != NULL ? u->salt_key : NULL;
	return u != NULL ? u->salt_key_len : 0;
}

static bool
sender_is(const char *s, size_t len, const struct address *from)
{
	struct address a;
	const char *why;
	const char *domain = address_domain(from);
	if (len > 0 && *s == '@')
		return strlen(domain) == len - 1 &&
		       strncasecmp(s + 1, domain, len - 1) == 0;
	return address_parse(&a, s, len, ADDRESS_UTF8, &why) == 0 &&
	       address_equal(&a, from);
}

bool
verifier_may_send(const struct verifier *v, const struct address *from)
{
	if (v->senders == NULL || address_is_null(from))
		return true;
	for (const char *s = v->senders;; s++) {
		size_t len = strcspn(s, ",");
		if (sender_is(s, len, from))
			return true;
		s += len;
		if (*s == '\0')
			return false;
	}
}

void
verifier_format(struct buf *out, const struct verifier *v)
{
	(void)buf_addf(out, "%s:" SCHEME "%u:", v->name, v->iterations);
	(void)base64_encode(out, v->salt, v->salt_len);
	(void)buf_addc(out, '$');
	(void)base64_encode(out, v->stored_key, sizeof(v->stored_key));
	(void)buf_addc(out, ':');
	(void)base64_encode(out, v->server_key, sizeof(v->server_key));
	if (v->senders != NULL)
		(void)buf_addf(out, ":%s", v->senders);
}

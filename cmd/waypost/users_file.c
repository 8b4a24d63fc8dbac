/* SPDX-License-Identifier: ISC */
/*
 * The users file on disk: lines are set and dropped, by edited.c's ways.
 * Not what stands in a line (conf/users).
 *
 * Invariant: the name always leads to a whole file that users_read() takes.
 */
#include "users_file.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/limits.h"
#include "base/log.h"
#include "subcommand.h"

#define SALT_KEY_LEN 32

static int
load(const char *path, struct users **u)
{
	struct faults f;
	int code = EX_OK;
	faults_init(&f);
	*u = users_load(path, &f);
	if (*u == NULL) {
		subcommand_faults(&f);
		bool denied = access(path, R_OK) != 0 && errno == EACCES;
		code = denied ? EX_NOPERM : EX_CONFIG;
	}
	faults_free(&f);
	return code;
}

int
users_file_look(const struct conf *c, struct users **u)
{
	return load(c->users, u);
}

/* A file that we make: its group is that of the listener, who is the owner
 * of the spool. */
static int
give_to_listener(struct edited *e, const struct conf *c)
{
	struct stat st;
	e->st.st_mode = 0640;
	if (geteuid() != 0)
		return 0;
	if (stat(c->spool, &st) != 0)
		return edited_errno(c->spool, "");
	const struct passwd *pw = getpwuid(st.st_uid);
	e->st.st_gid = pw != NULL ? pw->pw_gid : st.st_gid;
	return 0;
}

int
users_file_open(struct users_file *f, const struct conf *c)
{
	f->users = NULL;
	int code = edited_open(&f->file, c->users, USERS_FILE_MAX);
	if (code == 0 && !f->file.exists)
		code = give_to_listener(&f->file, c);
	return code == 0 ? load(f->file.path, &f->users) : code;
}

void
users_file_close(struct users_file *f)
{
	edited_close(&f->file);
	users_free(f->users);
}

/* Salts of unknown users follow from it (conf/users.h). */
static int
add_salt_key(const struct users_file *f, struct buf *out)
{
	unsigned char key[SALT_KEY_LEN];
	const unsigned char *have;
	if (users_salt_key(f->users, &have) > 0)
		return 0;
	if (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key))
		return edited_errno("random octets", "");
	(void)buf_adds(out, "# salt-key: ");
	(void)base64_encode(out, key, sizeof(key));
	(void)buf_addc(out, '\n');
	explicit_bzero(key, sizeof(key));
	return 0;
}

/* The whole new text. */
static void
edit(const struct users_file *f, const char *name, const char *line,
    struct buf *out)
{
	size_t name_len = strlen(name);
	const char *p = buf_str(&f->file.text), *end = p + f->file.text.len;
	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		const char *next = lf != NULL ? lf + 1 : end;
		bool its = (size_t)(next - p) > name_len &&
			   p[name_len] == ':' && memcmp(p, name, name_len) == 0;
		if (!its)
			(void)buf_add(out, p, (size_t)(next - p));
		if (!its && lf == NULL)
			(void)buf_addc(out, '\n');
		if (its && line != NULL) {
			(void)buf_addf(out, "%s\n", line);
			line = NULL;
		}
		p = next;
	}
	if (line != NULL)
		(void)buf_addf(out, "%s\n", line);
}

/* What we wrote must be what we can read. */
static int
prove(const char *path, const struct buf *text)
{
	struct faults f;
	faults_init(&f);
	struct users *u =
	    buf_ok(text)
		? users_read(path, alloc_string(buf_str(text), text->len),
		      text->len, &f)
		: NULL;
	if (!buf_ok(text))
		(void)fprintf(stderr, "waypost: %s: grows too large\n", path);
	subcommand_faults(&f);
	faults_free(&f);
	int code = u != NULL ? 0 : EX_SOFTWARE;
	users_free(u);
	return code;
}

int
users_file_set(struct users_file *f, const char *name, const char *line)
{
	struct buf text;
	buf_init(&text, USERS_FILE_MAX);
	int code = line != NULL ? add_salt_key(f, &text) : 0;
	if (code == 0) {
		edit(f, name, line, &text);
		code = prove(f->file.path, &text);
	}
	if (code == 0)
		code = edited_replace(&f->file, &text);
	if (text.data != NULL)
		explicit_bzero(text.data, text.len);
	buf_free(&text);
	return code;
}

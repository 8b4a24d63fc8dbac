/* SPDX-License-Identifier: ISC */
/*
 * A spool with a configuration, as waypostd would have it, for tests of
 * deliver.  Not a test itself.
 */
#ifndef TESTS_PLACE_H
#define TESTS_PLACE_H

#include "spool.h"

#include "base/log.h"
#include "conf/conf.h"

struct place {
	struct spool sp;
	struct conf *c;
	struct batch batch; /* what place_letter() queued last */
	struct batch_entry entry;
	struct envelope env;
	char id[QUEUE_ID_MAX + 1];
	bool loaded;
};

UNUSED_OK static void
place_text(const struct place *p, const char *name, const char *text)
{
	char path[512];
	(void)snprintf(path, sizeof(path), "%s/%s", p->sp.path, name);
	file_write(AT_FDCWD, path, text, strlen(text));
}

UNUSED_OK static char *
place_path(const struct place *p, const char *name)
{
	char *path = malloc(512);
	(void)snprintf(path, 512, "%s/%s", p->sp.path, name);
	return path;
}

/* Open a directory of the place, made if need be. */
UNUSED_OK static int
place_dir(const struct place *p, const char *name)
{
	char *path = place_path(p, name);
	(void)mkdir(path, 0755);
	int fd = open(path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	free(path);
	return fd;
}

/* Load the configuration anew; more is added to waypost.conf. */
UNUSED_OK static void
place_conf(struct place *p, const char *more)
{
	char text[4096];
	const char *at = p->sp.path;
	struct faults f;
	faults_init(&f);
	(void)snprintf(text, sizeof(text),
	    "hostname = \"relay.example.com\"\n"
	    "origin = \"example.com\"\n"
	    "postmaster = \"postmaster@example.com\"\n"
	    "aliases = \"%s/aliases\"\ndomains = \"%s/domains\"\n"
	    "spool = \"%s\"\n%s",
	    at, at, at, more);
	for (char *hit; (hit = strstr(text, "@PLACE@")) != NULL;) {
		char rest[4096];
		(void)snprintf(rest, sizeof(rest), "%s", hit + 7);
		(void)snprintf(
		    hit, sizeof(text) - (size_t)(hit - text), "%s%s", at, rest);
	}
	place_text(p, "waypost.conf", text);
	char *path = place_path(p, "waypost.conf");
	struct conf *c = conf_load(path, CONF_TABLE, &f);
	if (c == NULL)
		fail_msg("%s", buf_str(&f.text));
	free(path);
	faults_free(&f);
	conf_unref(p->c);
	p->c = c;
}

#define PLACE_DIRECTORIES                             \
	"pickup { directory = \"@PLACE@/pickup\" }\n" \
	"drop { directory = \"@PLACE@/drop\" }\n"

UNUSED_OK static void
place_open(struct place *p, const char *domains, const char *more)
{
	*p = (struct place){0};
	spool_directory(p->sp.path);
	char path[512];
	(void)snprintf(path, sizeof(path), "%s/queue", p->sp.path);
	assert_int_equal(mkdir(path, 0770), 0);
	(void)snprintf(path, sizeof(path), "%s/queue/tmp", p->sp.path);
	assert_int_equal(mkdir(path, 0770), 0);
	(void)snprintf(path, sizeof(path), "%s/queue/new", p->sp.path);
	assert_int_equal(mkdir(path, 0770), 0);
	assert_int_equal(store_open_carrier(&p->sp.s, p->sp.path), 0);
	place_text(p, "domains", domains);
	place_text(p, "aliases", "");
	(void)close(place_dir(p, "drop"));
	place_conf(p, more);
}

UNUSED_OK static void
place_unload(struct place *p)
{
	if (!p->loaded)
		return;
	batch_close(&p->batch);
	envelope_free(&p->env);
	p->loaded = false;
}

UNUSED_OK static void
place_close(struct place *p)
{
	place_unload(p);
	conf_unref(p->c);
	store_close(&p->sp.s);
	spool_remove(p->sp.path);
}

/* Read the only message of a batch back. */
UNUSED_OK static void
place_load(struct place *p, const char *batch)
{
	const char *why = "";
	uint64_t at = 0;
	char name[QUEUE_ID_MAX + 1];
	(void)snprintf(name, sizeof(name), "%.*s", QUEUE_ID_MAX, batch);
	place_unload(p);
	if (batch_open(&p->batch, p->sp.s.new_fd, name, &why) != 0 ||
	    batch_next(&p->batch, &at, &p->entry, &why) != 1 ||
	    batch_envelope(&p->batch, &p->entry, &p->env, &why) != 0)
		fail_msg("%s: %s %s", name, strerror(errno), why);
	message_id_make(p->id, name, 1);
	p->loaded = true;
}

/* Queue one message with this envelope (freed) and load it. */
UNUSED_OK static void
place_letter(struct place *p, struct envelope *env, const char *text)
{
	struct draft d;
	assert_int_equal(draft_create(&p->sp.s, &d, NULL), 0);
	assert_int_equal(batch_begin(&d.writer, env), 0);
	assert_int_equal(batch_data(&d.writer, text, strlen(text)), 0);
	assert_int_equal(batch_end(&d.writer), 0);
	assert_int_equal(draft_commit(&d), 0);
	envelope_free(env);
	place_load(p, d.id);
}

/* An envelope of this sender and recipients, blanks between. */
UNUSED_OK static void
place_envelope(struct envelope *e, const char *from, const char *rcpts)
{
	envelope_init(e);
	e->source = strdup("test uid=0");
	e->from = letter_address(from);
	while (*rcpts != '\0') {
		char text[512];
		size_t n = strcspn(rcpts, " ");
		(void)snprintf(text, sizeof(text), "%.*s", (int)n, rcpts);
		struct address a = letter_address(text);
		e->utf8 |= address_is_utf8(&a);
		assert_int_equal(envelope_add(e, &a, 0, NULL), 0);
		rcpts += n + strspn(rcpts + n, " ");
	}
}

/* The whole message that is loaded, a string; free it. */
UNUSED_OK static char *
place_message(struct place *p)
{
	size_t len = (size_t)p->entry.data_len;
	char *text = malloc(len + 1);
	for (size_t at = 0; at < len;) {
		ssize_t n =
		    batch_read(&p->batch, &p->entry, at, text + at, len - at);
		assert_true(n > 0);
		at += (size_t)n;
	}
	text[len] = '\0';
	return text;
}

/* The names in a directory that end so; the last one goes to name. */
UNUSED_OK static int
place_names(int dir_fd, const char *tail, char name[NAME_MAX + 1])
{
	int n = 0;
	DIR *dir = fdopendir(openat(dir_fd, ".", O_RDONLY | O_DIRECTORY));
	assert_non_null(dir);
	for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
		size_t len = strlen(e->d_name), end = strlen(tail);
		if (e->d_name[0] == '.' || len < end ||
		    strcmp(e->d_name + len - end, tail) != 0)
			continue;
		if (name != NULL)
			(void)snprintf(name, NAME_MAX + 1, "%s", e->d_name);
		n++;
	}
	(void)closedir(dir);
	return n;
}

UNUSED_OK static char *
place_file(int dir_fd, const char *name)
{
	size_t len;
	char *text = file_read(dir_fd, name, &len);
	text[len] = '\0';
	return text;
}

UNUSED_OK static void
assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no \"%s\" in:\n%s", part, text);
}

UNUSED_OK static void
assert_has_not(const char *text, const char *part)
{
	if (strstr(text, part) != NULL)
		fail_msg("\"%s\" in:\n%s", part, text);
}

#endif

/* SPDX-License-Identifier: ISC */
/*
 * What survey.h shows, from the files.  The journal says what is final and
 * what was answered last, the queue files who waits, the configuration which
 * way that goes.  A file that cannot be understood is counted and passed
 * over.
 */
#include "survey.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "conf/route.h"
#include "queue/batch.h"
#include "queue/findings.h"
#include "queue/scan.h"
#include "queue/store.h"

#define KEY_MAX 1024

const unsigned survey_ages[SURVEY_AGES - 1] = {
    60, 600, 3600, 14400, 86400, 172800};
const char *const survey_age_names[SURVEY_AGES] = {
    "under 1 min", "10 min", "1 h", "4 h", "1 d", "2 d", "older"};

struct look {
	struct survey *s;
	struct store store;
	struct findings *findings;
};

static bool
same_key(const struct hash_link *link, const void *key)
{
	return strcmp(((const struct survey_destination *)link)->key, key) == 0;
}

static struct survey_destination *
destination_of(struct survey *s, const char *domain, const char *sender)
{
	struct route r;
	struct buf key;
	buf_init(&key, KEY_MAX);
	route_find(s->conf, domain, sender, &r);
	route_key(&r, domain, &key);
	uint64_t hash = hash_bytes(buf_str(&key), key.len);
	struct survey_destination *d = (struct survey_destination *)hash_find(
	    &s->index, hash, same_key, buf_str(&key));
	if (d == NULL) {
		d = alloc_zero(1, sizeof(*d));
		d->key = alloc_string(buf_str(&key), key.len);
		d->next_ms = INT64_MAX;
		hash_add(&s->index, &d->link, hash);
		if (s->ndestinations == s->cap) {
			s->cap = s->cap ? 2 * s->cap : 16;
			s->destinations = alloc_grow(s->destinations, s->cap,
			    sizeof(struct survey_destination *));
		}
		s->destinations[s->ndestinations++] = d;
	}
	buf_free(&key);
	return d;
}

/* The latest different answers; one that is known moves to the front. */
static void
add_fault(struct survey *s, const struct finding *f)
{
	size_t i = 0;
	while (i < s->nfaults && (s->faults[i].code != f->code ||
				     strncmp(s->faults[i].text, f->text,
					 sizeof(s->faults[i].text) - 1) != 0))
		i++;
	if (i == SURVEY_FAULTS) {
		if (f->at_ms <= s->faults[i - 1].at_ms)
			return;
		i--;
		s->faults[i].recipients = 0;
	} else if (i == s->nfaults) {
		s->faults[s->nfaults++] = (struct survey_fault){0};
	}
	struct survey_fault one = s->faults[i];
	(void)snprintf(one.text, sizeof(one.text), "%s", f->text);
	one.code = f->code;
	one.recipients++;
	if (f->at_ms > one.at_ms)
		one.at_ms = f->at_ms;
	for (; i > 0 && s->faults[i - 1].at_ms < one.at_ms; i--)
		s->faults[i] = s->faults[i - 1];
	s->faults[i] = one;
}

static void
add_rcpt(struct look *k, const struct envelope *e, const struct rcpt *r,
    const struct finding *f, struct survey_destination **last)
{
	struct survey *s = k->s;
	struct survey_destination *d = destination_of(
	    s, address_domain(&r->addr), e->from.len ? e->from.text : "");
	int64_t next = f != NULL ? f->next_ms : 0;
	if (d != *last)
		d->messages++;
	*last = d;
	d->recipients++;
	s->recipients++;
	s->held += f != NULL && f->held;
	if (d->oldest_ms == 0 || e->arrived_ms < d->oldest_ms)
		d->oldest_ms = e->arrived_ms;
	if (next < d->next_ms)
		d->next_ms = next;
	if (f != NULL && f->text[0] != '\0')
		add_fault(s, f);
}

static void
add_message(void *arg, const char *batch, const struct envelope *e,
    const struct batch_entry *entry)
{
	struct look *k = arg;
	struct survey *s = k->s;
	struct survey_destination *last = NULL;
	unsigned range = 0;
	for (size_t i = 0; i < e->nrcpts; i++) {
		const struct finding *f = findings_get(
		    k->findings, batch, e->seq, e->rcpts[i].number);
		if (f == NULL || !f->final)
			add_rcpt(k, e, &e->rcpts[i], f, &last);
	}
	if (last == NULL)
		return;
	int64_t age = (s->at_ms - e->arrived_ms) / 1000;
	while (range < SURVEY_AGES - 1 && age >= (int64_t)survey_ages[range])
		range++;
	s->ages[range]++;
	s->messages++;
	s->octets += entry->data_len;
	if (s->oldest_ms == 0 || e->arrived_ms < s->oldest_ms)
		s->oldest_ms = e->arrived_ms;
}

static void
on_batch(void *arg, const char *id)
{
	struct look *k = arg;
	const char *why;
	if (batch_each(k->store.new_fd, id, add_message, k, &why) != 0)
		k->s->broken += errno != ENOENT;
}

/* Regular files below a directory, two levels deep (maildirs are not ours
 * to count). */
static void
count_files(int at, const char *name, int depth, struct survey_files *f)
{
	DIR *dir = io_opendir(at, name);
	struct dirent *e;
	struct stat st;
	while (dir != NULL && (e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.' || fstatat(dirfd(dir), e->d_name, &st,
					       AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth > 1)
			count_files(dirfd(dir), e->d_name, depth - 1, f);
		if (!S_ISREG(st.st_mode))
			continue;
		int64_t born = (int64_t)st.st_mtim.tv_sec * 1000;
		f->files++;
		f->octets += (uint64_t)st.st_size;
		if (f->oldest_ms == 0 || born < f->oldest_ms)
			f->oldest_ms = born;
	}
	if (dir != NULL)
		(void)closedir(dir);
}

static void
count_spool(struct survey *s)
{
	struct statvfs vfs;
	int fd = open(s->conf->spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	count_files(fd, "badmail", 1, &s->badmail);
	count_files(fd, "corrupt", 1, &s->corrupt);
	count_files(AT_FDCWD, s->conf->drop.directory, 1, &s->drop);
	count_files(AT_FDCWD, s->conf->pickup.directory, 1, &s->pickup);
	if (fstatvfs(fd, &vfs) == 0) {
		s->free_octets = (uint64_t)vfs.f_bavail * vfs.f_frsize;
		s->all_octets = (uint64_t)vfs.f_blocks * vfs.f_frsize;
	}
	(void)close(fd);
}

static int
by_messages(const void *a, const void *b)
{
	const struct survey_destination *x =
	    *(struct survey_destination *const *)a;
	const struct survey_destination *y =
	    *(struct survey_destination *const *)b;
	if (x->messages != y->messages)
		return x->messages < y->messages ? 1 : -1;
	return strcmp(x->key, y->key);
}

int
survey_take(struct survey *s, const struct conf *c)
{
	struct look k = {.s = s};
	struct scan scan = {.store = &k.store, .fd = -1};
	*s = (struct survey){.conf = c, .at_ms = clock_wall_ms()};
	if (store_open(&k.store, c->spool) != 0)
		return -1;
	s->carrier_runs = board_look(c->spool, BOARD_CARRIER, &s->carrier);
	s->listener_runs = board_look(c->spool, BOARD_LISTENER, &s->listener);
	if (store_served(&k.store))
		s->carrier_runs = 1;
	k.findings = findings_new();
	int result = findings_read(k.findings, c->spool);
	if (result == 0 && scan_list(&scan, on_batch, &k) < 0)
		result = -1;
	int saved = errno;
	findings_free(k.findings);
	store_close(&k.store);
	if (s->ndestinations > 0)
		qsort(s->destinations, s->ndestinations,
		    sizeof(struct survey_destination *), by_messages);
	if (result == 0)
		count_spool(s);
	errno = saved;
	return result;
}

void
survey_free(struct survey *s)
{
	for (size_t i = 0; i < s->ndestinations; i++) {
		free(s->destinations[i]->key);
		free(s->destinations[i]);
	}
	free(s->destinations);
	hash_free(&s->index);
}

int64_t
survey_oldest(const struct survey *s)
{
	int64_t age = (s->at_ms - s->oldest_ms) / 1000;
	return s->oldest_ms == 0 || age < 0 ? 0 : age;
}

void
survey_span(int64_t s, char out[SURVEY_SPAN])
{
	long long n = s < 0 ? 0 : (long long)s;
	if (n < 120)
		(void)snprintf(out, SURVEY_SPAN, "%lld s", n);
	else if (n < 7200)
		(void)snprintf(out, SURVEY_SPAN, "%lld min", n / 60);
	else if (n < 172800)
		(void)snprintf(
		    out, SURVEY_SPAN, "%lld h %lld min", n / 3600, n / 60 % 60);
	else
		(void)snprintf(out, SURVEY_SPAN, "%lld d %lld h", n / 86400,
		    n / 3600 % 24);
}

/* SPDX-License-Identifier: ISC */
/* Snapshots of what the administrator wrote.  Never changed once made. */
#include "smtpd/site.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static struct site *
load(const char *conf_path, const struct site *before, struct faults *f)
{
	unsigned flags = conf_again(before != NULL ? before->conf : NULL);
	struct conf *c = conf_load(conf_path, flags, f);
	if (c == NULL)
		return NULL;
	struct site *s = alloc_zero(1, sizeof(*s));
	s->refs = 1;
	s->conf = c;
	s->users = users_load(c->users, f);
	if (s->users == NULL) {
		site_unref(s);
		return NULL;
	}
	/* A faulty alias line harms the names on it, not the reload. */
	s->aliases = alias_load(c->aliases, f);
	return s;
}

struct site *
site_load(
    const char *conf_path, const struct site *before, enum site_faults faults)
{
	struct faults f;
	faults_init(&f);
	struct site *s = load(conf_path, before, &f);
	if (faults == SITE_TELL)
		faults_log(&f);
	faults_free(&f);
	return s;
}

struct site *
site_ref(struct site *s)
{
	s->refs++;
	return s;
}

void
site_unref(struct site *s)
{
	if (s == NULL || --s->refs > 0)
		return;
	alias_free(s->aliases);
	users_free(s->users);
	conf_unref(s->conf);
	free(s);
}

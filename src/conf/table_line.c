/* SPDX-License-Identifier: ISC */
/*
 * One line of the domain table: name, kind, settings.  Names and host
 * specifications stay where they are in the text; settings of a session
 * are those of a smarthost section, by the same table of keys, so that
 * both files mean the same by the same word.
 *
 * Invariant: an entry that is given out went through every check; each
 * fault names its line.
 */
#include "conf/table_line.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "conf/conf_check.h"
#include "conf/conf_keys.h"
#include "mail/address.h"
#include "mail/domain_key.h"

struct words_of {
	char *p, *end;
};

struct line {
	struct domain *d;
	const struct table_place *at;
	const struct key_section *smarthost;
	struct smarthost host; /* its session is built here */
	bool session;          /* defaults are set */
	uint64_t seen;         /* session settings, by index */
	bool has_route, has_relay, has_host;
	int bad;
};

static void
fault(struct line *l, const char *word, const char *value, const char *why)
{
	faults_add(l->at->f, l->at->path, l->at->line, "%.80s%s%.80s%s %s",
	    word, value != NULL ? ": \"" : "", value != NULL ? value : "",
	    value != NULL ? "\"" : "", why);
	l->bad = -1;
}

static bool
blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The next word with NUL behind it, or NULL; a value in double quotes may
 * hold blanks, and *value is where it starts. */
static char *
next_word(struct words_of *w, char **value)
{
	*value = NULL;
	while (w->p < w->end && blank(*w->p))
		w->p++;
	if (w->p == w->end || *w->p == '#')
		return NULL;
	char *word = w->p;
	while (w->p < w->end && !blank(*w->p)) {
		if (*w->p == '=' && *value == NULL) {
			*w->p = '\0';
			*value = w->p + 1;
		}
		w->p++;
		if (*value != w->p || *w->p != '"')
			continue;
		char *close = memchr(
		    w->p + 1, '"', (size_t)(w->end - w->p) - (w->p < w->end));
		if (close == NULL || (close[1] != '\0' && !blank(close[1])))
			continue;
		*value = w->p + 1;
		*close = '\0';
		w->p = close + 1;
	}
	if (w->p < w->end)
		*w->p++ = '\0';
	return word;
}

static const char *
check_maildir(const char *s)
{
	if (check_path(s) != NULL)
		return check_path(s);
	for (; *s != '\0'; s++)
		if (*s == '%') {
			s++;
			if (*s != 'd' && *s != 'u' && *s != '%')
				return "has a % that is not %d, %u or %%";
		}
	return NULL;
}

static const char *const routes[] = {"host", "mx", "smarthost", NULL};
static const struct key route_key = {
    .name = "route", .type = KEY_CHOICE, .choices = routes};
static const struct key relay_key = {.name = "relay", .type = KEY_BOOL};

static void
local_setting(struct line *l, const char *word, char *value)
{
	struct domain *d = l->d;
	if (strcmp(word, "default") == 0 && value == NULL) {
		if (d->is_default)
			fault(l, word, NULL, "is given twice");
		d->is_default = true;
	} else if (strcmp(word, "maildir") == 0 && value != NULL) {
		const char *why = d->maildir != NULL ? "is given twice"
						     : check_maildir(value);
		if (why != NULL)
			fault(l, word, value, why);
		d->maildir = value;
	} else {
		fault(l, word, NULL, "is no setting of a local domain");
	}
}

static void
session_setting(struct line *l, const char *word, char *value)
{
	char why[KEY_WHY];
	const struct key *k = keys_find(l->smarthost, word, strlen(word));
	if (k == NULL || k->offset < offsetof(struct smarthost, session)) {
		fault(l, word, NULL, "is no setting of a remote domain");
		return;
	}
	uint64_t bit = UINT64_C(1) << (k - l->smarthost->keys);
	if (l->seen & bit) {
		fault(l, word, value, "is given twice");
		return;
	}
	l->seen |= bit;
	if (!l->session) {
		l->session = true;
		keys_default(l->smarthost, &l->host);
		l->host.session.tls = TLS_OPPORTUNISTIC;
	}
	if (key_set(k, value, (char *)&l->host + k->offset, why) != 0)
		fault(l, word, value, why);
}

static void
remote_setting(struct line *l, const char *word, char *value)
{
	char why[KEY_WHY] = "is given twice";
	const char *reason;
	int n;
	if (value == NULL) {
		fault(l, word, NULL, "is no setting; write name=value");
	} else if (strcmp(word, "host") == 0) {
		reason = l->has_host ? why : check_host(value);
		if (reason != NULL)
			fault(l, word, value, reason);
		l->has_host = true;
		l->d->host = value;
	} else if (strcmp(word, "route") == 0) {
		if (l->has_route || key_set(&route_key, value, &n, why) != 0)
			fault(l, word, value, why);
		else
			l->d->route = (enum route_kind)n;
		l->has_route = true;
	} else if (strcmp(word, "relay") == 0) {
		if (l->has_relay ||
		    key_set(&relay_key, value, &l->d->relay, why) != 0)
			fault(l, word, value, why);
		l->has_relay = true;
	} else {
		session_setting(l, word, value);
	}
}

/* A password is not for whoever answers on the port: where there is a
 * user and nothing else is said, the peer is verified. */
static void
default_tls(struct line *l)
{
	const struct key *tls = keys_find(l->smarthost, "tls", 3);
	if (l->host.session.user != NULL &&
	    !(l->seen & UINT64_C(1) << (tls - l->smarthost->keys)))
		l->host.session.tls = TLS_VERIFY;
}

static void
finish_remote(struct line *l)
{
	struct domain *d = l->d;
	const char *why = l->session ? check_session(&l->host.session) : NULL;
	/* What would follow from a fault that is told is none of its own. */
	if (l->bad != 0)
		return;
	if (!l->has_route && !l->has_host)
		fault(l, d->name, NULL,
		    "needs host=..., route=mx or route=smarthost");
	else if (d->route == ROUTE_HOST && !l->has_host)
		fault(l, d->name, NULL, "route=host needs host=...");
	else if (d->route != ROUTE_HOST && l->has_host)
		fault(l, d->name, NULL, "host= contradicts its route=");
	else if (d->route == ROUTE_SMARTHOST && l->session)
		fault(l, d->name, NULL,
		    "settings of a session belong to the smarthost section");
	if (why != NULL)
		fault(l, d->name, NULL, why);
	if (l->bad != 0 || !l->session)
		return;
	default_tls(l);
	d->session = alloc_zero(1, sizeof(*d->session));
	*d->session = l->host.session;
	l->host.session = (struct session_conf){0};
}

static void
parse_name(struct line *l, char *name)
{
	char key[DOMAIN_MAX + 1];
	size_t was = strlen(name), len = domain_key(name, was, key);
	bool wild = len > 2 && key[0] == '*' && key[1] == '.';
	l->d->name = name;
	if (!domain_valid(wild ? key + 2 : key, wild ? len - 2 : len, 0) &&
	    !domain_literal_valid(key, len)) {
		fault(l, name, NULL, "is no domain name");
	} else if (len <= was) {
		memcpy(name, key, len + 1);
	} else {
		l->d->name = alloc_string(key, len);
		l->d->name_is_own = true;
	}
}

static int
parse_kind(struct domain *d, const char *kind)
{
	static const char *const kinds[] = {"local", "alias", "remote"};
	for (int i = 0; kind != NULL && i < 3; i++)
		if (strcmp(kind, kinds[i]) == 0) {
			d->kind = (enum domain_kind)i;
			return 0;
		}
	return -1;
}

static void
settings(struct line *l, struct words_of *w)
{
	struct domain *d = l->d;
	char *word, *value;
	while ((word = next_word(w, &value)) != NULL) {
		if (value != NULL && *value == '"')
			fault(l, word, NULL, "has quotes that do not match");
		else if (d->kind == DOMAIN_LOCAL)
			local_setting(l, word, value);
		else if (d->kind == DOMAIN_REMOTE)
			remote_setting(l, word, value);
		else
			fault(l, word, NULL, "behind alias: it has no setting");
	}
	if (d->kind == DOMAIN_REMOTE)
		finish_remote(l);
	if (d->is_default && *d->name == '*')
		fault(l, d->name, NULL, "cannot be the default domain");
}

int
table_line(struct domain *d, char *s, size_t len, const struct table_place *at)
{
	struct words_of w = {.p = s, .end = s + len};
	struct line l = {.d = d, .at = at};
	char *value, *name;
	*d = (struct domain){0};
	if (len > 0 && w.end[-1] == '\r')
		*--w.end = '\0';
	name = next_word(&w, &value);
	if (name == NULL)
		return 0;
	const char *kind = value == NULL ? next_word(&w, &value) : NULL;
	if (kind == NULL || value != NULL || parse_kind(d, kind) != 0) {
		fault(&l, name, NULL, "needs a kind: local, alias or remote");
		return -1;
	}
	if (at->only_local && d->kind == DOMAIN_REMOTE)
		return 0;
	parse_name(&l, name);
	l.smarthost = keys_section("smarthost", 9);
	settings(&l, &w);
	keys_free(l.smarthost, &l.host);
	if (l.bad != 0 && d->name_is_own)
		free(d->name);
	return l.bad != 0 ? -1 : 1;
}

void
table_line_free(struct domain *d)
{
	struct smarthost h = {0};
	if (d->name_is_own)
		free(d->name);
	if (d->session == NULL)
		return;
	h.session = *d->session;
	keys_free(keys_section("smarthost", 9), &h);
	free(d->session);
}

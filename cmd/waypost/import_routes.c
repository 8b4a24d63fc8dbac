/* SPDX-License-Identifier: ISC */
/*
 * The part of Postfix's configuration that says where mail goes, with the
 * text files behind its maps.  A map of another kind than a text with an
 * index beside it is noted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "import_postfix.h"

/* "hash:/etc/postfix/transport" -> its text; false: none that we can read. */
static bool
open_map(struct postfix *x, const char *name, char path[1024], struct buf *text)
{
	static const char *const kinds[] = {
	    "hash:", "btree:", "lmdb:", "texthash:", "cdb:", "dbm:"};
	struct buf value;
	const char *file = NULL;
	bool set = postfix_get(x, name, &value) && value.len > 0;
	for (size_t i = 0; set && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strncmp(value.data, kinds[i], strlen(kinds[i])) == 0)
			file = value.data + strlen(kinds[i]);
	bool plain = file != NULL && strpbrk(file, " ,\t") == NULL;
	if (plain)
		(void)snprintf(path, 1024, "%s", file);
	if (set && !plain)
		import_note(x->im, x->set.path, pairs_line(&x->set, name),
		    "%s = %s", name, buf_str(&value));
	buf_free(&value);
	return plain && import_slurp_if(path, text) == 0;
}

/* The two words of the next line of a map. */
static bool
next_entry(const struct buf *text, size_t *at, unsigned *line, char key[1024],
    char value[1024])
{
	const char *s;
	size_t len;
	while (import_line(text, at, &s, &len)) {
		char copy[2048];
		++*line;
		if (len == 0 || *s == '#' || len >= sizeof(copy))
			continue;
		(void)snprintf(copy, sizeof(copy), "%.*s", (int)len, s);
		const char *p = copy;
		if (!import_word(&p, key))
			continue;
		p += strspn(p, " \t");
		(void)snprintf(value, 1024, "%.1023s", p);
		return true;
	}
	return false;
}

/* "[host]:port" or "host" as ours: Postfix's brackets mean the same. */
static void
add_host(struct postfix *x, const char *title, const char *relay, bool implicit)
{
	char spec[1100];
	bool port = strrchr(relay, ':') != NULL &&
		    (strchr(relay, ']') == NULL ||
			strrchr(relay, ':') > strchr(relay, ']'));
	(void)snprintf(spec, sizeof(spec), "%s%s", relay,
	    port       ? ""
	    : implicit ? ":465"
		       : "");
	import_add(x->im, "smarthost", title, "hosts", spec);
}

/* The login of a relay host in smtp_sasl_password_maps. */
static void
carry_login(struct postfix *x, const char *title, const char *relay)
{
	char path[1024], key[1024], value[1024];
	struct buf text;
	size_t at = 0;
	unsigned line = 0;
	if (!pairs_yes(&x->set, "smtp_sasl_auth_enable", false) ||
	    !open_map(x, "smtp_sasl_password_maps", path, &text))
		return;
	while (next_entry(&text, &at, &line, key, value)) {
		char *colon = strchr(value, ':');
		if (strcasecmp(key, relay) != 0 || colon == NULL)
			continue;
		explicit_bzero(colon, strlen(colon));
		import_login(x->im, title, value, path, line);
	}
	explicit_bzero(value, sizeof(value));
	if (text.data != NULL)
		explicit_bzero(text.data, text.len);
	buf_free(&text);
}

static const char *
tls_of(struct postfix *x)
{
	static const char *const levels[][2] = {{"none", "none"},
	    {"may", "opportunistic"}, {"encrypt", "require"},
	    {"dane", "opportunistic"}, {"dane-only", "verify"},
	    {"verify", "verify"}, {"secure", "verify"},
	    {"fingerprint", "verify"}};
	struct buf level;
	const char *tls = "none"; /* Postfix's default */
	if (postfix_get(x, "smtp_tls_security_level", &level))
		for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++)
			if (strcmp(buf_str(&level), levels[i][0]) == 0)
				tls = levels[i][1];
	buf_free(&level);
	if (pairs_yes(&x->set, "smtp_use_tls", false) &&
	    strcmp(tls, "none") == 0)
		tls = "opportunistic";
	return tls;
}

static void
carry_relay(struct postfix *x, const char *title, const char *relay)
{
	bool implicit = pairs_yes(&x->set, "smtp_tls_wrappermode", false);
	add_host(x, title, relay, implicit);
	import_set(x->im, "smarthost", title, "tls", tls_of(x));
	if (implicit)
		import_set(x->im, "smarthost", title, "implicit", "true");
	carry_login(x, title, relay);
}

static void
carry_senders(struct postfix *x)
{
	char path[1024], key[1024], value[1024], title[32];
	struct buf text;
	size_t at = 0;
	unsigned line = 0, n = 0;
	if (!open_map(x, "sender_dependent_relayhost_maps", path, &text))
		return;
	while (next_entry(&text, &at, &line, key, value)) {
		(void)snprintf(title, sizeof(title), "relay%u", ++n);
		import_add(x->im, "smarthost", title, "senders",
		    *key == '@' ? key + 1 : key);
		carry_relay(x, title, value);
	}
	buf_free(&text);
}

static bool
in_list(const char *list, const char *name)
{
	char word[1024];
	while (import_word(&list, word))
		if (strcasecmp(word, name) == 0)
			return true;
	return false;
}

/* "smtp:[host]:port", "relay:host", "smtp:" */
static void
carry_transport(struct postfix *x, const char *path, unsigned line,
    const char *key, const char *value, const char *relay_domains)
{
	char name[1100], rest[1200];
	const char *hop = strchr(value, ':');
	bool smtp = strncmp(value, "smtp:", 5) == 0 ||
		    strncmp(value, "relay:", 6) == 0 || *value == ':';
	if (!smtp || strchr(key, '@') != NULL || strcmp(key, "*") == 0) {
		import_note(x->im, path, line, "%s %s", key, value);
		return;
	}
	const char *relay = in_list(relay_domains, key) ? " relay=yes" : "";
	(void)snprintf(name, sizeof(name), "%s%s", *key == '.' ? "*" : "", key);
	if (hop[1] == '\0') {
		(void)snprintf(
		    rest, sizeof(rest), "remote   route=mx%s", relay);
	} else {
		if (hop[1] != '[')
			import_note(x->im, path, line,
			    "%s: mail exchangers of %s are not looked up; it "
			    "is "
			    "taken for a host",
			    key, hop + 1);
		(void)snprintf(
		    rest, sizeof(rest), "remote   host=%s%s", hop + 1, relay);
	}
	import_domain(x->im, name, rest);
}

static void
carry_domains(struct postfix *x)
{
	char path[1024], key[1024], value[1024];
	struct buf relay, text;
	size_t at = 0;
	unsigned line = 0;
	bool set = postfix_get(x, "relay_domains", &relay);
	if (open_map(x, "transport_maps", path, &text)) {
		while (next_entry(&text, &at, &line, key, value))
			carry_transport(
			    x, path, line, key, value, buf_str(&relay));
		buf_free(&text);
	}
	for (const char *p = buf_str(&relay); set && import_word(&p, key);) {
		if (strncasecmp(key, "localhost", 9) == 0)
			continue;
		if (strchr(key, '/') != NULL || strchr(key, ':') != NULL)
			import_note(x->im, x->set.path,
			    pairs_line(&x->set, "relay_domains"),
			    "relay_domains: %s", key);
		else
			import_domain(
			    x->im, key, "remote   route=mx relay=yes");
	}
	buf_free(&relay);
}

void
postfix_routes(struct postfix *x)
{
	struct buf relay;
	if (postfix_get(x, "relayhost", &relay) && relay.len > 0)
		carry_relay(x, NULL, buf_str(&relay));
	buf_free(&relay);
	carry_senders(x);
	carry_domains(x);
}

/* SPDX-License-Identifier: ISC */
/*
 * Postfix's main.cf: logical lines, $name in values, and lists in files.
 * What a null client, a relay or a gateway sets is carried over; that it
 * does anything else is noted.
 */
#include "import_postfix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "base/log.h"

#define EXPAND_DEPTH 8

/* Of no meaning here, or the same by other means. */
static const char *const quiet[] = {"compatibility_level", "readme_directory",
    "html_directory", "manpage_directory", "sample_directory", "setgid_group",
    "queue_directory", "command_directory", "daemon_directory",
    "data_directory", "mail_owner", "sendmail_path", "newaliases_path",
    "mailq_path", "biff", "append_dot_mydomain", "alias_database",
    "recipient_delimiter", "smtpd_banner", "inet_protocols", "mydomain",
    "mailbox_size_limit", "shlib_directory", "meta_directory",
    "debug_peer_level", "debugger_command",
    "unknown_local_recipient_reject_code", "smtp_tls_session_cache_database",
    "smtpd_tls_session_cache_database", "smtp_sasl_auth_enable",
    "smtp_sasl_security_options", "smtp_tls_note_starttls_offer",
    "smtp_tls_CApath", "disable_dns_lookups", "smtpd_use_tls", "smtp_use_tls",
    "queue_minfree", "default_transport", NULL};

static const struct simple {
	const char *postfix, *section, *key, *unit;
} simple[] = {
    {"myhostname", NULL, "hostname", ""},
    {"message_size_limit", "limits", "message-size", ""},
    {"maximal_queue_lifetime", "queue", "expire", "d"},
    {"delay_warning_time", "queue", "delay-notice", "h"},
    {"smtp_helo_name", "smarthost", "helo", ""},
    {"smtp_bind_address", "outbound", "source-address", ""},
    {"smtp_tls_CAfile", "smarthost", "ca-file", ""},
    {"smtp_tls_cert_file", "smarthost", "client-certificate", ""},
    {"smtp_tls_key_file", "smarthost", "client-key", ""},
    {"smtpd_tls_cert_file", "tls", "certificate", ""},
    {"smtpd_tls_key_file", "tls", "key", ""},
    {"smtpd_recipient_limit", "limits", "recipients", ""},
    {"smtp_destination_recipient_limit", "outbound", "recipients-per-message",
	""},
    {"default_destination_concurrency_limit", "outbound", "per-destination",
	""},
    {"hopcount_limit", NULL, "max-hops", ""},
};

/* Lines that begin with a blank go on with the one before. */
static void
read_text(struct pairs *p, const struct buf *text)
{
	const char *t = buf_str(text);
	size_t at = 0, len;
	const char *s;
	struct buf whole;
	unsigned line = 0, first = 0;
	buf_init(&whole, CONF_FILE_MAX);
	for (bool more = true; more; line++) {
		bool goes_on = at < text->len && strchr(" \t", t[at]) != NULL;
		more = import_line(text, &at, &s, &len);
		if (more && (len == 0 || *s == '#'))
			continue;
		if (more && goes_on && whole.len > 0) {
			(void)buf_addf(&whole, " %.*s", (int)len, s);
			continue;
		}
		const char *w = buf_str(&whole), *eq = strchr(w, '=');
		if (eq != NULL) {
			size_t key = strcspn(w, " \t=");
			const char *value = eq + 1 + strspn(eq + 1, " \t");
			pairs_add(p, w, key, value, strlen(value), first);
		}
		buf_clear(&whole);
		first = line + 1;
		if (more)
			(void)buf_add(&whole, s, len);
	}
	buf_free(&whole);
}

static void
expand(struct postfix *x, const char *s, struct buf *out, int depth)
{
	while (*s != '\0') {
		char name[128];
		size_t plain = strcspn(s, "$"), n, skip;
		(void)buf_add(out, s, plain);
		s += plain;
		if (*s == '\0')
			return;
		s++;
		bool braces = *s == '{' || *s == '(';
		s += braces;
		n = strspn(s, "abcdefghijklmnopqrstuvwxyz"
			      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
		(void)snprintf(name, sizeof(name), "%.*s",
		    n < sizeof(name) ? (int)n : 0, s);
		skip = braces ? strcspn(s, "})") : n;
		s += skip + (braces && s[skip] != '\0');
		const char *value = postfix_default(x, name);
		if (value != NULL && depth < EXPAND_DEPTH)
			expand(x, value, out, depth + 1);
	}
}

const char *
postfix_default(struct postfix *x, const char *name)
{
	const char *value = pairs_get(&x->set, name);
	if (value != NULL)
		return value;
	const char *host = pairs_get(&x->set, "myhostname");
	const char *dot = host != NULL ? strchr(host, '.') : NULL;
	if (strcmp(name, "mydomain") == 0)
		return dot != NULL ? dot + 1 : "localdomain";
	if (strcmp(name, "myorigin") == 0)
		return "$myhostname";
	if (strcmp(name, "relay_domains") == 0)
		return "";
	return NULL;
}

bool
postfix_get(struct postfix *x, const char *name, struct buf *out)
{
	const char *value = pairs_get(&x->set, name);
	buf_init(out, CONF_FILE_MAX);
	if (value != NULL)
		expand(x, value, out, 0);
	/* Two expansions can be too much; then it is as if not there. */
	return value != NULL && buf_ok(out);
}

static void
carry_simple(struct postfix *x)
{
	struct buf value;
	for (size_t i = 0; i < sizeof(simple) / sizeof(*simple); i++) {
		const struct simple *s = &simple[i];
		if (postfix_get(x, s->postfix, &value) && value.len > 0) {
			if (value.data[strspn(value.data, "0123456789")] ==
			    '\0')
				(void)buf_adds(&value, s->unit);
			import_set(
			    x->im, s->section, NULL, s->key, buf_str(&value));
		}
		buf_free(&value);
	}
}

static void
carry_origin(struct postfix *x)
{
	struct buf value, text;
	size_t at = 0, len;
	const char *s;
	if (postfix_get(x, "myorigin", &value) && *buf_str(&value) == '/') {
		/* Debian's /etc/mailname */
		if (import_slurp_if(buf_str(&value), &text) == 0 &&
		    import_line(&text, &at, &s, &len)) {
			buf_clear(&value);
			(void)buf_add(&value, s, len);
		}
		buf_free(&text);
	}
	if (value.len > 0)
		import_set(x->im, NULL, NULL, "origin", buf_str(&value));
	buf_free(&value);
}

/* Our own names: the first real one is the default domain. */
static void
carry_local(struct postfix *x)
{
	struct buf value;
	char word[1024];
	bool first = true, set = postfix_get(x, "mydestination", &value);
	for (const char *p = buf_str(&value); set && import_word(&p, word);) {
		if (strncasecmp(word, "localhost", 9) == 0)
			continue;
		if (strchr(word, '/') != NULL || strchr(word, ':') != NULL)
			import_note(x->im, x->set.path,
			    pairs_line(&x->set, "mydestination"),
			    "mydestination: %s", word);
		else
			import_domain(
			    x->im, word, first ? "local    default" : "alias");
		first = false;
	}
	if (!first)
		import_note(x->im, x->set.path,
		    pairs_line(&x->set, "mydestination"),
		    "local mail goes to the drop directory, or with maildir= "
		    "in domains(5) to maildirs");
	buf_free(&value);
}

static void
carry_clients(struct postfix *x)
{
	struct buf value;
	char word[1024];
	bool set = postfix_get(x, "mynetworks", &value);
	for (const char *p = buf_str(&value); set && import_word(&p, word);) {
		char plain[1024];
		size_t n = strcspn(word, "[");
		const char *close = strchr(word, ']');
		if (strncmp(word, "127.", 4) == 0 ||
		    strncmp(word, "[::1]", 5) == 0 ||
		    strncmp(word, "[::ffff:127.", 12) == 0)
			continue;
		if (*word == '!' || strchr(word, '/') == word ||
		    (strchr(word, ':') != NULL && *word != '[')) {
			import_note(x->im, x->set.path,
			    pairs_line(&x->set, "mynetworks"), "mynetworks: %s",
			    word);
			continue;
		}
		(void)snprintf(plain, sizeof(plain), "%.*s%.*s%s", (int)n, word,
		    close != NULL ? (int)(close - word - 1) : 0, word + 1,
		    close != NULL ? close + 1 : "");
		import_add(x->im, "relay", NULL, "except", plain);
	}
	buf_free(&value);
}

static void
carry_listener(struct postfix *x)
{
	struct buf value;
	bool set = postfix_get(x, "inet_interfaces", &value);
	bool loopback = set && (strcmp(buf_str(&value), "loopback-only") == 0 ||
				   strcmp(buf_str(&value), "localhost") == 0);
	import_set(x->im, "listen", loopback ? "loopback" : "lan", "address",
	    loopback ? "127.0.0.1:25" : "0.0.0.0:25");
	if (set && !loopback && strcmp(buf_str(&value), "all") != 0)
		import_note(x->im, x->set.path,
		    pairs_line(&x->set, "inet_interfaces"),
		    "inet_interfaces = %s: write a listen section for each "
		    "address",
		    buf_str(&value));
	if (pairs_yes(&x->set, "smtpd_sasl_auth_enable", false))
		import_note(x->im, x->set.path,
		    pairs_line(&x->set, "smtpd_sasl_auth_enable"),
		    "users are made with waypost user add; their passwords "
		    "cannot be taken over");
	buf_free(&value);
}

/* "hash:/etc/aliases, nis:mail.aliases" */
static void
carry_aliases(struct postfix *x)
{
	struct buf value;
	char word[1024];
	bool taken = false, set = postfix_get(x, "alias_maps", &value);
	for (const char *p = buf_str(&value); set && import_word(&p, word);) {
		const char *colon = strchr(word, ':');
		if (!taken && colon != NULL && colon[1] == '/')
			import_set(x->im, NULL, NULL, "aliases", colon + 1);
		else
			import_note(x->im, x->set.path,
			    pairs_line(&x->set, "alias_maps"), "alias_maps: %s",
			    word);
		taken = true;
	}
	buf_free(&value);
}

int
import_postfix(struct import *im, const char *path)
{
	struct postfix x = {.im = im, .set.path = path};
	struct buf text;
	int code = import_slurp(path, &text);
	if (code == 0) {
		read_text(&x.set, &text);
		carry_simple(&x);
		carry_origin(&x);
		carry_local(&x);
		postfix_routes(&x);
		carry_clients(&x);
		carry_listener(&x);
		carry_aliases(&x);
		pairs_rest(&x.set, im, quiet);
	}
	buf_free(&text);
	pairs_free(&x.set);
	return code;
}

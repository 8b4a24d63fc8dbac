/* SPDX-License-Identifier: ISC */
/*
 * SMTP command lines.  Linear, default deny: an unknown parameter is 555, a
 * malformed one 501, a repeated one 501; values are decoded nowhere, only
 * judged by the validators of src/mail and src/queue (D08-D14).
 */
#include "smtpd/command.h"

#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	enum verb verb;
} verbs[] = {
    {"EHLO", VERB_EHLO},
    {"HELO", VERB_HELO},
    {"MAIL", VERB_MAIL},
    {"RCPT", VERB_RCPT},
    {"DATA", VERB_DATA},
    {"RSET", VERB_RSET},
    {"NOOP", VERB_NOOP},
    {"VRFY", VERB_VRFY},
    {"EXPN", VERB_EXPN},
    {"HELP", VERB_HELP},
    {"QUIT", VERB_QUIT},
    {"STARTTLS", VERB_STARTTLS},
    {"AUTH", VERB_AUTH},
    {"BDAT", VERB_BDAT},
    {"ETRN", VERB_ETRN},
};

static bool
same_word(const char *s, size_t len, const char *word)
{
	return len == strlen(word) && strncasecmp(s, word, len) == 0;
}

enum verb
command_verb(const char *line, size_t len, const char **arg, size_t *arg_len)
{
	size_t n = 0;
	while (n < len && line[n] != ' ' && line[n] != '\t')
		n++;
	size_t at = n;
	while (at < len && (line[at] == ' ' || line[at] == '\t'))
		at++;
	while (len > at && (line[len - 1] == ' ' || line[len - 1] == '\t'))
		len--;
	*arg = line + at;
	*arg_len = len - at;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (same_word(line, n, verbs[i].name))
			return verbs[i].verb;
	return VERB_UNKNOWN;
}

bool
command_foreign(const char *line, size_t len)
{
	static const char *const starts[] = {"GET ", "POST ", "PUT ", "HEAD ",
	    "CONNECT ", "OPTIONS ", "SSH-", "\x16\x03"};
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		size_t n = strlen(starts[i]);
		if (len >= n && memcmp(line, starts[i], n) == 0)
			return true;
	}
	return false;
}

bool
command_helo_valid(const char *arg, size_t len)
{
	if (len == 0 || len > DOMAIN_MAX)
		return false;
	if (arg[0] == '[')
		return domain_literal_valid(arg, len);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)arg[i];
		if (c <= 0x20 || c >= 0x7f || strchr("<>()[]\\,;:\"@", c))
			return false;
	}
	return true;
}

static int
fault(struct status *st, int code, const char *enhanced, const char *text)
{
	status_set(st, NEVER, code, enhanced, "%s", text);
	return -1;
}

/* "FROM:<...>" or "FROM: <...>": the path; *rest behind it. */
static int
take_path(const char **p, size_t *len, const char *word, const char **path,
    size_t *path_len)
{
	size_t n = strlen(word);
	const char *s = *p, *end = *p + *len;
	if (*len < n || strncasecmp(s, word, n) != 0)
		return -1;
	s += n;
	while (s < end && *s == ' ')
		s++;
	if (s == end || *s != '<')
		return -1;
	*path = ++s;
	bool quoted = false;
	for (; s < end && (quoted || *s != '>'); s++) {
		if (quoted && *s == '\\' && s + 1 < end)
			s++;
		else if (*s == '"')
			quoted = !quoted;
	}
	if (s == end)
		return -1;
	*path_len = (size_t)(s - *path);
	*p = s + 1;
	*len = (size_t)(end - *p);
	return *len == 0 || **p == ' ' ? 0 : -1;
}

/* The next "KEYWORD" or "KEYWORD=value"; 1, 0 at the end, -1 malformed. */
struct parameter {
	const char *key, *value; /* value NULL when there is no '=' */
	size_t key_len, value_len;
};

static int
take_parameter(const char **p, size_t *len, struct parameter *out)
{
	const char *s = *p, *end = *p + *len;
	while (s < end && *s == ' ')
		s++;
	if (s == end)
		return 0;
	*out = (struct parameter){.key = s};
	while (s < end && *s != ' ' && *s != '=') {
		char c = *s | 0x20;
		if (!((c >= 'a' && c <= 'z') || (*s >= '0' && *s <= '9') ||
			(*s == '-' && s > out->key)))
			return -1;
		s++;
	}
	out->key_len = (size_t)(s - out->key);
	if (out->key_len == 0)
		return -1;
	if (s < end && *s == '=') {
		out->value = ++s;
		while (s < end && *s != ' ') {
			unsigned char c = (unsigned char)*s;
			if (c <= 0x20 || c >= 0x7f || c == '=')
				return -1;
			s++;
		}
		out->value_len = (size_t)(s - out->value);
		if (out->value_len == 0)
			return -1;
	}
	*p = s;
	*len = (size_t)(end - s);
	return 1;
}

/* Decimal digits only, up to 20 of them (RFC 1870 section 6). */
static int
take_size(const struct parameter *p, uint64_t *size)
{
	uint64_t n = 0;
	if (p->value == NULL || p->value_len > 20)
		return -1;
	for (size_t i = 0; i < p->value_len; i++) {
		unsigned digit = (unsigned)(p->value[i] - '0');
		if (digit > 9 || n > (UINT64_MAX - digit) / 10)
			return -1;
		n = n * 10 + digit;
	}
	*size = n;
	return 0;
}

enum {
	SEEN_SIZE = 1,
	SEEN_BODY = 2,
	SEEN_RET = 4,
	SEEN_ENVID = 8,
	SEEN_UTF8 = 16,
	SEEN_AUTH = 32,
	SEEN_NOTIFY = 64,
	SEEN_ORCPT = 128,
	SEEN_TLS = 256
};

/* 1: taken; 0: unknown; -1: malformed. */
static int
mail_parameter(
    const struct parameter *p, struct session_mail *m, unsigned *seen)
{
	if (same_word(p->key, p->key_len, "SIZE")) {
		*seen |= SEEN_SIZE;
		return take_size(p, &m->size) == 0 ? 1 : -1;
	}
	if (same_word(p->key, p->key_len, "BODY")) {
		*seen |= SEEN_BODY;
		m->eight_bit = same_word(p->value, p->value_len, "8BITMIME");
		return m->eight_bit || same_word(p->value, p->value_len, "7BIT")
			   ? 1
			   : -1;
	}
	if (same_word(p->key, p->key_len, "RET")) {
		*seen |= SEEN_RET;
		bool full = same_word(p->value, p->value_len, "FULL");
		m->ret = full ? RET_FULL : RET_HDRS;
		return full || same_word(p->value, p->value_len, "HDRS") ? 1
									 : -1;
	}
	if (same_word(p->key, p->key_len, "ENVID")) {
		*seen |= SEEN_ENVID;
		if (p->value == NULL ||
		    !xtext_valid(p->value, p->value_len, ENVID_MAX))
			return -1;
		memcpy(m->envid, p->value, p->value_len);
		m->envid[p->value_len] = '\0';
		return 1;
	}
	if (same_word(p->key, p->key_len, "SMTPUTF8")) {
		*seen |= SEEN_UTF8;
		m->utf8 = true;
		return p->value == NULL ? 1 : -1;
	}
	if (same_word(p->key, p->key_len, "REQUIRETLS")) {
		*seen |= SEEN_TLS;
		m->require_tls = true;
		return p->value == NULL ? 1 : -1;
	}
	if (same_word(p->key, p->key_len, "AUTH")) {
		/* RFC 4954 section 5: judged, then ignored: it is a claim
		 * that gives no right (G27). */
		*seen |= SEEN_AUTH;
		return p->value != NULL &&
			       xtext_valid(p->value, p->value_len, ORCPT_MAX)
			   ? 1
			   : -1;
	}
	return 0;
}

static int
rcpt_parameter(
    const struct parameter *p, struct session_rcpt *r, unsigned *seen)
{
	if (same_word(p->key, p->key_len, "NOTIFY")) {
		*seen |= SEEN_NOTIFY;
		return p->value != NULL && notify_parse(p->value, p->value_len,
					       &r->notify) == 0
			   ? 1
			   : -1;
	}
	if (same_word(p->key, p->key_len, "ORCPT")) {
		*seen |= SEEN_ORCPT;
		if (p->value == NULL || p->value_len > ORCPT_MAX ||
		    !orcpt_valid(p->value, p->value_len))
			return -1;
		memcpy(r->orcpt, p->value, p->value_len);
		r->orcpt[p->value_len] = '\0';
		return 1;
	}
	return 0;
}

/* All parameters, each once at most. */
static int
take_parameters(const char *p, size_t len, struct session_mail *m,
    struct session_rcpt *r, struct status *st)
{
	struct parameter par;
	unsigned seen = 0;
	int more;
	while ((more = take_parameter(&p, &len, &par)) == 1) {
		unsigned now = 0;
		int ok = m != NULL ? mail_parameter(&par, m, &now)
				   : rcpt_parameter(&par, r, &now);
		if (ok == 0)
			return fault(st, 555, "5.5.4",
			    "Unknown parameter, or not offered here");
		if (ok < 0 || (seen & now))
			return fault(st, 501, "5.5.4",
			    "Malformed or repeated parameter");
		seen |= now;
	}
	return more == 0 ? 0 : fault(st, 501, "5.5.4", "Malformed parameters");
}

static int
take_address(const char *path, size_t len, unsigned flags, bool utf8,
    struct address *a, const char *enhanced, struct status *st)
{
	const char *why;
	if (!utf8)
		for (size_t i = 0; i < len; i++)
			if ((unsigned char)path[i] >= 0x80)
				return fault(st, 553, "5.6.7",
				    "Internationalized address without "
				    "SMTPUTF8");
	if (address_parse(
		a, path, len, flags | (utf8 ? ADDRESS_UTF8 : 0), &why) != 0)
		return fault(st, 501, enhanced, why);
	return 0;
}

int
command_mail(
    const char *arg, size_t len, struct session_mail *m, struct status *st)
{
	const char *path;
	size_t path_len;
	*m = (struct session_mail){0};
	if (take_path(&arg, &len, "FROM:", &path, &path_len) != 0)
		return fault(st, 501, "5.5.4",
		    "Syntax: MAIL FROM:<address> [parameters]");
	if (take_parameters(arg, len, m, NULL, st) != 0)
		return -1;
	return take_address(path, path_len, ADDRESS_EMPTY | ADDRESS_BARE,
	    m->utf8, &m->from, "5.1.7", st);
}

int
command_rcpt(const char *arg, size_t len, bool utf8, struct session_rcpt *r,
    struct status *st)
{
	const char *path;
	size_t path_len;
	*r = (struct session_rcpt){0};
	if (take_path(&arg, &len, "TO:", &path, &path_len) != 0)
		return fault(
		    st, 501, "5.5.4", "Syntax: RCPT TO:<address> [parameters]");
	if (take_parameters(arg, len, NULL, r, st) != 0)
		return -1;
	return take_address(
	    path, path_len, ADDRESS_BARE, utf8, &r->addr, "5.1.3", st);
}

/* SPDX-License-Identifier: ISC */
/*
 * Until a session stands: libcurl's options, what the server said
 * meanwhile, and whether the result is what the policy wants; what of it is
 * TLS is in hop_secure.c.
 *
 * The login is hop_login.c's.  With a user, opportunistic means require: a
 * secret is never sent in clear unless tls = none says so.
 *
 * Invariant: what a server says before MAIL is about us, not about a
 * message, and never NEVER (decision 7); but for mail that must have
 * REQUIRETLS, and to which a server that lacks it is of no use.
 */
#include "deliver/hop_said.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "mail/address.h"

/* Set one option; a failure (memory) is noted in r. */
#define SET(option, value)                                            \
	do {                                                          \
		if (r == CURLE_OK)                                    \
			r = curl_easy_setopt(h->easy, option, value); \
	} while (0)

/* A line of a reply, in true order: greeting, EHLO, STARTTLS, AUTH. */
static size_t
on_line(char *line, size_t size, size_t n, void *arg)
{
	struct hop *h = arg;
	struct setup *s = &h->setup;
	size_t len = size * n;
	if (++s->lines > SETUP_LINES_MAX)
		return 0; /* C15: libcurl gives up */
	client_caps_line(&s->caps, line, len);
	while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == '\n'))
		len--;
	s->code = 0;
	for (size_t i = 0; i < 3 && i < len && line[i] >= '0' && line[i] <= '9';
	     i++)
		s->code = s->code * 10 + (line[i] - '0');
	size_t keep = len < sizeof(s->last) ? len : sizeof(s->last) - 1;
	memcpy(s->last, line, keep);
	s->last[keep] = '\0';
	said_heard(h, line, len);
	if (len > 3 && line[3] == '-')
		return size * n;
	if (s->code == 220 && s->greeted) {
		s->starttls = true;
		s->ehlo = false;
	}
	s->greeted |= s->code == 220;
	s->ehlo |= s->code == 250;
	s->authorized |= s->code == 235;
	return size * n;
}

/* Where a set-up is, from what the server said so far. */
static const char *
stage(const struct hop *h)
{
	const struct setup *s = &h->setup;
	curl_off_t connected = 0, secured = 0;
	curl_easy_getinfo(h->easy, CURLINFO_CONNECT_TIME_T, &connected);
	curl_easy_getinfo(h->easy, CURLINFO_APPCONNECT_TIME_T, &secured);
	if (connected == 0 && !s->greeted) {
		/* For smtps libcurl calls it connected once TLS is on. */
		bool tcp = s->result == CURLE_OK ||
			   s->result == CURLE_COULDNT_CONNECT ||
			   s->result == CURLE_INTERFACE_FAILED ||
			   s->result == CURLE_OPERATION_TIMEDOUT;
		return h->implicit && !tcp ? "TLS" : "connect";
	}
	if ((h->implicit || s->starttls) && secured == 0)
		return "TLS";
	if (!s->greeted)
		return "greeting";
	if (!s->ehlo)
		return "EHLO";
	if (h->policy != TLS_NONE && !h->in_clear && secured == 0)
		return "STARTTLS";
	return h->user != NULL ? "AUTH" : "EHLO";
}

void
setup_status(const struct hop *h, const char *what, const char *enhanced,
    struct status *st)
{
	char ip[IP_TEXT_MAX];
	ip_format(&h->target.ip, ip);
	const char *at = h->easy != NULL ? stage(h) : "set-up";
	const char *said = h->setup.last;
	int code =
	    h->setup.code >= 400 && h->setup.code <= 599 ? h->setup.code : 0;
	/* Some servers repeat the command that they did not like. */
	if (h->secret != NULL && secret_shows(h->secret, said))
		said = "(withheld: it shows the secret)";
	if (code == 0 && what == NULL)
		what = "the connection failed";
	status_set(st, enhanced[0] == '5' ? NEVER : LATER, code, enhanced,
	    "%.255s[%s]:%u: %s: %.200s%s%.250s", h->target.host, ip,
	    h->target.port, at, what ? what : "", what && code ? ": " : "",
	    code ? said : "");
}

static const char *
enhanced_for(const char *at)
{
	if (strcmp(at, "connect") == 0)
		return "4.4.1";
	if (strstr(at, "TLS") != NULL)
		return "4.7.5";
	return strcmp(at, "AUTH") == 0 ? "4.7.8" : "4.4.2";
}

void
setup_failed(struct hop *h, CURLcode code, struct status *st)
{
	h->setup.result = code;
	const char *at = stage(h);
	const char *what = h->error[0] ? h->error : curl_easy_strerror(code);
	char why[LOGIN_WHY_MAX] = "", unproved[LOGIN_WHY_MAX];
	if (code == CURLE_LOGIN_DENIED)
		login_failed(h, why);
	if (h->setup.code >= 400 &&
	    (code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_LOGIN_DENIED ||
		code == CURLE_USE_SSL_FAILED ||
		code == CURLE_REMOTE_ACCESS_DENIED))
		what = NULL; /* the reply says it all */
	else if (code == CURLE_USE_SSL_FAILED && !h->setup.caps.starttls)
		what = secure_missing(h);
	else if (code == CURLE_PEER_FAILED_VERIFICATION)
		what = secure_unproved(h, what, unproved, sizeof(unproved));
	else if (code == CURLE_LOGIN_DENIED)
		what = why;
	/* RFC 8689 section 4.2.1: there is no other way for this mail. */
	bool unfit = h->wish == WISH_REQUIRETLS &&
		     (code == CURLE_USE_SSL_FAILED ||
			 code == CURLE_PEER_FAILED_VERIFICATION);
	setup_status(h, what, unfit ? "5.7.10" : enhanced_for(at), st);
}

bool
setup_fall_back(struct hop *h)
{
	if (h->policy != TLS_OPPORTUNISTIC || h->implicit || h->in_clear ||
	    strcmp(stage(h), "TLS") != 0)
		return false;
	log_event(LOG_NOTICE, "tls-fallback", LOG_STR("host", h->target.host),
	    LOG_STR("text", h->error));
	h->in_clear = true;
	h->error[0] = '\0';
	memset(&h->setup, 0, sizeof(h->setup));
	return curl_easy_setopt(
		   h->easy, CURLOPT_USE_SSL, (long)CURLUSESSL_NONE) == CURLE_OK;
}

int
setup_check(struct hop *h, struct status *st)
{
	if (setup_proved(h, st) != 0)
		return -1;
	if (h->user != NULL && !h->setup.authorized) {
		setup_status(h, "the server offers no AUTH", "4.7.0", st);
		return -1;
	}
	if (!h->has_tls && h->setup.caps.starttls && h->policy != TLS_NONE &&
	    !h->in_clear)
		log_event(LOG_NOTICE, "starttls-unused",
		    LOG_STR("host", h->target.host));
	return 0;
}

/* A name that may stand in a URL (C20). */
static bool
url_name(const char *s)
{
	return domain_valid(s, strlen(s), 0) ||
	       domain_literal_valid(s, strlen(s));
}

static int
set_address(struct hop *h, const struct hop_options *o, struct status *st)
{
	struct ip literal;
	const char *host = o->target.host;
	char ip[IP_TEXT_MAX], name[300], url[700], to[80];
	bool is_ip = ip_parse(host, strlen(host), &literal) == 0;
	if (!is_ip && !domain_valid(host, strlen(host), 0)) {
		setup_status(h, "malformed host name", "4.4.4", st);
		return -1;
	}
	if (o->helo == NULL || !url_name(o->helo)) {
		setup_status(h, "malformed EHLO name of our own", "4.3.5", st);
		return -1;
	}
	bool six = is_ip && strchr(host, ':') != NULL;
	(void)snprintf(name, sizeof(name), six ? "[%.255s]" : "%.255s", host);
	(void)snprintf(url, sizeof(url), "%s://%s:%u/%.255s",
	    h->implicit ? "smtps" : "smtp", name, o->target.port, o->helo);
	ip_format(&o->target.ip, ip);
	six = strchr(ip, ':') != NULL;
	(void)snprintf(
	    to, sizeof(to), six ? "::[%s]:%u" : "::%s:%u", ip, o->target.port);
	h->connect_to = curl_slist_append(NULL, to);
	CURLcode r = h->connect_to ? CURLE_OK : CURLE_OUT_OF_MEMORY;
	SET(CURLOPT_URL, url);
	SET(CURLOPT_CONNECT_TO, h->connect_to);
	if (o->source_address != NULL) {
		(void)snprintf(
		    name, sizeof(name), "host!%.100s", o->source_address);
		SET(CURLOPT_INTERFACE, name);
	}
	return r == CURLE_OK ? 0 : -1;
}

/* What is the same for all (LIBRARIES.md, decision 6). */
static int
set_basics(struct hop *h)
{
	CURLcode r = CURLE_OK;
	/* Our own timer is first and knows the stage; this is a net. */
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)h->connect_timeout_ms + 2000);
	SET(CURLOPT_SERVER_RESPONSE_TIMEOUT, 300L);
	SET(CURLOPT_CONNECT_ONLY, 1L);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	SET(CURLOPT_HEADERFUNCTION, on_line);
	SET(CURLOPT_HEADERDATA, h);
	SET(CURLOPT_ERRORBUFFER, h->error);
	SET(CURLOPT_PRIVATE, h);
	if (h->said.max > 0 && said_prepare(h) != 0)
		return -1;
	return r == CURLE_OK ? 0 : -1;
}

static int
set_client_certificate(struct hop *h, const struct session_conf *s)
{
	CURLcode r = CURLE_OK;
	if (s->client_certificate != NULL)
		SET(CURLOPT_SSLCERT, s->client_certificate);
	if (s->client_key != NULL)
		SET(CURLOPT_SSLKEY, s->client_key);
	return r == CURLE_OK ? 0 : -1;
}

static char *
copy(const char *s)
{
	return s != NULL ? alloc_string(s, strlen(s)) : NULL;
}

static void
take_trust(
    struct hop *h, const struct hop_trust *t, const struct session_conf *s)
{
	h->wish = t->wish;
	h->resolver = t->resolver;
	h->domain = copy(t->domain);
	h->sts = h->domain != NULL ? t->sts : NULL;
	h->ca_file = copy(s->ca_file);
	h->sts_ca_file = copy(t->ca_file);
}

int
setup_prepare(struct hop *h, const struct hop_options *o, struct status *st)
{
	const struct session_conf *s = o->session;
	h->policy = s->tls;
	h->implicit = s->implicit;
	if (s->user != NULL && h->policy == TLS_OPPORTUNISTIC)
		h->policy = TLS_REQUIRE;
	take_trust(h, &o->trust, s);
	h->easy = curl_easy_init();
	status_set(st, LATER, 0, "4.3.0", "libcurl refuses its options");
	if (h->easy == NULL || set_basics(h) != 0 ||
	    set_address(h, o, st) != 0 || set_client_certificate(h, s) != 0 ||
	    login_prepare(h, s, st) != 0)
		return -1;
	return 0;
}

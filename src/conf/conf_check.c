/* SPDX-License-Identifier: ISC */
/*
 * Checks of single values, shared by waypost.conf and the domain table.
 * They look at text only: no file is opened, no name is resolved, so that
 * sendmail can afford them and a check never depends on the network.
 *
 * Invariant: a reason never contains the value, which may be anything.
 */
#include "conf/conf_check.h"

#include <string.h>

#include "conf/conf_read.h"
#include "conf/route.h"
#include "mail/address.h"
#include "net/ip.h"

const char *const session_mechanisms[] = {"auto", "PLAIN", "LOGIN", "CRAM-MD5",
    "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "XOAUTH2", "OAUTHBEARER", NULL};

const char *
check_domain(const char *s)
{
	return domain_valid(s, strlen(s), 0) ? NULL : "is no domain name";
}

const char *
check_hostname(const char *s)
{
	if (check_domain(s) != NULL)
		return "is no host name";
	if (strchr(s, '.') == NULL)
		return "has no dot; write the full name, "
		       "such as mail.example.com";
	return NULL;
}

const char *
check_helo(const char *s)
{
	if (domain_literal_valid(s, strlen(s)))
		return NULL;
	return check_hostname(s);
}

const char *
check_address(const char *s)
{
	struct address a;
	const char *why;
	return address_parse(&a, s, strlen(s), ADDRESS_BARE, &why) != 0
		   ? "is no mail address"
		   : NULL;
}

const char *
check_mailbox(const char *s)
{
	struct address a;
	const char *why;
	return address_parse(&a, s, strlen(s), 0, &why) != 0
		   ? "is no mail address"
		   : NULL;
}

const char *
check_user(const char *s)
{
	struct address a;
	const char *why;
	if (address_parse(&a, s, strlen(s), ADDRESS_BARE, &why) != 0 ||
	    !address_is_bare(&a))
		return "is no user name; write it without a domain";
	return NULL;
}

const char *
check_replacement(const char *s)
{
	static const char reason[] =
	    "is no replacement; write user=user@domain or "
	    "user@domain=user@domain";
	struct address a;
	const char *why;
	size_t len = strcspn(s, "=");
	if (s[len] == '\0' ||
	    address_parse(&a, s, len, ADDRESS_BARE, &why) != 0 ||
	    check_mailbox(s + len + 1) != NULL)
		return reason;
	return NULL;
}

const char *
check_sender(const char *s)
{
	if (*s == '@')
		return check_domain(s + 1);
	if (strchr(s, '@') == NULL)
		return check_domain(strncmp(s, "*.", 2) == 0 ? s + 2 : s);
	return check_mailbox(s);
}

const char *
check_path(const char *s)
{
	if (*s != '/')
		return "is not an absolute path";
	return strlen(s) >= 4096 ? "is too long for a path" : NULL;
}

const char *
check_host(const char *s)
{
	struct host_spec h;
	return host_spec_parse(s, 25, &h) != 0
		   ? "is no host; write name, name:port, [name]:port or "
		     "[address]:port"
		   : NULL;
}

const char *
check_listen(const char *s)
{
	static const char reason[] =
	    "is no address to listen on; write address:port, "
	    "[IPv6 address]:port or the path of a socket";
	const char *colon = strrchr(s, ':');
	struct ip ip;
	uint64_t port;
	if (*s == '/')
		return strlen(s) >= 108 ? "is too long for a socket" : NULL;
	if (colon == NULL || colon == s || conf_number(colon + 1, &port) != 0 ||
	    port < 1 || port > 65535)
		return reason;
	size_t len = (size_t)(colon - s);
	bool bracketed = *s == '[' && s[len - 1] == ']' && len > 2;
	if (bracketed
		? ip_parse(s + 1, len - 2, &ip) != 0
		: memchr(s, ':', len) != NULL || ip_parse(s, len, &ip) != 0)
		return reason;
	return NULL;
}

const char *
check_block(const char *s)
{
	struct cidr c;
	const char *why = NULL;
	if (cidr_parse(s, strlen(s), &c, &why) == 0)
		return NULL;
	return why != NULL ? why : "is no address and no CIDR block";
}

const char *
check_client(const char *s)
{
	if (*s == '.')
		return check_domain(s + 1);
	const char *fault = check_block(s);
	/* "printer.corp.test": that host alone. */
	if (fault != NULL && strchr(s, '.') != NULL && check_domain(s) == NULL)
		return NULL;
	return fault;
}

const char *
check_ip(const char *s)
{
	struct ip ip;
	return ip_parse(s, strlen(s), &ip) != 0 ? "is no IP address" : NULL;
}

const char *
check_server(const char *s)
{
	const char *at = strchr(s, '@');
	size_t len = at != NULL ? (size_t)(at - s) : strlen(s);
	struct ip ip;
	uint64_t port;
	if (ip_parse(s, len, &ip) != 0)
		return "is no IP address of a name server";
	if (at != NULL &&
	    (conf_number(at + 1, &port) != 0 || port < 1 || port > 65535))
		return "has a bad port behind the @";
	return NULL;
}

const char *
check_session(const struct session_conf *s)
{
	bool secret = s->secret_file != NULL || s->secret_command != NULL;
	if (s->user != NULL && !secret)
		return "user needs secret-file or secret-command";
	if (s->user == NULL && secret)
		return "a secret is of no use without user";
	if (s->secret_file != NULL && s->secret_command != NULL)
		return "secret-file and secret-command exclude each other";
	if ((s->client_certificate != NULL) != (s->client_key != NULL))
		return "client-certificate and client-key belong together";
	if (s->implicit && s->tls == TLS_NONE)
		return "implicit TLS contradicts tls none";
	return NULL;
}

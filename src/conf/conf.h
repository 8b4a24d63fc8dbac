/* SPDX-License-Identifier: ISC */
/*
 * What the administrator wrote in waypost.conf, read whole, checked, then
 * never changed: a reload makes a new one.  conf/waypost.conf.5 names every
 * key with its unit, default and range; DESIGN is the order of this struct.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "conf/table.h"

#define CONF_PATH "/etc/waypost/waypost.conf"

/* A list of strings; v owns them. */
struct words {
	char **v;
	size_t n;
};

enum tls_policy { TLS_NONE, TLS_OPPORTUNISTIC, TLS_REQUIRE, TLS_VERIFY };
enum tls_listen { LISTEN_PLAIN, LISTEN_STARTTLS, LISTEN_IMPLICIT };

/* How to secure and authenticate a session to a next hop. */
struct session_conf {
	enum tls_policy tls;
	bool implicit;     /* TLS from the first octet (port 465) */
	char *user;        /* NULL: no AUTH */
	char *secret_file; /* one of these two when user is set */
	char *secret_command;
	char *mechanism; /* "auto", "PLAIN", "LOGIN", ... */
	char *ca_file;   /* NULL: the system's */
	char *client_certificate, *client_key;
	char *helo; /* NULL: hostname */
};

struct smarthost {
	char *name;         /* NULL: the plain section, the default */
	struct words hosts; /* "name[:port]", "[name]:port", "[ip]:port" */
	bool direct_first;
	struct words senders; /* named sections: which senders */
	struct session_conf session;
};

struct listener {
	char *name;
	char *address; /* "ip:port", "[ip6]:port", or "/path" */
	enum tls_listen tls;
	bool require_tls, require_auth;
	char *certificate, *key;
	char *client_ca; /* NULL: no client certificates */
	char *profile;   /* "modern" or "legacy" */
	bool normalize;  /* bare LF and CR: false = reject */
	struct words proxies;
};

/* One more for TLS, for clients that name a server it holds (SNI). */
struct certificate {
	char *name; /* of the section: a label */
	char *certificate, *key;
};

/* Keys that sign for a domain; as many selectors as keys. */
struct dkim_conf {
	char *domain;
	struct words selectors, keys;
	bool subdomains;   /* signs for the domains below, too */
	bool optional;     /* without a key mail goes unsigned */
	int64_t expire_ms; /* 0: no x= */
};

/* Where a member of the configuration was set. */
struct conf_source {
	const void *member;
	unsigned line;
};

struct conf {
	int refs;
	int64_t loaded_ms; /* wall clock when reading began */

	char *path;
	char *hostname, *origin, *postmaster;
	char *aliases, *domains, *users, *spool;
	unsigned max_hops;
	unsigned workers; /* of the listener; 0 = cores, at most 4 */

	struct smarthost *smarthosts; /* [0] is the plain one if any */
	size_t nsmarthosts;
	struct listener *listeners;
	size_t nlisteners;
	struct certificate *certificates;
	size_t ncertificates;
	struct dkim_conf *dkim;
	size_t ndkim;
	struct {
		char *certificate, *key;
	} tls;
	struct {
		bool allow;
		struct words except;
	} access;
	struct {
		bool allow, authenticated, open_relay;
		struct words except;
	} relay;
	struct {
		struct words mechanisms;
		bool plaintext_without_tls;
		bool name_in_received;
	} auth;
	struct {
		uint64_t message_size, session_size; /* octets; 0 = none */
		unsigned recipients, connections, per_client, errors;
		unsigned rate_per_client; /* new ones per minute; 0 = any */
		int64_t idle_timeout_ms;
	} limits;
	struct {
		unsigned port, connections, per_destination;
		unsigned messages_per_connection, recipients_per_message;
		int64_t connect_timeout_ms, timeout_ms;
		char *source_address; /* NULL: the system's choice */
		bool dane, mta_sts;   /* are they looked for? */
		char *ca_file;        /* for MTA-STS; NULL: the system's */
	} outbound;
	struct {
		int64_t *retry_ms; /* owned, nretry >= 1; the last repeats */
		size_t nretry;
		int64_t delay_notice_ms, expire_ms; /* notice 0 = none */
		char *report_copy_to;               /* NULL = nobody */
		uint64_t badmail_max;
		int64_t badmail_keep_ms;
	} queue;
	struct {
		char *directory;
		bool dot_stuffed;
		unsigned rate_per_user; /* files a minute; 0 = any */
	} pickup;
	struct {
		char *directory;
		uint64_t quota;
	} drop;
	struct {
		char *domain;         /* NULL: local domains stay as they are */
		struct words exempt;  /* local parts */
		char *from;           /* NULL, or the one sender of all */
		struct words senders; /* "user[@domain]=user@domain" */
		bool header_from;
		struct words clients; /* whose mail counts as our own */
	} masquerade;
	struct {
		struct words servers;
		char *trust_anchor;
		bool hosts_file;
	} dns;
	struct {
		char *command; /* NULL: nobody is told */
		int64_t oldest_ms;
	} alert;

	struct table *table; /* NULL unless asked for */
	bool domains_there;  /* its file says something */

	struct conf_source *sources; /* of what the file sets */
	size_t nsources;
};

/* Faults found in configuration, one line each: "file:line: reason". */
struct faults {
	struct buf text; /* LF-separated */
	unsigned count;
};
void faults_init(struct faults *f);
void faults_free(struct faults *f);

/* One "configuration" event for each (daemons). */
void faults_log(const struct faults *f);
void faults_add(struct faults *f, const char *file, unsigned line,
    const char *fmt, ...) PRINTF_LIKE(4, 5);

enum {
	CONF_TABLE = 1,   /* load the whole domain table, too */
	CONF_LOCAL = 2,   /* only its local and alias entries (sendmail) */
	CONF_LENIENT = 4, /* sendmail: faults are told, yet what could be
	                     read and the defaults are returned (M10) */
	CONF_DOMAINS = 8, /* that there is no domain table is a fault */
};

/*
 * Read path (NULL: CONF_PATH).  A conf with one reference; or NULL and at
 * least one fault.  A missing or empty file is a fault.  Paths in it are
 * absolute.
 */
struct conf *conf_load(
    const char *path, unsigned flags, struct faults *f) MUST_CHECK;

/* The flags to load what takes the place of old (NULL: the first).  A table
 * that said something and then is gone is hardly meant, and most likely an
 * editor's doing for a moment: without it local mail would leave. */
unsigned conf_again(const struct conf *old);

/* Would both ask the same name servers in the same way? */
bool conf_same_dns(const struct conf *a, const struct conf *b);

/* The line of c->path that sets this member of it or of one of its sections;
 * 0: none, it is as it is by default. */
unsigned conf_line_of(const struct conf *c, const void *member);

struct conf *conf_ref(struct conf *c);
void conf_unref(struct conf *c); /* NULL is fine */

/* The domain that completes bare addresses: origin, else the default local
 * domain, else hostname.  Borrowed. */
const char *conf_origin(const struct conf *c);

/* "10M" -> octets, "5m" -> ms.  0; -1 when it is no size or duration. */
int conf_size(const char *s, uint64_t *octets) MUST_CHECK;
int conf_duration(const char *s, int64_t *ms) MUST_CHECK;

#endif

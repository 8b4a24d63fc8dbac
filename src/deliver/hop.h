/* SPDX-License-Identifier: ISC */
/*
 * One connection to a next hop.  libcurl's SMTP client opens, secures and
 * authenticates it (CONNECT_ONLY in a multi on our event loop); then the
 * client machine speaks over it by curl_easy_send and curl_easy_recv.
 * Knows nothing of queues and routes.
 *
 * TLS: what the domain publishes tightens opportunistic and require: TLSA
 * records that DNSSEC proves (then nothing else counts), or an MTA-STS
 * policy.  Opportunistic falls back to clear text once, on a new connection,
 * when the handshake fails; with a user it means require, so that a secret
 * goes in clear only where tls = none was written.  AUTH: PLAIN and LOGIN
 * (auto), CRAM-MD5, XOAUTH2, OAUTHBEARER; libcurl has no SCRAM here, which
 * is LATER.  A secret-command runs before the connection is opened, for
 * connect_timeout_ms at most.
 */
#ifndef DELIVER_HOP_H
#define DELIVER_HOP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "conf/conf.h"
#include "deliver/client.h"
#include "mail/verdict.h"
#include "net/ip.h"

struct event_base;
struct resolver;
struct sts;
struct hops; /* the engine: one multi, one CA store, all connections */
struct hop;

struct hop_target {
	char host[256];     /* to log, for SNI and to verify */
	char alias_of[256]; /* the owner of the address, when host is an
	                       alias and named; else "" */
	struct ip ip;
	unsigned port;
	bool named;  /* the name is the administrator's, or DNSSEC proved
	                that the domain's mail goes there */
	bool secure; /* DNSSEC proved this address, too: TLSA counts */
};

/* What may tighten the policy of a session, or loosen it. */
struct hop_trust {
	struct resolver *resolver; /* for TLSA (RFC 7672); NULL: no DANE */
	struct sts *sts;     /* of the recipients' domain; NULL: no MTA-STS */
	const char *domain;  /* that led to the host, or NULL */
	const char *ca_file; /* for MTA-STS; NULL: the system's */
	enum tls_wish wish;
};

struct hop_options {
	struct hop_target target;
	const struct session_conf *session; /* borrowed for hop_open() only */
	const char *helo;
	const char *source_address; /* or NULL */
	int64_t connect_timeout_ms; /* connect, and each set-up in all */
	int64_t timeout_ms;         /* without progress, once set up */
	bool watched;               /* keep what is said (hop_said) */
	struct hop_trust trust;     /* strings are borrowed for hop_open() */
};

struct hop_hooks {
	/* Set up: transactions may be given.  Once at most. */
	void (*ready)(void *arg, struct hop *h);
	/* May take another transaction (after ready). */
	void (*room)(void *arg, struct hop *h);
	/*
	 * The end, exactly once, however it came; h is freed afterwards.
	 * Before ready(): st is LATER and says why no session could be had
	 * (connect, greeting, TLS, AUTH), or NEVER: REQUIRETLS was wished
	 * for, and this host will not do (RFC 8689 section 4.2.1: 5.7.10,
	 * no proven TLS; 5.7.30, no REQUIRETLS).  After: open
	 * transactions have been answered through the client hooks.
	 */
	void (*closed)(
	    void *arg, struct hop *h, const struct status *st, bool was_ready);
	struct client_hooks client;
};

/* NULL with errno when libcurl cannot start.  Ignores SIGPIPE and removes
 * SSLKEYLOGFILE from the environment; one engine at a time. */
struct hops *hops_new(struct event_base *base) MUST_CHECK;
void hops_free(struct hops *hs); /* closes all, hooks are called */

/* Run each secret-command again before its secret is used again. */
void hops_forget_secrets(struct hops *hs);

/* Start a connection.  Never fails at once: faults come by closed(), from
 * the event loop.  arg is passed to all hooks, the client's too. */
struct hop *hop_open(struct hops *hs, const struct hop_options *o,
    const struct hop_hooks *hooks, void *arg) MUST_CHECK;

bool hop_can_take(const struct hop *h);
void hop_start(struct hop *h, struct transaction *t); /* needs can_take */
bool hop_idle(const struct hop *h);

/* QUIT after what is open, then closed(). */
void hop_quit(struct hop *h);

/* Close now; open transactions are answered LATER. */
void hop_abort(struct hop *h, const struct status *why);

/* What the server offers; from ready() on. */
const struct client_caps *hop_caps(const struct hop *h);

/* In closed(): the server refused the login for good (5xx). */
bool hop_refused(const struct hop *h);

/* In closed(): did it greet us?  Or could it not be connected to, or gave no
 * greeting; neither when it was never tried, or over TLS that failed. */
bool hop_greeted(const struct hop *h);
bool hop_unreached(const struct hop *h);

/* In closed(): what the domain or the host publishes (DANE, MTA-STS) was in
 * the way, or could not be known.  No other way may undo that. */
bool hop_forbidden(const struct hop *h);

/* For logs and reports: "none", or "TLSv1.3 TLS_AES_256_GCM_SHA384" and what
 * proved that it is the right host: "unverified" (nothing did), "verified"
 * (authorities, as tls = verify wants), "mta-sts" or "dane". */
const char *hop_tls(const struct hop *h);
/* For one who watches: what DANE and MTA-STS say about this host, or why
 * they say nothing; "" before it is known. */
const char *hop_found(const struct hop *h);
/* Does the server say DSN?  Then reports of success are its business. */
bool hop_dsn(const struct hop *h);
/* For one who watches: the dialogue of the set-up, "> ..." and "< ..." in
 * lines, without secrets; "" unless hop_options.watched. */
const char *hop_said(const struct hop *h);

const struct hop_target *hop_peer(const struct hop *h);

#endif
